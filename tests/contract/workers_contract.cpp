// SPDX-License-Identifier: MIT
// workers_contract.cpp: notices between workers, cancelling, leases, lost tasks, late results.
#include "contract/store_contract.hpp"

namespace meantime::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::string_view lost_text = "Task was lost: its worker stopped responding.";

TEST_P(StoreContract, S35_AWatchedTaskOfAnotherWorkerIsHeardToEnd) {
  const TaskId watched = start(*a_);
  const TaskId other = start(*a_);
  b_->watch(watched);
  EXPECT_EQ(find(*b_, watched).status, TaskStatus::running);  // watch first, then look: what ends now is heard
  must_finish(*a_, other);
  heard_b_.inside_call = true;
  auto ending = a_->finish({watched, 1}, done("ok"));
  heard_b_.inside_call = false;
  ASSERT_TRUE(wait(std::move(ending)));
  until([&] { return !heard_b_.ended.empty(); });
  EXPECT_EQ(result(*b_, watched), "ok");  // what was told can be read at once
  run_ready(loop_);
  EXPECT_THAT(heard_b_.ended, Contains(watched));
  EXPECT_THAT(heard_b_.ended, ::testing::Not(Contains(other)));
  EXPECT_THAT(heard_a_.ended, IsEmpty());
  b_->unwatch(watched);
}

TEST_P(StoreContract, F03_WatchThenLookNeverMissesAnEnd) {
  for (int round = 0; round < 300; ++round) {
    const TaskId id = start(*a_);
    auto ending = a_->finish({id, 1}, done("x"));
    b_->watch(id);
    if (find(*b_, id).status == TaskStatus::running) {
      until([&] { return std::ranges::find(heard_b_.ended, id) != heard_b_.ended.end(); });
    }
    EXPECT_EQ(find(*b_, id).status, TaskStatus::completed);
    b_->unwatch(id);
    ASSERT_TRUE(wait(std::move(ending)));
  }
}

