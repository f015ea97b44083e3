// SPDX-License-Identifier: MIT
// mail_test.cpp: letters to a real mail server: how they look, and what its replies mean (F22 to F24).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "delivery/adapters/mail.hpp"
#include "engine/loop.hpp"
#include "mail/smtp_server.hpp"
#include "support/co_test.hpp"
#include "support/free_port.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_folder.hpp"

namespace meantime::delivery {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view key = "0123456789abcdefghjkmnpqrstvwxyz";

std::string text_of(const boost::json::value& value) {
  return std::string(value.as_string());
}

class MailTest : public ::testing::Test {
 protected:
  MailSettings settings() {
    MailSettings out;
    out.server = {.host = "localhost",
                  .port = server_.port(),
                  .user = "bot",
                  .ca_file = certificates_.ca(),
                  .addresses = http::Addresses::any};
    out.password = Secret({.file = secret("s3cret")});
    out.from = "meantime@example.org";
    return out;
  }
  std::filesystem::path secret(const std::string& text) {
    const auto path = folder_.path() / "password";
    std::FILE* file = std::fopen(path.c_str(), "w");
    std::fputs(text.c_str(), file);
    std::fclose(file);
    return path;
  }
  static Message done(std::string text) {
    Message message;
    message.record.tool_name = "crawl";
    message.record.status = TaskStatus::completed;
    message.record.reason = EndReason::finished;
    message.record.result_bytes = text.size();
    message.record.result_chars = text.size();
    message.text = std::move(text);
    return message;
  }
  Task<SendAnswer> start(MailAdapter& mail, const std::string& chunk, const std::string& to,
                         const std::string& whole = {}, bool maybe_repeated = false) {
    return mail.send({.chunk = chunk,
                      .key = std::string(key),
                      .redirect = {.destination = "mail", .channel_id = to},
                      .maybe_repeated = maybe_repeated,
                      .whole_text = [whole] { return given(whole); }});
  }
  static Task<Result<std::string>> given(std::string text) { co_return text; }

  SendAnswer send(MailAdapter& mail, const Message& message, const std::string& to, bool maybe_repeated = false) {
    const auto chunks = mail.plan(message);
    EXPECT_TRUE(chunks) << chunks.error().detail;
    EXPECT_EQ(chunks->size(), 1U);
    return test::run(loop_, start(mail, chunks->front(), to, message.text, maybe_repeated));
  }

