// SPDX-License-Identifier: MIT
// ending_test.cpp: what becomes of a task: rows S10-S13, S24-S27 and the F rows about results and the store.
#include "core/envelope.hpp"
#include "support/manager_fixture.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using test::ManagerTest;
using test::Process;
using test::run;
using test::run_ready;

class EndingTest : public ManagerTest {
 protected:
  TaskId ended(ToolReturn value) {
    if (manager().tools().empty()) add_gate();
    const TaskId id = background(call_of("slow")).task_id;
    auto waiting = manager().await_task(id);
    gate.open(std::move(value));
    EXPECT_TRUE(run(io, std::move(waiting)).has_value());  // a large result comes by way of a thread
    return id;
  }
};

TEST_F(EndingTest, S10_SuccessIsCompletedWithItsText) {
  const TaskRecord record = check(ended(ToolOutput("text")));
  EXPECT_EQ(record.status, TaskStatus::completed);
  EXPECT_EQ(record.reason, EndReason::finished);
  EXPECT_EQ(result_of(record.task_id), "text");
}

TEST_F(EndingTest, S11_FailureIsFailedWithTypeAndMessage) {
  const TaskRecord record = check(ended(std::unexpected(ToolFailure{"BadWeather", "it rains", std::nullopt})));
  EXPECT_EQ(record.status, TaskStatus::failed);
  EXPECT_EQ(record.error, "BadWeather: it rains");
  EXPECT_EQ(record.reason, EndReason::tool_error);
}

TEST_F(EndingTest, S12_CancelledIsFailedWithAReasonOfItsOwn) {
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  ASSERT_TRUE(run(io, manager().cancel(id)).has_value());
  run_ready(io);
  const TaskRecord record = check(id);
  EXPECT_EQ(record.status, TaskStatus::failed);
  EXPECT_EQ(record.error, "Task was cancelled.");
  EXPECT_EQ(record.reason, EndReason::cancelled);
  EXPECT_EQ(gate.inside(), 0U);
  EXPECT_EQ(run(io, manager().cancel(id)).error().code, errc::already_final);
}

TEST_F(EndingTest, S05_TheRecordHoldsWhoAskedForWhatAndWhen) {
  add_gate();
  const WallTime asked = clock.wall_now();
  const TaskId id = background(call_of("slow")).task_id;
  const TaskRecord record = check(id);
  EXPECT_EQ(record.tool_name, "slow");
  EXPECT_EQ(record.caller, (Caller{"ann", "channel", "matrix"}));
  EXPECT_EQ(record.created_at, asked);
  EXPECT_FALSE(record.worker.empty());
  gate.open();
  run_ready(io);
}

TEST_F(EndingTest, ACancelledToolThatListensHasAGraceTimeAndIsThenDropped) {
  add("stubborn", [](ToolContext& context) -> Task<ToolReturn> {
    auto stop = context.stop_token();
    co_await context.sleep(10h);
    co_return ToolOutput(stop.stop_requested() ? "told" : "not told");
  });
  const TaskId id = background(call_of("stubborn")).task_id;
  ASSERT_TRUE(run(io, manager().cancel(id)).has_value());
  clock.advance(4s);
  EXPECT_EQ(check(id).status, TaskStatus::running);
  EXPECT_TRUE(check(id).cancel_requested);
  clock.advance(2s);
  EXPECT_EQ(check(id).error, "Task was cancelled.");
}

TEST_F(EndingTest, AToolThatFinishesAlthoughItWasCancelledHasFinished) {
  add("quick_to_stop", [](ToolContext& context) -> Task<ToolReturn> {
    auto stop = context.stop_token();
    while (!stop.stop_requested()) co_await context.sleep(100ms);
    co_return ToolOutput("all of it");
  });
  const TaskId id = background(call_of("quick_to_stop")).task_id;
  ASSERT_TRUE(run(io, manager().cancel(id)).has_value());
  clock.advance(1s);
  EXPECT_EQ(check(id).status, TaskStatus::completed);
  EXPECT_EQ(result_of(id), "all of it");
}

TEST_F(EndingTest, AToolMayCancelItself) {
  TaskId self;
  add("selfish", [this, &self](ToolContext& context) -> Task<ToolReturn> {
    co_await context.sleep(11s);
    auto asked = co_await manager().cancel(self);
    co_await context.sleep(1h);
    co_return ToolOutput("not reached");
  });
  self = background(call_of("selfish")).task_id;
  clock.advance(2s);
  EXPECT_EQ(check(self).reason, EndReason::cancelled);
}

