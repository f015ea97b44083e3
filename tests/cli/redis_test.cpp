// SPDX-License-Identifier: MIT
// redis_test.cpp: the program in several processes that share a Redis and nothing else.
#include <gmock/gmock.h>

#include <csignal>
#include <optional>

#include "program.hpp"
#include "support/key_checker.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {
namespace {

class SharedRedis : public ProgramTest {
 protected:
  // With this store, as options go: after the command's name.
  Ended ask(const std::string& command, std::vector<std::string> arguments) {
    return meantime(with_store(command, std::move(arguments)));
  }
  std::vector<std::string> with_store(const std::string& command, std::vector<std::string> arguments) const {
    std::vector<std::string> all{command, "--store", server_->url()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }

  void TearDown() override {
    server_.reset();
    ProgramTest::TearDown();
  }

  std::optional<RedisServer> server_{std::in_place};
};

TEST_F(SharedRedis, WhatOneProcessRunsOthersCheckListAwaitAndCancel) {
  const Gate go = gate("go");
  const std::vector<std::string> store{"--store", server_->url()};
  const std::string waits = background("read x < " + go.path() + "; echo done", store);
  const std::string runs = background("echo ready; exec tail -f /dev/null", store);
  EXPECT_EQ(ask("check", {"-q", waits}).out, "running\n");
  EXPECT_EQ(ask("list", {"-q"}).out, runs + "\n" + waits + "\n");
  Program waiting = start(with_store("await", {waits}));
  Program watching = start(with_store("await", {runs}));
  const Ended cancelled = ask("cancel", {"--wait", runs});
  EXPECT_EQ(cancelled.code, 0) << cancelled.err;
  EXPECT_EQ(watching.wait().code, 5);
  go.open();
  const Ended ended = waiting.wait();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "done\n");
  EXPECT_EQ(ask("list", {"-q", "--status", "running"}).out, "");
  auto raw = server_->connect();
  EXPECT_THAT(check_keys(raw, "sg:"), testing::IsEmpty());
}

TEST_F(SharedRedis, WhenTheProcessThatRunsATaskIsKilledWhoWaitsIsTold) {
  const std::vector<std::string> store{"--store", server_->url()};
  const std::string id = background("echo ready; exec tail -f /dev/null", store);
  Program waiting = start(with_store("await", {id}));
  Program output = start(with_store("output", {"-f", id}));
  output.read_until("ready");
  kill(supervisor_of("ready"), SIGKILL);
  // As if its lease had been over for a minute.
  auto raw = server_->connect();
  const std::string worker = raw.ask({"HGET", "sg:task:" + id, "w"}).text;
  raw.ask({"ZADD", "sg:mt:workers", "1", worker});
  raw.ask({"ZADD", "sg:mt:doubted", "1", worker});
  raw.ask({"EXPIRE", "sg:mt:doubted", "100"});
  raw.ask({"PUBLISH", "sg:mt:workers", worker});
  const Ended lost = waiting.wait();
  EXPECT_EQ(lost.code, 3);
  EXPECT_NE(lost.err.find("Task was lost"), std::string::npos) << lost.err;
  EXPECT_EQ(output.wait().code, 3);
  EXPECT_NE(ask("check", {id}).out.find("lost"), std::string::npos);
}

}  // namespace
}  // namespace meantime::test
