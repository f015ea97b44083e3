// SPDX-License-Identifier: MIT
// upkeep_test.cpp: limits, idempotency keys, telemetry and drain: rows S50, S51, F18, F21, F26, F27, F35.
#include "support/manager_fixture.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using test::ManagerTest;
using test::Process;
using test::run;
using test::run_ready;

class UpkeepTest : public ManagerTest {};

TEST_F(UpkeepTest, F27_ALimitIsRefusedWithItsNameAndWhenToTryAgainAndOthersAreServed) {
  ManagerOptions options;
  options.limits.running_per_owner = 3;
  options.limits.running = 5;
  restart(options);
  add_gate();
  std::vector<Task<Result<Outcome>>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(manager().call(call_of("slow", "ann")));
  auto refused = run(io, manager().call(call_of("slow", "ann")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::overloaded);
  EXPECT_NE(refused.error().detail.find("limits.running_per_owner"), std::string::npos);
  EXPECT_NE(refused.error().detail.find("'ann'"), std::string::npos);
  EXPECT_GT(refused.error().retry_after, 0ms);
  calls.push_back(manager().call(call_of("slow", "bob")));
  calls.push_back(manager().call(call_of("slow", "bob")));
  EXPECT_FALSE(calls.back().done()) << "one owner's limit is not another's";
  EXPECT_NE(run(io, manager().call(call_of("slow", "cid"))).error().detail.find("limits.running"), std::string::npos);
  gate.open();
  run_ready(io);
  EXPECT_TRUE(run(io, manager().call(call_of("slow", "ann"))).has_value());
}

TEST_F(UpkeepTest, F27_AToolsOwnLimitHoldsForThatToolAlone) {
  Tool tool;
  tool.name = "single";
  tool.coroutine = gate.body();
  tool.max_running = 1;
  add(std::move(tool));
  add_gate();
  auto first = manager().call(call_of("single"));
  EXPECT_EQ(run(io, manager().call(call_of("single"))).error().code, errc::overloaded);
  auto another = manager().call(call_of("slow"));
  EXPECT_FALSE(another.done());
  gate.open();
  run_ready(io);
}

TEST_F(UpkeepTest, F27_WaitersAreLimitedToo) {
  ManagerOptions options;
  options.limits.waiters = 2;
  restart(options);
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  auto one = manager().await_task(id);
  auto two = manager().await_task(id);
  EXPECT_EQ(run(io, manager().await_task(id)).error().code, errc::overloaded);
  gate.open();
  run_ready(io);
}

TEST_F(UpkeepTest, TheSameKeyFromTheSameOwnerJoinsTheFirstCallAndNeverRunsTheToolTwice) {
  add_gate();
  ToolCall call = call_of("slow");
  call.idempotency_key = "order-7";
  auto first = manager().call(call);
  run_ready(io);
  auto again = manager().call(call);
  Process other(io, clock, backend, {});
  ASSERT_TRUE(other.manager->add_tool({.name = "slow", .coroutine = gate.body()}).has_value());
  auto elsewhere = other.manager->call(call);
  run_ready(io);
  EXPECT_EQ(gate.entered, 1U);
  gate.open(ToolOutput("once"));
  run_ready(io);
  for (auto* each : {&first, &again, &elsewhere}) {
    ASSERT_TRUE(each->done());
    EXPECT_EQ(std::get<Finished>(*each->take()).output.text, "once");
  }
  auto later = turn_until_done(manager().call(call));
  EXPECT_EQ(std::get<Finished>(*later).output.text, "once");
  EXPECT_EQ(gate.entered, 1U);
  call.caller.user_id = "bob";
  EXPECT_TRUE(turn_until_done(manager().call(call)).has_value());
  EXPECT_EQ(gate.entered, 2U) << "another owner's key is another key";
}

TEST_F(UpkeepTest, AClientThatTimedOutAndCallsAgainWithItsKeyFindsItsTask) {
  add_gate();
  ToolCall call = call_of("slow");
  call.idempotency_key = "order-8";
  {
    auto given_up = manager().call(call);
    clock.advance(5s);
  }
  EXPECT_EQ(gate.inside(), 1U) << "the work it paid for goes on";
  auto again = manager().call(call);
  gate.open(ToolOutput("saved"));
  run_ready(io);
  EXPECT_EQ(std::get<Finished>(*again.take()).output.text, "saved");
  EXPECT_EQ(gate.entered, 1U);
}

TEST_F(UpkeepTest, AClientThatCallsAgainWithItsKeyIsNotTurnedAwayByTheLimitThatItsOwnTaskFills) {
  ManagerOptions options;
  options.limits.running_per_owner = 1;
  restart(options);
  add_gate();
  ToolCall call = call_of("slow");
  call.idempotency_key = "order-11";
  const TaskId id = background(call).task_id;
  EXPECT_EQ(run(io, manager().call(call_of("slow"))).error().code, errc::overloaded);
  EXPECT_EQ(background(call).task_id, id);
  gate.open();
  run_ready(io);
}

TEST_F(UpkeepTest, AKeyedCallThatFailsSaysSoToAllWhoJoin) {
  add_gate();
  ToolCall call = call_of("slow");
  call.idempotency_key = "order-9";
  auto first = manager().call(call);
  auto second = manager().call(call);
  gate.open(std::unexpected(ToolFailure{"BadWeather", "it rains", std::nullopt}));
  run_ready(io);
  EXPECT_EQ(std::get<Failed>(*first.take()).failure.error(), "BadWeather: it rains");
  EXPECT_EQ(std::get<Failed>(*second.take()).failure.error(), "BadWeather: it rains");
}

TEST_F(UpkeepTest, AKeyedCallOverItsBudgetIsATaskForEveryoneWhoCalls) {
  add_gate();
  ToolCall call = call_of("slow");
  call.idempotency_key = "order-10";
  const TaskId id = background(call).task_id;
  EXPECT_EQ(background(call).task_id, id);
  gate.open();
  run_ready(io);
}

TEST_F(UpkeepTest, AKeyedCallThatASlowStoreJoinsLateWaitsForTheTaskThatHasTheKey) {
  add_gate();
  ToolCall call = call_of("slow");
  call.idempotency_key = "order-12";
  Process other(io, clock, backend, {});
  ASSERT_TRUE(other.manager->add_tool({.name = "slow", .coroutine = gate.body()}).has_value());
  auto first = other.manager->call(call);
  run_ready(io);
  here->store.hold_starts();
  auto second = manager().call(call);
  clock.advance(3s);  // longer than an envelope waits for the store
  here->store.release();
  run_ready(io);
  gate.open(ToolOutput("once"));
  run_ready(io);
  const auto joined = turn_until_done(std::move(second));
  ASSERT_TRUE(joined) << joined.error().detail;
  EXPECT_EQ(std::get<Finished>(*joined).output.text, "once");
  EXPECT_EQ(gate.entered, 1U);
  EXPECT_EQ(manager().running(), 0U);
}

TEST_F(UpkeepTest, WhoJoinsAKeyBesideItsFirstCallIsToldOfNoTaskBeforeTheStoreSaysWhichHasTheKey) {
  add_gate();
  ToolCall call = call_of("slow");
  call.idempotency_key = "order-14";
  call.budget = Milliseconds(0);
  Process other(io, clock, backend, {});
  ASSERT_TRUE(other.manager->add_tool({.name = "slow", .coroutine = gate.body()}).has_value());
  const auto theirs = turn_until_done(other.manager->call(call));
  const TaskId id = std::get<Backgrounded>(*theirs).task_id;
  here->store.hold_starts();
  auto first = manager().call(call);
  auto beside = manager().call(call);
  run_ready(io);
  clock.advance(5ms);
  EXPECT_FALSE(beside.done()) << "it would be a task without the key";
  here->store.release();
  for (auto* each : {&first, &beside}) {
    const auto told = turn_until_done(std::move(*each));
    ASSERT_TRUE(told) << told.error().detail;
    EXPECT_EQ(std::get<Backgrounded>(*told).task_id, id);
  }
  gate.open();
  run_ready(io);
  EXPECT_EQ(gate.entered, 1U);
  EXPECT_EQ(manager().running(), 0U);
}

TEST_F(UpkeepTest, ATaskThatSomebodyWasToldOfIsKeptThoughASlowStoreFindsItsKeyTaken) {
  add_gate();
  ToolCall call = call_of("slow");
  call.idempotency_key = "order-13";
  call.budget = Milliseconds(0);
  Process other(io, clock, backend, {});
  ASSERT_TRUE(other.manager->add_tool({.name = "slow", .coroutine = gate.body()}).has_value());
  const auto first = turn_until_done(other.manager->call(call));
  const TaskId theirs = std::get<Backgrounded>(*first).task_id;
  here->store.hold_starts();
  const Backgrounded ours = background(call);
  EXPECT_FALSE(ours.stored);
  EXPECT_NE(ours.task_id, theirs);
  here->store.release();
  run_ready(io);
  gate.open(ToolOutput("done"));
  run_ready(io);
  for (const TaskId& id : {theirs, ours.task_id}) {
    const auto seen = run(io, other.manager->check(id));
    ASSERT_TRUE(seen) << seen.error().detail;
    EXPECT_EQ(seen->status, TaskStatus::completed);
  }
  EXPECT_EQ(run(io, other.manager->check(theirs))->idempotency_key, "order-13");
  EXPECT_EQ(run(io, other.manager->check(ours.task_id))->idempotency_key, "");
}

TEST_F(UpkeepTest, S50_EachPhaseIsTold) {
  add("quick", [](ToolContext&) -> Task<ToolReturn> { co_return ToolOutput("q"); });
  add_gate();
  run(io, manager().call(call_of("quick")));
  const TaskId id = background(call_of("slow")).task_id;
  clock.advance(5s);
  gate.open();
  run_ready(io);
  const auto& events = here->telemetry.events;
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].phase, "inline");
  EXPECT_EQ(events[0].status, "ok");
  EXPECT_EQ(events[0].tool_name, "quick");
  EXPECT_EQ(events[1].phase, "backgrounded");
  EXPECT_EQ(events[1].status, "backgrounded");
  EXPECT_TRUE(events[1].backgrounded);
  EXPECT_EQ(events[1].task_id, id.text());
  EXPECT_EQ(events[1].duration, 10s);
  EXPECT_EQ(events[2].phase, "completed");
  EXPECT_EQ(events[2].status, "ok");
  EXPECT_EQ(events[2].user_id, "ann");
  EXPECT_EQ(events[2].channel_id, "channel");
  EXPECT_EQ(events[2].platform, "matrix");
  EXPECT_EQ(events[2].duration, 15s);
}

