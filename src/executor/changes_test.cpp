// SPDX-License-Identifier: MIT
// changes_test.cpp: waits for what changes in a task, in this process and in others; tools that come and go.
#include <gmock/gmock.h>

#include "support/manager_fixture.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using test::ManagerTest;
using test::Process;
using test::run;
using test::run_ready;
using ::testing::ElementsAre;

Task<ToolReturn> works(ToolContext& context) {
  co_await context.sleep(10s);
  context.progress({.value = 1, .total = 3, .message = "one"});
  co_await context.sleep(10s);
  context.append_output("printed\n");  // nothing that clients are told
  co_await context.sleep(10s);
  const auto given = co_await context.ask({{.key = "name", .method = "elicitation/create", .params = "{}"}});
  co_await context.sleep(10s);
  co_return ToolOutput(given ? "done" : "refused");
}

class ChangesTest : public ManagerTest {
 protected:
  void SetUp() override {
    ManagerTest::SetUp();
    other = std::make_unique<Process>(io, clock, backend, ManagerOptions{});
    Tool tool;
    tool.name = "works";
    tool.always_background = true;
    tool.coroutine = works;
    add(std::move(tool));
  }
  void TearDown() override {
    gate.open();
    run_ready(io);
    here.reset();
    other.reset();
  }
  TaskRecord seen(TaskManager& by, TaskId id) {
    auto record = run(io, by.check(id));
    if (!record) throw std::runtime_error(record.error().detail);
    return *record;
  }
  void turn(Milliseconds time) {
    clock.advance(time);
    run_ready(io);
  }
  std::unique_ptr<Process> other;
};

TEST_F(ChangesTest, EachProcessHearsOfProgressOfWhatIsAskedOfTheAnswerAndOfTheEnd) {
  const TaskId id = background(call_of("works")).task_id;
  for (TaskManager* by : {&manager(), other->manager.get()}) {
    EXPECT_EQ(seen(*by, id).status, TaskStatus::running);
  }
  TaskManager& here_ = manager();
  TaskManager& there = *other->manager;
  std::vector<Task<Result<TaskRecord>>> waits;
  const auto wait_in_both = [&] {
    waits.clear();
    waits.push_back(here_.await_change(id, seen(here_, id), 100s));
    waits.push_back(there.await_change(id, seen(there, id), 100s));
    run_ready(io);
  };
  const auto none_done = [&] { return !waits[0].done() && !waits[1].done(); };
  const auto both_done = [&] { return waits[0].done() && waits[1].done(); };

  wait_in_both();
  turn(9s);
  EXPECT_TRUE(none_done());
  turn(1s);
  ASSERT_TRUE(both_done());
  for (auto& each : waits) EXPECT_EQ(each.take()->progress->message, "one");

  wait_in_both();
  turn(10s);
  EXPECT_TRUE(none_done()) << "output alone is no change";
  turn(10s);
  ASSERT_TRUE(both_done());
  for (auto& each : waits) EXPECT_EQ(each.take()->input_requests.at(0).key, "name");

  wait_in_both();
  ASSERT_EQ(run(io, there.answer_input(id, {{"name", "{}"}})), 1U);
  run_ready(io);
  ASSERT_TRUE(both_done()) << "also in the process that answered";
  for (auto& each : waits) EXPECT_TRUE(each.take()->input_requests.empty());

  wait_in_both();
  turn(10s);
  ASSERT_TRUE(both_done());
  for (auto& each : waits) EXPECT_EQ(each.take()->status, TaskStatus::completed);
}

TEST_F(ChangesTest, WhatHasChangedAlreadyIsAnsweredAtOnce) {
  const TaskId id = background(call_of("works")).task_id;
  const TaskRecord before = seen(manager(), id);
  turn(10s);
  for (TaskManager* by : {&manager(), other->manager.get()}) {
    auto changed = by->await_change(id, before, 100s);
    run_ready(io);
    ASSERT_TRUE(changed.done());
    EXPECT_EQ(changed.take()->progress->value, 1);
  }
}

