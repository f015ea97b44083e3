// SPDX-License-Identifier: MIT
// asking_test.cpp: what a tool asks of its caller in the middle of a call or of a task, and log lines.
#include <gmock/gmock.h>

#include "core/envelope.hpp"
#include "support/manager_fixture.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using test::ManagerTest;
using test::Process;
using test::run;
using test::run_ready;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

InputRequest request(std::string key, std::string params = "{}") {
  return {.key = std::move(key), .method = "elicitation/create", .params = std::move(params)};
}

ToolReturn told(const Result<std::vector<InputResponse>>& given) {
  if (!given) return std::unexpected(ToolFailure{std::string(name_of(given.error().code)), given.error().detail, {}});
  std::string text;
  for (const InputResponse& each : *given) text += each.key + "=" + each.result + ";";
  return ToolOutput(text);
}

Task<ToolReturn> ask_it(ToolContext& context, std::vector<InputRequest> requests) {
  co_return told(co_await context.ask(std::move(requests)));
}

Task<ToolReturn> sleep_ask_sleep(ToolContext& context, Milliseconds before, Milliseconds after) {
  co_await context.sleep(before);
  auto given = co_await context.ask({request("one")});
  co_await context.sleep(after);
  co_return told(given);
}

Task<ToolReturn> ask_twice(ToolContext& context, std::string first, std::string second) {
  auto one = co_await context.ask({request(std::move(first))});
  auto two = co_await context.ask({request(std::move(second))});
  co_return told(one && !two ? two : one);
}

class AskingTest : public ManagerTest {
 protected:
  void SetUp() override {
    ManagerTest::SetUp();
    other = std::make_unique<Process>(io, clock, backend, ManagerOptions{});
    add("asks", [](ToolContext& c) { return ask_it(c, {request("one", R"({"q":1})"), request("two")}); });
  }
  void TearDown() override {
    rounds.clear();
    run_ready(io);
    other.reset();
  }
  ToolCall heard(ToolCall call) {
    call.on_input = [this](std::shared_ptr<InputRound> round) { rounds.push_back(std::move(round)); };
    return call;
  }
  Task<Result<Outcome>> begin(std::string tool) {
    auto calling = manager().call(heard(call_of(std::move(tool))));
    run_ready(io);
    return calling;
  }
  TaskId as_task(ToolCall call) {
    auto calling = manager().call(std::move(call));
    run_ready(io);
    if (!calling.done()) throw std::runtime_error("the call is not answered");
    auto outcome = calling.take();
    if (!outcome) throw std::runtime_error(outcome.error().detail);
    return std::get<Backgrounded>(*outcome).task_id;
  }
  std::vector<std::string> open_keys(TaskManager& asked, TaskId id) {
    std::vector<std::string> keys;
    const auto record = run(io, asked.check(id));
    if (!record) throw std::runtime_error(record.error().detail);
    for (const InputRequest& each : record->input_requests) keys.push_back(each.key);
    return keys;
  }
  std::uint32_t answer(TaskManager& at, TaskId id, std::vector<InputResponse> responses) {
    auto count = run(io, at.answer_input(id, std::move(responses)));
    if (!count) throw std::runtime_error(count.error().detail);
    run_ready(io);
    return *count;
  }
  static std::string text_of(const Result<Outcome>& outcome) { return std::get<Finished>(*outcome).output.text; }
  static std::string error_of(const Result<Outcome>& outcome) { return std::get<Failed>(*outcome).failure.error(); }

  std::unique_ptr<Process> other;
  std::vector<std::shared_ptr<InputRound>> rounds;
};