TEST_P(StoreContract, F13_WatchesAreCountedAndManyCostNoMoreThanTheirTasks) {
  const TaskId id = start(*a_);
  for (int i = 0; i < 1'000; ++i) b_->watch(id);
  for (int i = 0; i < 999; ++i) b_->unwatch(id);
  EXPECT_EQ(find(*b_, id).status, TaskStatus::running);
  must_finish(*a_, id);
  until([&] { return !heard_b_.ended.empty(); });
  b_->unwatch(id);
  b_->unwatch(id);  // once too often: nothing
}

TEST_P(StoreContract, ManyEndsAtOnceAreAllHeard) {
  std::vector<TaskId> ids;
  for (int i = 0; i < 500; ++i) {
    ids.push_back(start(*a_));
    b_->watch(ids.back());
    EXPECT_EQ(find(*b_, ids.back()).status, TaskStatus::running);
  }
  std::vector<Task<Result<FinishVerdict>>> ends;
  for (const TaskId& id : ids) ends.push_back(a_->finish({id, 1}, done("x")));
  until([&] {
    std::vector<TaskId> heard = heard_b_.ended;
    std::ranges::sort(heard);
    return std::ranges::distance(heard.begin(), std::unique(heard.begin(), heard.end())) == 500;
  });
  for (auto& end : ends) ASSERT_TRUE(wait(std::move(end)));
  for (const TaskId& id : ids) b_->unwatch(id);
}

TEST_P(StoreContract, ACancelReachesTheTasksWorker) {
  const TaskId id = start(*a_);
  const TaskId other = start(*a_);
  ASSERT_TRUE(wait(b_->request_cancel(id)));
  until([&] { return !heard_a_.cancels.empty(); });
  EXPECT_THAT(heard_a_.cancels, ElementsAre(id));
  EXPECT_TRUE(find(*b_, id).cancel_requested);
  EXPECT_FALSE(find(*b_, other).cancel_requested);
  EXPECT_EQ(wait(a_->cancel_requests()), std::vector{id});  // the look that finds what a notice missed
  EXPECT_EQ(wait(b_->cancel_requests()), std::vector<TaskId>{});
  ASSERT_TRUE(wait(b_->request_cancel(id)));  // asking again changes nothing
  ASSERT_TRUE(finish(*a_, id, failed("Task was cancelled.", EndReason::cancelled)));
  EXPECT_EQ(wait(a_->cancel_requests()), std::vector<TaskId>{});
  EXPECT_EQ(wait(b_->request_cancel(id)).error().code, errc::already_final);
  EXPECT_EQ(find(*b_, id).reason, EndReason::cancelled);
}

TEST_P(StoreContract, S27_F08_TheTasksOfAKilledWorkerAreLostAndTheirWaitersHear) {
  const TaskId running = start(*a_);
  const TaskId ended = start(*a_);
  must_finish(*a_, ended, "kept");
  b_->watch(running);
  state_->kill(std::move(a_));
  until([&] { return heard_b_.died > 0; });  // at once: no lease time has passed
  const auto report = wait(b_->reap_lost({}));
  ASSERT_TRUE(report);
  EXPECT_THAT(report->lost, ElementsAre(running));
  EXPECT_THAT(report->reclaimed, IsEmpty());
  const TaskRecord record = find(*b_, running);
  EXPECT_EQ(record.status, TaskStatus::failed);
  EXPECT_EQ(record.reason, EndReason::lost);
  EXPECT_EQ(record.error, lost_text);
  EXPECT_EQ(record.ended_at, clock_.wall_now());
  EXPECT_EQ(result(*b_, ended), "kept");
  until([&] { return !heard_b_.ended.empty(); });
  EXPECT_EQ(heard_b_.ended.front(), running);
  EXPECT_THAT(wait(b_->reap_lost({}))->lost, IsEmpty());
  b_->unwatch(running);
}

TEST_P(StoreContract, AWorkerThatRenewsItsLeaseKeepsItsTasks) {
  const TaskId id = start(*a_);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(wait(a_->heartbeat()));
    clock_.advance(a_->lease() - Milliseconds(1));
    EXPECT_THAT(wait(b_->reap_lost({}))->lost, IsEmpty());
  }
  must_finish(*a_, id);
}

TEST_P(StoreContract, NobodyReapsItself) {
  const TaskId id = start(*a_);
  state_->let_lease_pass();
  EXPECT_THAT(wait(a_->reap_lost({}))->lost, IsEmpty());
  must_finish(*a_, id);
}

TEST_P(StoreContract, S27_AHungWorkerIsLostWhenItsLeaseRunsOutAndItsLateResultIsKeptBeside) {
  const TaskId id = start(*a_);
  EXPECT_THAT(wait(b_->reap_lost({}))->lost, IsEmpty());
  state_->let_lease_pass();
  EXPECT_THAT(wait(b_->reap_lost({}))->lost, ElementsAre(id));
  // It was only slow: it comes back with its result.
  const auto verdict = finish(*a_, id, done("too late"));
  ASSERT_TRUE(verdict);
  EXPECT_FALSE(verdict->stored);
  const TaskRecord record = find(*b_, id);
  EXPECT_EQ(record.reason, EndReason::lost);
  EXPECT_EQ(record.error, lost_text);
  EXPECT_TRUE(record.late_result);
  EXPECT_EQ(result(*b_, id), "");
  // And it goes on working under a new lease.
  ASSERT_TRUE(wait(a_->heartbeat()));
  const TaskId next = start(*a_);
  EXPECT_THAT(wait(b_->reap_lost({}))->lost, IsEmpty());
  must_finish(*a_, next);
}

TEST_P(StoreContract, AWorkerThatWasThoughtDeadMayStartAgainWithoutAHeartbeatInBetween) {
  start(*a_);
  state_->let_lease_pass();
  EXPECT_EQ(wait(b_->reap_lost({}))->lost.size(), 1U);
  const TaskId next = start(*a_);
  EXPECT_THAT(wait(b_->reap_lost({}))->lost, IsEmpty());
  must_finish(*a_, next);
}