  test::Certificates certificates_;
  test::SmtpServer server_{certificates_};
  test::TempFolder folder_;
  boost::asio::io_context loop_;
  Loop turns_{loop_};
  test::ManualClock clock_{loop_};
};

TEST_F(MailTest, ALetterGoesEncryptedWithALoginAndReadsAsItWasMeant) {
  MailAdapter mail(settings(), turns_, clock_);
  const auto answer = send(mail, done("Grüße\n.\n..two dots 😀\n"), "team@example.org, boss@example.org");
  ASSERT_EQ(answer.verdict, SendVerdict::arrived) << answer.detail;
  EXPECT_EQ(answer.remote_id, key);
  const auto letter = server_.letter();
  EXPECT_EQ(letter.at("tls"), true);
  EXPECT_EQ(letter.at("user"), "bot");
  EXPECT_EQ(letter.at("from"), "meantime@example.org");
  EXPECT_EQ(letter.at("to"), (boost::json::array{"team@example.org", "boss@example.org"}));
  EXPECT_EQ(letter.at("ehlo"), "example.org");
  EXPECT_THAT(letter.at("defects").as_array(), IsEmpty());
  EXPECT_LE(letter.at("longest_line").as_int64(), 998);
  EXPECT_EQ(letter.at("bare_line_ends"), 0);
  EXPECT_THAT(text_of(letter.at("texts").at(0)), HasSubstr("Grüße\n.\n..two dots 😀\n"));
  const auto& headers = letter.at("headers").as_object();
  EXPECT_EQ(text_of(headers.at("message-id")), "<" + std::string(key) + "@example.org>");
  EXPECT_THAT(text_of(headers.at("subject")), HasSubstr("crawl completed"));
  EXPECT_THAT(text_of(headers.at("subject")), Not(HasSubstr("=?")));
  EXPECT_EQ(headers.at("auto-submitted"), "auto-generated");
  EXPECT_EQ(letter.at("date"), "2026-09-21T14:13:20+00:00");
}

TEST_F(MailTest, ALongResultIsAFileBesideItsBeginningAndEnd) {
  MailAdapter mail(settings(), turns_, clock_);
  std::string text = "first line\n";
  while (text.size() < 60'000) text += "line " + std::to_string(text.size()) + " ä\n";
  ASSERT_EQ(send(mail, done(text + "the last line"), "team@example.org").verdict, SendVerdict::arrived);
  const auto letter = server_.letter();
  const std::string shown(letter.at("texts").at(0).as_string());
  EXPECT_LT(shown.size(), 5'000U);
  EXPECT_THAT(shown, HasSubstr("first line"));
  EXPECT_THAT(shown, HasSubstr("the last line"));
  const auto& files = letter.at("files").as_object();
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(text_of(files.begin()->value()), text + "the last line");
  EXPECT_THAT(std::string(files.begin()->key()), HasSubstr("crawl-"));
}

TEST_F(MailTest, F23_ALetterThatMayHaveArrivedSaysSoAndKeepsItsMessageId) {
  MailAdapter mail(settings(), turns_, clock_);
  EXPECT_EQ(send(mail, done("x"), "cut@example.org").verdict, SendVerdict::unknown);
  const auto first = server_.letter();
  EXPECT_EQ(send(mail, done("x"), "team@example.org", true).verdict, SendVerdict::arrived);
  const auto second = server_.letter();
  EXPECT_EQ(first.at("headers").at("message-id"), second.at("headers").at("message-id"));
  EXPECT_THAT(text_of(second.at("headers").at("subject")), HasSubstr("(possibly repeated)"));
  EXPECT_THAT(text_of(second.at("texts").at(0)), HasSubstr("(possibly repeated)"));
}

TEST_F(MailTest, EachReplyMeansWhatItSays) {
  const std::pair<const char*, SendVerdict> cases[] = {{"refused@example.org", SendVerdict::target_gone},
                                                       {"greylisted@example.org", SendVerdict::retry_after},
                                                       {"full@example.org", SendVerdict::retry_after},
                                                       {"leaving@example.org", SendVerdict::retry_backoff},
                                                       {"virus@example.org", SendVerdict::payload}};
  MailAdapter mail(settings(), turns_, clock_);
  for (const auto& [to, verdict] : cases) {
    const auto answer = send(mail, done("x"), to);
    EXPECT_EQ(answer.verdict, verdict) << to << ": " << answer.detail;
    EXPECT_THAT(answer.detail, HasSubstr("the mail server answered '")) << to;
    EXPECT_THAT(answer.detail, Not(HasSubstr("s3cret")));
    if (verdict == SendVerdict::retry_after) EXPECT_EQ(answer.after, std::chrono::minutes(10));
  }
}

TEST_F(MailTest, OneRefusedReceiverIsToldOfAndNobodyGetsHalfOfIt) {
  MailAdapter mail(settings(), turns_, clock_);
  EXPECT_EQ(send(mail, done("x"), "team@example.org,refused@example.org").verdict, SendVerdict::target_gone);
  EXPECT_FALSE(server_.has_letter());
}

TEST_F(MailTest, AWrongPasswordStopsTheDestinationAndIsReadAgainWhenItWasChanged) {
  auto wanted = settings();
  wanted.password = Secret({.file = secret("wr0ng")});
  MailAdapter mail(std::move(wanted), turns_, clock_);
  const auto refused = send(mail, done("x"), "team@example.org");
  EXPECT_EQ(refused.verdict, SendVerdict::auth) << refused.detail;
  EXPECT_THAT(refused.detail, Not(HasSubstr("wr0ng")));
  secret("s3cret");
  EXPECT_EQ(send(mail, done("x"), "team@example.org").verdict, SendVerdict::arrived);
  EXPECT_FALSE(server_.letter().empty());
}

TEST_F(MailTest, AServerThatCannotProveWhoItIsGetsNothing) {
  auto wanted = settings();
  wanted.server.ca_file.clear();  // the system's authorities do not know the test's
  MailAdapter mail(std::move(wanted), turns_, clock_);
  const auto answer = send(mail, done("x"), "team@example.org");
  EXPECT_EQ(answer.verdict, SendVerdict::retry_backoff) << answer.detail;
  EXPECT_THAT(answer.detail, HasSubstr("certificate"));
  EXPECT_FALSE(server_.has_letter());
}

TEST_F(MailTest, AServerWithoutStarttlsGetsNothing) {
  const test::SmtpServer plain(certificates_, "plain");
  auto wanted = settings();
  wanted.server.port = plain.port();
  MailAdapter mail(wanted, turns_, clock_);
  EXPECT_EQ(send(mail, done("x"), "team@example.org").verdict, SendVerdict::retry_backoff);
  EXPECT_FALSE(plain.has_letter());

  wanted.server.security = MailSecurity::none;
  wanted.server.user.clear();
  MailAdapter open(wanted, turns_, clock_);
  EXPECT_EQ(send(open, done("x"), "team@example.org").verdict, SendVerdict::arrived);
  wanted.server.addresses = http::Addresses::public_only;
  EXPECT_FALSE(MailAdapter(wanted, turns_, clock_).check({.channel_id = "team@example.org"}));
}

TEST_F(MailTest, TlsFromTheFirstByteOn) {
  test::SmtpServer tls(certificates_, "tls");
  auto wanted = settings();
  wanted.server.port = tls.port();
  wanted.server.security = MailSecurity::tls;
  MailAdapter mail(wanted, turns_, clock_);
  const auto answer = send(mail, done("x"), "team@example.org");
  EXPECT_EQ(answer.verdict, SendVerdict::arrived) << answer.detail;
  EXPECT_EQ(tls.letter().at("user"), "bot");
}

TEST_F(MailTest, AnAddressThatIsNotPublicIsNotConnectedToUnlessAllowed) {
  auto wanted = settings();
  wanted.server.addresses = http::Addresses::public_only;
  MailAdapter mail(std::move(wanted), turns_, clock_);
  const auto answer = send(mail, done("x"), "team@example.org");
  EXPECT_EQ(answer.verdict, SendVerdict::target_gone);
  EXPECT_THAT(answer.detail, HasSubstr("allow_private"));
}

TEST_F(MailTest, NobodyListening) {
  auto wanted = settings();
  wanted.server.port = test::free_port();
  MailAdapter mail(std::move(wanted), turns_, clock_);
  EXPECT_EQ(send(mail, done("x"), "team@example.org").verdict, SendVerdict::retry_backoff);
}

TEST_F(MailTest, DroppingTheSendingEndsTheExchangeAtOnce) {
  MailAdapter mail(settings(), turns_, clock_);
  const auto chunks = mail.plan(done("x"));
  auto sending = start(mail, chunks->front(), "silent@example.org");
  EXPECT_FALSE(server_.letter().empty());  // it waits for a reply that will not come
  sending.reset();
  // The adapter's thread is waited for when it goes: the test would hang here.
}

TEST_F(MailTest, AddressesThatCouldEndALineAreRefused) {
  MailAdapter mail(settings(), turns_, clock_);
  for (const char* to : {"", "team", "@example.org", "team@", "a@b\r\nRCPT TO:<x@y>", "a b@example.org", "a@b.org,",
                         "<a@b.org>", "a@b.org;c@d.org"}) {
    const auto fine = mail.check({.channel_id = to});
    ASSERT_FALSE(fine) << to;
    EXPECT_THAT(fine.error().detail, HasSubstr("team@example.org"));
  }
  EXPECT_TRUE(mail.check({.channel_id = "o'brien+x@mail.example.org, b@c.org"}));
  auto wanted = settings();
  wanted.from = "Me <me@example.org>";
  EXPECT_FALSE(MailAdapter(std::move(wanted), turns_, clock_).check({.channel_id = "a@b.org"}));
}

}  // namespace
}  // namespace meantime::delivery