TEST_F(AskingTest, AFrontDoorAnswersInlineInTheOrderOfTheRequests) {
  auto calling = begin("asks");
  ASSERT_EQ(rounds.size(), 1U);
  EXPECT_THAT(rounds[0]->requests(), ElementsAre(request("one", R"({"q":1})"), request("two")));
  rounds[0]->answer({{"two", R"({"b":2})"}, {"one", R"({"a":1})"}});
  EXPECT_FALSE(calling.done()) << "the tool goes on in a turn of its own";
  run_ready(io);
  ASSERT_TRUE(calling.done());
  EXPECT_EQ(text_of(calling.take()), R"(one={"a":1};two={"b":2};)");
  rounds[0]->refuse({});  // decided: nothing comes of it
  EXPECT_TRUE(run(io, manager().list({}))->tasks.empty());
}

TEST_F(AskingTest, TheBudgetStandsStillWhileARoundIsOpenAndBeginsAnewWithTheAnswer) {
  add("patient", [](ToolContext& c) { return sleep_ask_sleep(c, 9s, 9s); });
  auto calling = begin("patient");
  clock.advance(9s);
  run_ready(io);
  ASSERT_EQ(rounds.size(), 1U);
  clock.advance(300s);
  EXPECT_FALSE(calling.done());
  rounds[0]->answer({{"one", "{}"}});
  run_ready(io);
  clock.advance(8'900ms);
  EXPECT_FALSE(calling.done());
  clock.advance(100ms);
  ASSERT_TRUE(calling.done());
  EXPECT_EQ(text_of(calling.take()), "one={};");
}

TEST_F(AskingTest, TheBudgetAfterAnAnswerIsTheWholeOneAndThenTheCallIsATask) {
  add("slow", [](ToolContext& c) { return sleep_ask_sleep(c, 9s, 60s); });
  auto calling = begin("slow");
  clock.advance(9s);
  run_ready(io);
  rounds.at(0)->answer({{"one", "{}"}});
  run_ready(io);
  clock.advance(9'999ms);
  EXPECT_FALSE(calling.done());
  clock.advance(1ms);
  run_ready(io);
  ASSERT_TRUE(calling.done());
  const auto outcome = calling.take();
  const TaskId id = std::get<Backgrounded>(*outcome).task_id;
  EXPECT_THAT(open_keys(manager(), id), IsEmpty());
  clock.advance(60s);
  run_ready(io);
  EXPECT_EQ(result_of(id), "one={};");
}

TEST_F(AskingTest, TheMaximumRunTimeGoesOnWhileARoundIsOpen) {
  Tool tool;
  tool.name = "limited";
  tool.max_run_time = 30s;
  tool.coroutine = [](ToolContext& c) { return ask_it(c, {request("one")}); };
  add(std::move(tool));
  auto calling = begin("limited");
  clock.advance(29s);
  EXPECT_FALSE(calling.done());
  clock.advance(1s);
  run_ready(io);
  ASSERT_TRUE(calling.done());
  EXPECT_THAT(error_of(calling.take()), HasSubstr("TimedOut"));
  rounds.at(0)->answer({{"one", "{}"}});  // outlives the tool
}

TEST_F(AskingTest, WithNobodyToAskInlineTheCallIsATaskAtOnceAndItsRecordShowsWhatItAsks) {
  const TaskId id = as_task(call_of("asks"));
  for (TaskManager* asked : {&manager(), other->manager.get()}) {
    EXPECT_THAT(open_keys(*asked, id), ElementsAre("one", "two"));
    const auto listed = run(io, asked->list({}));
    EXPECT_EQ(listed->tasks.at(0).input_requests.size(), 2U);
  }
  EXPECT_THAT(envelope::status(check(id), clock.wall_now()), HasSubstr(R"("input_required":["one","two"])"));
  EXPECT_EQ(answer(*other->manager, id, {{"two", R"({"b":2})"}, {"x", "{}"}}), 1U);
  EXPECT_THAT(open_keys(manager(), id), ElementsAre("one"));
  EXPECT_THAT(open_keys(*other->manager, id), ElementsAre("one"));
  EXPECT_EQ(answer(manager(), id, {{"two", "{}"}, {"one", R"({"a":1})"}}), 1U);
  EXPECT_EQ(result_of(id), R"(one={"a":1};two={"b":2};)");
  EXPECT_EQ(answer(manager(), id, {{"one", "{}"}}), 0U) << "it has ended";
}

TEST_F(AskingTest, AFrontDoorMakesItATaskWhoseIdIsDurableAndWhoseRequestsAreShownBeforeTheAnswer) {
  here->store.hold_starts();
  auto calling = begin("asks");
  rounds.at(0)->to_task();
  run_ready(io);
  EXPECT_FALSE(calling.done());
  here->store.release();
  run_ready(io);
  ASSERT_TRUE(calling.done());
  const auto outcome = calling.take();
  const Backgrounded& task = std::get<Backgrounded>(*outcome);
  EXPECT_TRUE(task.stored);
  EXPECT_THAT(open_keys(*other->manager, task.task_id), ElementsAre("one", "two"));
  rounds[0]->answer({{"one", "{}"}, {"two", "{}"}});  // no longer its business
  run_ready(io);
  EXPECT_EQ(check(task.task_id).status, TaskStatus::running);
  EXPECT_EQ(answer(*other->manager, task.task_id, {{"one", "{}"}, {"two", "{}"}}), 2U);
  EXPECT_EQ(result_of(task.task_id), "one={};two={};");
}

TEST_F(AskingTest, AToolThatAsksAfterItsBudgetAsksAsATask) {
  add("late", [](ToolContext& c) { return sleep_ask_sleep(c, 20s, 0s); });
  auto calling = begin("late");
  clock.advance(10s);
  run_ready(io);
  ASSERT_TRUE(calling.done());
  const auto outcome = calling.take();
  const TaskId id = std::get<Backgrounded>(*outcome).task_id;
  clock.advance(10s);
  run_ready(io);
  EXPECT_THAT(rounds, IsEmpty());
  EXPECT_THAT(open_keys(*other->manager, id), ElementsAre("one"));
  EXPECT_EQ(answer(*other->manager, id, {{"one", "{}"}}), 1U);
  clock.advance(0s);
  run_ready(io);
  EXPECT_EQ(result_of(id), "one={};");
}

TEST_F(AskingTest, ToolsThatAreAlwaysTasksNeverAskInline) {
  Tool tool;
  tool.name = "task";
  tool.task_only = true;
  tool.coroutine = [](ToolContext& c) { return ask_it(c, {request("one")}); };
  add(std::move(tool));
  EXPECT_TRUE(manager().tool("task")->always_background);
  const TaskId id = as_task(heard(call_of("task")));
  EXPECT_THAT(rounds, IsEmpty());
  EXPECT_THAT(open_keys(*other->manager, id), ElementsAre("one"));
  ASSERT_TRUE(run(io, manager().cancel(id)));
  run_ready(io);
  EXPECT_EQ(check(id).reason, EndReason::cancelled);
}

TEST_F(AskingTest, ARoundThatNobodyDecidesIsRefused) {
  auto calling = begin("asks");
  rounds.clear();
  run_ready(io);
  ASSERT_TRUE(calling.done());
  EXPECT_THAT(error_of(calling.take()), HasSubstr("unsupported: The caller was not asked"));
}

TEST_F(AskingTest, ARefusalReachesTheToolAsItIs) {
  auto calling = begin("asks");
  rounds.at(0)->refuse({errc::unsupported, "x", "no elicitation"});
  run_ready(io);
  ASSERT_TRUE(calling.done());
  EXPECT_EQ(error_of(calling.take()), "unsupported: no elicitation");
}

TEST_F(AskingTest, AnAnswerThatLacksAResponseIsARefusalThatNamesIt) {
  auto calling = begin("asks");
  rounds.at(0)->answer({{"one", "{}"}});
  run_ready(io);
  ASSERT_TRUE(calling.done());
  EXPECT_THAT(error_of(calling.take()), HasSubstr("'two'"));
}

TEST_F(AskingTest, F17_ACallDroppedWhileARoundIsOpenTakesItsToolWithIt) {
  auto calling = begin("asks");
  calling.reset();
  EXPECT_EQ(manager().running(), 0U);
  rounds.at(0)->answer({{"one", "{}"}, {"two", "{}"}});
  run_ready(io);
  EXPECT_TRUE(run(io, manager().list({}))->tasks.empty());
}

TEST_F(AskingTest, ACallMayBeDroppedByTheFrontDoorThatIsAsked) {
  Task<Result<Outcome>> calling;
  ToolCall call = call_of("asks");
  call.on_input = [&](const std::shared_ptr<InputRound>&) { calling.reset(); };
  calling = manager().call(std::move(call));
  run_ready(io);
  EXPECT_FALSE(calling);
  EXPECT_EQ(manager().running(), 0U);
}

Task<ToolReturn> tidy_up(ToolContext& context, std::string* said) {
  const auto stop = context.stop_token();
  const auto given = co_await context.ask({request("one")});
  *said = given ? "answered" : name_of(given.error().code);
  const auto again = co_await context.ask({request("two")});
  *said += again ? " answered" : " " + std::string(name_of(again.error().code));
  co_return std::unexpected(ToolFailure{"Stopped", "", {}});
}

TEST_F(AskingTest, AToolThatListensGetsItsAskBackWhenItsCallIsCancelled) {
  std::string said;
  add("tidy", [&said](ToolContext& c) { return tidy_up(c, &said); });
  auto calling = begin("tidy");
  calling.reset();
  run_ready(io);
  EXPECT_EQ(said, "cancelled cancelled");
  EXPECT_EQ(manager().running(), 0U);
  const TaskId id = as_task(call_of("tidy"));
  ASSERT_TRUE(run(io, manager().cancel(id)));
  run_ready(io);
  EXPECT_EQ(said, "cancelled cancelled");
  EXPECT_EQ(check(id).reason, EndReason::cancelled);
}

TEST_F(AskingTest, AKeyIsUsedOnceInATasksLifeAlsoWhenTheFirstTimeWasInline) {
  add("again", [](ToolContext& c) { return ask_twice(c, "k", "k"); });
  auto calling = begin("again");
  rounds.at(0)->answer({{"k", "{}"}});
  run_ready(io);
  ASSERT_TRUE(calling.done());
  EXPECT_THAT(error_of(calling.take()), HasSubstr("invalid_argument: The input key 'k' was used before"));
}

TEST_F(AskingTest, WhatMayNotBeAskedIsRefusedAtOnce) {
  add("bad", [](ToolContext& c) { return ask_it(c, {request("k", "[]")}); });
  add("many", [](ToolContext& c) {
    std::vector<InputRequest> all;
    for (int i = 0; i < 65; ++i) all.push_back(request(std::to_string(i)));
    return ask_it(c, std::move(all));
  });
  add("none", [](ToolContext& c) { return ask_it(c, {}); });
  EXPECT_THAT(error_of(run(io, manager().call(call_of("bad")))), HasSubstr("no JSON object"));
  EXPECT_THAT(error_of(run(io, manager().call(call_of("many")))), HasSubstr("64"));
  EXPECT_EQ(text_of(run(io, manager().call(call_of("none")))), "");
}

TEST_F(AskingTest, AToolThatNeverBecomesATaskIsAskedInlineOrNotAtAll) {
  Tool tool;
  tool.name = "inline";
  tool.no_background = true;
  tool.coroutine = [](ToolContext& c) { return ask_it(c, {request("one")}); };
  add(std::move(tool));
  EXPECT_THAT(error_of(run(io, manager().call(call_of("inline")))), HasSubstr("unsupported"));
  auto calling = begin("inline");
  rounds.at(0)->to_task();
  run_ready(io);
  ASSERT_TRUE(calling.done());
  EXPECT_THAT(error_of(calling.take()), HasSubstr("unsupported: This call must be answered inline"));
  auto again = begin("inline");
  clock.advance(1h);
  rounds.at(1)->answer({{"one", "{}"}});
  run_ready(io);
  ASSERT_TRUE(again.done());
  EXPECT_EQ(text_of(again.take()), "one={};");
}

Task<ToolReturn> ask_side_by_side(ToolContext& context) {
  auto one = context.ask({request("one")});
  auto two = context.ask({request("two")});
  const auto first = co_await std::move(one);
  const auto second = co_await std::move(two);
  co_return ToolOutput(told(first)->text + told(second)->text);
}

TEST_F(AskingTest, SeveralAsksOfOneToolStandSideBySide) {
  add("both", ask_side_by_side);
  auto calling = begin("both");
  ASSERT_EQ(rounds.size(), 2U);
  rounds[0]->answer({{"one", "{}"}});
  run_ready(io);
  clock.advance(60s);
  EXPECT_FALSE(calling.done()) << "one is still open: the budget stands still";
  rounds[1]->to_task();
  run_ready(io);
  ASSERT_TRUE(calling.done());
  const auto outcome = calling.take();
  const TaskId id = std::get<Backgrounded>(*outcome).task_id;
  EXPECT_THAT(open_keys(*other->manager, id), ElementsAre("two"));
  EXPECT_EQ(answer(manager(), id, {{"two", "{}"}}), 1U);
  EXPECT_EQ(result_of(id), "one={};two={};");

  auto second = begin("both");
  ASSERT_EQ(rounds.size(), 4U);
  rounds[2]->to_task();
  run_ready(io);
  ASSERT_TRUE(second.done());
  const auto both = second.take();
  const TaskId asks_both = std::get<Backgrounded>(*both).task_id;
  rounds.clear();  // a front door that goes: what it had not decided is the task's
  run_ready(io);
  EXPECT_THAT(open_keys(*other->manager, asks_both), ElementsAre("one", "two"));
  EXPECT_EQ(answer(*other->manager, asks_both, {{"one", "{}"}, {"two", "{}"}}), 2U);
}

Task<ToolReturn> ask_and_give_up(ToolContext& context) {
  auto asking = context.ask({request("one")});
  co_await context.sleep(5s);
  asking.reset();
  co_return told(co_await context.ask({request("two")}));
}

TEST_F(AskingTest, AnAskThatTheToolDropsIsWithdrawnFromTheRecord) {
  add("gives_up", ask_and_give_up);
  const TaskId id = as_task(call_of("gives_up"));
  EXPECT_THAT(open_keys(*other->manager, id), ElementsAre("one"));
  clock.advance(5s);
  run_ready(io);
  EXPECT_THAT(open_keys(manager(), id), ElementsAre("two"));
  EXPECT_THAT(open_keys(*other->manager, id), ElementsAre("two"));
  EXPECT_EQ(answer(*other->manager, id, {{"one", "{}"}, {"two", "{}"}}), 1U);
  EXPECT_EQ(result_of(id), "two={};");
}

TEST_F(AskingTest, AnAnswerWhoseNoticeIsLostIsFoundWithTheNextHeartbeat) {
  const TaskId id = as_task(call_of("asks"));
  here->store.lose_notices(true);
  EXPECT_EQ(answer(*other->manager, id, {{"one", "{}"}, {"two", "{}"}}), 2U);
  EXPECT_EQ(check(id).status, TaskStatus::running);
  here->store.lose_notices(false);
  clock.advance(3s);
  run_ready(io);
  EXPECT_EQ(result_of(id), "one={};two={};");
}

TEST_F(AskingTest, F04_WhileTheStoreIsAwayThisProcessShowsAndTakesAnswersAndTheStoreHearsOfThemLater) {
  here->store.go_away();
  auto calling = manager().call(call_of("asks"));
  run_ready(io);
  ASSERT_TRUE(calling.done());
  const auto outcome = calling.take();
  const TaskId id = std::get<Backgrounded>(*outcome).task_id;
  EXPECT_THAT(open_keys(manager(), id), ElementsAre("one", "two"));
  EXPECT_EQ(answer(manager(), id, {{"one", R"({"a":1})"}}), 1U);
  EXPECT_THAT(open_keys(manager(), id), ElementsAre("two"));
  here->store.come_back();
  run_ready(io);
  EXPECT_THAT(open_keys(*other->manager, id), ElementsAre("two"));
  here->store.go_away();
  EXPECT_EQ(answer(manager(), id, {{"one", "{}"}}), 0U);
  EXPECT_EQ(answer(manager(), id, {{"two", "{}"}}), 1U);
  here->store.come_back();
  run_ready(io);
  EXPECT_EQ(result_of(id), R"(one={"a":1};two={};)");
}

TEST_F(AskingTest, AnAnswerThatTheStoreDidNotHearOfIsNotAskedForEverThere) {
  add("twice", [](ToolContext& c) { return ask_twice(c, "one", "two"); });
  const TaskId id = as_task(call_of("twice"));
  here->store.go_away();
  EXPECT_EQ(answer(manager(), id, {{"one", "{}"}}), 1U);
  EXPECT_THAT(open_keys(manager(), id), ElementsAre("two"));
  EXPECT_THAT(open_keys(*other->manager, id), ElementsAre("one"));
  here->store.come_back();
  run_ready(io);
  EXPECT_THAT(open_keys(*other->manager, id), ElementsAre("two"));
  EXPECT_EQ(answer(*other->manager, id, {{"two", "{}"}}), 1U);
  EXPECT_EQ(result_of(id), "one={};");
}

TEST_F(AskingTest, F05_AStoreThatLostItsDataIsToldWhatIsAskedAnew) {
  const TaskId id = as_task(call_of("asks"));
  EXPECT_EQ(answer(manager(), id, {{"one", "{}"}}), 1U);
  auto empty = make_memory_backend(clock);
  here->store.forget_all(make_memory_store(io, empty));
  other->store.forget_all(make_memory_store(io, empty));
  here->store.say_forgotten();
  run_ready(io);
  EXPECT_THAT(open_keys(*other->manager, id), ElementsAre("two"));
  EXPECT_EQ(answer(*other->manager, id, {{"two", "{}"}}), 1U);
  EXPECT_EQ(result_of(id), "one={};two={};");
}

TEST_F(AskingTest, OpenRequestsGoWithTheTask) {
  const TaskId id = as_task(call_of("asks"));
  ASSERT_TRUE(run(io, other->manager->cancel(id)));
  run_ready(io);
  const auto record = run(io, other->manager->check(id));
  EXPECT_EQ(record->reason, EndReason::cancelled);
  EXPECT_THAT(record->input_requests, IsEmpty());
  EXPECT_EQ(answer(*other->manager, id, {{"one", "{}"}}), 0U);
}

TEST_F(AskingTest, ALostTaskThatRunsAgainAsksAnewWithTheSameKeys) {
  const auto offer = [](TaskManager& where) {
    Tool tool;
    tool.name = "safe";
    tool.idempotent = tool.rerun_if_lost = true;
    tool.coroutine = [](ToolContext& c) { return ask_it(c, {request("one"), request("two")}); };
    ASSERT_TRUE(where.add_tool(std::move(tool)));
  };
  offer(manager());
  offer(*other->manager);
  const TaskId id = as_task(call_of("safe"));
  EXPECT_EQ(answer(*other->manager, id, {{"one", R"({"old":1})"}}), 1U);
  here.reset();  // as kill -9
  clock.advance(20s);
  run_ready(io);
  TaskManager& second = *other->manager;
  ASSERT_EQ(run(io, second.check(id))->attempt, 2U);
  EXPECT_THAT(open_keys(second, id), ElementsAre("one", "two"));
  EXPECT_EQ(answer(second, id, {{"one", "{}"}, {"two", "{}"}}), 2U);
  EXPECT_EQ(run(io, second.read_result(id, 0, 0))->text, "one={};two={};");
}

TEST_F(AskingTest, ACallWithAKeyHearsOfItsTaskAsSoonAsThatAsks) {
  ToolCall call = heard(call_of("asks"));
  call.idempotency_key = "k";
  auto calling = manager().call(std::move(call));
  run_ready(io);
  ASSERT_TRUE(calling.done()) << "long before its budget is over";
  const auto outcome = calling.take();
  const TaskId id = std::get<Backgrounded>(*outcome).task_id;
  EXPECT_THAT(rounds, IsEmpty()) << "it outlives its caller: it asks as a task";
  EXPECT_EQ(answer(*other->manager, id, {{"one", "{}"}, {"two", "{}"}}), 2U);
  EXPECT_EQ(result_of(id), "one={};two={};");
}

TEST_F(AskingTest, S31_OnlyTheOwnerAnswersAndOnlyWithObjects) {
  const TaskId id = as_task(call_of("asks", "ann"));
  for (TaskManager* asked : {&manager(), other->manager.get()}) {
    EXPECT_EQ(run(io, asked->answer_input(id, {{"one", "{}"}}, "bob")).error().code, errc::not_found);
    const auto wrong = run(io, asked->answer_input(id, {{"one", "[]"}}, "ann"));
    EXPECT_EQ(wrong.error().code, errc::invalid_argument);
    EXPECT_THAT(wrong.error().detail, HasSubstr("'one'"));
  }
  EXPECT_EQ(answer(manager(), id, {{"one", "{}"}, {"two", "{}"}}), 2U);
}

TEST_F(AskingTest, ABlockingToolThatAsksIsToldWhyItCannot) {
  Tool tool;
  tool.name = "blocking";
  tool.blocking = [](ToolContext& context) -> ToolReturn {
    std::ignore = context.ask({request("one")});
    return ToolOutput("never");
  };
  add(std::move(tool));
  EXPECT_THAT(error_of(run(io, manager().call(call_of("blocking")))), HasSubstr("make the tool a coroutine"));
}

Task<ToolReturn> says(ToolContext& context) {
  context.log({LogLevel::info, "a", "\"first\""});
  context.progress({.value = 1, .total = {}, .message = {}});
  co_await context.sleep(5s);
  context.log({LogLevel::warning, "b", "\"second\""});
  context.progress({.value = 2, .total = {}, .message = {}});
  co_await context.sleep(10s);
  context.log({LogLevel::error, "c", "\"third\""});
  co_return ToolOutput("done");
}

TEST_F(AskingTest, LogLinesAndProgressReachTheCallerUntilItIsAnswered) {
  add("says", says);
  std::vector<std::string> lines;
  std::vector<double> values;
  ToolCall call = call_of("says");
  call.on_log = [&](const LogLine& line) {
    lines.push_back(std::string(name_of(line.level)) + line.logger + line.data);
  };
  call.on_progress = [&](const Progress& progress) { values.push_back(progress.value); };
  auto calling = manager().call(std::move(call));
  EXPECT_THAT(lines, ElementsAre("infoa\"first\"")) << "also before it first suspends";
  EXPECT_THAT(values, ElementsAre(1));
  clock.advance(5s);
  EXPECT_THAT(lines, ElementsAre("infoa\"first\"", "warningb\"second\""));
  EXPECT_THAT(values, ElementsAre(1, 2));
  clock.advance(5s);
  run_ready(io);
  ASSERT_TRUE(calling.done());
  clock.advance(5s);
  run_ready(io);
  EXPECT_EQ(lines.size(), 2U) << "the caller was answered: nobody hears the rest";
}

TEST_F(AskingTest, LogLinesOfABlockingToolComeOnTheLoop) {
  Tool tool;
  tool.name = "blocking";
  tool.blocking = [](ToolContext& context) -> ToolReturn {
    context.log({LogLevel::debug, "", "1"});
    return ToolOutput("done");
  };
  add(std::move(tool));
  std::vector<std::string> lines;
  ToolCall call = call_of("blocking");
  call.on_log = [&](const LogLine& line) { lines.push_back(line.data); };
  ASSERT_TRUE(run(io, manager().call(std::move(call))));
  EXPECT_THAT(lines, ElementsAre("1"));
}

}  // namespace
}  // namespace meantime