TEST_F(UpkeepTest, F18_AToolThatFailsIsToldAsAnErrorInlineAndLater) {
  const ToolReturn failure = std::unexpected(ToolFailure{"BadWeather", std::string(600, 'r'), std::nullopt});
  add("fails", [failure](ToolContext&) -> Task<ToolReturn> { co_return failure; });
  add_gate();
  run(io, manager().call(call_of("fails")));
  background(call_of("slow"));
  gate.open(failure);
  run_ready(io);
  const auto& events = here->telemetry.events;
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].phase, "inline");
  EXPECT_EQ(events[0].status, "error");
  EXPECT_EQ(events[0].error_type, "BadWeather");
  EXPECT_EQ(events[0].error_message.size(), 500U);
  EXPECT_EQ(events[2].phase, "failed");
  EXPECT_EQ(events[2].status, "error");
  EXPECT_EQ(events[2].error_type, "BadWeather");
}

TEST_F(UpkeepTest, S51_ATelemetryFaultNeverTouchesATask) {
  here->telemetry.throws = true;
  add("quick", [](ToolContext&) -> Task<ToolReturn> { co_return ToolOutput("q"); });
  add_gate();
  EXPECT_TRUE(std::holds_alternative<Finished>(*run(io, manager().call(call_of("quick")))));
  const TaskId id = background(call_of("slow")).task_id;
  gate.open();
  run_ready(io);
  EXPECT_EQ(result_of(id), "done");
}

