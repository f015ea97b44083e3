// SPDX-License-Identifier: MIT
// questions_test.cpp: check, await, list and read: rows S30-S36 and the F rows about waiting.
#include "core/envelope.hpp"
#include "support/manager_fixture.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using test::ManagerTest;
using test::Process;
using test::run;
using test::run_ready;

class QuestionsTest : public ManagerTest {
 protected:
  void SetUp() override {
    ManagerTest::SetUp();
    other = std::make_unique<Process>(io, clock, backend, ManagerOptions{});
    add_gate();
  }
  void TearDown() override {
    gate.open();
    run_ready(io);
    other.reset();
  }
  std::unique_ptr<Process> other;
};

TEST_F(QuestionsTest, S30_AnUnknownTaskIsNotFoundWithTheOriginalsText) {
  const TaskId unknown = *TaskId::parse("00000000000000000000000000000000");
  const auto answer = run(io, manager().check(unknown));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().detail, "Task '00000000000000000000000000000000' not found.");
  EXPECT_EQ(envelope::not_found(unknown.text()), R"({"error":"Task '00000000000000000000000000000000' not found."})");
}

TEST_F(QuestionsTest, S31_AnotherOwnersTaskIsAnsweredExactlyAsOneThatDoesNotExist) {
  const TaskId theirs = background(call_of("slow", "ann")).task_id;
  const std::string text = "Task '" + theirs.text() + "' not found.";
  for (TaskManager* asked : {&manager(), other->manager.get()}) {
    EXPECT_EQ(run(io, asked->check(theirs, "bob")).error().detail, text);
    EXPECT_EQ(run(io, asked->await_task(theirs, 5s, "bob")).error().detail, text);
    EXPECT_EQ(run(io, asked->cancel(theirs, "bob")).error().detail, text);
    EXPECT_EQ(run(io, asked->read_result(theirs, 0, 0, "bob")).error().detail, text);
    EXPECT_EQ(run(io, asked->read_output(theirs, 0, 10, "bob")).error().detail, text);
    EXPECT_TRUE(run(io, asked->list({.user_id = "bob"}))->tasks.empty());
    EXPECT_TRUE(run(io, asked->check(theirs, "ann")).has_value());
  }
}

