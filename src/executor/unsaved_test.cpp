// SPDX-License-Identifier: MIT
// unsaved_test.cpp: a store that is away, comes back, or comes back empty: rows S24, F04, F05, F10.
#include "meantime/journal.hpp"
#include "support/manager_fixture.hpp"
#include "support/temp_folder.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using test::ManagerTest;
using test::Process;
using test::run;
using test::run_ready;
using test::run_until;

class UnsavedTest : public ManagerTest {
 protected:
  // A tool whose calls each return their own arguments when the gate opens.
  void add_echo() {
    add("echo", [this](ToolContext& context) { return echo(gate, std::string(context.arguments())); });
  }
  static Task<ToolReturn> echo(test::Gate& gate, std::string text) {
    (void)co_await gate.pass();
    co_return ToolOutput(std::move(text));
  }
  TaskId begin(std::string text, std::string key = {}) {
    ToolCall call = call_of("echo");
    call.arguments = std::move(text);
    call.idempotency_key = std::move(key);
    call.budget = 0ms;
    return background(std::move(call)).task_id;
  }
  // Begins a task of its own that ends at once.
  TaskId end_at_once(const std::string& text) {
    Tool tool;
    tool.name = text;
    tool.coroutine = [text](ToolContext&) -> Task<ToolReturn> { co_return ToolOutput(text); };
    add(std::move(tool));
    ToolCall call = call_of(text);
    call.budget = 0ms;
    const TaskId id = background(std::move(call)).task_id;
    run_ready(io);
    return id;
  }
  std::shared_ptr<MemoryBackend> lose_all_data() {
    auto empty = make_memory_backend(clock);
    here->store.forget_all(make_memory_store(io, empty));
    return empty;
  }
};

// Writes down the order in which outcomes reach the store.
class OrderOfEnds final : public StoreListener {
 public:
  std::vector<TaskId> ended;
  void on_ended(const TaskId& task) override { ended.push_back(task); }
  void on_cancel_requested(const TaskId&) override {}
  void on_changed(const TaskId&) override {}
  void on_worker_died() override {}
  void on_redirected(const TaskId&) override {}
  void on_input_answered(const TaskId&) override {}
  void on_available(bool, std::string_view) override {}
  void on_forgotten() override {}
};

TEST_F(UnsavedTest, F10_OutcomesThatWaitAreWrittenInTheOrderOfTheirEnds) {
  add_echo();
  std::vector<TaskId> ids;
  const auto watching = make_memory_store(io, backend);
  OrderOfEnds seen;
  watching->listen(&seen);
  for (int i = 0; i < 200; ++i) {
    ids.push_back(begin(std::to_string(i)));
    watching->watch(ids.back());
  }
  here->store.go_away();
  gate.open();
  clock.advance(60s);
  EXPECT_EQ(manager().running(), 0U) << "they hold no place of a running task";
  EXPECT_TRUE(seen.ended.empty());
  here->store.come_back();
  run_ready(io);
  EXPECT_EQ(seen.ended, ids);
  watching->listen(nullptr);
}

TEST_F(UnsavedTest, F10_WhoAsksThisProcessIsAnsweredWhileAnOutcomeWaits) {
  add_echo();
  const TaskId known = begin("known");
  here->store.go_away();
  const TaskId unknown = begin("unknown");
  auto waiting = manager().await_task(unknown);
  gate.open();
  run_ready(io);
  for (const auto& [id, text] : {std::pair{known, "known"}, {unknown, "unknown"}}) {
    const TaskRecord record = check(id);
    EXPECT_EQ(record.status, TaskStatus::completed);
    EXPECT_TRUE(record.unsaved);
    EXPECT_EQ(record.caller.user_id, "ann");
    EXPECT_EQ(result_of(id), text);
    EXPECT_EQ(run(io, manager().check(id, "bob")).error().code, errc::not_found);
    EXPECT_TRUE(run(io, manager().await_task(id))->record.unsaved);
    EXPECT_EQ(run(io, manager().cancel(id)).error().code, errc::already_final);
  }
  ASSERT_TRUE(waiting.done());
  EXPECT_TRUE(waiting.take()->record.unsaved);
  EXPECT_EQ(run(io, manager().list({})).error().code, errc::unavailable);
}