TEST_P(StoreContract, ALostTaskThatMayRunAgainIsTakenOverOnce) {
  const Begin begin{.tool = "index", .owner = "ann", .rerun_if_lost = true, .arguments = "{\"n\":1}"};
  const TaskId again = start(*a_, begin);
  const TaskId unknown_tool = start(*a_, {.tool = "other", .rerun_if_lost = true});
  const TaskId not_again = start(*a_, {.tool = "index"});
  const TaskRecord before = find(*a_, again);
  state_->let_lease_pass();
  const ReclaimPolicy policy{.tools = {"index"}, .max_attempts = 3};
  const auto report = wait(b_->reap_lost(policy));
  ASSERT_TRUE(report);
  EXPECT_THAT(report->lost, UnorderedElementsAre(unknown_tool, not_again));
  ASSERT_EQ(report->reclaimed.size(), 1U);
  const ReclaimedTask& task = report->reclaimed.front();
  EXPECT_EQ(task.task_id, again);
  EXPECT_EQ(task.attempt, 2U);
  EXPECT_EQ(task.tool_name, "index");
  EXPECT_EQ(task.arguments, "{\"n\":1}");
  EXPECT_EQ(task.caller, before.caller);
  EXPECT_EQ(task.created_at, before.created_at);
  TaskRecord record = find(*b_, again);
  EXPECT_EQ(record.status, TaskStatus::running);
  EXPECT_EQ(record.attempt, 2U);
  EXPECT_EQ(record.worker, b_->worker());
  // The first worker's words no longer count: fenced by the attempt.
  EXPECT_FALSE(finish(*a_, again, done("of the first"))->stored);
  EXPECT_FALSE(finish(*a_, again, done("of the first"), 2)->stored);
  ASSERT_TRUE(wait(a_->set_progress({again, 1}, {.value = 99})));
  EXPECT_FALSE(find(*b_, again).progress);
  EXPECT_TRUE(finish(*b_, again, done("of the second"), 2)->stored);
  record = find(*a_, again);
  EXPECT_EQ(record.status, TaskStatus::completed);
  EXPECT_TRUE(record.late_result);
  EXPECT_EQ(result(*a_, again), "of the second");
}

TEST_P(StoreContract, ATaskThatMayRunAgainIsLeftToAProcessThatCanRunItForAWhile) {
  const TaskId id = start(*a_, {.tool = "index", .rerun_if_lost = true});
  state_->let_lease_pass();
  const auto viewer = wait(b_->reap_lost({.leave_to_others = std::chrono::hours(1)}));
  EXPECT_THAT(viewer->lost, IsEmpty());
  EXPECT_EQ(find(*b_, id).status, TaskStatus::running);
  auto c = state_->join();
  EXPECT_EQ(wait(c->reap_lost({.tools = {"index"}}))->reclaimed.size(), 1U);
  state_->let_lease_pass();
  EXPECT_THAT(wait(b_->reap_lost({}))->lost, ElementsAre(id));
}

TEST_P(StoreContract, ATaskIsRunAgainOnlySoManyTimes) {
  const ReclaimPolicy policy{.tools = {"index"}, .max_attempts = 2};
  const TaskId id = start(*a_, {.tool = "index", .rerun_if_lost = true});
  state_->let_lease_pass();
  ASSERT_EQ(wait(b_->reap_lost(policy))->reclaimed.size(), 1U);
  state_->let_lease_pass();
  const auto report = wait(a_->reap_lost(policy));
  EXPECT_THAT(report->lost, ElementsAre(id));
  EXPECT_EQ(find(*b_, id).error, std::string(lost_text) + " It was run 2 times.");
  EXPECT_EQ(find(*b_, id).reason, EndReason::lost);
}

TEST_P(StoreContract, ATaskThatSomebodyCancelledIsNotRunAgain) {
  const TaskId id = start(*a_, {.tool = "index", .rerun_if_lost = true});
  ASSERT_TRUE(wait(b_->request_cancel(id)));
  state_->let_lease_pass();
  EXPECT_THAT(wait(b_->reap_lost({.tools = {"index"}}))->lost, ElementsAre(id));
}

