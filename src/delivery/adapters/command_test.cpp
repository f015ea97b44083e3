// SPDX-License-Identifier: MIT
// command_test.cpp: a program as a destination: what it is given, what its end means, and that nothing of it is left.
#include "delivery/adapters/command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "meantime/system_clock.hpp"
#include "support/co_test.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_folder.hpp"
#include "support/watched_process.hpp"

namespace meantime::delivery {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class CommandTest : public ::testing::Test {
 protected:
  CommandAdapter adapter(std::string script, Milliseconds limit = 60s) {
    return CommandAdapter({.argv = {"/bin/sh", "-c", std::move(script)},
                           .environment = {{"GREETING", "hello"}},
                           .folder = folder_.path().string(),
                           .time_limit = limit},
                          loop_, clock_);
  }
  SendAnswer send(CommandAdapter& adapter, bool maybe_repeated = false) {
    Message message;
    message.record.tool_name = "crawl";
    message.record.status = TaskStatus::completed;
    message.record.reason = EndReason::finished;
    message.text = "three \"pages\"";
    const auto chunks = adapter.plan(message);
    EXPECT_TRUE(chunks) << chunks.error().detail;
    return test::run(loop_, adapter.send({.chunk = chunks->front(),
                                          .key = "k1",
                                          .redirect = {.destination = "pager", .channel_id = "night"},
                                          .maybe_repeated = maybe_repeated,
                                          .whole_text = {}}));
  }
  std::string file(const char* name) const {
    std::ifstream in(folder_.path() / name);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
  }
  /// What the program says as soon as it runs, by a pipe with a name.
  void make_pipe(const char* name) { ASSERT_EQ(::mkfifo((folder_.path() / name).c_str(), 0600), 0); }
  int pid_in(const char* name) { return std::stoi(file(name)); }
  boost::asio::io_context loop_;
  SystemClock clock_{loop_};
  test::TempFolder folder_;
};

TEST_F(CommandTest, TheEventComesOnStandardInputAndItsFirstLineOutNamesTheMessage) {
  auto tells = adapter("cat > event.json; echo page-17; echo more");
  const auto answer = send(tells, true);
  EXPECT_EQ(answer.verdict, SendVerdict::arrived) << answer.detail;
  EXPECT_EQ(answer.remote_id, "page-17");
  const auto event = boost::json::parse(file("event.json")).as_object();
  EXPECT_EQ(event.at("schema_version"), 1);
  EXPECT_EQ(event.at("id"), "k1");
  EXPECT_EQ(event.at("destination"), "pager");
  EXPECT_EQ(event.at("channel_id"), "night");
  EXPECT_EQ(event.at("possibly_repeated"), true);
  EXPECT_EQ(event.at("type"), "task.completed");
  EXPECT_EQ(event.at("data").at("result"), "three \"pages\"");
}

TEST_F(CommandTest, ItsExitCodeIsTheVerdict) {
  const std::pair<int, SendVerdict> codes[] = {
      {75, SendVerdict::retry_backoff}, {78, SendVerdict::auth}, {1, SendVerdict::payload}, {65, SendVerdict::payload}};
  for (const auto& [code, verdict] : codes) {
    auto fails = adapter("echo 'no line free' >&2; exit " + std::to_string(code));
    const auto answer = send(fails);
    EXPECT_EQ(answer.verdict, verdict) << code;
    EXPECT_THAT(answer.detail, HasSubstr("no line free"));
  }
  auto dies = adapter("kill -9 $$");
  EXPECT_EQ(send(dies).verdict, SendVerdict::unknown);
}

TEST_F(CommandTest, AProgramThatIsNotThereStopsTheDestination) {
  CommandAdapter missing({.argv = {"/nowhere/pager"}}, loop_, clock_);
  const auto answer = send(missing);
  EXPECT_EQ(answer.verdict, SendVerdict::auth);
  EXPECT_THAT(answer.detail, HasSubstr("/nowhere/pager"));
  EXPECT_FALSE(CommandAdapter({}, loop_, clock_).check({}));
}

TEST_F(CommandTest, OneThatTakesTooLongIsAskedToEndAndThenKilledWithAllItStarted) {
  test::ManualClock clock(loop_);
  make_pipe("child");
  CommandAdapter hangs({.argv = {"/bin/sh", "-c", "trap '' TERM; sleep 600 & echo $! > child; wait; wait"},
                        .folder = folder_.path().string(),
                        .time_limit = 60s},
                       loop_, clock);
  auto sending = hangs.send({.chunk = "{}", .key = "k", .whole_text = {}});
  const test::WatchedProcess child(pid_in("child"));
  clock.advance(60s);
  test::run_ready(loop_);
  EXPECT_FALSE(sending.done());  // it does not hear SIGTERM
  clock.advance(5s);
  const auto answer = test::run(loop_, std::move(sending));
  EXPECT_EQ(answer.verdict, SendVerdict::unknown);
  EXPECT_THAT(answer.detail, HasSubstr("longer than 60000 ms"));
  EXPECT_TRUE(child.ends());
}

TEST_F(CommandTest, WhatItLeavesBehindHoldsNothingUp) {
  auto leaves = adapter("sleep 600 & echo done");
  const auto answer = send(leaves);
  EXPECT_EQ(answer.verdict, SendVerdict::arrived);
  EXPECT_EQ(answer.remote_id, "done");
}

TEST_F(CommandTest, ItSeesNoOtherEnvironmentThanItsOwn) {
  ASSERT_EQ(::setenv("MEANTIME_TEST_SECRET", "hidden", 1), 0);
  auto looks = adapter("printf '%s/%s' \"$GREETING\" \"$MEANTIME_TEST_SECRET\"");
  EXPECT_EQ(send(looks).remote_id, "hello/");
  ::unsetenv("MEANTIME_TEST_SECRET");
}

TEST_F(CommandTest, DroppingTheSendingKillsIt) {
  make_pipe("pid");
  CommandAdapter waits({.argv = {"/bin/sh", "-c", "echo $$ > pid; sleep 600"}, .folder = folder_.path().string()},
                       loop_, clock_);
  auto sending = waits.send({.chunk = "{}", .key = "k", .whole_text = {}});
  const test::WatchedProcess program(pid_in("pid"));
  sending.reset();
  EXPECT_TRUE(program.ends());
}

}  // namespace
}  // namespace meantime::delivery