TEST_F(QuestionsTest, S32_ARunningTaskIsAnsweredWithItsElapsedTime) {
  const TaskId id = background(call_of("slow")).task_id;
  clock.advance(2'340ms);
  const auto record = check(id);
  EXPECT_EQ(envelope::status(record, clock.wall_now()),
            R"({"task_id":")" + id.text() + R"(","tool_name":"slow","status":"running","elapsed_seconds":12.3})");
}

TEST_F(QuestionsTest, S34_AwaitSuspendsUntilTheTaskEnds) {
  const TaskId id = background(call_of("slow")).task_id;
  auto waiting = manager().await_task(id);
  clock.advance(200s);
  EXPECT_FALSE(waiting.done());
  gate.open(ToolOutput("at last"));
  run_ready(io);
  ASSERT_TRUE(waiting.done());
  const auto awaited = waiting.take();
  EXPECT_FALSE(awaited->timed_out);
  EXPECT_EQ(awaited->record.status, TaskStatus::completed);
}

TEST_F(QuestionsTest, S34_GivingUpAfterTheTimeOutTouchesNothing) {
  const TaskId id = background(call_of("slow")).task_id;
  auto waiting = manager().await_task(id);
  clock.advance(299s);
  EXPECT_FALSE(waiting.done());
  clock.advance(1s);
  ASSERT_TRUE(waiting.done()) << "300 s by default";
  const auto awaited = waiting.take();
  EXPECT_TRUE(awaited->timed_out);
  EXPECT_EQ(check(id).status, TaskStatus::running);
  const std::string text = envelope::await_timed_out(awaited->record, 300s);
  EXPECT_NE(text.find(R"("status":"timeout")"), std::string::npos);
  EXPECT_NE(text.find("did not complete within 300.0s"), std::string::npos) << text;
}

TEST_F(QuestionsTest, F14_EachWaiterOfAnyProcessEndsOnItsOwnTime) {
  const TaskId id = background(call_of("slow")).task_id;
  auto tenth = other->manager->await_task(id, 100ms);
  auto second = manager().await_task(id, 1s);
  auto minute = other->manager->await_task(id, 60s);
  clock.advance(100ms);
  EXPECT_TRUE(tenth.done());
  EXPECT_FALSE(second.done());
  clock.advance(900ms);
  EXPECT_TRUE(second.done());
  clock.advance(58'999ms);
  EXPECT_FALSE(minute.done());
  clock.advance(1ms);
  EXPECT_TRUE(minute.done());
}

TEST_F(QuestionsTest, F14_AStoreThatHangsHoldsNoWaiterBeyondItsTime) {
  const TaskId id = background(call_of("slow")).task_id;
  auto seen = other->manager->await_task(id, 20s);
  run_ready(io);
  other->store.hold_looks();
  auto unseen = other->manager->await_task(id, 2s);
  clock.advance(2s);
  ASSERT_TRUE(unseen.done());
  EXPECT_EQ(unseen.take().error().code, errc::unavailable);
  clock.advance(18s + 500ms);
  ASSERT_TRUE(seen.done());
  const auto running = seen.take();
  ASSERT_TRUE(running);
  EXPECT_TRUE(running->timed_out);
  EXPECT_EQ(running->record.status, TaskStatus::running);
  other->store.release();
}

TEST_F(QuestionsTest, S35_AWaiterInAnotherProcessIsWokenByTheEvent) {
  const TaskId id = background(call_of("slow")).task_id;
  auto waiting = other->manager->await_task(id);
  run_ready(io);
  EXPECT_FALSE(waiting.done());
  gate.open(ToolOutput("over there"));
  run_ready(io);  // no time passes
  ASSERT_TRUE(waiting.done());
  EXPECT_EQ(waiting.take()->record.status, TaskStatus::completed);
  EXPECT_EQ(run(io, other->manager->read_result(id, 0, 0))->text, "over there");
}

TEST_F(QuestionsTest, F03_AnEndBetweenTheLookAndTheWaitIsNeverMissed) {
  for (int i = 0; i < 50; ++i) {
    test::Gate once;
    const std::string name = "once" + std::to_string(i);
    add(name, once.body());
    ToolCall call = call_of(name);
    call.budget = 0ms;
    const TaskId id = background(std::move(call)).task_id;
    // Open at each possible turn of the loop while the other process is about to wait.
    auto waiting = other->manager->await_task(id, 10s);
    io.restart();
    for (int turns = 0; turns < i % 10; ++turns) io.poll_one();
    once.open();
    run_ready(io);
    EXPECT_TRUE(waiting.done()) << "turn " << i % 10;
  }
}

TEST_F(QuestionsTest, F13_AnyNumberOfWaitersWakeTogether) {
  const TaskId id = background(call_of("slow")).task_id;
  std::vector<Task<Result<Awaited>>> waiting;
  for (int i = 0; i < 500; ++i) {
    waiting.push_back((i % 2 == 0 ? manager() : *other->manager).await_task(id));
  }
  run_ready(io);
  gate.open();
  run_ready(io);
  for (auto& each : waiting) {
    ASSERT_TRUE(each.done());
    EXPECT_EQ(each.take()->record.status, TaskStatus::completed);
  }
}

TEST_F(QuestionsTest, F15_AToolThatFailsWithATimeOutErrorHasFailedAndIsNotStillRunning) {
  const TaskId id = background(call_of("slow")).task_id;
  auto waiting = manager().await_task(id);
  gate.open(std::unexpected(ToolFailure{"TimeoutError", "upstream took too long", std::nullopt}));
  run_ready(io);
  const auto awaited = waiting.take();
  EXPECT_FALSE(awaited->timed_out);
  EXPECT_EQ(awaited->record.error, "TimeoutError: upstream took too long");
}

TEST_F(QuestionsTest, F16_DroppingAWaitEndsThatWaitAndNothingElse) {
  const TaskId id = background(call_of("slow")).task_id;
  auto stays = manager().await_task(id);
  {
    auto here_dropped = manager().await_task(id);
    auto there_dropped = other->manager->await_task(id);
    run_ready(io);
  }
  gate.open();
  run_ready(io);
  EXPECT_TRUE(stays.done());
  EXPECT_EQ(check(id).status, TaskStatus::completed);
}

TEST_F(QuestionsTest, F29_AStoreThatIsAwaySaysSoAndMemoryStillAnswers) {
  const TaskId mine = background(call_of("slow")).task_id;
  other->store.go_away();
  EXPECT_EQ(run(io, other->manager->check(mine)).error().code, errc::unavailable);
  here->store.go_away();
  EXPECT_EQ(check(mine).status, TaskStatus::running);
  here->store.come_back();
  other->store.come_back();
}

TEST_F(QuestionsTest, F30_AWaitGoesOnWhenTheStoreGoesAwayAndComesBack) {
  const TaskId id = background(call_of("slow")).task_id;
  auto waiting = other->manager->await_task(id, 120s);
  clock.advance(1s);
  other->store.go_away();
  clock.advance(20s);
  EXPECT_FALSE(waiting.done());
  gate.open();
  run_ready(io);
  other->store.come_back();
  clock.advance(5s);
  ASSERT_TRUE(waiting.done());
  EXPECT_EQ(waiting.take()->record.status, TaskStatus::completed);
}

TEST_F(QuestionsTest, S36_F25_AListShowsTheTasksOfAllProcessesPagedAndFiltered) {
  ASSERT_TRUE(other->manager->add_tool({.name = "slow", .coroutine = gate.body()}).has_value());
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) {
    ToolCall call = call_of("slow", i % 2 == 0 ? "ann" : "bob");
    call.budget = 0ms;
    auto outcome = run(io, (i < 5 ? manager() : *other->manager).call(std::move(call)));
    ids.push_back(std::get<Backgrounded>(*outcome).task_id.text());
    clock.advance(1s);
  }
  std::ranges::reverse(ids);  // newest first
  std::vector<std::string> listed;
  ListQuery query{.limit = 4};
  for (int pages = 0; pages < 10; ++pages) {
    auto page = run(io, manager().list(query));
    ASSERT_TRUE(page);
    for (const auto& task : page->tasks) listed.push_back(task.task_id.text());
    if (!page->next) break;
    query.after = page->next;
  }
  EXPECT_EQ(listed, ids);
  EXPECT_EQ(run(io, manager().list({.user_id = "bob"}))->tasks.size(), 5U);
  EXPECT_EQ(run(io, manager().list({.status = TaskStatus::completed}))->tasks.size(), 0U);
  EXPECT_EQ(run(io, manager().list({.tool_name = "none"}))->tasks.size(), 0U);
  gate.open();
  run_ready(io);
  EXPECT_EQ(run(io, manager().list({.status = TaskStatus::completed}))->tasks.size(), 10U);
}

TEST_F(QuestionsTest, S36_ElapsedTimeStopsAtTheEndOfAFinishedTask) {
  const TaskId id = background(call_of("slow")).task_id;
  gate.open();
  run_ready(io);
  clock.advance(100s);
  const auto list = run(io, manager().list({}));
  EXPECT_EQ(list->tasks.at(0).elapsed(clock.wall_now()), 10s);
  EXPECT_NE(envelope::list(*list, clock.wall_now()).find(R"("elapsed_seconds":10.0)"), std::string::npos);
  EXPECT_EQ(list->tasks.at(0).task_id, id);
}

TEST_F(QuestionsTest, S61_AnyProcessCancelsATaskOfAnyOther) {
  const TaskId id = background(call_of("slow")).task_id;
  ASSERT_TRUE(run(io, other->manager->cancel(id, "ann")).has_value());
  run_ready(io);
  EXPECT_EQ(check(id).reason, EndReason::cancelled);
  EXPECT_EQ(gate.inside(), 0U);
}

TEST_F(QuestionsTest, PartialOutputIsReadableWhileTheToolRunsFromAnyProcess) {
  add("chatty", [](ToolContext& context) -> Task<ToolReturn> {
    context.append_output("one\n");
    co_await context.sleep(15s);
    context.append_output("two\n");
    co_await context.sleep(1h);
    co_return ToolOutput("end");
  });
  const TaskId id = background(call_of("chatty")).task_id;
  clock.advance(1s);
  EXPECT_EQ(*run(io, other->manager->read_output(id, 0, 100)), "one\n");
  clock.advance(5s);
  EXPECT_EQ(*run(io, manager().read_output(id, 4, 100)), "two\n");
  EXPECT_EQ(*run(io, other->manager->read_output(id, 0, 5)), "one\nt");
  clock.advance(2h);
}

TEST_F(QuestionsTest, ResultsAreReadInPagesThatNeverSplitACharacter) {
  const TaskId id = background(call_of("slow")).task_id;
  std::string euros;
  for (int i = 0; i < 1'000; ++i) euros += "\xe2\x82\xac";
  gate.open(ToolOutput(euros));
  run_ready(io);
  std::string read;
  std::optional<std::uint64_t> offset = 0;
  while (offset) {
    auto page = run(io, manager().read_result(id, *offset, 333));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->total_chars, 1'000U);
    read += page->text;
    offset = page->next_offset(333);
  }
  EXPECT_EQ(read, euros);
}

Redirect to(std::string channel) {
  return {.destination = "chat", .channel_id = std::move(channel), .platform = "matrix"};
}

TEST_F(QuestionsTest, S40_S45_ARedirectIsSetFromAnyProcessWhileTheTaskRunsAndAfter) {
  const TaskId id = background(call_of("slow")).task_id;
  ASSERT_TRUE(run(io, other->manager->redirect(id, to("one"), "ann")).has_value());
  ASSERT_TRUE(run(io, manager().redirect(id, to("two"), "ann")).has_value());
  run_ready(io);
  EXPECT_EQ(check(id).redirects, (std::vector{to("one"), to("two")})) << "the process that runs it knows them too";
  gate.open();
  run_ready(io);
  ASSERT_TRUE(run(io, other->manager->redirect(id, to("three"), "ann")).has_value());
  EXPECT_EQ(check(id).redirects, (std::vector{to("one"), to("two"), to("three")}));
}

TEST_F(QuestionsTest, F24_S31_AnotherOwnersTaskCannotBeRedirectedAndLooksAsIfItWereNotThere) {
  const TaskId id = background(call_of("slow")).task_id;
  auto foreign = run(io, manager().redirect(id, to("mine"), "bob"));
  ASSERT_FALSE(foreign);
  auto unknown = run(io, manager().redirect(*TaskId::parse("00000000000000000000000000000000"), to("mine"), "bob"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(foreign.error().code, unknown.error().code);
  EXPECT_EQ(foreign.error().code, errc::not_found);
  EXPECT_EQ(foreign.error().detail, "Task '" + id.text() + "' not found.");
  EXPECT_TRUE(check(id).redirects.empty());
  EXPECT_EQ(run(io, manager().redirect(id, {})).error().code, errc::invalid_argument);
  gate.open();
  run_ready(io);
}

TEST_F(QuestionsTest, ARedirectOfATaskThatTheStoreDoesNotHaveYetIsRefusedWithTheReason) {
  here->store.go_away();
  const TaskId id = background(call_of("slow")).task_id;
  auto refused = run(io, manager().redirect(id, to("one")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  here->store.come_back();
  run_ready(io);
  EXPECT_TRUE(run(io, manager().redirect(id, to("one"))).has_value()) << "its start was written as soon as it was back";
  EXPECT_EQ(run(io, other->manager->check(id))->redirects.size(), 1U);
  gate.open();
  run_ready(io);
}

}  // namespace
}  // namespace meantime
