// SPDX-License-Identifier: MIT
// discord_contract.cpp: Discord by a bot and by a webhook.
#include "delivery/adapters/discord.hpp"

#include <fstream>

#include "adapters/adapter_contract.hpp"
#include "delivery/adapters/discord_webhook.hpp"
#include "fakes/fake_discord.hpp"

namespace meantime::test {
namespace {

using namespace std::chrono_literals;
using enum SendVerdict;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::string_view channel = "112233445566778899";

std::vector<AnswerCase> answers() {
  const auto error = &FakeDiscord::error;
  FakeAnswer blocked{.status = 429, .body = "error code: 1015", .type = "text/plain"};
  return {
      {"limit of a channel", FakeDiscord::limit("2.513", false), retry_after, 2'513ms},
      {"limit of the bot", FakeDiscord::limit("0.25", true), retry_after, 250ms, true},
      {"blocked by Cloudflare", blocked, retry_after, 5min, true},
      {"slowmode", error(400, 20016, "slowmode"), retry_after},
      {"write limit", error(400, 20028, "The channel you are writing has hit the write rate limit"), retry_after},
      {"5xx", error(500, 0, "500: Internal Server Error"), retry_backoff},
      {"overloaded", error(400, 130000, "API resource is currently overloaded"), retry_backoff},
      {"switched off", error(400, 40006, "This feature has been temporarily disabled"), retry_backoff},
      {"no permission", error(403, 50013, "Missing Permissions"), target_gone},
      {"no access", error(403, 50001, "Missing Access"), target_gone},
      {"unknown channel", error(404, 10003, "Unknown Channel"), target_gone},
      {"a forum", error(400, 40058, "Cannot message this channel until a thread is created"), target_gone},
      {"locked thread", error(400, 160005, "Thread is locked"), target_gone},
      {"bad token", error(401, 0, "401: Unauthorized"), auth},
      {"invalid token", error(400, 50014, "Invalid authentication token provided"), auth},
      {"user agent blocked", error(403, 40333, "internal network error"), auth},
      {"too long", error(400, 50035, "Invalid Form Body"), payload},
      {"AutoMod", error(400, 200000, "Message was blocked by automatic moderation"), payload},
      {"no answer of Discord's", {.body = "<html>Log in to the hotel's network", .type = "text/html"}, unknown},
  };
}

AdapterKind bot() {
  AdapterKind kind;
  kind.name = "Discord";
  kind.channel = channel;
  kind.wrong_channel = "#general";
  kind.secret = "MTA5.secret-token-of-the-bot";
  kind.limits = delivery::discord_limits;
  kind.remembers = 3min;
  kind.answers = answers();
  kind.make_fake = [secret = kind.secret](boost::asio::io_context& io, Clock& clock) {
    return std::make_unique<FakeDiscord>(io, clock,
                                         FakeDiscord::Settings{.token = secret, .channel = std::string(channel)});
  };
  kind.make_adapter = [](AdapterParts parts) {
    return std::make_unique<delivery::DiscordAdapter>(
        delivery::DiscordSettings{.place = {.base_url = parts.base_url + "/api/v10", .addresses = http::Addresses::any},
                                  .token = parts.secret},
        parts.client, parts.clock);
  };
  return kind;
}

AdapterKind webhook() {
  AdapterKind kind = bot();
  kind.name = "DiscordWebhook";
  kind.secret = "/api/webhooks/998877665544332211/secret-token-of-the-webhook";
  kind.remembers = 0ms;
  kind.answers.push_back({"webhook gone", FakeDiscord::error(404, 10015, "Unknown Webhook"), target_gone});
  kind.make_fake = [secret = kind.secret](boost::asio::io_context& io, Clock& clock) {
    return std::make_unique<FakeDiscord>(
        io, clock, FakeDiscord::Settings{.channel = std::string(channel), .webhook_path = secret});
  };
  kind.make_adapter = [](AdapterParts parts) {
    return std::make_unique<delivery::DiscordWebhookAdapter>(
        delivery::DiscordWebhookSettings{.place = {.addresses = http::Addresses::any}, .url = parts.secret_url},
        parts.client, parts.clock);
  };
  return kind;
}

INSTANTIATE_TEST_SUITE_P(Discord, AdapterContract, testing::Values(bot(), webhook()), adapter_name);

class DiscordTest : public AdapterContract {
 protected:
  FakeDiscord& discord() { return dynamic_cast<FakeDiscord&>(*fake_); }
};
INSTANTIATE_TEST_SUITE_P(Discord, DiscordTest, testing::Values(bot(), webhook()), adapter_name);

TEST_P(DiscordTest, AnEmptyBucketIsNotAskedAgainBeforeItsTime) {
  discord().say_empty_for("1.5");
  EXPECT_EQ(send_one().verdict, arrived);
  const SendAnswer early = send_one();
  EXPECT_EQ(early.verdict, retry_after);
  EXPECT_EQ(early.after, 1'500ms);
  EXPECT_THAT(fake_->requests(), SizeIs(1));
  clock_.advance(1'500ms);
  EXPECT_EQ(send_one().verdict, arrived);
  EXPECT_THAT(fake_->requests(), SizeIs(2));
}

TEST_P(DiscordTest, AFileThatIsNotTakenLeavesItsMessage) {
  whole_text_ = std::string(20'000, 'x') + "\n";
  const auto chunks = plan(message(whole_text_));
  fake_->next(FakeDiscord::error(400, 50045, "File uploaded exceeds the maximum size"));
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, arrived);
  ASSERT_THAT(fake_->messages(), SizeIs(1));
  EXPECT_EQ(fake_->messages()[0].file, "");
  EXPECT_THAT(fake_->messages()[0].text, WithoutItsFile());
}

TEST_P(DiscordTest, TheReasonOfARefusalIsTold) {
  fake_->next(FakeAnswer{
      .status = 400,
      .body =
          R"({"code":50035,"message":"Invalid Form Body","errors":{"content":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 2000 or fewer in length."}]}}})"});
  const SendAnswer answer = send_one();
  EXPECT_EQ(answer.verdict, payload);
  EXPECT_THAT(answer.detail, AllOf(HasSubstr("50035"), HasSubstr("Must be 2000 or fewer in length.")));
}

class DiscordWebhookTest : public AdapterContract {};
INSTANTIATE_TEST_SUITE_P(Discord, DiscordWebhookTest, testing::Values(webhook()), adapter_name);

TEST_P(DiscordWebhookTest, AWebhookThatIsGoneIsNotUsedAgainUntilItsAddressChanges) {
  fake_->next(FakeDiscord::error(404, 10015, "Unknown Webhook"));
  EXPECT_EQ(send_one().verdict, target_gone);
  EXPECT_EQ(send_one().verdict, target_gone);
  EXPECT_THAT(fake_->requests(), SizeIs(1));
}

TEST_P(DiscordWebhookTest, APrivateAddressIsNotCalledUnlessItIsAllowed) {
  std::ofstream(folder_.path() / "token") << "a-token\n";
  delivery::DiscordAdapter strict({.place = {.base_url = fake_->url() + "/api/v10"},
                                   .token = delivery::Secret({.file = folder_.path() / "token", .variable = {}})},
                                  *client_, clock_);
  EXPECT_FALSE(strict.check(redirect())) << "it would go unencrypted to the internet";
  const auto chunks = plan(message("hello"));
  const SendAnswer answer = run(io_, strict.send(outgoing(chunks, 1)));
  EXPECT_EQ(answer.verdict, target_gone);
  EXPECT_THAT(answer.detail, HasSubstr("not public"));
  EXPECT_THAT(fake_->requests(), SizeIs(0));
}

TEST_P(DiscordWebhookTest, AThreadIsNamedInTheAddress) {
  const auto chunks = plan(message("hello"));
  Outgoing out = outgoing(chunks, 1);
  out.redirect.channel_id = "223344556677889900";
  EXPECT_EQ(send(std::move(out)).verdict, arrived);
  EXPECT_EQ(fake_->messages()[0].channel, "223344556677889900");
}

}  // namespace
}  // namespace meantime::test