TEST_P(StoreContract, OfSeveralWhoLookForLostTasksOneEndsEach) {
  auto c = state_->join();
  std::vector<TaskId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(start(*a_));
  state_->kill(std::move(a_));
  auto from_b = b_->reap_lost({});
  auto from_c = c->reap_lost({});
  const auto b_report = wait(std::move(from_b));
  const auto c_report = wait(std::move(from_c));
  EXPECT_EQ(b_report->lost.size() + c_report->lost.size(), 20U);
  wait(c->close());
}

TEST_P(StoreContract, F10_TheOutcomeOfADeadWorkerIsWrittenInItsNameUntilTheTaskIsLost) {
  const TaskId kept = start(*a_);
  const TaskId lost = start(*a_);
  const std::string former(a_->worker());
  b_->watch(kept);
  const TaskEnd end = done("from the journal");
  EXPECT_FALSE(wait(b_->finish({kept, 1}, done("of another")))->stored) << "its own name has no right to it";
  EXPECT_FALSE(wait(b_->finish({kept, 2, former}, done("of another run")))->stored);
  EXPECT_TRUE(wait(b_->finish({kept, 1, former}, end))->stored);
  EXPECT_TRUE(wait(b_->finish({kept, 1, former}, end))->stored) << "the same once more is no second outcome";
  EXPECT_EQ(find(*b_, kept).status, TaskStatus::completed);
  EXPECT_THAT(find(*b_, kept).worker, ::testing::AnyOf(former, ""));  // a store need not keep it
  EXPECT_EQ(result(*b_, kept), "from the journal");
  state_->kill(std::move(a_));
  EXPECT_THAT(wait(b_->reap_lost({}))->lost, ElementsAre(lost));
  EXPECT_FALSE(wait(b_->finish({lost, 1, former}, done("too late")))->stored);
  EXPECT_EQ(find(*b_, lost).reason, EndReason::lost);
  EXPECT_TRUE(find(*b_, lost).late_result);
  b_->unwatch(kept);
}

TEST_P(StoreContract, F05_ALaterRunWhoseRecordIsGoneBeginsAnewUnderItsNumber) {
  const TaskId id = new_id();
  const Caller caller{"ann", "general", "discord"};
  ASSERT_TRUE(wait(b_->start(
      {.task_id = id, .tool_name = "index", .caller = &caller, .created_at = clock_.wall_now(), .attempt = 2})));
  EXPECT_EQ(find(*a_, id).attempt, 2U);
  EXPECT_FALSE(finish(*b_, id, done("of an earlier run"), 1)->stored);
  EXPECT_TRUE(finish(*b_, id, done("of this run"), 2)->stored);
  EXPECT_EQ(result(*a_, id), "of this run");
}

TEST_P(StoreContract, AClosedWorkersRunningTasksAreLostAndItsEndedOnesStay) {
  const TaskId left = start(*a_);
  const TaskId ended = start(*a_);
  must_finish(*a_, ended);
  wait(a_->close());
  a_.reset();
  EXPECT_THAT(wait(b_->reap_lost({}))->lost, ElementsAre(left));
  EXPECT_EQ(find(*b_, ended).status, TaskStatus::completed);
}

TEST_P(StoreContract, ALongTaskOutlivesEveryWallClockJump) {
  const TaskId id = start(*a_);
  clock_.jump_wall(std::chrono::hours(24 * 365));
  EXPECT_THAT(wait(b_->reap_lost({}))->lost, IsEmpty());
  clock_.jump_wall(-std::chrono::hours(24 * 365 * 2));
  EXPECT_THAT(wait(b_->reap_lost({}))->lost, IsEmpty());
  must_finish(*a_, id);
}

TEST_P(StoreContract, AWorkerHasANameThatRecordsShow) {
  EXPECT_NE(a_->worker(), b_->worker());
  EXPECT_FALSE(a_->worker().empty());
  EXPECT_GT(a_->lease(), Milliseconds(0));
}

}  // namespace
}  // namespace meantime::test
