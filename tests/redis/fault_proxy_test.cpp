// SPDX-License-Identifier: MIT
// fault_proxy_test.cpp: each fault of the proxy, before a real server.
#include "support/fault_proxy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>

#include "support/co_test.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using Cut = FaultProxy::Cut;
using Towards = FaultProxy::Towards;

class FaultProxyTest : public testing::Test {
 protected:
  [[nodiscard]] RawRedis connect() const { return RawRedis::tcp(proxy.port()); }
  static std::string ping(RawRedis& redis) { return redis.ask({"PING"}).text; }
  static std::string end_of(RawRedis& redis) {
    try {
      const auto answer = redis.receive(redis.limit());
      return answer ? "answered " + answer->shown() : "silent";
    } catch (const RedisGone& gone) {
      return gone.what();
    }
  }
  RedisServer& server = RedisServer::shared();
  FaultProxy proxy{server.port()};
};

TEST_F(FaultProxyTest, PassesAllBytesAndCountsThem) {
  auto redis = connect();
  const std::string large(5UL << 20, 'x');
  redis.ask({"SET", "large", large});
  EXPECT_EQ(redis.ask({"GET", "large"}).text, large);
  // Bytes are counted after they were passed on: the client may be faster.
  const std::size_t to_client = std::string_view("+OK\r\n$5242880\r\n\r\n").size() + large.size();
  EXPECT_TRUE(proxy.wait_until([&](const auto& so_far) { return so_far.to_client >= to_client; }));
  const auto counts = proxy.counts();
  EXPECT_EQ(counts.accepted, 1U);
  EXPECT_EQ(counts.open, 1U);
  EXPECT_EQ(counts.to_server, redis_command({"SET", "large", large}).size() + redis_command({"GET", "large"}).size());
  EXPECT_EQ(counts.to_client, to_client);
  EXPECT_THAT(proxy.sent(0), HasSubstr("large"));
}

TEST_F(FaultProxyTest, AClientThatLeavesIsGoneAtTheServerToo) {
  {
    auto redis = connect();
    EXPECT_EQ(ping(redis), "PONG");
  }
  EXPECT_TRUE(proxy.wait_until([](const auto& counts) { return counts.open == 0; }));
  auto direct = server.connect();
  EXPECT_THAT(direct.ask({"CLIENT", "LIST"}).text, testing::Not(HasSubstr("cmd=ping")));
}

TEST_F(FaultProxyTest, RefusesNewConnectionsOnItsPortUntilItPassesAgain) {
  auto before = connect();
  EXPECT_EQ(ping(before), "PONG");
  proxy.refuse();
  EXPECT_THROW((void)connect(), RedisGone);
  EXPECT_EQ(ping(before), "PONG");
  proxy.pass();
  auto after = connect();
  EXPECT_EQ(ping(after), "PONG");
}

TEST_F(FaultProxyTest, CutsAllConnectionsOneWayOrTheOther) {
  for (const auto& [how, seen] : {std::pair{Cut::rudely, "reset"}, std::pair{Cut::politely, "closed"}}) {
    auto one = connect();
    auto two = connect();
    EXPECT_EQ(ping(one) + ping(two), "PONGPONG");
    proxy.cut(how);
    EXPECT_THAT(end_of(one), HasSubstr(seen));
    EXPECT_THAT(end_of(two), HasSubstr(seen));
  }
  EXPECT_TRUE(proxy.wait_until([](const auto& counts) { return counts.open == 0; }));
}

TEST_F(FaultProxyTest, CutsOneConnectionFoundByWhatItSaid) {
  auto commands = connect();
  EXPECT_EQ(ping(commands), "PONG");
  auto notices = connect();
  notices.subscribe({"news"});
  const auto found = proxy.find("SUBSCRIBE");
  ASSERT_EQ(found, 1U);
  proxy.cut(Cut::rudely, *found);
  EXPECT_THAT(end_of(notices), HasSubstr("reset"));
  EXPECT_EQ(ping(commands), "PONG");
  EXPECT_EQ(proxy.counts().open, 1U);
  EXPECT_EQ(proxy.find("SUBSCRIBE"), std::nullopt);
}