TEST_F(ChangesTest, AfterItsTimeTheRecordIsAnsweredAsItStands) {
  const TaskId id = background(call_of("works")).task_id;
  for (TaskManager* by : {&manager(), other->manager.get()}) {
    const TaskRecord before = seen(*by, id);
    auto waiting = by->await_change(id, before, 1s);
    turn(999ms);
    EXPECT_FALSE(waiting.done());
    turn(1ms);
    ASSERT_TRUE(waiting.done());
    const auto record = waiting.take();
    ASSERT_TRUE(record);
    EXPECT_EQ(record->status, TaskStatus::running);
    EXPECT_FALSE(record->progress);
    auto now = by->await_change(id, before, 0s);
    run_ready(io);
    EXPECT_TRUE(now.done());
  }
}

TEST_F(ChangesTest, ATaskThatWasSeenEndedIsAnsweredAtOnceForItChangesNoMore) {
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  gate.open();
  run_ready(io);
  for (TaskManager* by : {&manager(), other->manager.get()}) {
    auto ended = by->await_change(id, seen(*by, id), 100s);
    run_ready(io);
    ASSERT_TRUE(ended.done());
    EXPECT_EQ(ended.take()->status, TaskStatus::completed);
  }
}

TEST_F(ChangesTest, S31_OnlyTheOwnerWaitsAndUnknownTasksAreNotFound) {
  const TaskId id = background(call_of("works", "ann")).task_id;
  const TaskId unknown = *TaskId::parse("00000000000000000000000000000000");
  for (TaskManager* by : {&manager(), other->manager.get()}) {
    const TaskRecord before = seen(*by, id);
    EXPECT_EQ(run(io, by->await_change(id, before, 1s, "bob")).error().code, errc::not_found);
    EXPECT_EQ(run(io, by->await_change(unknown, before, 1s)).error().code, errc::not_found);
  }
}

TEST_F(ChangesTest, F16_DroppingAWaitTouchesNothingAndManyWaitTogether) {
  const TaskId id = background(call_of("works")).task_id;
  std::vector<Task<Result<TaskRecord>>> waits;
  for (int i = 0; i < 1'000; ++i) {
    TaskManager& by = i % 2 == 0 ? manager() : *other->manager;
    waits.push_back(by.await_change(id, seen(by, id), 100s));
  }
  for (int i = 0; i < 1'000; i += 3) waits[static_cast<std::size_t>(i)].reset();
  turn(10s);
  int heard = 0;
  for (auto& each : waits) {
    if (each && each.done()) heard += each.take()->progress ? 1 : 0;
  }
  EXPECT_EQ(heard, 666);
  EXPECT_EQ(seen(manager(), id).status, TaskStatus::running);
}

TEST_F(ChangesTest, WaitsForChangesCountAsWaits) {
  restart({.limits = {.waiters = 1}});
  add_gate();
  const TaskId id = background(call_of("slow")).task_id;
  const TaskRecord before = seen(manager(), id);
  auto first = manager().await_change(id, before, 100s);
  const auto second = run(io, manager().await_change(id, before, 100s));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::overloaded);
  first.reset();
  auto third = manager().await_change(id, before, 100s);
  EXPECT_FALSE(third.done());
}

TEST_F(ChangesTest, WhoOffersToolsIsToldOnceATurnThatSomeCameOrWent) {
  int told = 0;
  manager().on_tools_changed([&] { ++told; });
  run_ready(io);
  told = 0;  // of the tools of SetUp
  add("one", gate.body());
  add("two", gate.body());
  EXPECT_TRUE(manager().remove_tool("one"));
  EXPECT_EQ(told, 0) << "in the loop's next turn";
  run_ready(io);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(manager().tool("one"), nullptr);
  ASSERT_NE(manager().tool("two"), nullptr);
  EXPECT_EQ(manager().tool("two")->name, "two");
  manager().on_tools_changed([&, this] {
    ++told;
    manager().on_tools_changed(nullptr);  // also from inside
  });
  EXPECT_TRUE(manager().remove_tool("two"));
  run_ready(io);
  EXPECT_EQ(told, 2);
  add("three", gate.body());
  run_ready(io);
  EXPECT_EQ(told, 2);
}

TEST_F(ChangesTest, AToolThatIsATaskOnlyCannotBeOneThatNeverIs) {
  Tool tool;
  tool.name = "odd";
  tool.coroutine = gate.body();
  tool.task_only = tool.no_background = true;
  const auto added = manager().add_tool(std::move(tool));
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().detail, ::testing::HasSubstr("task_only"));
}

}  // namespace
}  // namespace meantime