TEST_F(EndingTest, F10_AnOutcomeIsKeptAndWrittenWhenTheStoreIsBack) {
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  here->store.go_away();
  gate.open(ToolOutput("precious"));
  clock.advance(60s);
  EXPECT_EQ(check(id).status, TaskStatus::completed) << "this process answers from memory";
  EXPECT_EQ(result_of(id), "precious");
  Process other(io, clock, backend, {});
  EXPECT_EQ(run(io, other.manager->check(id))->status, TaskStatus::running);
  here->store.come_back();
  run_ready(io);
  EXPECT_EQ(run(io, other.manager->check(id))->status, TaskStatus::completed);
  EXPECT_EQ(run(io, other.manager->read_result(id, 0, 0))->text, "precious");
  EXPECT_EQ(manager().running(), 0U);
}

TEST_F(EndingTest, F02_StateAndResultBecomeVisibleInOneStep) {
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  here->store.hold_finishes();
  gate.open(ToolOutput("whole"));
  run_ready(io);
  EXPECT_EQ(check(id).status, TaskStatus::running) << "nobody is told before the store has it";
  here->store.release();
  run_ready(io);
  EXPECT_EQ(check(id).status, TaskStatus::completed);
  EXPECT_EQ(check(id).result_bytes, 5U);
  EXPECT_EQ(result_of(id), "whole");
}

TEST_F(EndingTest, F01_AStartThatArrivesAfterTheEndChangesNothing) {
  add_gate();
  here->store.hold_starts();
  auto call = manager().call(call_of("slow"));
  clock.advance(12s);
  const TaskId id = std::get<Backgrounded>(*call.take()).task_id;
  gate.open(ToolOutput("early"));
  run_ready(io);
  here->store.release();
  clock.advance(10s);
  Process other(io, clock, backend, {});
  EXPECT_EQ(run(io, other.manager->check(id))->status, TaskStatus::completed);
  EXPECT_EQ(run(io, other.manager->read_result(id, 0, 0))->text, "early");
}

TEST_F(EndingTest, S04_F11_BytesThatAreNoUtf8AreRepairedOnceAtCompletion) {
  const TaskId id = ended(ToolOutput(std::string("ok \xff\xfe and \xe2\x82\xac")));
  EXPECT_EQ(result_of(id), "ok \xef\xbf\xbd\xef\xbf\xbd and \xe2\x82\xac");
}

TEST_F(EndingTest, S04_AResultThatIsMoreThanTextIsTextFromItsCompletionOnAndSaysOfWhatType) {
  ToolOutput answer(R"({"content":[{"type":"image","data":"AAAA","mimeType":"image/png"}]})");
  answer.media_type = MediaType::mcp_result;
  const std::string text = answer.text;
  const TaskId id = ended(std::move(answer));
  EXPECT_EQ(check(id).media_type, MediaType::mcp_result);
  EXPECT_EQ(result_of(id), text);
}