TEST_F(FaultProxyTest, SilencedConnectionsSwallowAllAndStaySoAndNewOnesToo) {
  auto before = connect();
  EXPECT_EQ(ping(before), "PONG");
  proxy.silence();
  auto during = connect();
  before.send(redis_command({"SET", "k", "v"}));
  during.send(redis_command({"PING"}));
  EXPECT_EQ(before.receive(milliseconds(10)), std::nullopt);
  EXPECT_EQ(during.receive(milliseconds(10)), std::nullopt);
  proxy.pass();
  before.send(redis_command({"PING"}));
  EXPECT_EQ(before.receive(milliseconds(10)), std::nullopt);
  auto after = connect();
  EXPECT_TRUE(after.ask({"GET", "k"}).is_null());
}

TEST_F(FaultProxyTest, DelaysEachDirectionAndKeepsTheOrder) {
  auto redis = connect();
  proxy.delay(Towards::server, milliseconds(15));
  proxy.delay(Towards::client, milliseconds(25));
  const auto begin = steady_clock::now();
  const auto answers = redis.pipeline({{"SET", "k", "1"}, {"INCR", "k"}, {"GET", "k"}});
  EXPECT_GE(steady_clock::now() - begin, milliseconds(40));
  EXPECT_EQ(answers[1].number, 2);
  EXPECT_EQ(answers[2].text, "2");
}

TEST_F(FaultProxyTest, DripsOneByteAtATime) {
  auto redis = connect();
  proxy.drip(std::chrono::microseconds(200));
  const auto begin = steady_clock::now();
  EXPECT_EQ(redis.ask({"ECHO", "a long way for a few words"}).text, "a long way for a few words");
  EXPECT_GE(steady_clock::now() - begin, milliseconds(10));
  proxy.pass();
  EXPECT_EQ(ping(redis), "PONG");
}

TEST_F(FaultProxyTest, ResetsInTheMiddleOfAReplyOnce) {
  auto other = connect();
  EXPECT_EQ(ping(other), "PONG");
  auto redis = connect();
  proxy.reset_reply_after(9, 1);
  EXPECT_EQ(ping(other), "PONG");
  redis.send(redis_command({"SET", "k", "0123456789"}) + redis_command({"GET", "k"}));
  EXPECT_EQ(redis.receive(redis.limit())->text, "OK");
  EXPECT_THAT(end_of(redis), HasSubstr("reset"));
  EXPECT_EQ(server.connect().ask({"GET", "k"}).text, "0123456789");
  auto again = connect();
  EXPECT_EQ(again.ask({"GET", "k"}).text, "0123456789");
}

TEST_F(FaultProxyTest, ReplacesAReplyByGarbageOnce) {
  auto redis = connect();
  proxy.garble_reply("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_THROW(redis.ask({"PING"}), RedisGone);
  auto again = connect();
  EXPECT_EQ(ping(again), "PONG");
}

TEST_F(FaultProxyTest, AServerThatIsAwayCutsTheClient) {
  auto redis = connect();
  EXPECT_EQ(ping(redis), "PONG");
  server.stop();
  EXPECT_THAT(end_of(redis), testing::AnyOf(HasSubstr("closed"), HasSubstr("reset")));
  auto late = connect();
  EXPECT_THAT(end_of(late), HasSubstr("reset"));
}

TEST_F(FaultProxyTest, NewConnectionsGoToAnotherServerWhenRedirected) {
  RedisServer second;
  second.connect().ask({"SET", "which", "second"});
  auto before = connect();
  proxy.redirect(second.port());
  auto after = connect();
  EXPECT_TRUE(before.ask({"GET", "which"}).is_null());
  EXPECT_EQ(after.ask({"GET", "which"}).text, "second");
}

TEST_F(FaultProxyTest, WakesALoopThatWaitsForAConnection) {
  boost::asio::io_context loop;
  proxy.on_change([&loop] { boost::asio::post(loop, [] {}); });
  auto redis = connect();
  run_until(loop, [&] { return proxy.counts().accepted == 1; });
  proxy.on_change(nullptr);
}

TEST_F(FaultProxyTest, LeavesNoSocketAndNoThread) {
  const auto count = [](const char* folder) {
    return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
  };
  const auto files = count("/proc/self/fd");
  const auto threads = count("/proc/self/task");
  {
    FaultProxy another(server.port());
    auto open = RawRedis::tcp(another.port());
    EXPECT_EQ(ping(open), "PONG");
    another.silence();
    EXPECT_EQ(count("/proc/self/task"), threads + 1);
  }
  EXPECT_EQ(count("/proc/self/fd"), files);
  EXPECT_EQ(count("/proc/self/task"), threads);
}

}  // namespace
}  // namespace meantime::test