TEST_F(UnsavedTest, S36_AListShowsOutcomesThatWaitInTheirPlaceAndPagesAgree) {
  add_echo();
  std::vector<TaskId> ids;
  const auto one_later = [&](const std::string& text) {
    clock.advance(5ms);
    ids.push_back(begin(text));
  };
  for (int i = 0; i < 4; ++i) one_later(std::to_string(i));
  here->store.go_away();
  for (int i = 4; i < 6; ++i) one_later(std::to_string(i));
  gate.open();
  run_ready(io);
  here->store.hold_finishes();
  here->store.hold_starts();
  here->store.come_back();  // it answers questions, and takes nothing yet
  std::ranges::reverse(ids);
  const auto pages = [&](ListQuery query) {
    std::vector<TaskId> found;
    query.limit = 2;
    for (;;) {
      auto page = run(io, manager().list(query));
      EXPECT_LE(page->tasks.size(), 2U);
      for (const TaskRecord& record : page->tasks) {
        EXPECT_EQ(record.status, TaskStatus::completed);
        EXPECT_TRUE(record.unsaved);
        found.push_back(record.task_id);
      }
      if (!page->next) return found;
      query.after = page->next;
    }
  };
  EXPECT_EQ(pages({}), ids);
  EXPECT_EQ(pages({.user_id = "ann"}), ids);
  EXPECT_EQ(pages({.status = TaskStatus::completed}), ids);
  EXPECT_TRUE(pages({.status = TaskStatus::running}).empty());
  EXPECT_TRUE(pages({.user_id = "bob"}).empty());
  here->store.release();
  clock.advance(10s);
  for (const TaskRecord& record : run(io, manager().list({}))->tasks) EXPECT_FALSE(record.unsaved);
}

TEST_F(UnsavedTest, AnOutcomeThatTheStoreRefusesForAReasonOfItsOwnHoldsUpNoOther) {
  add_echo();
  const TaskId stuck = begin("stuck");
  const TaskId other = begin("other");
  here->store.refuse_end_of(stuck);
  here->store.go_away();
  gate.open();
  run_ready(io);
  here->store.come_back();
  clock.advance(1min);
  EXPECT_FALSE(check(other).unsaved);
  EXPECT_TRUE(check(stuck).unsaved);
  EXPECT_EQ(result_of(stuck), "stuck");
  const TaskId later = end_at_once("later");
  EXPECT_FALSE(check(later).unsaved) << "the store takes others at once";
  const auto told = std::ranges::count_if(here->telemetry.faults,
                                          [](const std::string& each) { return each.contains("in the way"); });
  EXPECT_EQ(told, 1) << "once, not with each try";
  here->store.refuse_end_of(std::nullopt);
  clock.advance(10s);
  EXPECT_FALSE(check(stuck).unsaved);
  EXPECT_EQ(result_of(stuck), "stuck");
}

TEST_F(UnsavedTest, AtTheLimitNewTasksAreRefusedAndWhatRunsIsStillKept) {
  ManagerOptions options;
  options.limits.unsaved = 3;
  restart(options);
  add_echo();
  Tool inline_only;
  inline_only.name = "inline";
  inline_only.no_background = true;
  inline_only.coroutine = [](ToolContext&) -> Task<ToolReturn> { co_return ToolOutput("inline"); };
  add(std::move(inline_only));
  std::vector<TaskId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(begin(std::to_string(i), i == 0 ? "key" : ""));
  here->store.go_away();
  gate.open();
  run_ready(io);
  clock.advance(2min);
  const auto refused = run(io, manager().call(call_of("echo")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::overloaded);
  EXPECT_NE(refused.error().detail.find("5 outcomes wait"), std::string::npos) << refused.error().detail;
  EXPECT_NE(refused.error().detail.find("away for 2m"), std::string::npos) << refused.error().detail;
  EXPECT_NE(refused.error().detail.find("kept"), std::string::npos);
  EXPECT_GT(refused.error().retry_after, 0ms);
  EXPECT_TRUE(run(io, manager().call(call_of("inline"))).has_value()) << "it never needs the store";
  ToolCall again = call_of("echo");
  again.idempotency_key = "key";
  EXPECT_EQ(std::get<Finished>(*run(io, manager().call(again))).task_id, ids[0]) << "its key finds what waits";
  here->store.come_back();
  run_ready(io);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(check(ids[static_cast<std::size_t>(i)]).unsaved);
    EXPECT_EQ(result_of(ids[static_cast<std::size_t>(i)]), std::to_string(i));
  }
  EXPECT_TRUE(run(io, manager().call(call_of("echo"))).has_value());
}

