// SPDX-License-Identifier: MIT
// inputs_contract.cpp: what a running task asks of its caller: shown by every process, answered from any.
#include "contract/store_contract.hpp"

namespace meantime::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

InputRequest request(std::string key, std::string params = R"({"message":"Wer bist du? ✓","n":1.0e2})") {
  return {.key = std::move(key), .method = "elicitation/create", .params = std::move(params)};
}

TEST_P(StoreContract, WhatATaskAsksIsShownByEveryWorkerInTheOrderAsked) {
  const TaskId id = start(*a_);
  const TaskId other = start(*a_);
  const InputRequest roots{.key = "a ✓ key:\n", .method = "roots/list", .params = "{}"};
  ASSERT_TRUE(wait(a_->ask_input({id, 1}, {request("z"), roots})));
  ASSERT_TRUE(wait(a_->ask_input({id, 1}, {request("m", R"({ "spaces" : [ ] })")})));
  for (Store* store : {a_.get(), b_.get()}) {
    EXPECT_THAT(find(*store, id).input_requests,
                ElementsAre(request("z"), roots, request("m", R"({ "spaces" : [ ] })")));
    EXPECT_THAT(find(*store, other).input_requests, IsEmpty());
    const TaskList page = list(*store, {});
    ASSERT_EQ(page.tasks.size(), 2U);
    EXPECT_THAT(page.tasks[0].input_requests, IsEmpty());
    EXPECT_EQ(page.tasks[1].input_requests, find(*store, id).input_requests);
    EXPECT_THAT(wait(store->input_responses(id)).value(), IsEmpty());
  }
}

TEST_P(StoreContract, AnAnswerFromAnotherWorkerWakesTheTasksOwnAndLeavesTheRestOpen) {
  const TaskId id = start(*a_);
  ASSERT_TRUE(wait(a_->ask_input({id, 1}, {request("one"), request("two"), request("three")})));
  const InputResponse answer{.key = "two", .result = R"({"action":"accept","content":{"name":"Åsa","n":1.0}})"};
  EXPECT_EQ(wait(b_->answer_input(id, {answer, {"unknown", "{}"}})), 1U);
  until([&] { return !heard_a_.answered.empty(); });
  EXPECT_THAT(heard_a_.answered, ElementsAre(id));
  EXPECT_THAT(heard_b_.answered, IsEmpty());
  EXPECT_EQ(wait(b_->answer_input(id, {{"two", "{}"}})), 0U) << "the first answer stays";
  EXPECT_THAT(wait(a_->input_responses(id)).value(), ElementsAre(answer));
  EXPECT_THAT(find(*b_, id).input_requests, ElementsAre(request("one"), request("three")));
  EXPECT_EQ(wait(a_->answer_input(id, {{"three", "{}"}, {"one", "{\"x\":1}"}})), 2U);
  EXPECT_THAT(wait(a_->input_responses(id)).value(),
              ElementsAre(InputResponse{"one", "{\"x\":1}"}, answer, InputResponse{"three", "{}"}));
  EXPECT_THAT(find(*b_, id).input_requests, IsEmpty());
  run_ready(loop_);
  EXPECT_THAT(heard_a_.answered, ElementsAre(id)) << "what it answered itself it knows";
}

TEST_P(StoreContract, WhoWatchesATaskHearsOfWhatItAsksAndOfItsAnswers) {
  const TaskId id = start(*a_);
  b_->watch(id);
  ASSERT_TRUE(wait(b_->find(id)));
  heard_b_.changed.clear();
  ASSERT_TRUE(wait(a_->ask_input({id, 1}, {request("one")})));
  until([&] { return !heard_b_.changed.empty(); });
  EXPECT_THAT(find(*b_, id).input_requests, ElementsAre(request("one")));
  heard_b_.changed.clear();
  ASSERT_EQ(wait(a_->answer_input(id, {{"one", "{}"}})), 1U);
  until([&] { return !heard_b_.changed.empty(); });
  b_->unwatch(id);
}

TEST_P(StoreContract, AKeyIsUsedOnceInATaskAndTheSameAskAgainChangesNothing) {
  const TaskId id = start(*a_);
  ASSERT_TRUE(wait(a_->ask_input({id, 1}, {request("one")})));
  EXPECT_TRUE(wait(a_->ask_input({id, 1}, {request("one")}))) << "its first answer did not arrive";
  const auto other = wait(a_->ask_input({id, 1}, {request("two"), request("one", "{}")}));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, errc::invalid_argument);
  EXPECT_THAT(other.error().detail, HasSubstr("'one'"));
  EXPECT_THAT(find(*a_, id).input_requests, ElementsAre(request("one"))) << "all or none";
  ASSERT_EQ(wait(a_->answer_input(id, {{"one", "{}"}})), 1U);
  EXPECT_EQ(wait(a_->ask_input({id, 1}, {request("one")})).error().code, errc::invalid_argument);
  const TaskId another = start(*a_);
  EXPECT_FALSE(wait(a_->ask_input({another, 1}, {request("x"), request("x", "{}")})));
  EXPECT_THAT(find(*b_, another).input_requests, IsEmpty());
  EXPECT_TRUE(wait(a_->ask_input({another, 1}, {request("one")}))) << "another task's keys are its own";
}

