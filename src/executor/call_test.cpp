// SPDX-License-Identifier: MIT
// call_test.cpp: a call under its budget: rows S01-S09, and the F rows about calling.
#include <future>
#include <set>
#include <thread>

#include "core/envelope.hpp"
#include "support/manager_fixture.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using test::ManagerTest;
using test::run;
using test::run_ready;

class CallTest : public ManagerTest {};

CoroutineBody returns(ToolReturn value) {
  return [value](ToolContext&) -> Task<ToolReturn> { co_return value; };
}

Task<ToolReturn> sleep_then(ToolContext& context, Milliseconds time, ToolReturn value) {
  co_await context.sleep(time);
  co_return value;
}

CoroutineBody takes(Milliseconds time, ToolReturn value = ToolOutput("done")) {
  return [time, value](ToolContext& context) { return sleep_then(context, time, value); };
}

TEST_F(CallTest, S01_AToolThatEndsWithinItsBudgetAnswersInline) {
  add("quick", returns(ToolOutput("42")));
  auto outcome = run(io, manager().call(call_of("quick")));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(std::get<Finished>(*outcome).output.text, "42");
  EXPECT_EQ(manager().running(), 0U);
}

TEST_F(CallTest, S01_TheBudgetIsTenSecondsUnlessSomeoneSaysOtherwise) {
  add("nine", takes(9'999ms));
  add("eleven", takes(10'001ms));
  EXPECT_TRUE(std::holds_alternative<Finished>(*turn_until_done(manager().call(call_of("nine")))));
  EXPECT_TRUE(std::holds_alternative<Backgrounded>(*turn_until_done(manager().call(call_of("eleven")))));
}

TEST_F(CallTest, F26_TheBudgetCanBeSetForAToolAndForACall) {
  Tool tool;
  tool.name = "slow";
  tool.coroutine = takes(3s);
  tool.budget = 2s;
  add(std::move(tool));
  EXPECT_TRUE(std::holds_alternative<Backgrounded>(*turn_until_done(manager().call(call_of("slow")))));
  ToolCall patient = call_of("slow");
  patient.budget = 4s;
  EXPECT_TRUE(std::holds_alternative<Finished>(*turn_until_done(manager().call(std::move(patient)))));
}

TEST_F(CallTest, S02_AFailureWithinTheBudgetReachesTheCallerWithItsTypeAndMessage) {
  add("throws", [](ToolContext&) -> Task<ToolReturn> {
    throw std::out_of_range("index 7");
    co_return ToolOutput();
  });
  add("throws_early", [](ToolContext&) -> Task<ToolReturn> { throw std::out_of_range("index 8"); });
  add("fails", returns(std::unexpected(ToolFailure{"BadWeather", "it rains", std::nullopt})));
  add("fails_later", takes(1s, std::unexpected(ToolFailure{"BadWeather", "it rains", std::nullopt})));
  auto failure_of = [&](const char* name) {
    return std::get<Failed>(*turn_until_done(manager().call(call_of(name)))).failure.error();
  };
  EXPECT_EQ(failure_of("throws"), "std::out_of_range: index 7");
  EXPECT_EQ(failure_of("throws_early"), "std::out_of_range: index 8");
  EXPECT_EQ(failure_of("fails"), "BadWeather: it rains");
  EXPECT_EQ(failure_of("fails_later"), "BadWeather: it rains");
}

TEST_F(CallTest, S03_OverBudgetTheCallerGetsTheEnvelopeAndTheToolGoesOn) {
  add_gate();
  const Backgrounded task = background(call_of("slow"));
  const std::string id = task.task_id.text();
  EXPECT_EQ(envelope::running(task), R"({"task_id":")" + id +
                                         R"(","tool_name":"slow","status":"running","message":"Tool 'slow' is running )"
                                         R"(in the background. Use check_task with task_id ')" +
                                         id + R"(' to get the result."})");
  EXPECT_EQ(gate.inside(), 1U);
  gate.open(ToolOutput("late"));
  run_ready(io);
  EXPECT_EQ(check(task.task_id).status, TaskStatus::completed);
  EXPECT_EQ(result_of(task.task_id), "late");
}

TEST_F(CallTest, S06_ANoBackgroundToolRunsToItsEndInlineWhateverTheBudget) {
  Tool tool;
  tool.name = "ordered";
  tool.coroutine = takes(1h);
  tool.no_background = true;
  add(std::move(tool));
  ToolCall call = call_of("ordered");
  call.budget = 1ms;
  EXPECT_TRUE(std::holds_alternative<Finished>(*turn_until_done(manager().call(std::move(call)))));
}

TEST_F(CallTest, AnAlwaysBackgroundToolAnswersWithATaskIdAtOnce) {
  Tool tool;
  tool.name = "report";
  tool.coroutine = returns(ToolOutput("pages"));
  tool.always_background = true;
  add(std::move(tool));
  auto call = manager().call(call_of("report"));
  ASSERT_TRUE(call.done());
  const TaskId id = std::get<Backgrounded>(*call.take()).task_id;
  run_ready(io);
  EXPECT_EQ(result_of(id), "pages");
}

TEST_F(CallTest, S07_TheContextStaysUsableAfterTheCallerHasMovedOn) {
  add("talker", [](ToolContext& context) -> Task<ToolReturn> {
    co_await context.sleep(20s);
    context.progress({.value = 0.5, .total = 1.0, .message = "half"});
    co_await context.sleep(20s);
    co_return ToolOutput(std::string(context.arguments()) + " for " + context.caller().user_id);
  });
  ToolCall call = call_of("talker");
  call.arguments = R"({"a":1})";
  const TaskId id = background(std::move(call)).task_id;
  clock.advance(15s);
  EXPECT_EQ(check(id).progress->message, "half");
  clock.advance(30s);
  EXPECT_EQ(result_of(id), R"({"a":1} for ann)");
}

TEST_F(CallTest, S08_AToolThatEndsAtTheVeryMomentOfItsBudgetHasItsResultInExactlyOnePlace) {
  add("edge", takes(10s));
  for (int i = 0; i < 20; ++i) {
    auto outcome = turn_until_done(manager().call(call_of("edge")));
    run_ready(io);
    auto listed = run(io, manager().list({}));
    ASSERT_TRUE(outcome && listed);
    if (const auto* task = std::get_if<Backgrounded>(&*outcome)) {
      EXPECT_EQ(result_of(task->task_id), "done");
    } else {
      EXPECT_EQ(std::get<Finished>(*outcome).output.text, "done");
      EXPECT_TRUE(listed->tasks.empty());
    }
  }
}

TEST_F(CallTest, S09_IdsAreUnguessableAndSafeInUrls) {
  add_gate();
  ToolCall call = call_of("slow");
  call.budget = 0ms;
  std::set<std::string> ids;
  for (int i = 0; i < 200; ++i) ids.insert(background(call).task_id.text());
  EXPECT_EQ(ids.size(), 200U);
  for (const std::string& id : ids) {
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz"), std::string::npos);
  }
  gate.open();
  run_ready(io);
}

TEST_F(CallTest, F04_TheEnvelopeLeavesOnlyWhenTheStoreHasTheTask) {
  add_gate();
  here->store.hold_starts();
  auto call = manager().call(call_of("slow"));
  clock.advance(10s);
  EXPECT_FALSE(call.done()) << "the budget is over, but nobody else could find the task yet";
  here->store.release();
  run_ready(io);
  ASSERT_TRUE(call.done());
  const auto task = std::get<Backgrounded>(*call.take());
  EXPECT_TRUE(task.stored);
  auto other = test::Process(io, clock, backend, {});
  EXPECT_TRUE(run(io, other.manager->check(task.task_id)).has_value());
  gate.open();
  run_ready(io);
}

TEST_F(CallTest, F04_AStoreThatDoesNotAnswerHoldsTheEnvelopeUpForABoundedTimeOnly) {
  add_gate();
  here->store.hold_starts();
  auto call = manager().call(call_of("slow"));
  clock.advance(12s);
  ASSERT_TRUE(call.done());
  const auto task = std::get<Backgrounded>(*call.take());
  EXPECT_FALSE(task.stored);
  EXPECT_NE(envelope::running(task).find("only this process knows"), std::string::npos) << envelope::running(task);
  EXPECT_EQ(check(task.task_id).status, TaskStatus::running);
  here->store.release();
  gate.open();
  run_ready(io);
  EXPECT_EQ(result_of(task.task_id), "done");
}

TEST_F(CallTest, S24_AStoreThatIsAwayNeverTouchesTheToolsCaller) {
  add_gate();
  add("quick", returns(ToolOutput("42")));
  here->store.go_away();
  EXPECT_TRUE(std::holds_alternative<Finished>(*run(io, manager().call(call_of("quick")))));
  const auto task = background(call_of("slow"));
  EXPECT_FALSE(task.stored);
  EXPECT_FALSE(here->telemetry.faults.empty());
  gate.open();
  run_ready(io);
  here->store.come_back();
  clock.advance(10s);
  EXPECT_EQ(result_of(task.task_id), "done");
}

TEST_F(CallTest, F17_DroppingTheCallBeforeTheBudgetCancelsTheTool) {
  add_gate();
  {
    auto call = manager().call(call_of("slow"));
    run_ready(io);
    EXPECT_EQ(gate.inside(), 1U);
  }
  EXPECT_EQ(gate.inside(), 0U);
  EXPECT_EQ(manager().running(), 0U);
}

TEST_F(CallTest, F17_DroppingTheCallAfterTheBudgetLeavesTheTaskKnown) {
  add_gate();
  here->store.hold_starts();
  {
    auto call = manager().call(call_of("slow"));
    clock.advance(10s);
    EXPECT_FALSE(call.done());
  }
  here->store.release();
  run_ready(io);
  EXPECT_EQ(gate.inside(), 1U);
  EXPECT_EQ(run(io, manager().list({}))->tasks.size(), 1U);
  gate.open();
  run_ready(io);
}

TEST_F(CallTest, F17_AToolThatListensIsToldWhenItsCallIsDroppedAndMayTidyUp) {
  bool tidied = false;
  add("tidy", [&tidied](ToolContext& context) -> Task<ToolReturn> {
    auto stop = context.stop_token();
    while (!stop.stop_requested()) co_await context.sleep(100ms);
    co_await context.sleep(1s);
    tidied = true;
    co_return ToolOutput("never read");
  });
  {
    auto call = manager().call(call_of("tidy"));
    clock.advance(1s);
  }
  EXPECT_FALSE(tidied);
  clock.advance(2s);
  EXPECT_TRUE(tidied);
  EXPECT_EQ(manager().running(), 0U);
}

TEST_F(CallTest, F19_ABlockingToolRunsOnAThreadAndTheLoopGoesOn) {
  std::promise<void> let_go;
  auto gone = let_go.get_future().share();
  const auto loop_thread = std::this_thread::get_id();
  Tool tool;
  tool.name = "blocking";
  tool.blocking = [gone, loop_thread](ToolContext& context) -> ToolReturn {
    context.progress({.value = 1, .total = {}, .message = "on a thread"});
    gone.wait();
    return ToolOutput(std::this_thread::get_id() == loop_thread ? "on the loop" : "on a thread");
  };
  add(std::move(tool));
  ToolCall call = call_of("blocking");
  call.budget = 1s;
  auto answer = manager().call(std::move(call));
  clock.advance(1s);  // the loop turns although the tool blocks
  ASSERT_TRUE(answer.done());
  const TaskId id = std::get<Backgrounded>(*answer.take()).task_id;
  auto waiting = manager().await_task(id);
  let_go.set_value();
  EXPECT_EQ(run(io, std::move(waiting))->record.status, TaskStatus::completed);
  EXPECT_EQ(result_of(id), "on a thread");
}

TEST_F(CallTest, ABlockingToolThatThrowsFailsLikeAnyOther) {
  Tool tool;
  tool.name = "blocking";
  tool.blocking = [](ToolContext&) -> ToolReturn { throw std::runtime_error("disk on fire"); };
  add(std::move(tool));
  auto outcome = run(io, manager().call(call_of("blocking")));
  EXPECT_EQ(std::get<Failed>(*outcome).failure.error(), "std::runtime_error: disk on fire");
}

TEST_F(CallTest, F32_TimeRunsFromTheCallAndNotFromTheBackgrounding) {
  add("eleven", takes(11s));
  const TaskId id = background(call_of("eleven")).task_id;
  clock.advance(2s);
  const TaskRecord record = check(id);
  EXPECT_EQ(record.elapsed(clock.wall_now()), 11s);
}

TEST_F(CallTest, ProgressReachesTheCallerWhoWaitsAndNobodyAfterwards) {
  std::vector<double> heard;
  add("counter", [](ToolContext& context) -> Task<ToolReturn> {
    context.progress({.value = 0, .total = 4.0, .message = {}});
    for (int i = 1; i <= 4; ++i) {
      co_await context.sleep(4s);
      context.progress({.value = static_cast<double>(i), .total = 4.0, .message = {}});
    }
    co_return ToolOutput("done");
  });
  ToolCall call = call_of("counter");
  call.on_progress = [&](const Progress& progress) { heard.push_back(progress.value); };
  const TaskId id = background(std::move(call)).task_id;
  EXPECT_EQ(heard, (std::vector<double>{0, 1, 2}));
  clock.advance(3s);
  EXPECT_EQ(check(id).progress->value, 3);
  EXPECT_EQ(heard.size(), 3U);
  clock.advance(10s);
}

TEST_F(CallTest, AMaximumRunTimeEndsATool) {
  Tool tool;
  tool.name = "endless";
  tool.coroutine = gate.body();
  tool.max_run_time = 30s;
  add(std::move(tool));
  const TaskId id = background(call_of("endless")).task_id;
  clock.advance(19s);
  EXPECT_EQ(check(id).status, TaskStatus::running);
  clock.advance(2s);
  EXPECT_EQ(check(id).reason, EndReason::timed_out);
  EXPECT_EQ(check(id).error, "TimedOut: the tool ran past its maximum run time of 30s");
  EXPECT_EQ(gate.inside(), 0U);
}

TEST_F(CallTest, AToolThatListensAndRunsPastItsTimeHasTimedOutInlineToo) {
  Tool tool;
  tool.name = "listener";
  tool.max_run_time = 2s;
  tool.coroutine = [](ToolContext& context) -> Task<ToolReturn> {
    auto stop = context.stop_token();
    while (!stop.stop_requested()) co_await context.sleep(100ms);
    co_return std::unexpected(ToolFailure{"CommandFailed", "ended by SIGTERM", std::nullopt});
  };
  add(std::move(tool));
  auto outcome = turn_until_done(manager().call(call_of("listener")));
  const ToolFailure& failure = std::get<Failed>(*outcome).failure;
  EXPECT_EQ(failure.reason, EndReason::timed_out);
  EXPECT_EQ(failure.error(),
            "TimedOut: the tool ran past its maximum run time of 2s (CommandFailed: ended by SIGTERM)");
}

TEST_F(CallTest, AToolThatDoesNotExistAndArgumentsThatDoNotFitAreRefusedWithTheRemedy) {
  auto unknown = run(io, manager().call(call_of("nope")));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, errc::not_found);
  Tool tool;
  tool.name = "typed";
  tool.coroutine = returns(ToolOutput("ok"));
  tool.input_schema = R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]})";
  add(std::move(tool));
  ToolCall call = call_of("typed");
  call.arguments = R"({"n":"x"})";
  auto wrong = run(io, manager().call(call));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, errc::invalid_argument);
  EXPECT_NE(wrong.error().detail.find("'typed'"), std::string::npos);
  call.arguments = R"({"n":3})";
  EXPECT_TRUE(run(io, manager().call(call)).has_value());
}

TEST_F(CallTest, AToolThatCannotBeRightIsRefusedWhenItIsAdded) {
  Tool tool;
  tool.name = "two words";
  tool.coroutine = gate.body();
  EXPECT_EQ(manager().add_tool(tool).error().code, errc::invalid_argument);
  tool.name = "fine";
  tool.input_schema = "{not json";
  EXPECT_EQ(manager().add_tool(tool).error().code, errc::invalid_argument);
  tool.input_schema.clear();
  tool.rerun_if_lost = true;
  EXPECT_EQ(manager().add_tool(tool).error().code, errc::invalid_argument);
  tool.rerun_if_lost = false;
  EXPECT_TRUE(manager().add_tool(tool).has_value());
  EXPECT_EQ(manager().add_tool(tool).error().code, errc::invalid_argument) << "the name is taken";
  EXPECT_TRUE(manager().remove_tool("fine").has_value());
  EXPECT_EQ(manager().remove_tool("fine").error().code, errc::not_found);
}

}  // namespace
}  // namespace meantime