TEST_F(UpkeepTest, F26_DrainWaitsForWhatRunsAndTakesNothingNew) {
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  auto draining = manager().drain(30s);
  EXPECT_EQ(run(io, manager().call(call_of("slow"))).error().code, errc::draining);
  clock.advance(5s);
  EXPECT_FALSE(draining.done());
  gate.open();
  run_ready(io);
  ASSERT_TRUE(draining.done());
  const DrainReport report = draining.take();
  EXPECT_EQ(report.finished, 1U);
  EXPECT_EQ(report.interrupted, 0U);
  EXPECT_EQ(report.unsaved, 0U);
  EXPECT_EQ(check(id).status, TaskStatus::completed);
}

TEST_F(UpkeepTest, F26_DrainEndsWhatDoesNotEndByItselfAndRecordsIt) {
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  auto inline_call = manager().call(call_of("slow"));
  auto draining = manager().drain(3s);
  clock.advance(4s);
  ASSERT_TRUE(draining.done());
  EXPECT_EQ(draining.take().interrupted, 2U);
  EXPECT_EQ(check(id).reason, EndReason::interrupted);
  EXPECT_EQ(check(id).error, "Interrupted: meantime shut down before the tool was done");
  ASSERT_TRUE(inline_call.done());
  EXPECT_EQ(std::get<Failed>(*inline_call.take()).failure.reason, EndReason::interrupted);
  EXPECT_EQ(manager().running(), 0U);
}

TEST_F(UpkeepTest, ASecondDrainHastensTheFirst) {
  add_gate();
  background(call_of("slow"));
  auto patient = manager().drain(1h);
  clock.advance(1s);
  auto hasty = manager().drain(0s);
  clock.advance(1s);
  EXPECT_TRUE(patient.done());
  EXPECT_TRUE(hasty.done());
}

TEST_F(UpkeepTest, F35_DrainingManyTasksDoesNotGrowWithTheirSquare) {
  ManagerOptions options;
  options.limits.running = 0;
  options.limits.running_per_owner = 0;
  options.retention = 0ms;
  restart(options);
  add_gate();
  ToolCall call = call_of("slow");
  call.budget = 0ms;
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(run(io, manager().call(call)).has_value());
  run_ready(io);
  EXPECT_EQ(manager().running(), 20'000U);
  auto draining = manager().drain(0s);
  run_ready(io);
  ASSERT_TRUE(draining.done());
  EXPECT_EQ(draining.take().interrupted, 20'000U);
}

}  // namespace
}  // namespace meantime
