// SPDX-License-Identifier: MIT
#include "core/envelope.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace meantime {
namespace {

namespace json = boost::json;

const TaskId id = TaskId::parse("0a1b2c3d4e5f").value();
constexpr WallTime created{Milliseconds{1'795'341'600'123}};

TaskRecord running_record() {
  TaskRecord record;
  record.task_id = id;
  record.tool_name = "build";
  record.created_at = created;
  record.caller.user_id = "ann";
  return record;
}

TaskRecord failed_record() {
  TaskRecord record = running_record();
  record.status = TaskStatus::failed;
  record.reason = EndReason::cancelled;
  record.error = "Task was cancelled.";
  record.ended_at = created + Milliseconds{1'960};
  return record;
}

TEST(Envelope, S03_RunningHasFourFieldsAndTheOriginalsMessage) {
  EXPECT_EQ(json::parse(envelope::running({id, "build", true})),
            json::parse(R"({"task_id":"0a1b2c3d4e5f","tool_name":"build","status":"running","message":)"
                        R"("Tool 'build' is running in the background. Use check_task with task_id '0a1b2c3d4e5f' )"
                        R"(to get the result."})"));
}

TEST(Envelope, S03_RunningNamesTheCheckToolAsTheModelKnowsIt) {
  const auto text = envelope::running({id, "build", true}, "mt_check_task");
  EXPECT_NE(text.find("Use mt_check_task with"), std::string::npos);
}

TEST(Envelope, F04_ATaskThatIsNotStoredSaysSo) {
  const auto text = envelope::running({id, "build", false});
  EXPECT_NE(text.find("only this process knows the task"), std::string::npos);
}

TEST(Envelope, S32_RunningStatusHasElapsedSecondsWithOneDecimal) {
  EXPECT_EQ(envelope::status(running_record(), created + Milliseconds{12'549}),
            R"({"task_id":"0a1b2c3d4e5f","tool_name":"build","status":"running","elapsed_seconds":12.5})");
}

TEST(Envelope, S32_RunningStatusTellsProgressWhenThereIsSome) {
  TaskRecord record = running_record();
  record.progress = Progress{3, 10, "linking"};
  EXPECT_EQ(json::parse(envelope::status(record, created)).at("progress"),
            json::parse(R"({"value":3,"total":10,"message":"linking"})"));
  record.progress = Progress{0.5, std::nullopt, ""};
  EXPECT_EQ(json::parse(envelope::status(record, created)).at("progress"), json::parse(R"({"value":0.5})"));
}

TEST(Envelope, WhatATaskWaitsForFromItsCallerStandsInItsStatusWhileItIsOpen) {
  TaskRecord record = running_record();
  record.input_requests = {{"name", "elicitation/create", R"({"message":"Who?"})"}, {"roots", "roots/list", "{}"}};
  EXPECT_EQ(envelope::status(record, created),
            R"({"task_id":"0a1b2c3d4e5f","tool_name":"build","status":"running","elapsed_seconds":0.0,)"
            R"("input_required":["name","roots"]})");
  const auto full = json::parse(envelope::record(record, created));
  EXPECT_EQ(full.at("input_required"), json::parse(R"(["name","roots"])"));
  EXPECT_EQ(full.at("input_requests").at("name"),
            json::parse(R"({"method":"elicitation/create","params":{"message":"Who?"}})"));
  EXPECT_EQ(full.at("input_requests").at("roots").at("method"), "roots/list");
  record.input_requests.clear();
  EXPECT_FALSE(json::parse(envelope::record(record, created)).as_object().contains("input_requests"));
}
TEST(Envelope, S32_S12_FailedHasTheErrorAndTheReason) {
  EXPECT_EQ(envelope::failed(failed_record()),
            R"({"task_id":"0a1b2c3d4e5f","status":"failed","error":"Task was cancelled.","reason":"cancelled"})");
}

TEST(Envelope, S34_AwaitTimeOutHasTheOriginalsText) {
  EXPECT_EQ(json::parse(envelope::await_timed_out(running_record(), Milliseconds{300'000})),
            json::parse(R"({"task_id":"0a1b2c3d4e5f","status":"timeout","error":"Task '0a1b2c3d4e5f' did not complete )"
                        R"(within 300.0s. It is still running in the background — use check_task to poll later."})"));
  EXPECT_NE(envelope::await_timed_out(running_record(), Milliseconds{250}, "look").find("within 0.25s."),
            std::string::npos);
}

TEST(Envelope, S30_NotFoundHasTheOriginalsText) {
  EXPECT_EQ(envelope::not_found("abc"), R"({"error":"Task 'abc' not found."})");
  EXPECT_EQ(json::parse(envelope::not_found("\"'\n")).at("error"), "Task '\"'\n' not found.");
}

TEST(Envelope, AnErrorHasItsCodeAndWhenToTryAgain) {
  EXPECT_EQ(envelope::error({errc::overloaded, "executor", "too many", Milliseconds{1'500}}),
            R"({"error":"too many","code":"overloaded","retry_after_seconds":1.5})");
  EXPECT_EQ(envelope::error({errc::internal, "x"}), R"({"error":"internal","code":"internal"})");
}

TEST(Envelope, S36_ListHasTheOriginalsFields) {
  TaskList list;
  list.tasks = {running_record(), failed_record()};
  EXPECT_EQ(json::parse(envelope::list(list, created + Milliseconds{5'000})), json::parse(R"({"tasks":[
    {"task_id":"0a1b2c3d4e5f","tool_name":"build","status":"running","user_id":"ann","elapsed_seconds":5.0,
     "created_at":1795341600.123},
    {"task_id":"0a1b2c3d4e5f","tool_name":"build","status":"failed","user_id":"ann","elapsed_seconds":2.0,
     "created_at":1795341600.123,"error":"Task was cancelled."}],"count":2})"));
}

TEST(Envelope, S36_ElapsedTimeStopsAtTheEndAndACursorLeadsOn) {
  TaskList list;
  list.tasks = {failed_record()};
  list.next = id;
  const auto got = json::parse(envelope::list(list, created + std::chrono::hours{5}));
  EXPECT_EQ(got.at("tasks").at(0).at("elapsed_seconds"), 2.0);
  EXPECT_EQ(got.at("next_cursor"), "0a1b2c3d4e5f");
  EXPECT_EQ(envelope::list({}, created), R"({"tasks":[],"count":0})");
}

TEST(Envelope, S05_ARecordTellsAllThatIsKnownAndItsSchemaVersionLast) {
  TaskRecord record = failed_record();
  record.exit_code = -9;
  record.progress = Progress{1, 2, "half"};
  const auto text = envelope::record(record, created);
  const auto got = json::parse(text);
  for (const char* name :
       {"task_id",         "tool_name",    "status",           "reason",      "created_at",   "ended_at",
        "elapsed_seconds", "user_id",      "channel_id",       "platform",    "error",        "exit_code",
        "media_type",      "result_chars", "result_bytes",     "result_cut",  "output_bytes", "progress",
        "worker",          "attempt",      "cancel_requested", "late_result", "unsaved",      "idempotency_key",
        "schema_version"}) {
    EXPECT_TRUE(got.as_object().contains(name)) << name;
  }
  EXPECT_EQ(got.as_object().size(), 25U);
  EXPECT_EQ(got.at("ended_at"), "2026-11-22T10:00:02.083Z");
  EXPECT_EQ(got.at("exit_code"), -9);
  EXPECT_TRUE(text.ends_with(R"("schema_version":1})"));
}

TEST(Envelope, HostileNamesStayInsideTheirStrings) {
  TaskRecord record = running_record();
  record.tool_name = "a\",\"status\":\"completed";
  EXPECT_EQ(json::parse(envelope::status(record, created)).at("status"), "running");
}

}  // namespace
}  // namespace meantime