TEST_F(EndingTest, F33_ErrorsAreCapped) {
  const TaskId id = ended(std::unexpected(ToolFailure{"Huge", std::string(5'000'000, 'x'), std::nullopt}));
  EXPECT_LT(check(id).error.size(), 20'000U);
  EXPECT_NE(check(id).error.find("left out"), std::string::npos);
}

TEST_F(EndingTest, F07_AResultOverItsLimitKeepsItsHeadAndItsTailAndSaysSo) {
  ManagerOptions options;
  options.limits.result_bytes = 1'000;
  restart(options);
  std::string big = "first";
  big.append(5'000, '.');
  big += "last";
  const TaskId id = ended(ToolOutput(big));
  const TaskRecord record = check(id);
  EXPECT_TRUE(record.result_cut);
  const std::string kept = result_of(id);
  EXPECT_LT(kept.size(), 1'100U);
  EXPECT_TRUE(kept.starts_with("first"));
  EXPECT_TRUE(kept.ends_with("last"));
}

TEST_F(EndingTest, F28_ALargeResultIsPreparedOffTheLoop) {
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  auto waiting = manager().await_task(id);
  gate.open(ToolOutput(std::string(8'000'000, 'x')));
  EXPECT_FALSE(waiting.done()) << "a thread of the pool has it";
  EXPECT_EQ(run(io, std::move(waiting))->record.result_bytes, 8'000'000U);
}

TEST_F(EndingTest, F05_ATaskThatOutlivesTheRetentionKeepsItsOwner) {
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  clock.advance(50h);
  EXPECT_EQ(check(id).caller.user_id, "ann");
  EXPECT_FALSE(run(io, manager().check(id, "bob")).has_value());
  gate.open();
  run_ready(io);
  EXPECT_EQ(check(id).caller.user_id, "ann");
}

TEST_F(EndingTest, F06_RetentionCountsFromTheEnd) {
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  clock.advance(20h);
  gate.open();
  run_ready(io);
  clock.advance(23h);
  EXPECT_TRUE(run(io, manager().check(id)).has_value());
  clock.advance(2h);
  EXPECT_EQ(run(io, manager().check(id)).error().code, errc::not_found);
}

TEST_F(EndingTest, F08_ATaskWhoseProcessDiedIsLostWithinABoundedTimeAndItsWaitersWake) {
  Process other(io, clock, backend, {});
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  auto waiting = other.manager->await_task(id, 5min);
  run_ready(io);
  here.reset();  // dies without a word
  clock.advance(16s);
  ASSERT_TRUE(waiting.done());
  const auto awaited = waiting.take();
  ASSERT_TRUE(awaited);
  EXPECT_EQ(awaited->record.reason, EndReason::lost);
  EXPECT_EQ(awaited->record.error, "Task was lost: its worker stopped responding.");
}

TEST_F(EndingTest, S27_ALostTaskOfAnIdempotentToolRunsAgainWhereThatIsConfigured) {
  Tool tool;
  tool.name = "again";
  tool.idempotent = true;
  tool.rerun_if_lost = true;
  tool.coroutine = gate.body();
  Process other(io, clock, backend, {});
  test::Gate second;
  add(tool);
  tool.coroutine = second.body();
  ASSERT_TRUE(other.manager->add_tool(tool).has_value());
  ToolCall call = call_of("again");
  call.arguments = R"({"page":7})";
  const TaskId id = background(std::move(call)).task_id;
  here.reset();
  clock.advance(16s);
  EXPECT_EQ(second.inside(), 1U);
  EXPECT_EQ(run(io, other.manager->check(id))->status, TaskStatus::running);
  EXPECT_EQ(run(io, other.manager->check(id))->attempt, 2U);
  second.open(ToolOutput("second time"));
  run_ready(io);
  EXPECT_EQ(run(io, other.manager->read_result(id, 0, 0))->text, "second time");
}

TEST_F(EndingTest, AnEndThatOthersDecidedIsNotToldAsItsOwnWhileTheStoreDoesNotSayHow) {
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  auto waiting = manager().await_task(id, Milliseconds(60'000));
  run_ready(io);
  // Somebody took this process for dead.
  ASSERT_TRUE(run(io, here->store.finish({id, 1}, {.status = TaskStatus::failed,
                                                   .reason = EndReason::lost,
                                                   .error = "Task was lost.",
                                                   .ended_at = clock.wall_now()})));
  here->store.go_away_after_an_end();
  gate.open(ToolOutput("too late"));
  run_ready(io);
  ASSERT_TRUE(waiting.done());
  const auto awaited = waiting.take();
  ASSERT_FALSE(awaited) << "told as " << name_of(awaited->record.reason);
  EXPECT_EQ(awaited.error().code, errc::unavailable);
  here->store.come_back();
  EXPECT_EQ(check(id).reason, EndReason::lost);
  EXPECT_TRUE(check(id).late_result);
}

TEST_F(EndingTest, S27_ASecondRunHasTheWholeMaximumRunTimeAgain) {
  Tool tool;
  tool.name = "again";
  tool.idempotent = true;
  tool.rerun_if_lost = true;
  tool.max_run_time = 20s;
  tool.coroutine = gate.body();
  Process other(io, clock, backend, {});
  test::Gate second;
  add(tool);
  tool.coroutine = second.body();
  ASSERT_TRUE(other.manager->add_tool(tool).has_value());
  const TaskId id = background(call_of("again")).task_id;
  here.reset();
  clock.advance(15s);  // 25 s since the call, 15 at most of the second run
  EXPECT_EQ(second.inside(), 1U);
  clock.advance(20s);
  EXPECT_EQ(run(io, other.manager->check(id))->reason, EndReason::timed_out);
}

TEST_F(EndingTest, S27_AWorkerThatGetsItsOwnTaskBackGoesOnWithTheRunThatItHas) {
  Tool tool;
  tool.name = "again";
  tool.idempotent = true;
  tool.rerun_if_lost = true;
  tool.coroutine = gate.body();
  auto other = std::make_unique<Process>(io, clock, backend, ManagerOptions{});
  test::Gate second;
  add(tool);
  tool.coroutine = second.body();
  ASSERT_TRUE(other->manager->add_tool(tool).has_value());
  const TaskId id = background(call_of("again")).task_id;
  here->store.go_away();
  clock.advance(16s);
  ASSERT_EQ(second.inside(), 1U) << "the other took it over";
  other.reset();  // and dies
  here->store.come_back();
  clock.advance(16s);
  EXPECT_EQ(check(id).attempt, 3U);
  EXPECT_EQ(gate.entered, 1U);
  gate.open(ToolOutput("first run"));
  run_ready(io);
  EXPECT_EQ(check(id).status, TaskStatus::completed);
  EXPECT_FALSE(check(id).late_result);
  EXPECT_EQ(result_of(id), "first run");
  EXPECT_EQ(manager().running(), 0U);
}

TEST_F(EndingTest, S27_ARunThatEndsWhileItsTaskComesBackIsLateAndTheTaskRunsAgain) {
  Tool tool;
  tool.name = "again";
  tool.idempotent = true;
  tool.rerun_if_lost = true;
  tool.coroutine = gate.body();
  auto other = std::make_unique<Process>(io, clock, backend, ManagerOptions{});
  test::Gate second;
  add(tool);
  tool.coroutine = second.body();
  ASSERT_TRUE(other->manager->add_tool(tool).has_value());
  const TaskId id = background(call_of("again")).task_id;
  here->store.go_away();
  clock.advance(16s);
  other.reset();
  here->store.come_back();
  here->store.hold_finishes();
  gate.open(ToolOutput("a run"));
  clock.advance(16s);
  EXPECT_EQ(gate.entered, 1U);
  here->store.release();
  clock.advance(16s);
  EXPECT_EQ(gate.entered, 2U);
  EXPECT_EQ(check(id).status, TaskStatus::completed);
  EXPECT_EQ(check(id).attempt, 3U);
  EXPECT_EQ(manager().running(), 0U);
}

TEST_F(EndingTest, S27_ALongWalkOfRetentionCostsNoWorkerItsLease) {
  Process other(io, clock, backend, {});
  add_gate();
  here->store.hold_forgetting();
  const TaskId id = background(call_of("slow")).task_id;
  clock.advance(10min);
  EXPECT_EQ(check(id).status, TaskStatus::running);
  EXPECT_EQ(run(io, other.manager->check(id))->status, TaskStatus::running);
  here->store.release();
  gate.open(ToolOutput("kept"));
  run_ready(io);
  EXPECT_EQ(run(io, other.manager->check(id))->status, TaskStatus::completed);
}

TEST_F(EndingTest, WhatAToolPrintedLastIsKept) {
  add("printer", [](ToolContext& context) -> Task<ToolReturn> {
    co_await context.sleep(11s);
    context.append_output("first ");
    co_await context.sleep(10ms);
    context.append_output("last");
    co_return ToolOutput("done");
  });
  const TaskId id = background(call_of("printer")).task_id;
  clock.advance(5s);
  EXPECT_EQ(*run(io, manager().read_output(id, 0, 100)), "first last");
}

TEST_F(EndingTest, S13_FinishedTasksAreBoundedTheFirstToEndGoFirstAndRunningOnesStay) {
  backend = make_memory_backend(clock, MemoryRetention{.max_finished = 5, .keep_at_least = 10s});
  restart({});
  add_gate();
  const TaskId runs = background(call_of("slow")).task_id;
  add("quick", [](ToolContext&) -> Task<ToolReturn> { co_return ToolOutput("q"); });
  std::vector<TaskId> ids;
  for (int i = 0; i < 8; ++i) {
    ToolCall call = call_of("quick");
    call.budget = 0ms;
    ids.push_back(background(call).task_id);
    clock.advance(20s);
  }
  EXPECT_EQ(run(io, manager().check(ids[2])).error().code, errc::not_found);
  EXPECT_TRUE(run(io, manager().check(ids[3])).has_value());
  EXPECT_EQ(check(runs).status, TaskStatus::running);
  gate.open();
  run_ready(io);
  EXPECT_TRUE(run(io, manager().check(runs)).has_value()) << "F20: evicted by end, not by creation";
}

TEST_F(EndingTest, F20_ALongTaskDoesNotVanishInTheMomentItCompletes) {
  backend = make_memory_backend(clock, MemoryRetention{.max_finished = 5, .keep_at_least = 0ms});
  restart({});
  add_gate();
  const TaskId old = background(call_of("slow")).task_id;
  add("quick", [](ToolContext&) -> Task<ToolReturn> { co_return ToolOutput("q"); });
  for (int i = 0; i < 50; ++i) {
    ToolCall call = call_of("quick");
    call.budget = 0ms;
    background(call);
    run_ready(io);
  }
  gate.open(ToolOutput("kept"));
  run_ready(io);
  EXPECT_EQ(result_of(old), "kept");
}

}  // namespace
}  // namespace meantime