TEST_F(UnsavedTest, TheLimitCountsBytesToo) {
  ManagerOptions options;
  options.limits.unsaved_bytes = 10'000;
  restart(options);
  add_echo();
  begin(std::string(20'000, 'x'));
  here->store.go_away();
  gate.open();
  run_ready(io);
  const auto refused = run(io, manager().call(call_of("echo")));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("limits.unsaved_bytes"), std::string::npos);
}

TEST_F(UnsavedTest, F04_AStartThatTheStoreDidNotTakeIsWrittenAsSoonAsItIsBack) {
  add_echo();
  here->store.go_away();
  const TaskId announced = begin("announced");
  here->store.come_back();
  run_ready(io);
  Process other(io, clock, backend, {});
  EXPECT_EQ(run(io, other.manager->check(announced))->status, TaskStatus::running);
  EXPECT_EQ(run(io, other.manager->check(announced))->caller.user_id, "ann");
  gate.open();
  run_ready(io);
}

TEST_F(UnsavedTest, F10_AKeyThatAnotherProcessTookMeanwhileLosesNeitherOutcome) {
  add_echo();
  here->store.go_away();
  const TaskId here_id = begin("here", "key");
  Process other(io, clock, backend, {});
  ASSERT_TRUE(other.manager
                  ->add_tool({.name = "echo",
                              .coroutine = [](ToolContext&) -> Task<ToolReturn> { co_return ToolOutput("there"); }})
                  .has_value());
  ToolCall call = call_of("echo");
  call.idempotency_key = "key";
  const auto there = run(io, other.manager->call(call));
  const TaskId there_id = *std::get<Finished>(*there).task_id;
  gate.open();
  run_ready(io);
  here->store.come_back();
  run_ready(io);
  EXPECT_EQ(run(io, other.manager->read_result(here_id, 0, 0))->text, "here");
  EXPECT_EQ(run(io, other.manager->read_result(there_id, 0, 0))->text, "there");
  EXPECT_EQ(run(io, other.manager->check(there_id))->idempotency_key, "key");
}

TEST_F(UnsavedTest, AStoreThatIsAwayIsToldOnceAndNotWithEachCall) {
  add_echo();
  begin("1");
  EXPECT_TRUE(manager().ready());
  here->store.go_away();
  here->store.say_away("the server at 10.0.0.5 refuses connections: start it");
  EXPECT_FALSE(manager().ready());
  for (int i = 0; i < 5; ++i) begin(std::to_string(i));
  gate.open();
  clock.advance(60s);
  EXPECT_EQ(here->telemetry.faults,
            std::vector<std::string>{"store: the server at 10.0.0.5 refuses connections: start it"});
  here->store.come_back();
  EXPECT_TRUE(manager().ready());
  clock.advance(10s);
  here->store.go_away();
  here->store.say_away("again");
  EXPECT_EQ(here->telemetry.faults.size(), 2U);
}

TEST_F(UnsavedTest, F05_TasksThatTheServerForgotAreStartedAgainWithOwnerTimeAndRedirects) {
  add_echo();
  const WallTime asked = clock.wall_now();
  const TaskId id = begin("kept");
  const Redirect redirect{.destination = "chat", .channel_id = "general", .platform = "matrix"};
  ASSERT_TRUE(run(io, manager().redirect(id, redirect)).has_value());
  clock.advance(1h);
  const auto empty = lose_all_data();
  Process other(io, clock, empty, {});
  EXPECT_EQ(run(io, other.manager->check(id)).error().code, errc::not_found);
  here->store.say_forgotten();
  run_ready(io);
  auto record = run(io, other.manager->check(id));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->status, TaskStatus::running);
  EXPECT_EQ(record->created_at, asked);
  EXPECT_EQ(record->caller, (Caller{"ann", "channel", "matrix"}));
  EXPECT_EQ(record->redirects, std::vector{redirect});
  here->store.say_forgotten();  // once more: they are there
  run_ready(io);
  gate.open();
  run_ready(io);
  EXPECT_EQ(run(io, other.manager->read_result(id, 0, 0))->text, "kept");
  EXPECT_FALSE(run(io, other.manager->check(id))->late_result);
}

