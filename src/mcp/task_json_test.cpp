// SPDX-License-Identifier: MIT
#include "mcp/task_json.hpp"

#include <gtest/gtest.h>

#include <array>

#include "support/mcp_messages.hpp"

namespace meantime::mcp {
namespace {

// 2026-11-22T10:00:00Z
const WallTime created = WallTime(std::chrono::seconds(1795341600));

TaskView working() {
  TaskView task;
  task.task_id = "t_9f";
  task.status_message = "1/3";
  task.created_at = created;
  task.last_updated_at = created + std::chrono::seconds(10);
  task.ttl_ms = 86'400'000;
  task.poll_interval_ms = 2'000;
  return task;
}

TEST(TaskJson, ACallThatBecameATaskIsAnsweredFlat) {
  EXPECT_EQ(created_task(working()),
            R"({"resultType":"task","taskId":"t_9f","status":"working","statusMessage":"1/3",)"
            R"("createdAt":"2026-11-22T10:00:00.000Z","lastUpdatedAt":"2026-11-22T10:00:10.000Z",)"
            R"("ttlMs":86400000,"pollIntervalMs":2000})");
}

TEST(TaskJson, TheCreatedTaskNeverCarriesItsOutcomeOrQuestions) {
  TaskView task = working();
  task.state = TaskState::completed;
  task.result = R"({"content":[]})";
  EXPECT_EQ(created_task(task).find("\"result\""), std::string::npos);
}

TEST(TaskJson, TheDetailsInlineWhatTheStateHas) {
  TaskView task = working();
  task.ttl_ms.reset();
  task.poll_interval_ms.reset();
  task.status_message = {};
  const std::string head = R"("taskId":"t_9f","status":")";
  const std::string times =
      R"(","createdAt":"2026-11-22T10:00:00.000Z","lastUpdatedAt":"2026-11-22T10:00:10.000Z","ttlMs":null)";
  EXPECT_EQ(task_details(task), R"({"resultType":"complete",)" + head + "working" + times + "}");
  task.state = TaskState::completed;
  task.result = R"({"content":[],"isError":true})";
  EXPECT_EQ(task_details(task), R"({"resultType":"complete",)" + head + "completed" + times +
                                    R"(,"result":{"content":[],"isError":true}})");
  task.state = TaskState::failed;
  task.error = R"({"code":-32603,"message":"no"})";
  EXPECT_EQ(task_details(task),
            R"({"resultType":"complete",)" + head + "failed" + times + R"(,"error":{"code":-32603,"message":"no"}})");
  task.state = TaskState::cancelled;
  EXPECT_EQ(task_details(task), R"({"resultType":"complete",)" + head + "cancelled" + times + "}");
  const std::array asked{InputRequest{"q1", "roots/list", "{}"}};
  task.state = TaskState::input_required;
  task.input_requests = asked;
  EXPECT_EQ(task_details(task), R"({"resultType":"complete",)" + head + "input_required" + times +
                                    R"(,"inputRequests":{"q1":{"method":"roots/list","params":{}}}})");
}

TEST(TaskJson, ANoticeIsTheDetailsWithTheStreamsId) {
  TaskView task = working();
  task.state = TaskState::completed;
  task.result = R"({"content":[]})";
  EXPECT_EQ(task_notice(task, "11"),
            R"({"taskId":"t_9f","status":"completed","statusMessage":"1/3","createdAt":"2026-11-22T10:00:00.000Z",)"
            R"("lastUpdatedAt":"2026-11-22T10:00:10.000Z","ttlMs":86400000,"pollIntervalMs":2000,)"
            R"("result":{"content":[]},"_meta":{"io.modelcontextprotocol/subscriptionId":11}})");
}

TEST(TaskJson, TheOlderFormIsNestedOnceAndFlatAfterwards) {
  const std::string flat =
      R"({"taskId":"t_9f","status":"working","statusMessage":"1/3","createdAt":"2026-11-22T10:00:00.000Z",)"
      R"("lastUpdatedAt":"2026-11-22T10:00:10.000Z","ttl":86400000,"pollInterval":2000})";
  EXPECT_EQ(requested_task(working()), flat);
  EXPECT_EQ(created_requested_task(working()), R"({"task":)" + flat + "}");
  EXPECT_EQ(created_requested_task(working(), "later"),
            R"({"task":)" + flat + R"(,"_meta":{"io.modelcontextprotocol/model-immediate-response":"later"}})");
  EXPECT_EQ(related_task("t_9f"), R"({"taskId":"t_9f"})");
}

