// SPDX-License-Identifier: MIT
// lifecycle_contract.cpp: start, finish, keys, progress, output, retention.
#include "contract/store_contract.hpp"

namespace meantime::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_P(StoreContract, S05_ARunningTaskHoldsWhatItsCallGave) {
  const TaskId id = new_id();
  const Caller caller{"ann \xE2\x9C\x93", "general", "discord"};
  const WallTime called = clock_.wall_now() - Milliseconds(10'000);
  ASSERT_TRUE(wait(a_->start({.task_id = id, .tool_name = "build.all", .caller = &caller, .created_at = called})));
  for (Store* store : {a_.get(), b_.get()}) {
    const TaskRecord record = find(*store, id);
    EXPECT_EQ(record.task_id, id);
    EXPECT_EQ(record.tool_name, "build.all");
    EXPECT_EQ(record.status, TaskStatus::running);
    EXPECT_EQ(record.reason, EndReason::none);
    EXPECT_EQ(record.created_at, called);  // F32: the moment of the call
    EXPECT_FALSE(record.ended_at);
    EXPECT_EQ(record.caller, caller);
    EXPECT_EQ(record.worker, a_->worker());
    EXPECT_EQ(record.attempt, 1U);
    EXPECT_FALSE(record.cancel_requested);
    EXPECT_FALSE(record.late_result);
    EXPECT_EQ(record.idempotency_key, "");
  }
}

TEST_P(StoreContract, S10_AFinishedTaskHoldsItsResultForEveryWorker) {
  const TaskId id = start(*a_);
  TaskEnd end = done("{\"content\":[]}");
  end.media_type = MediaType::mcp_result;
  end.exit_code = 0;
  end.result_cut = true;
  end.ended_at += Milliseconds(1'234);
  ASSERT_TRUE(finish(*a_, id, end));
  for (Store* store : {a_.get(), b_.get()}) {
    const TaskRecord record = find(*store, id);
    EXPECT_EQ(record.status, TaskStatus::completed);
    EXPECT_EQ(record.reason, EndReason::finished);
    EXPECT_EQ(record.ended_at, end.ended_at);
    EXPECT_EQ(record.media_type, MediaType::mcp_result);
    EXPECT_EQ(record.exit_code, 0);
    EXPECT_TRUE(record.result_cut);
    EXPECT_EQ(record.result_bytes, end.result.size());
    EXPECT_EQ(record.result_chars, end.result.size());
    EXPECT_EQ(record.elapsed(clock_.wall_now() + Milliseconds(99'999)), Milliseconds(1'234));
    EXPECT_EQ(result(*store, id), end.result);
  }
}

TEST_P(StoreContract, S11_AFailedTaskHoldsItsErrorAndWhatItPrinted) {
  const TaskId id = start(*a_);
  TaskEnd end = failed("ExitError: code 3");
  end.result = "partial";
  end.exit_code = 3;
  ASSERT_TRUE(finish(*a_, id, end));
  const TaskRecord record = find(*b_, id);
  EXPECT_EQ(record.status, TaskStatus::failed);
  EXPECT_EQ(record.reason, EndReason::tool_error);
  EXPECT_EQ(record.error, "ExitError: code 3");
  EXPECT_EQ(record.exit_code, 3);
  EXPECT_EQ(result(*b_, id), "partial");
}

TEST_P(StoreContract, S12_EveryReasonOfAnEndIsToldApart) {
  for (const EndReason reason :
       {EndReason::tool_error, EndReason::cancelled, EndReason::lost, EndReason::timed_out, EndReason::interrupted}) {
    const TaskId id = start(*a_);
    ASSERT_TRUE(finish(*a_, id, failed("E: x", reason)));
    EXPECT_EQ(find(*b_, id).reason, reason);
  }
}

TEST_P(StoreContract, AnIdThatIsTakenIsRefused) {
  const TaskId id = start(*a_);
  for (Store* store : {a_.get(), b_.get()}) {
    const auto again = try_start(*store, id, {.tool = "other", .owner = "bob"});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, errc::invalid_argument);
  }
  EXPECT_EQ(find(*b_, id).caller.user_id, "ann");
}

TEST_P(StoreContract, F01_S26_AFinishedStateIsFinalWhateverArrivesLater) {
  const TaskId id = start(*a_);
  must_finish(*a_, id, "first");
  EXPECT_FALSE(try_start(*a_, id));  // the running write that comes late
  clock_.advance(Milliseconds(5));
  const auto second = finish(*a_, id, failed("E: second"));
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->stored);
  const auto stranger = finish(*b_, id, done("stranger"));
  ASSERT_TRUE(stranger);
  EXPECT_FALSE(stranger->stored);
  ASSERT_TRUE(wait(a_->set_progress({id, 1}, {.value = 1})));
  EXPECT_EQ(wait(a_->request_cancel(id)).error().code, errc::already_final);
  const TaskRecord record = find(*b_, id);
  EXPECT_EQ(record.status, TaskStatus::completed);
  EXPECT_TRUE(record.late_result);
  EXPECT_FALSE(record.cancel_requested);
  EXPECT_EQ(result(*b_, id), "first");
}

TEST_P(StoreContract, TheSameEndTwiceIsOneOutcomeAndNotALateOne) {
  const TaskId id = start(*a_);
  const TaskEnd end = done("once");
  ASSERT_TRUE(finish(*a_, id, end)->stored);
  ASSERT_TRUE(finish(*a_, id, end)->stored);  // its first answer did not arrive
  EXPECT_FALSE(find(*a_, id).late_result);
}

TEST_P(StoreContract, F02_StateAndResultBecomeVisibleInOneStep) {
  for (int round = 0; round < 50; ++round) {
    const TaskId id = start(*a_);
    auto ending = a_->finish({id, 1}, done(std::string(2'000, 'x')));
    // Another worker looks for as long as the end is under way: it is running, or it has all of its result.
    bool seen_end = false;
    while (!seen_end) {
      const TaskRecord record = find(*b_, id);
      seen_end = record.status == TaskStatus::completed;
      if (seen_end) EXPECT_EQ(record.result_bytes, 2'000U);
      if (seen_end) EXPECT_EQ(result(*b_, id).size(), 2'000U);
    }
    ASSERT_TRUE(wait(std::move(ending)));
  }
}

TEST_P(StoreContract, FinishOfATaskThatWasNeverStartedMakesNone) {
  const TaskId id = new_id();
  EXPECT_EQ(finish(*a_, id, done("x")).error().code, errc::not_found);  // F05: no record without an owner
  EXPECT_EQ(wait(a_->find(id)).error().code, errc::not_found);
  EXPECT_EQ(wait(a_->find(id)).error().detail, "Task '" + id.text() + "' not found.");
  EXPECT_EQ(wait(a_->read_result(id, 0, 0)).error().code, errc::not_found);
  EXPECT_EQ(wait(a_->read_output(id, 0, 10)).error().code, errc::not_found);
  EXPECT_EQ(wait(a_->request_cancel(id)).error().code, errc::not_found);
}

TEST_P(StoreContract, TheSameKeyOfTheSameOwnerJoinsTheFirstTask) {
  const TaskId first = start(*a_, {.key = "k1"});
  for (Store* store : {a_.get(), b_.get()}) {
    const auto again = try_start(*store, new_id(), {.key = "k1"});
    ASSERT_TRUE(again);
    EXPECT_EQ(again->joined, first);
  }
  EXPECT_FALSE(try_start(*b_, new_id(), {.owner = "bob", .key = "k1"})->joined);  // another owner's own key
  EXPECT_FALSE(try_start(*b_, new_id(), {.key = "k2"})->joined);
  must_finish(*a_, first);
  EXPECT_EQ(try_start(*b_, new_id(), {.key = "k1"})->joined, first);  // also when it has ended
  EXPECT_EQ(find(*b_, first).idempotency_key, "k1");
  clock_.advance(Milliseconds(1));
  ASSERT_EQ(wait(a_->forget_ended(clock_.wall_now())), 1U);
  EXPECT_FALSE(try_start(*b_, new_id(), {.key = "k1"})->joined);  // until its record is gone
}

TEST_P(StoreContract, OfManyCallsWithOneKeyAtOnceExactlyOneStarts) {
  const Caller caller{"ann", "", ""};
  std::vector<Task<Result<StartVerdict>>> calls;
  for (int i = 0; i < 40; ++i) {
    Store& store = i % 2 == 0 ? *a_ : *b_;
    calls.push_back(store.start({.task_id = new_id(),
                                 .tool_name = "t",
                                 .caller = &caller,
                                 .created_at = clock_.wall_now(),
                                 .idempotency_key = "same"}));
  }
  int fresh = 0;
  for (auto& call : calls) {
    const auto verdict = wait(std::move(call));
    ASSERT_TRUE(verdict);
    fresh += verdict->joined ? 0 : 1;
  }
  EXPECT_EQ(fresh, 1);
}

TEST_P(StoreContract, F26_ProgressIsReadableWhileTheTaskRuns) {
  const TaskId id = start(*a_);
  b_->watch(id);
  EXPECT_FALSE(find(*b_, id).progress);  // the look after which nothing is missed
  const Progress progress{.value = 3, .total = 10, .message = "three of ten"};
  ASSERT_TRUE(wait(a_->set_progress({id, 1}, progress)));
  EXPECT_EQ(find(*a_, id).progress, progress);
  until([&] { return !heard_b_.changed.empty(); });
  EXPECT_EQ(heard_b_.changed.front(), id);
  EXPECT_EQ(find(*b_, id).progress, progress);
  b_->unwatch(id);
  must_finish(*a_, id);
}

TEST_P(StoreContract, PartialOutputIsReadFromAnyOffsetAndInOrder) {
  const TaskId id = start(*a_);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    const std::string piece = "line " + std::to_string(i) + "\n" + std::string(1, '\0');
    all += piece;
    ASSERT_TRUE(wait(a_->append_output({id, 1}, piece)));
  }
  EXPECT_EQ(wait(a_->read_output(id, 0, 1 << 20)), all);
  EXPECT_EQ(find(*a_, id).output_bytes, all.size());
  EXPECT_EQ(wait(b_->read_output(id, 0, 1 << 20)), all);
  EXPECT_EQ(wait(b_->read_output(id, 100, 50)), all.substr(100, 50));
  EXPECT_EQ(wait(b_->read_output(id, all.size(), 50)), "");
  EXPECT_EQ(wait(b_->read_output(id, all.size() + 1'000, 50)), "");
  must_finish(*a_, id);
  EXPECT_EQ(wait(b_->read_output(id, 0, 1 << 20)), all);  // a follower reads the rest after the end
}

TEST_P(StoreContract, OutputOfAFinishIsWholeAlthoughItCameJustBefore) {
  const TaskId id = start(*a_);
  auto appended = a_->append_output({id, 1}, "last words");
  auto ended = a_->finish({id, 1}, done("ok"));
  ASSERT_TRUE(wait(std::move(appended)));
  ASSERT_TRUE(wait(std::move(ended)));
  EXPECT_EQ(wait(b_->read_output(id, 0, 100)), "last words");
}

TEST_P(StoreContract, OfEndlessOutputTheNewestPartIsKeptAtItsOffset) {
  const TaskId id = start(*a_);
  const std::string piece(100'000, 'x');
  std::uint64_t written = 0;
  for (int i = 0; i < 60; ++i, written += piece.size()) {
    ASSERT_TRUE(wait(a_->append_output({id, 1}, piece)));
    if (i % 7 == 0) EXPECT_EQ(find(*a_, id).output_bytes, written + piece.size());
  }
  ASSERT_TRUE(wait(a_->append_output({id, 1}, "the end")));
  const TaskRecord record = find(*a_, id);
  EXPECT_EQ(record.output_bytes, written + 7);
  EXPECT_GT(record.output_start, 0U);
  EXPECT_EQ(wait(a_->read_output(id, written, 100)), "the end");
  const auto kept = wait(a_->read_output(id, 0, 100 << 20));
  EXPECT_EQ(kept->size(), record.output_bytes - record.output_start);
  EXPECT_GE(kept->size(), 1U << 20U);
  EXPECT_LE(kept->size(), 3U << 20U);
}

TEST_P(StoreContract, F06_RetentionCountsFromTheEndAndRunningTasksStay) {
  const TaskId running = start(*a_);
  const TaskId early = start(*a_);
  must_finish(*a_, early);
  clock_.advance(Milliseconds(3'600'000));
  const TaskId late = start(*a_);
  must_finish(*a_, late);
  ASSERT_EQ(wait(b_->forget_ended(clock_.wall_now())), 1U);
  EXPECT_EQ(wait(a_->find(early)).error().code, errc::not_found);
  EXPECT_EQ(wait(a_->read_result(early, 0, 0)).error().code, errc::not_found);
  EXPECT_EQ(find(*a_, late).status, TaskStatus::completed);
  EXPECT_EQ(find(*a_, running).status, TaskStatus::running);  // F05: never, however old it is
  ASSERT_EQ(wait(b_->forget_ended(clock_.wall_now() + Milliseconds(1))), 1U);
  ASSERT_EQ(wait(b_->forget_ended(clock_.wall_now() + Milliseconds(1))), 0U);
  EXPECT_EQ(finish(*a_, late, done("again")).error().code, errc::not_found);
}

TEST_P(StoreContract, ADroppedCallTouchesNothingElse) {
  const TaskId id = start(*a_);
  {
    auto look = a_->find(id);  // F16: given up at once
    auto end = b_->read_result(id, 0, 0);
  }
  must_finish(*a_, id, "fine");
  EXPECT_EQ(result(*a_, id), "fine");
}

TEST_P(StoreContract, ManyCallsAtOnceAreAllAnswered) {
  constexpr int tasks = 1'000;
  const Caller caller{"ann", "", ""};
  std::vector<TaskId> ids;
  std::vector<Task<Result<StartVerdict>>> starts;
  for (int i = 0; i < tasks; ++i) {
    ids.push_back(new_id());
    Store& store = i % 2 == 0 ? *a_ : *b_;
    starts.push_back(
        store.start({.task_id = ids.back(), .tool_name = "t", .caller = &caller, .created_at = clock_.wall_now()}));
  }
  for (auto& each : starts) ASSERT_TRUE(wait(std::move(each)));
  std::vector<Task<Result<FinishVerdict>>> ends;
  for (int i = 0; i < tasks; ++i) {
    Store& store = i % 2 == 0 ? *a_ : *b_;
    ends.push_back(store.finish({ids[static_cast<std::size_t>(i)], 1}, done("result " + std::to_string(i))));
  }
  for (auto& each : ends) ASSERT_TRUE(wait(std::move(each))->stored);
  for (int i = 0; i < tasks; i += 37) {
    EXPECT_EQ(result(*b_, ids[static_cast<std::size_t>(i)]), "result " + std::to_string(i));
  }
}

TEST_P(StoreContract, CloseWaitsForWhatWasAccepted) {
  std::vector<TaskId> ids;
  std::vector<Task<Result<FinishVerdict>>> ends;
  for (int i = 0; i < 100; ++i) ids.push_back(start(*a_));
  for (const TaskId& id : ids) ends.push_back(a_->finish({id, 1}, done("kept")));
  ends.clear();  // nobody waits for the answers, yet they were accepted
  wait(a_->close());
  a_.reset();
  for (const TaskId& id : ids) EXPECT_EQ(find(*b_, id).status, TaskStatus::completed);
}

}  // namespace
}  // namespace meantime::test
