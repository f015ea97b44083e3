// SPDX-License-Identifier: MIT
// telegram_contract.cpp: Telegram by a bot, whose token is in every address.
#include "delivery/adapters/telegram.hpp"

#include <fstream>

#include "adapters/adapter_contract.hpp"
#include "fakes/fake_telegram.hpp"

namespace meantime::test {
namespace {

using namespace std::chrono_literals;
using enum SendVerdict;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::string_view chat = "-4012345678";

AdapterKind telegram() {
  const auto error = [](int code, std::string_view text, std::string_view parameters = {}) {
    return FakeTelegram::error(code, text, parameters);
  };
  AdapterKind kind;
  kind.name = "Telegram";
  kind.channel = chat;
  kind.wrong_channel = "general";
  kind.secret = "123456:ABC-the-bots-token";
  kind.limits = delivery::telegram_limits;
  FakeAnswer by_header = error(429, "Too Many Requests");
  by_header.headers = {{"Retry-After", "4"}};
  kind.answers = {
      {"limit", error(429, "Too Many Requests: retry after 5", R"({"retry_after":5})"), retry_after, 5s},
      {"limit in a header", by_header, retry_after, 4s},
      {"5xx", error(500, "Internal Server Error"), retry_backoff},
      {"blocked", error(403, "Forbidden: bot was blocked by the user"), target_gone},
      {"deactivated", error(403, "Forbidden: user is deactivated"), target_gone},
      {"kicked", error(403, "Forbidden: bot was kicked from the supergroup chat"), target_gone},
      {"no chat", error(400, "Bad Request: chat not found"), target_gone},
      {"no topic", error(400, "Bad Request: message thread not found"), target_gone},
      {"token", error(401, "Unauthorized"), auth},
      {"no such bot", error(404, "Not Found"), auth},
      {"too long", error(400, "Bad Request: message is too long"), payload},
      {"not Telegram's", {.body = "<html>Log in", .type = "text/html"}, unknown},
  };
  kind.make_fake = [secret = kind.secret](boost::asio::io_context& io, Clock& clock) {
    return std::make_unique<FakeTelegram>(io, clock,
                                          FakeTelegram::Settings{.token = secret, .chat = std::string(chat)});
  };
  kind.make_adapter = [](AdapterParts parts) {
    return std::make_unique<delivery::TelegramAdapter>(
        delivery::TelegramSettings{.place = {.base_url = parts.base_url, .addresses = http::Addresses::any},
                                   .token = parts.secret},
        parts.client, parts.clock);
  };
  return kind;
}

INSTANTIATE_TEST_SUITE_P(Telegram, AdapterContract, testing::Values(telegram()), adapter_name);

class TelegramTest : public AdapterContract {
 protected:
  FakeTelegram& fake() { return dynamic_cast<FakeTelegram&>(*fake_); }
};
INSTANTIATE_TEST_SUITE_P(Telegram, TelegramTest, testing::Values(telegram()), adapter_name);

TEST_P(TelegramTest, AGroupThatMovedIsFollowedAndRemembered) {
  fake().move_chat("-1001234567890");
  EXPECT_EQ(send_one().verdict, arrived);
  EXPECT_EQ(fake_->messages()[0].channel, "-1001234567890");
  EXPECT_THAT(fake_->requests(), SizeIs(2));
  EXPECT_EQ(send_one().verdict, arrived);
  EXPECT_THAT(fake_->requests(), SizeIs(3)) << "the old number is not asked again";
}

TEST_P(TelegramTest, EntitiesThatAreNotTakenLeaveThePlainText) {
  fake().refuse_entities();
  EXPECT_EQ(send_one().verdict, arrived);
  EXPECT_THAT(fake_->requests(), SizeIs(2));
  ASSERT_THAT(fake_->messages(), SizeIs(1));
  EXPECT_THAT(fake_->messages()[0].text, HasSubstr("hello"));
}

TEST_P(TelegramTest, AFileThatIsNotTakenLeavesItsMessage) {
  whole_text_ = std::string(60'000, 'x') + "\n";
  const auto chunks = plan(message(whole_text_));
  fake_->next(FakeTelegram::error(413, "Request Entity Too Large"), "sendDocument");
  EXPECT_EQ(send(outgoing(chunks, 1, true)).verdict, arrived);
  ASSERT_THAT(fake_->messages(), SizeIs(1));
  EXPECT_EQ(fake_->messages()[0].file, "");
  EXPECT_THAT(fake_->messages()[0].text, AllOf(WithoutItsFile(), HasSubstr("possibly repeated")));
}

TEST_P(TelegramTest, ATopicIsWrittenTo) {
  const auto chunks = plan(message("hello"));
  Outgoing out = outgoing(chunks, 1);
  out.redirect.channel_id = std::string(chat) + "/42";
  ASSERT_TRUE(adapter_->check(out.redirect));
  EXPECT_EQ(send(std::move(out)).verdict, arrived);
  EXPECT_EQ(fake_->messages()[0].channel, std::string(chat) + "/42");
}

TEST_P(TelegramTest, ATokenThatCannotBeOneIsNotSent) {
  std::ofstream(folder_.path() / "secret") << "123/../456\n";
  const auto chunks = plan(message("hello"));
  const SendAnswer answer = send(outgoing(chunks, 1));
  EXPECT_EQ(answer.verdict, auth);
  EXPECT_THAT(answer.detail, HasSubstr("BotFather"));
  EXPECT_THAT(fake_->requests(), SizeIs(0));
}

}  // namespace
}  // namespace meantime::test