TEST_F(UnsavedTest, F05_AnOutcomeIsNotDroppedBecauseTheServerLostItsDataUnheard) {
  add_echo();
  const TaskId id = begin("kept");
  const auto empty = lose_all_data();
  gate.open();
  run_ready(io);
  Process other(io, clock, empty, {});
  auto record = run(io, other.manager->check(id));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->status, TaskStatus::completed);
  EXPECT_EQ(record->caller.user_id, "ann");
  EXPECT_EQ(run(io, other.manager->read_result(id, 0, 0))->text, "kept");
}

TEST_F(UnsavedTest, F05_OutcomesThatWaitedForAServerThatComesBackEmptyAreWrittenFromNothing) {
  add_echo();
  const TaskId id = begin("kept");
  here->store.go_away();
  gate.open();
  run_ready(io);
  const auto empty = lose_all_data();
  here->store.come_back();
  here->store.say_forgotten();
  run_ready(io);
  Process other(io, clock, empty, {});
  EXPECT_EQ(run(io, other.manager->read_result(id, 0, 0))->text, "kept");
  EXPECT_EQ(run(io, other.manager->check(id))->caller.user_id, "ann");
}

TEST_F(UnsavedTest, F08_TheLeaseIsKeptWhileOutcomesWait) {
  add_echo();
  const TaskId id = begin("kept");
  Process other(io, clock, backend, {});
  here->store.hold_finishes();
  here->store.go_away();
  gate.open();
  run_ready(io);
  here->store.release();
  run_ready(io);
  EXPECT_TRUE(check(id).unsaved);
  here->store.hold_finishes();  // it hears everything but outcomes
  here->store.come_back();
  clock.advance(60s);
  EXPECT_EQ(run(io, other.manager->check(id))->status, TaskStatus::running) << "not lost: its worker lives";
  here->store.release();
  clock.advance(10s);
  EXPECT_EQ(run(io, other.manager->check(id))->status, TaskStatus::completed);
  EXPECT_FALSE(run(io, other.manager->check(id))->late_result);
}

TEST_F(UnsavedTest, F26_ADrainWaitsForTheStoreAndSaysWhatIsLostWithoutIt) {
  add_echo();
  begin("a");
  here->store.go_away();
  gate.open();
  run_ready(io);
  auto draining = manager().drain(30s);
  clock.advance(20s);
  EXPECT_FALSE(draining.done()) << "it may come back yet";
  clock.advance(60s);
  ASSERT_TRUE(draining.done());
  const DrainReport report = draining.take();
  EXPECT_EQ(report.unsaved, 1U);
  EXPECT_EQ(report.journaled, 0U);
}

TEST_F(UnsavedTest, F26_ADrainEndsWhenTheStoreComesBack) {
  add_echo();
  const TaskId id = begin("a");
  here->store.go_away();
  gate.open();
  run_ready(io);
  auto draining = manager().drain(30s);
  clock.advance(5s);
  here->store.come_back();
  run_ready(io);
  ASSERT_TRUE(draining.done());
  EXPECT_EQ(draining.take().unsaved, 0U);
  EXPECT_EQ(result_of(id), "a");
}

/// Processes with a journal on disk, one after the other.
class JournaledTest : public UnsavedTest {
 protected:
  void SetUp() override { come_up(); }
  void TearDown() override {
    here.reset();
    journal.reset();
  }
  void come_up() {
    here.reset();
    journal.reset();
    auto opened = open_sqlite_journal(io, file);
    ASSERT_TRUE(opened) << opened.error().detail;
    journal = std::move(*opened);
    here = std::make_unique<Process>(io, clock, backend, ManagerOptions{}, true, journal.get());
  }
  test::TempFolder folder;
  std::filesystem::path file = folder.path() / "state" / "journal.db";
  std::unique_ptr<Journal> journal;
};

