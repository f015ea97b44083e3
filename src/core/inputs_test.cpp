// SPDX-License-Identifier: MIT
#include "core/inputs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meantime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

InputRequest request(std::string key, std::string params = "{}") {
  return {.key = std::move(key), .method = "elicitation/create", .params = std::move(params)};
}

TEST(Inputs, WhatIsAskedIsOpenUntilItIsAnsweredAndStaysInOrder) {
  std::vector<AskedInput> asked;
  ASSERT_TRUE(add_inputs(asked, {request("b"), request("a")}));
  ASSERT_TRUE(add_inputs(asked, {request("c")}));
  EXPECT_EQ(answer_inputs(asked, {{"a", "{\"x\":1}"}, {"unknown", "{}"}}), 1U);
  EXPECT_EQ(answer_inputs(asked, {{"a", "{\"x\":2}"}}), 0U) << "the first answer stays";
  EXPECT_THAT(open_inputs(asked), ElementsAre(request("b"), request("c")));
  EXPECT_THAT(responses_of(asked), ElementsAre(InputResponse{"a", "{\"x\":1}"}));
}

TEST(Inputs, AKeyIsUsedOnceAndTheSameAskAgainChangesNothing) {
  std::vector<AskedInput> asked;
  ASSERT_TRUE(add_inputs(asked, {request("a")}));
  EXPECT_TRUE(add_inputs(asked, {request("a")}));
  EXPECT_EQ(asked.size(), 1U);
  const auto other = add_inputs(asked, {request("b"), request("a", "{\"x\":1}")});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, errc::invalid_argument);
  EXPECT_THAT(other.error().detail, HasSubstr("'a'"));
  EXPECT_EQ(asked.size(), 1U) << "all of it or nothing";
  ASSERT_EQ(answer_inputs(asked, {{"a", "{}"}}), 1U);
  EXPECT_FALSE(add_inputs(asked, {request("a")}));
}

TEST(Inputs, OnlySoManyStandOpen) {
  std::vector<AskedInput> asked;
  for (std::size_t i = 0; i < max_input_requests; ++i) ASSERT_TRUE(add_inputs(asked, {request(std::to_string(i))}));
  EXPECT_FALSE(add_inputs(asked, {request("more")}));
  ASSERT_EQ(answer_inputs(asked, {{"7", "{}"}}), 1U);
  EXPECT_TRUE(add_inputs(asked, {request("more")}));
}

TEST(Inputs, WhatAToolMayNotAskIsRefusedWithTheReason) {
  const auto refused = [](std::vector<InputRequest> requests) {
    const auto checked = check_inputs(requests);
    return checked ? std::string() : checked.error().detail;
  };
  EXPECT_EQ(refused({request("a"), request("b", "{\"deep\":[{}]}")}), "");
  EXPECT_THAT(refused({request("")}), HasSubstr("1 to 128 bytes"));
  EXPECT_THAT(refused({request(std::string(129, 'k'))}), HasSubstr("1 to 128 bytes"));
  EXPECT_THAT(refused({request("a\xFF")}), HasSubstr("UTF-8"));
  EXPECT_THAT(refused({request("a"), request("a")}), HasSubstr("twice"));
  EXPECT_THAT(refused({{.key = "a", .method = "", .params = "{}"}}), HasSubstr("method"));
  for (const char* params : {"[]", "1", "null", "\"text\"", "{", "{} {}", "{\"a\":}", "nonsense"}) {
    EXPECT_THAT(refused({request("a", params)}), HasSubstr("no JSON object")) << params;
  }
  EXPECT_THAT(refused(std::vector<InputRequest>(65, request("a"))), HasSubstr("64"));
}

TEST(Inputs, ParamsAndResponsesBecomeOneLine) {
  std::vector<InputRequest> requests{request("a", "{\r\n \"x\": \"a\\nb\"\n}"), request("b", "")};
  ASSERT_TRUE(check_inputs(requests));
  EXPECT_EQ(requests[0].params, "{   \"x\": \"a\\nb\" }");
  EXPECT_EQ(requests[1].params, "{}");
  std::vector<InputResponse> responses{{"a", "{\n}"}};
  ASSERT_TRUE(check_responses(responses));
  EXPECT_EQ(responses[0].result, "{ }");
  responses.push_back({"b", "[1]"});
  const auto refused = check_responses(responses);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
  EXPECT_THAT(refused.error().detail, HasSubstr("'b'"));
}

TEST(Inputs, ARefusalIsToldFromAnswers) {
  EXPECT_EQ(refused_because(refusal_response("the user said \"no\"")), "the user said \"no\"");
  for (const char* answer : {"{}", R"({"action":"cancel"})", R"({"meantime/refused":1})", "meantime/refused",
                             R"({"meantime/refused":"x","content":{}})"}) {
    EXPECT_EQ(refused_because(answer), std::nullopt) << answer;
  }
  std::vector<InputResponse> responses{{"a", refusal_response("why")}};
  ASSERT_TRUE(check_responses(responses));
  EXPECT_EQ(refused_because(responses[0].result), "why") << "as it comes back from a store";
}

}  // namespace
}  // namespace meantime
