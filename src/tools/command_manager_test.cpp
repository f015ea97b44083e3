// SPDX-License-Identifier: MIT
// command_manager_test.cpp: commands under a manager: budget, cancel, maximum run time, arguments that do not fit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "meantime/manager.hpp"
#include "meantime/memory_store.hpp"
#include "meantime/system_clock.hpp"
#include "support/co_test.hpp"
#include "support/watched_process.hpp"
#include "tools/command_tool.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class ManagedCommand : public ::testing::Test {
 protected:
  ~ManagedCommand() override { test::run_until(loop, test::no_child_is_left); }
  void add(std::string script, Tool tool = {}) {
    CommandSpec spec;
    spec.tool = std::move(tool);
    spec.tool.name = "script";
    spec.tool.input_schema = R"({"type": "object", "properties": {"n": {"type": "integer"}}})";
    spec.script = std::move(script);
    auto made = make_command_tool(loop, clock, std::move(spec));
    ASSERT_TRUE(made);
    ASSERT_TRUE(manager.add_tool(std::move(*made)));
  }
  Result<Outcome> call(std::string arguments = "{}") {
    ToolCall request;
    request.tool = "script";
    request.arguments = std::move(arguments);
    return test::run(loop, manager.call(std::move(request)));
  }
  TaskRecord awaited(const Outcome& outcome) {
    return test::run(loop, manager.await_task(std::get<Backgrounded>(outcome).task_id, 60s))->record;
  }

  boost::asio::io_context loop;
  SystemClock clock{loop};
  SystemRandom random;
  std::unique_ptr<Store> store = make_memory_store(loop, make_memory_backend(clock));
  TaskManager manager{loop, ManagerPorts{clock, random, *store}};
};

TEST_F(ManagedCommand, OverItsBudgetGoesOnAndIsAwaited) {
  Tool tool;
  tool.always_background = true;
  add("echo working; exit 5", tool);
  const auto outcome = call();
  ASSERT_TRUE(outcome);
  const TaskRecord record = awaited(*outcome);
  EXPECT_EQ(record.status, TaskStatus::failed);
  EXPECT_EQ(record.reason, EndReason::tool_error);
  EXPECT_EQ(record.exit_code, 5);
  EXPECT_EQ(record.error, "CommandFailed: exit code 5");
  EXPECT_EQ(test::run(loop, manager.read_result(record.task_id, 0, 100))->text, "working\n");
}

TEST_F(ManagedCommand, ACancelledTaskLeavesNoProcess) {
  Tool tool;
  tool.always_background = true;
  add("trap 'exit 0' TERM; sleep 1000 & wait; exit 9", tool);
  const auto outcome = call();
  ASSERT_TRUE(outcome);
  test::run_until(loop, [] { return !test::no_child_is_left(); });
  ASSERT_TRUE(test::run(loop, manager.cancel(std::get<Backgrounded>(*outcome).task_id)));
  EXPECT_NE(awaited(*outcome).status, TaskStatus::running);
}

TEST_F(ManagedCommand, PastItsMaximumRunTimeItIsEnded) {
  Tool tool;
  tool.always_background = true;
  tool.max_run_time = 30ms;
  add("sleep 1000", tool);
  const auto outcome = call();
  ASSERT_TRUE(outcome);
  const TaskRecord record = awaited(*outcome);
  EXPECT_EQ(record.status, TaskStatus::failed);
  EXPECT_EQ(record.reason, EndReason::timed_out);
  EXPECT_THAT(record.error, HasSubstr("killed by signal 15 (TERM)"));
}

TEST_F(ManagedCommand, ArgumentsThatDoNotFitNeverReachIt) {
  add("echo \"$ARG_n\"");
  const auto wrong = call(R"({"n": "many"})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, errc::invalid_argument);
  EXPECT_THAT(wrong.error().detail, HasSubstr("n must be an integer, not a string"));
  EXPECT_EQ(std::get<Finished>(*call(R"({"n": 3})")).output.text, "3\n");
}

}  // namespace
}  // namespace meantime