TEST_F(JournaledTest, F10_WhatADeadProcessLeftIsWrittenInItsNameByTheNext) {
  add_echo();
  const TaskId known = begin("known");
  here->store.go_away();
  const TaskId unknown = begin("unknown");
  auto first = manager().await_task(known);
  auto second = manager().await_task(unknown);
  gate.open();
  EXPECT_TRUE(run(io, std::move(first))->record.unsaved) << "told when it is on disk";
  EXPECT_TRUE(run(io, std::move(second))->record.unsaved);
  const std::string former(here->store.worker());
  come_up();
  run_ready(io);
  Process other(io, clock, backend, {});
  EXPECT_EQ(run(io, other.manager->read_result(known, 0, 0))->text, "known");
  EXPECT_EQ(run(io, other.manager->check(known))->worker, former);
  EXPECT_FALSE(run(io, other.manager->check(known))->late_result);
  EXPECT_EQ(run(io, other.manager->read_result(unknown, 0, 0))->text, "unknown");
  EXPECT_EQ(run(io, other.manager->check(unknown))->caller.user_id, "ann");
  EXPECT_EQ(journal->size(), 0U);
  come_up();
  EXPECT_EQ(journal->size(), 0U) << "and it is out of the file";
}

TEST_F(JournaledTest, F10_WhatADeadProcessLeftIsAnsweredByTheNextWhileTheStoreIsStillAway) {
  add_echo();
  here->store.go_away();
  const TaskId id = begin("waits", "key");
  auto waiting = manager().await_task(id);
  gate.open();
  run(io, std::move(waiting));
  here.reset();
  journal.reset();
  journal = std::move(*open_sqlite_journal(io, file));
  here = std::make_unique<Process>(io, clock, backend, ManagerOptions{}, true, journal.get(), true);
  add_echo();
  run_ready(io);
  EXPECT_TRUE(check(id).unsaved);
  EXPECT_EQ(result_of(id), "waits");
  ToolCall again = call_of("echo");
  again.idempotency_key = "key";
  EXPECT_EQ(std::get<Finished>(*run(io, manager().call(again))).output.text, "waits");
  here->store.come_back();
  run_ready(io);
  EXPECT_FALSE(check(id).unsaved);
  EXPECT_EQ(journal->size(), 0U);
}

TEST_F(JournaledTest, F10_AReplayThatDiedBetweenStartAndFinishIsBroughtToItsEnd) {
  add_echo();
  here->store.go_away();
  const TaskId id = begin("whole");
  auto waiting = manager().await_task(id);
  gate.open();
  run(io, std::move(waiting));
  here.reset();
  // The process after it began the task in its own name, and died then.
  const auto dead = make_memory_store(io, backend);
  const Caller caller{"ann", "channel", "matrix"};
  ASSERT_TRUE(run(io, dead->start({.task_id = id, .tool_name = "echo", .caller = &caller})).has_value());
  come_up();
  run_ready(io);
  EXPECT_EQ(check(id).status, TaskStatus::completed);
  EXPECT_FALSE(check(id).late_result);
  EXPECT_EQ(result_of(id), "whole");
}

TEST_F(JournaledTest, ATaskThatWasDeclaredLostMeanwhileStaysLostAndItsResultIsKeptBeside) {
  add_echo();
  const TaskId id = begin("late");
  auto waiting = manager().await_task(id);
  here->store.go_away();
  gate.open();
  run(io, std::move(waiting));
  here.reset();
  const auto reaper = make_memory_store(io, backend);
  EXPECT_EQ(run(io, reaper->reap_lost({}))->lost.size(), 1U);
  come_up();
  run_ready(io);
  EXPECT_EQ(check(id).reason, EndReason::lost);
  EXPECT_TRUE(check(id).late_result);
  EXPECT_EQ(journal->size(), 0U);
  ASSERT_EQ(here->telemetry.faults.size(), 1U);
  EXPECT_NE(here->telemetry.faults.front().find("decided elsewhere"), std::string::npos);
}

TEST_F(JournaledTest, F26_ADrainDoesNotWaitLongForWhatALaterProcessFinds) {
  add_echo();
  begin("a");
  auto ending = manager().await_task(begin("b"));
  here->store.go_away();
  gate.open();
  run(io, std::move(ending));
  auto draining = manager().drain(10min);
  clock.advance(3s);
  ASSERT_TRUE(draining.done());
  const DrainReport report = draining.take();
  EXPECT_EQ(report.unsaved, 2U);
  EXPECT_EQ(report.journaled, 2U);
}

}  // namespace
}  // namespace meantime
