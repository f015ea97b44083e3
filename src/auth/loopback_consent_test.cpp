// SPDX-License-Identifier: MIT
#include "auth/loopback_consent.hpp"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "auth/url.hpp"
#include "meantime/asio.hpp"
#include "support/co_test.hpp"

namespace meantime::auth {
namespace {

using boost::asio::ip::tcp;

// What a browser does: sends the bytes and reads the answer to its end.
Task<std::string> visit(boost::asio::io_context& loop, std::uint16_t port, std::string bytes) {
  tcp::socket socket(loop);
  const auto refused = co_await socket.async_connect({boost::asio::ip::address_v4::loopback(), port}, await);
  if (refused) co_return refused.message();
  co_await boost::asio::async_write(socket, boost::asio::buffer(bytes), await);
  std::string answer;
  co_await boost::asio::async_read(socket, boost::asio::dynamic_buffer(answer), await);
  co_return answer;
}

class Loopback : public testing::Test {
 protected:
  void make(LoopbackSettings settings = {}) {
    consent_ =
        make_loopback_consent(loop_, std::move(settings), [this](const std::string& url) { opened_.push_back(url); });
  }
  std::uint16_t port(std::string_view last = {}) {
    auto uri = consent_->redirect_uri(last);
    EXPECT_TRUE(uri) << uri.error().detail;
    return parse_url(*uri)->port;
  }
  boost::asio::io_context loop_;
  std::vector<std::string> opened_;
  std::unique_ptr<Consent> consent_;
};

TEST_F(Loopback, TheRedirectComesBackWithItsQuery) {
  make();
  const auto where = port();
  EXPECT_EQ(*consent_->redirect_uri({}), "http://127.0.0.1:" + std::to_string(where) + "/callback");
  auto asked = consent_->ask("https://as/authorize?state=abc&x=1");
  EXPECT_EQ(opened_, (std::vector<std::string>{"https://as/authorize?state=abc&x=1"}));
  const auto answer =
      test::run(loop_, visit(loop_, where, "GET /callback?code=1%2F2&state=abc HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_EQ(answer.find("1%2F2"), std::string::npos);
  EXPECT_EQ(*test::run(loop_, std::move(asked)),
            "http://127.0.0.1:" + std::to_string(where) + "/callback?code=1%2F2&state=abc");
}

TEST_F(Loopback, OthersCannotEndTheWait) {
  make();
  const auto where = port();
  auto asked = consent_->ask("https://as/authorize?state=abc");
  for (const std::string request :
       {"GET /callback?code=1&state=evil HTTP/1.1\r\n\r\n", "GET /callback HTTP/1.1\r\n\r\n",
        "GET /favicon.ico HTTP/1.1\r\n\r\n", "POST /callback?code=1&state=abc HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n",
        "GET\r\n\r\n", "GET /callbackx?state=abc HTTP/1.1\r\n\r\n",
        "GET /callback?state=abc&state=abc HTTP/1.1\r\n\r\n"}) {
    EXPECT_TRUE(test::run(loop_, visit(loop_, where, request)).starts_with("HTTP/1.1 404 ")) << request;
  }
  EXPECT_EQ(test::run(loop_, visit(loop_, where, "GET /" + std::string(20'000, 'a'))), "") << "cut off";
  EXPECT_FALSE(asked.done());
  // A connection that says nothing holds nobody up.
  tcp::socket silent(loop_);
  silent.connect({boost::asio::ip::address_v4::loopback(), where});
  test::run(loop_, visit(loop_, where, "GET /callback?error=access_denied&state=abc HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(test::run(loop_, std::move(asked))->ends_with("?error=access_denied&state=abc"));
}

TEST_F(Loopback, AUserWhoDoesNothingIsWaitedForOnlySoLong) {
  make({.limit = std::chrono::seconds(0)});
  const auto answer = test::run(loop_, consent_->ask("https://as/authorize?state=abc"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, errc::timed_out);
}

TEST_F(Loopback, ADroppedWaitListensNoMore) {
  make();
  {
    auto asked = consent_->ask("https://as/authorize?state=abc");
  }
  test::run_ready(loop_);
  consent_.reset();
  test::run_ready(loop_);
}

TEST_F(Loopback, ThePortOfTheLastRunIsTakenAgainIfItIsFree) {
  make();
  const auto first = port();
  make();
  EXPECT_EQ(port("http://127.0.0.1:" + std::to_string(first) + "/callback"), first);
  const auto held = std::move(consent_);
  make();
  EXPECT_NE(port("http://127.0.0.1:" + std::to_string(first) + "/callback"), first);
  make({.port = first});
  EXPECT_EQ(consent_->redirect_uri({}).error().code, errc::unavailable) << "a port that was set is not replaced";
}

}  // namespace
}  // namespace meantime::auth
