// SPDX-License-Identifier: MIT
// slack_contract.cpp: Slack by a bot, with files in three steps, and by an incoming webhook.
#include "delivery/adapters/slack.hpp"

#include "adapters/adapter_contract.hpp"
#include "delivery/adapters/slack_webhook.hpp"
#include "fakes/fake_slack.hpp"

namespace meantime::test {
namespace {

using namespace std::chrono_literals;
using enum SendVerdict;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::string_view channel = "C0123ABCD";

FakeAnswer limit(std::string body) {
  return {.status = 429, .body = std::move(body), .headers = {{"Retry-After", "3"}}};
}

AdapterKind bot() {
  AdapterKind kind;
  kind.name = "Slack";
  kind.channel = channel;
  kind.wrong_channel = "#general";
  kind.secret = "xoxb-12345-the-bots-token";
  kind.limits = delivery::slack_limits;
  kind.answers = {
      {"limit", limit(R"({"ok":false,"error":"ratelimited"})"), retry_after, 3s},
      {"limit without a time", FakeSlack::error("rate_limited"), retry_after, 1s},
      {"service", FakeSlack::error("service_unavailable"), retry_backoff},
      {"moving", FakeSlack::error("team_added_to_org"), retry_backoff},
      {"some of it may be done", FakeSlack::error("internal_error"), unknown},
      {"fatal", FakeSlack::error("fatal_error"), unknown},
      {"no channel", FakeSlack::error("channel_not_found"), target_gone},
      {"not invited", FakeSlack::error("not_in_channel"), target_gone},
      {"archived", FakeSlack::error("is_archived"), target_gone},
      {"restricted", FakeSlack::error("restricted_action_read_only_channel"), target_gone},
      {"token", FakeSlack::error("invalid_auth"), auth},
      {"revoked", FakeSlack::error("token_revoked"), auth},
      {"scope", {.body = R"({"ok":false,"error":"missing_scope","needed":"chat:write","provided":"identify"})"}, auth},
      {"too long", FakeSlack::error("msg_too_long"), payload},
      {"a word nobody knows", FakeSlack::error("something_new"), payload},
      {"no answer of Slack's", {.body = "<html>Log in", .type = "text/html"}, unknown},
      {"5xx", {.status = 502, .body = "bad gateway", .type = "text/plain"}, retry_backoff},
  };
  kind.make_fake = [secret = kind.secret](boost::asio::io_context& io, Clock& clock) {
    return std::make_unique<FakeSlack>(io, clock,
                                       FakeSlack::Settings{.token = secret, .channel = std::string(channel)});
  };
  kind.make_adapter = [](AdapterParts parts) {
    return std::make_unique<delivery::SlackAdapter>(
        delivery::SlackSettings{.place = {.base_url = parts.base_url + "/api", .addresses = http::Addresses::any},
                                .token = parts.secret},
        parts.client, parts.clock);
  };
  return kind;
}

AdapterKind webhook() {
  const auto word = [](int status, std::string text) {
    return FakeAnswer{.status = status, .body = std::move(text), .type = "text/html"};
  };
  AdapterKind kind = bot();
  kind.name = "SlackWebhook";
  kind.secret = "/services/T00000000/B00000000/SecretOfTheWebhook";
  kind.wrong_channel = {};
  kind.limits = delivery::slack_webhook_limits;
  kind.names_messages = false;
  kind.answers = {
      {"limit", limit("rate_limited"), retry_after, 3s},
      {"archived", word(410, "channel_is_archived"), target_gone},
      {"not allowed", word(403, "action_prohibited"), target_gone},
      {"general", word(403, "posting_to_general_channel_denied"), target_gone},
      {"gone", word(404, "no_service"), target_gone},
      {"wrong", word(400, "invalid_payload"), payload},
      {"empty", word(400, "no_text"), payload},
      {"5xx", word(500, "rollup_error"), retry_backoff},
      {"not Slack's", word(200, "<html>Log in"), unknown},
  };
  kind.make_fake = [secret = kind.secret](boost::asio::io_context& io, Clock& clock) {
    return std::make_unique<FakeSlack>(io, clock,
                                       FakeSlack::Settings{.channel = std::string(channel), .webhook_path = secret});
  };
  kind.make_adapter = [](AdapterParts parts) {
    return std::make_unique<delivery::SlackWebhookAdapter>(
        delivery::SlackWebhookSettings{.place = {.addresses = http::Addresses::any}, .url = parts.secret_url},
        parts.client, parts.clock);
  };
  return kind;
}

INSTANTIATE_TEST_SUITE_P(Slack, AdapterContract, testing::Values(bot(), webhook()), adapter_name);

class SlackTest : public AdapterContract {
 protected:
  std::vector<std::string> long_one() {
    whole_text_ = std::string(60'000, 'x') + "\n";
    return plan(message(whole_text_));
  }
};
INSTANTIATE_TEST_SUITE_P(Slack, SlackTest, testing::Values(bot()), adapter_name);

TEST_P(SlackTest, AThreadIsAnsweredInIt) {
  const auto chunks = plan(message("hello"));
  Outgoing out = outgoing(chunks, 1);
  out.redirect.channel_id = "C0123ABCD/1700000000.000100";
  ASSERT_TRUE(adapter_->check(out.redirect));
  EXPECT_EQ(send(std::move(out)).verdict, arrived);
  EXPECT_EQ(fake_->messages()[0].channel, "C0123ABCD/1700000000.000100");
  Redirect wrong = redirect();
  wrong.channel_id = "C0123ABCD/yesterday";
  EXPECT_FALSE(adapter_->check(wrong));
}

TEST_P(SlackTest, AFileThatIsNotTakenAtAnyStepLeavesItsMessage) {
  const auto chunks = long_one();
  fake_->next(FakeSlack::error("missing_scope"), "getUploadURLExternal");
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, arrived);
  fake_->next(FakeAnswer{.status = 403, .body = "expired", .type = "text/plain"}, "/upload/");
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, arrived);
  fake_->next(FakeSlack::error("file_uploads_disabled"), "completeUploadExternal");
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, arrived);
  ASSERT_THAT(fake_->messages(), SizeIs(3));
  for (const FakeMessage& each : fake_->messages()) {
    EXPECT_EQ(each.file, "");
    EXPECT_THAT(each.text, WithoutItsFile());
  }
}

TEST_P(SlackTest, AStepThatNobodySeesIsDoneAgainWithoutADoubt) {
  const auto chunks = long_one();
  for (const char* step : {"getUploadURLExternal", "/upload/"}) {
    fake_->next(Fault::cut_after, step);
    EXPECT_EQ(send(outgoing(chunks, 1)).verdict, retry_backoff) << step;
  }
  EXPECT_THAT(fake_->messages(), IsEmpty());
  fake_->next(Fault::cut_after, "completeUploadExternal");
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, unknown);
  EXPECT_THAT(fake_->messages(), SizeIs(1));
}

TEST_P(SlackTest, WhatATokenLacksIsTold) {
  fake_->next(FakeAnswer{.body = R"({"ok":false,"error":"missing_scope","needed":"chat:write"})"});
  EXPECT_THAT(send_one().detail, HasSubstr("the token needs chat:write"));
}

}  // namespace
}  // namespace meantime::test