TEST_P(StoreContract, ATaskHasOnlySoManyInputRequestsOpen) {
  const TaskId id = start(*a_);
  std::vector<InputRequest> many;
  for (std::size_t i = 0; i < max_input_requests; ++i) many.push_back(request(std::to_string(i)));
  ASSERT_TRUE(wait(a_->ask_input({id, 1}, many)));
  const auto refused = wait(a_->ask_input({id, 1}, {request("more")}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
  EXPECT_THAT(refused.error().detail, HasSubstr("64"));
  ASSERT_EQ(wait(b_->answer_input(id, {{"7", "{}"}})), 1U);
  EXPECT_TRUE(wait(a_->ask_input({id, 1}, {request("more")})));
  EXPECT_EQ(find(*b_, id).input_requests.size(), max_input_requests);
  EXPECT_EQ(find(*b_, id).input_requests.back().key, "more");
}

TEST_P(StoreContract, LargeTextsOfInputStayAsTheyAre) {
  const TaskId id = start(*a_);
  const std::string params = "{\"text\":\"" + std::string(1 << 20, 'x') + "\",\"big\":12345678901234567890}";
  ASSERT_TRUE(wait(a_->ask_input({id, 1}, {request("one", params)})));
  ASSERT_THAT(find(*b_, id).input_requests, ElementsAre(request("one", params)));
  ASSERT_EQ(wait(b_->answer_input(id, {{"one", params}})), 1U);
  EXPECT_THAT(wait(a_->input_responses(id)).value(), ElementsAre(InputResponse{"one", params}));
}

TEST_P(StoreContract, ATaskThatHasEndedAsksNothingAndTakesNoAnswers) {
  for (const bool well : {true, false}) {
    const TaskId id = start(*a_);
    ASSERT_TRUE(wait(a_->ask_input({id, 1}, {request("one"), request("two")})));
    ASSERT_EQ(wait(b_->answer_input(id, {{"one", "{}"}})), 1U);
    ASSERT_TRUE(finish(*a_, id, well ? done("ok") : failed("E: x", EndReason::cancelled)));
    for (Store* store : {a_.get(), b_.get()}) {
      EXPECT_THAT(find(*store, id).input_requests, IsEmpty());
      EXPECT_THAT(list(*store, {}).tasks.front().input_requests, IsEmpty());
      EXPECT_EQ(wait(store->answer_input(id, {{"two", "{}"}})), 0U);
      EXPECT_THAT(wait(store->input_responses(id)).value(), IsEmpty());
    }
    EXPECT_EQ(wait(a_->ask_input({id, 1}, {request("three")})).error().code, errc::already_final);
  }
}

TEST_P(StoreContract, S31_InputOfATaskThatIsNotThereIsNotFound) {
  const TaskId id = new_id();
  EXPECT_EQ(wait(a_->ask_input({id, 1}, {request("one")})).error().code, errc::not_found);
  EXPECT_EQ(wait(a_->answer_input(id, {{"one", "{}"}})).error().code, errc::not_found);
  EXPECT_EQ(wait(a_->input_responses(id)).error().code, errc::not_found);
}

TEST_P(StoreContract, ALostTaskAsksNothingAndItsNextRunAsksAnew) {
  auto dying = state_->join();
  const TaskId lost = start(*dying, {.tool = "once"});
  const TaskId again = start(*dying, {.tool = "safe", .rerun_if_lost = true, .arguments = "{}"});
  for (const TaskId& id : {lost, again}) {
    ASSERT_TRUE(wait(dying->ask_input({id, 1}, {request("one"), request("two")})));
    ASSERT_EQ(wait(b_->answer_input(id, {{"one", "{\"first\":1}"}})), 1U);
  }
  state_->kill(std::move(dying));
  const auto report = wait(b_->reap_lost({.tools = {"safe"}}));
  ASSERT_TRUE(report);
  ASSERT_EQ(report->reclaimed.size(), 1U);
  EXPECT_EQ(find(*a_, lost).reason, EndReason::lost);
  EXPECT_THAT(find(*a_, lost).input_requests, IsEmpty());
  EXPECT_THAT(find(*a_, again).input_requests, IsEmpty());
  EXPECT_THAT(wait(b_->input_responses(again)).value(), IsEmpty());
  EXPECT_EQ(wait(a_->answer_input(again, {{"two", "{}"}})), 0U) << "it was asked by the run that is over";
  EXPECT_EQ(wait(a_->ask_input({again, 1}, {request("x")})).error().code, errc::already_final);
  ASSERT_TRUE(wait(b_->ask_input({again, 2}, {request("one")})));
  EXPECT_THAT(find(*a_, again).input_requests, ElementsAre(request("one")));
  heard_b_.answered.clear();
  ASSERT_EQ(wait(a_->answer_input(again, {{"one", "{\"second\":2}"}})), 1U);
  until([&] { return !heard_b_.answered.empty(); });
  EXPECT_THAT(wait(b_->input_responses(again)).value(), ElementsAre(InputResponse{"one", "{\"second\":2}"}));
  ASSERT_TRUE(finish(*b_, again, done("ok"), 2));
}

}  // namespace
}  // namespace meantime::test