TEST(TaskJson, QuestionsAndAnswersGoOutAsTheyCameIn) {
  const std::vector<InputRequest> asked{{"a", "elicitation/create", R"({"message":"?"})"}, {"b\"", "roots/list", "{}"}};
  const std::string raw = input_requests_json(asked);
  const auto read = read_input_requests(JsonSpan(raw));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(*read, asked);
  const std::vector<InputResponse> given{{"a", R"({"action":"accept","content":{"ok":true}})"},
                                         {"b", R"({"roots":[]})"}};
  const auto back = read_input_responses(JsonSpan(input_responses_json(given)));
  ASSERT_TRUE(back) << back.error();
  EXPECT_EQ(*back, given);
  EXPECT_EQ(read_input_requests(JsonSpan(R"({"a":{"method":"roots/list"}})"))->front().params, "{}");
}

TEST(TaskJson, AnIdForAUrlIsOfTheOtherFamily) {
  const std::array asked{
      InputRequest{"q", "elicitation/create", R"({"mode":"url","elicitationId":"up","url":"https://a"})"}};
  EXPECT_EQ(input_requests_json(asked),
            R"({"q":{"method":"elicitation/create","params":{"mode":"url","url":"https://a"}}})");
}

TEST(TaskJson, BadQuestionsAndAnswersAreRefusedWithTheReason) {
  std::string many = "{";
  for (int i = 0; i < 65; ++i) many += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + R"(":{"method":"roots/list"})";
  many += "}";
  const std::string long_key = R"({")" + std::string(129, 'k') + R"(":{"method":"roots/list"}})";
  for (const std::string& bad : {std::string("[]"), std::string(R"({"a":[]})"), std::string(R"({"a":{}})"),
                                 std::string(R"({"":{"method":"x"}})"), std::string(R"({"a":{"method":7}})"),
                                 std::string(R"({"a":{"method":"x","params":[]}})"),
                                 std::string(R"({"a":{"method":"x"},"a":{"method":"x"}})"), many, long_key}) {
    const auto read = read_input_requests(JsonSpan(bad));
    ASSERT_FALSE(read) << bad;
    EXPECT_FALSE(read.error().empty());
  }
  for (const std::string_view bad : {"7", R"({"a":"accept"})", R"({"a":null})"}) {
    EXPECT_FALSE(read_input_responses(JsonSpan(bad))) << bad;
  }
  EXPECT_FALSE(read_input_requests(JsonSpan()));
}

TEST(TaskJson, AnAnswerThatAsksHasQuestionsOrAStateOrBoth) {
  const std::array asked{InputRequest{"q", "roots/list", "{}"}};
  EXPECT_EQ(
      input_required_result(asked, "s.1"),
      R"({"resultType":"input_required","inputRequests":{"q":{"method":"roots/list","params":{}}},"requestState":"s.1"})");
  EXPECT_EQ(input_required_result(asked, {}),
            R"({"resultType":"input_required","inputRequests":{"q":{"method":"roots/list","params":{}}}})");
  EXPECT_EQ(input_required_result({}, "s"), R"({"resultType":"input_required","requestState":"s"})");
}

TEST(TaskJson, AnUpstreamsTaskIsReadInBothForms) {
  TaskView task = working();
  task.state = TaskState::failed;
  task.error = R"({"code":-1,"message":"x"})";
  const std::string details = task_details(task);
  const auto fresh = read_task_report(JsonSpan(details));
  ASSERT_TRUE(fresh);
  EXPECT_TRUE(fresh->task_id.is("t_9f"));
  EXPECT_EQ(fresh->state, TaskState::failed);
  EXPECT_TRUE(fresh->status_message.is("1/3"));
  EXPECT_EQ(fresh->poll_interval_ms, 2000);
  EXPECT_EQ(fresh->error.raw(), task.error);
  const std::string older = requested_task(task);
  const auto old = read_task_report(JsonSpan(older));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->ttl_ms, 86'400'000);
  EXPECT_EQ(old->poll_interval_ms, 2000);
  for (const std::string_view bad : {"{}", R"({"taskId":7,"status":"working"})", R"({"taskId":"a"})",
                                     R"({"taskId":"a","status":"running"})", R"({"taskId":"a","status":1})", "[]"}) {
    EXPECT_FALSE(read_task_report(JsonSpan(bad))) << bad;
  }
  EXPECT_EQ(read_task_report(JsonSpan(R"({"taskId":"a","status":"working","pollIntervalMs":-1,"ttlMs":null})"))
                ->poll_interval_ms,
            std::nullopt);
}

}  // namespace
}  // namespace meantime::mcp
