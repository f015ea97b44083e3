// SPDX-License-Identifier: MIT
// redis_server_test.cpp: what the Redis tests stand on: servers that start, die and come back when told, leaving
// nothing.
#include "support/redis_server.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <sstream>

#include "support/watched_process.hpp"

namespace meantime::test {
namespace {

using Kind = RedisValue::Kind;
using testing::HasSubstr;

class EveryRedisServer : public testing::TestWithParam<RedisKind> {
 protected:
  [[nodiscard]] static RedisServerOptions options() { return {.program = GetParam().program}; }
};

TEST_P(EveryRedisServer, AnswersOnItsPortAndOnItsSocket) {
  RedisServer server(options());
  auto over_tcp = RawRedis::tcp(server.port());
  auto over_socket = RawRedis::unix_socket(server.socket_path());
  EXPECT_EQ(over_tcp.command({"SET", "k", "v"}).text, "OK");
  EXPECT_EQ(over_socket.command({"GET", "k"}).text, "v");
  EXPECT_TRUE(over_socket.command({"GET", "other"}).is_null());
  EXPECT_EQ(over_tcp.command({"INCR", "k"}).kind, Kind::error);
}

TEST_P(EveryRedisServer, RestartsOnTheSamePortWithItsDataOrWithout) {
  RedisServer server(options());
  const auto port = server.port();
  server.connect().ask({"SET", "k", "v"});
  server.restart(RedisServer::Data::kept);
  EXPECT_EQ(server.port(), port);
  EXPECT_EQ(RawRedis::tcp(port).ask({"GET", "k"}).text, "v");
  server.restart(RedisServer::Data::lost);
  EXPECT_TRUE(RawRedis::tcp(port).ask({"GET", "k"}).is_null());
}

TEST_P(EveryRedisServer, WithAppendOnlyWhatWasAnsweredSurvivesAKill) {
  auto with = options();
  with.append_only = true;
  RedisServer server(with);
  server.connect().ask({"SET", "k", "v"});
  server.stop();
  EXPECT_FALSE(server.running());
  EXPECT_THROW((void)server.connect(), RedisGone);
  server.start(RedisServer::Data::kept);
  EXPECT_EQ(server.connect().ask({"GET", "k"}).text, "v");
}

TEST_P(EveryRedisServer, PausedItIsSilentAndResumedItAnswers) {
  RedisServer server(options());
  auto redis = server.connect();
  server.pause();
  redis.send(redis_command({"PING"}));
  EXPECT_EQ(redis.receive(std::chrono::milliseconds(20)), std::nullopt);
  server.resume();
  EXPECT_EQ(redis.receive(redis.limit())->text, "PONG");
}

TEST_P(EveryRedisServer, KnowsItsUsersAndItsMemoryLimit) {
  auto with = options();
  with.password = "open";
  with.users = {"bot on >secret ~sg:* &* +@all -@dangerous"};
  with.max_memory = "3mb";
  RedisServer server(with);
  auto redis = RawRedis::tcp(server.port());
  EXPECT_THAT(redis.command({"GET", "sg:k"}).text, HasSubstr("NOAUTH"));
  EXPECT_EQ(redis.command({"AUTH", "bot", "secret"}).text, "OK");
  EXPECT_EQ(redis.command({"SET", "sg:k", "v"}).text, "OK");
  EXPECT_THAT(redis.command({"SET", "other", "v"}).text, HasSubstr("NOPERM"));
  const auto filled = redis.pipeline({4, {"APPEND", "sg:big", std::string(1UL << 20, 'x')}});
  EXPECT_THAT(filled.back().text, HasSubstr("OOM"));
  EXPECT_EQ(server.connect().ask({"GET", "sg:k"}).text, "v");
}

TEST_P(EveryRedisServer, AReplicaFollowsItsMasterAndRefusesWrites) {
  RedisServer master(options());
  auto with = options();
  with.replica_of = master.port();
  RedisServer replica(with);
  auto redis = master.connect();
  redis.ask({"SET", "k", "v"});
  EXPECT_EQ(redis.ask({"WAIT", "1", "20000"}).number, 1);
  auto second = replica.connect();
  EXPECT_EQ(second.ask({"GET", "k"}).text, "v");
  EXPECT_THAT(second.command({"SET", "k", "w"}).text, HasSubstr("READONLY"));
}

TEST_P(EveryRedisServer, AClusterOfOneServesItsSlotsAndRefusesToCrossThem) {
  auto with = options();
  with.cluster = true;
  RedisServer server(with);
  auto redis = server.connect();
  EXPECT_EQ(redis.command({"MSET", "{sg}:a", "1", "{sg}:b", "2"}).text, "OK");
  EXPECT_THAT(redis.command({"MSET", "a", "1", "b", "2"}).text, HasSubstr("CROSSSLOT"));
}

TEST_P(EveryRedisServer, SpeaksTlsWithACertificateOfTheTestsOwnAuthority) {
  auto with = options();
  with.tls = true;
  with.tls_clients = true;
  RedisServer server(with);
  const auto& its = server.certificates();
  const auto at = "127.0.0.1:" + std::to_string(server.tls_port());
  const std::vector<std::string> look{
      "openssl",    "s_client",  "-connect", at, "-CAfile", its.ca(), "-verify_return_error",
      "-verify_ip", "127.0.0.1", "-brief"};
  auto known = look;
  for (const auto& more : {std::string("-cert"), its.client_certificate(), std::string("-key"), its.client_key()}) {
    known.push_back(more);
  }
  EXPECT_THAT(run_program(known), HasSubstr("Verification: OK"));
  const Certificates others;
  auto stranger = look;
  stranger[5] = others.ca();
  EXPECT_THROW(run_program(stranger), std::runtime_error);
}

TEST_P(EveryRedisServer, DiesWithItsOwnerAndLeavesNothing) {
  std::string folder;
  std::optional<WatchedProcess> process;
  {
    RedisServer server(options());
    process.emplace(server.pid());
    EXPECT_FALSE(process->has_ended());
    folder = std::filesystem::path(server.socket_path()).parent_path();
    EXPECT_TRUE(std::filesystem::exists(folder));
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
  EXPECT_TRUE(process->has_ended());
}

TEST_P(EveryRedisServer, DiesWithATestProgramThatIsKilledAndTheNextOneSweepsItsFolder) {
  std::array<int, 2> told{};
  ASSERT_EQ(pipe2(told.data(), O_CLOEXEC), 0);
  const Descriptor reader(told[0]);
  Descriptor writer(told[1]);
  const pid_t program = fork();
  if (program == 0) {
    const RedisServer server(options());
    const auto text = std::to_string(server.pid()) + " " + server.socket_path();
    if (write(writer.get(), text.data(), text.size()) > 0) pause();
    _exit(1);
  }
  writer.close();
  std::array<char, 256> text{};
  ASSERT_GT(read(reader.get(), text.data(), text.size() - 1), 0);
  std::istringstream words(text.data());
  pid_t server = 0;
  std::filesystem::path socket;
  words >> server >> socket;
  const WatchedProcess watched(server);
  EXPECT_FALSE(watched.has_ended());
  kill(program, SIGKILL);
  waitpid(program, nullptr, 0);
  EXPECT_TRUE(watched.ends());
  EXPECT_TRUE(std::filesystem::exists(socket.parent_path()));
  run_program({"/proc/self/exe", "--gtest_filter=RedisServerStart.*"});
  EXPECT_FALSE(std::filesystem::exists(socket.parent_path()));
}

TEST_P(EveryRedisServer, TheSharedOneIsEmptyAndAwakeForEachTest) {
  auto& first = RedisServer::shared(GetParam().program);
  first.connect().ask({"SET", "k", "v"});
  first.pause();
  auto& second = RedisServer::shared(GetParam().program);
  EXPECT_EQ(&first, &second);
  EXPECT_EQ(second.connect().ask({"DBSIZE"}).number, 0);
  second.stop();
  EXPECT_EQ(RedisServer::shared(GetParam().program).connect().ask({"PING"}).text, "PONG");
}

INSTANTIATE_TEST_SUITE_P(Servers, EveryRedisServer, testing::ValuesIn(RedisServer::kinds()),
                         [](const auto& info) { return info.param.name; });

TEST(RedisServerStart, AWrongConfigurationIsToldWithTheServersOwnWords) {
  try {
    const RedisServer server({.config = {"no-such-setting yes"}});
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no-such-setting"));
  }
}

TEST(RawRedisClient, HearsWhatIsPublishedAfterItHasSubscribed) {
  auto& server = RedisServer::shared();
  auto listener = server.connect();
  auto speaker = server.connect();
  listener.subscribe({"one", "two"});
  EXPECT_EQ(speaker.ask({"PUBLISH", "two", "hello"}).number, 1);
  EXPECT_EQ(speaker.ask({"PUBLISH", "three", "hello"}).number, 0);
  EXPECT_EQ(listener.next_message(listener.limit()), (RedisMessage{"two", "hello"}));
  EXPECT_EQ(listener.next_message(std::chrono::milliseconds(1)), std::nullopt);
}

TEST(RawRedisClient, ReadsNestedAndLargeAnswersAndManyAtOnce) {
  auto redis = RedisServer::shared().connect();
  const auto nested = redis.ask({"EVAL", "return {1, {'two', false}, redis.status_reply('fine')}", "0"});
  EXPECT_EQ(nested.shown(), "[(integer) 1, [\"two\", (nil)], fine]");
  const std::string large(3UL << 20, '\n');
  EXPECT_EQ(redis.ask({"SET", "large", large}).text, "OK");
  EXPECT_EQ(redis.ask({"GET", "large"}).text, large);
  const auto answers = redis.pipeline({5'000, {"INCR", "n"}});
  EXPECT_EQ(answers.back().number, 5'000);
  redis.pipeline({3'000, {"EVAL", "return redis.call('SET', 'k' .. redis.call('INCR', 'i'), '')", "0"}});
  EXPECT_EQ(redis.keys("k*").size(), 3'000U);
}

}  // namespace
}  // namespace meantime::test
