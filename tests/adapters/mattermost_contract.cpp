// SPDX-License-Identifier: MIT
// mattermost_contract.cpp: Mattermost by a bot, with files, and by an incoming webhook.
#include "delivery/adapters/mattermost.hpp"

#include "adapters/adapter_contract.hpp"
#include "delivery/adapters/mattermost_webhook.hpp"
#include "fakes/fake_mattermost.hpp"

namespace meantime::test {
namespace {

using namespace std::chrono_literals;
using enum SendVerdict;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::string_view channel = "abcdefghijklmnopqrstuvwx12";
constexpr std::string_view root = "zbcdefghijklmnopqrstuvwx34";

std::vector<AnswerCase> answers() {
  const auto error = &FakeMattermost::error;
  const FakeAnswer limit{
      .status = 429, .body = "limit exceeded", .headers = {{"X-Ratelimit-Reset", "2"}}, .type = "text/plain"};
  return {
      {"limit", limit, retry_after, 2s, true},
      {"5xx", error(500, "app.post.save.app_error", "Unable to save the post."), retry_backoff},
      {"no permission", error(403, "api.context.permissions.app_error", "No permission."), target_gone},
      {"archived", error(400, "api.post.create_post.can_not_post_to_deleted.error", "Archived."), target_gone},
      {"no channel", error(404, "app.channel.get.existing.app_error", "Unable to find the channel."), target_gone},
      {"token", error(401, "api.context.session_expired.app_error", "Invalid or expired session."), auth},
      {"too long", error(400, "model.post.is_valid.msg.app_error", "Invalid message."), payload},
      {"not Mattermost's", {.body = "<html>Log in", .type = "text/html"}, unknown},
  };
}

AdapterKind bot() {
  AdapterKind kind;
  kind.name = "Mattermost";
  kind.channel = channel;
  kind.wrong_channel = "town-square";
  kind.secret = "the-bots-access-token-1234";
  kind.limits = delivery::mattermost_limits;
  kind.answers = answers();
  kind.make_fake = [secret = kind.secret](boost::asio::io_context& io, Clock& clock) {
    return std::make_unique<FakeMattermost>(io, clock,
                                            FakeMattermost::Settings{.token = secret, .channel = std::string(channel)});
  };
  kind.make_adapter = [](AdapterParts parts) {
    return std::make_unique<delivery::MattermostAdapter>(
        delivery::MattermostSettings{.place = {.base_url = parts.base_url, .addresses = http::Addresses::any},
                                     .token = parts.secret},
        parts.client, parts.clock);
  };
  return kind;
}

AdapterKind webhook() {
  AdapterKind kind = bot();
  kind.name = "MattermostWebhook";
  kind.channel = "town-square";
  kind.wrong_channel = "Town Square";
  kind.secret = "/hooks/secret-of-the-webhook-1234";
  kind.limits = delivery::mattermost_webhook_limits;
  kind.names_messages = false;
  kind.answers.push_back({"webhook gone",
                          FakeMattermost::error(404, "web.incoming_webhook.invalid.app_error", "Invalid webhook."),
                          target_gone});
  kind.make_fake = [secret = kind.secret](boost::asio::io_context& io, Clock& clock) {
    return std::make_unique<FakeMattermost>(io, clock,
                                            FakeMattermost::Settings{.channel = "own", .webhook_path = secret});
  };
  kind.make_adapter = [](AdapterParts parts) {
    return std::make_unique<delivery::MattermostWebhookAdapter>(
        delivery::MattermostWebhookSettings{.place = {.addresses = http::Addresses::any}, .url = parts.secret_url},
        parts.client, parts.clock);
  };
  return kind;
}

INSTANTIATE_TEST_SUITE_P(Mattermost, AdapterContract, testing::Values(bot(), webhook()), adapter_name);

class MattermostTest : public AdapterContract {
 protected:
  std::vector<std::string> long_one() {
    whole_text_ = std::string(200'000, 'x') + "\n";
    return plan(message(whole_text_));
  }
};
INSTANTIATE_TEST_SUITE_P(Mattermost, MattermostTest, testing::Values(bot()), adapter_name);

TEST_P(MattermostTest, AThreadIsAnsweredInIt) {
  const auto chunks = plan(message("hello"));
  Outgoing out = outgoing(chunks, 1);
  out.redirect.channel_id = std::string(channel) + "/" + std::string(root);
  ASSERT_TRUE(adapter_->check(out.redirect));
  EXPECT_EQ(send(std::move(out)).verdict, arrived);
  EXPECT_EQ(fake_->messages()[0].channel, std::string(channel) + "/" + std::string(root));
}

TEST_P(MattermostTest, AFileThatIsNotTakenLeavesItsMessage) {
  const auto chunks = long_one();
  fake_->next(FakeMattermost::error(413, "api.file.upload_file.too_large.app_error", "File exceeds the limit."),
              "/files");
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, arrived);
  ASSERT_THAT(fake_->messages(), SizeIs(1));
  EXPECT_EQ(fake_->messages()[0].file, "");
  EXPECT_THAT(fake_->messages()[0].text, WithoutItsFile());
}

TEST_P(MattermostTest, AnUploadThatNobodySeesIsDoneAgainWithoutADoubt) {
  const auto chunks = long_one();
  fake_->next(Fault::cut_after, "/files");
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, retry_backoff);
  EXPECT_THAT(fake_->messages(), IsEmpty());
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, arrived);
  EXPECT_THAT(fake_->messages()[0].file, Not(IsEmpty()));
}

}  // namespace
}  // namespace meantime::test
