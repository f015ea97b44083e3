// SPDX-License-Identifier: MIT
// gallery_test.cpp: golden transcripts: whole exchanges as they stand on the wire, written out by hand; both sides of
// the library must make and take exactly these.
#include <gtest/gtest.h>

#include <array>

#include "mcp/client_rules.hpp"
#include "mcp/handshake_session.hpp"
#include "mcp/results.hpp"
#include "mcp/subscriptions.hpp"
#include "mcp/task_json.hpp"
#include "support/mcp_messages.hpp"

namespace meantime::mcp {
namespace {

using test::Head;
using test::read;

constexpr std::string_view client_marks =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
    R"("io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}},)"
    R"("io.modelcontextprotocol/clientInfo":{"name":"probe","version":"1"}})";
constexpr std::string_view server_info = R"({"name":"srv","version":"1"})";
constexpr std::string_view server_marks =
    R"("_meta":{"io.modelcontextprotocol/serverInfo":{"name":"srv","version":"1"}})";
constexpr std::string_view times =
    R"("createdAt":"2026-11-22T10:00:00.000Z","lastUpdatedAt":"2026-11-22T10:00:10.000Z","ttlMs":86400000,"pollIntervalMs":2000)";

std::string line_of(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}

ClientMarks probe() {
  return {.client_info = R"({"name":"probe","version":"1"})",
          .capabilities = to_json(ClientCapabilities{.tasks = true}, newest_stateless)};
}

std::string request_of(std::string_view id, std::string_view method, std::string_view params) {
  std::string out;
  append_request(out, id, method, with_client_marks(params, probe()));
  out.pop_back();
  return out;
}

Head head_of(std::string_view method, JsonSpan params) {
  Head head;
  for (const auto& [name, value] : request_headers(newest_stateless, method, params)) {
    std::string lower = name;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    head.fields.emplace(lower, value);
  }
  return head;
}

std::string finished(std::string_view id, std::string_view result) {
  std::string out;
  append_finished_result(out, id, JsonSpan(result), {.family = Family::stateless, .server_info = server_info});
  out.pop_back();
  return out;
}

TaskView rendering() {
  TaskView task;
  task.task_id = "t_9f";
  task.created_at = WallTime(std::chrono::seconds(1795341600));
  task.last_updated_at = task.created_at + std::chrono::seconds(10);
  task.ttl_ms = 86'400'000;
  task.poll_interval_ms = 2'000;
  return task;
}

// A request as our client makes it is one that our server takes, headers and all.
void expect_taken(const std::string& line, std::string_view golden, Method method) {
  EXPECT_EQ(line, golden);
  const Message message = read(line);
  const Head head = head_of(message.method.text(), message.params);
  const auto request = read_request(message, &head, nullptr);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->method, method);
  EXPECT_TRUE(request->client.tasks);
}

TEST(Gallery, ACallAnsweredInline) {
  expect_taken(request_of("7", "tools/call", R"({"name":"render","arguments":{"frames":3}})"),
               line_of({R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{)", client_marks,
                        R"(,"name":"render","arguments":{"frames":3}}})"}),
               Method::tools_call);
  EXPECT_EQ(finished("7", R"({"content":[{"type":"text","text":"done"}]})"),
            line_of({R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"complete",)", server_marks,
                     R"(,"content":[{"type":"text","text":"done"}]}})"}));
}

TEST(Gallery, ACallThatBecameATask) {
  TaskView task = rendering();
  task.status_message = "1/3";
  EXPECT_EQ(
      finished("7", created_task(task)),
      line_of({R"({"jsonrpc":"2.0","id":7,"result":{)", server_marks,
               R"(,"resultType":"task","taskId":"t_9f","status":"working","statusMessage":"1/3",)", times, "}}"}));
}

TEST(Gallery, TheTwoRefusalsThatTellAClientWhatToDo) {
  std::string out;
  append_error(out, "7", RpcCode::missing_capability, "...", tasks_required_data());
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","id":7,"error":{"code":-32021,"message":"...","data":{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}}})"
      "\n");
  const std::string future =
      R"({"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2030-01-01","io.modelcontextprotocol/clientCapabilities":{}}}})";
  const Head head{{"mcp-protocol-version", "2030-01-01"}, {"mcp-method", "tools/list"}};
  const auto refused = read_request(read(future), &head, nullptr);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().http_status, 400);
  out.clear();
  append_refusal(out, refused.error());
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","id":7,"error":{"code":-32022,"message":"Unsupported protocol version '2030-01-01': see data.supported",)"
      R"("data":{"supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"2030-01-01"}}})"
      "\n");
  out.pop_back();
  const Message answer = read(out);
  EXPECT_EQ(remedy_of(answer, Family::stateless, 400), ErrorRemedy::other_version);
  EXPECT_EQ(choose_revision(member(member(answer.error, "data"), "supported")), newest_stateless);
}

TEST(Gallery, ATaskThatAsksIsAnsweredAndEnds) {
  expect_taken(
      request_of("8", "tasks/get", R"({"taskId":"t_9f"})"),
      line_of({R"({"jsonrpc":"2.0","id":8,"method":"tasks/get","params":{)", client_marks, R"(,"taskId":"t_9f"}})"}),
      Method::tasks_get);
  TaskView task = rendering();
  task.state = TaskState::input_required;
  const std::array asked{InputRequest{
      "q1", "elicitation/create",
      R"({"mode":"form","message":"Overwrite?","requestedSchema":{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}})"}};
  task.input_requests = asked;
  const std::string asking = finished("8", task_details(task));
  EXPECT_EQ(
      asking,
      line_of(
          {R"({"jsonrpc":"2.0","id":8,"result":{)", server_marks,
           R"(,"resultType":"complete","taskId":"t_9f","status":"input_required",)", times,
           R"(,"inputRequests":{"q1":{"method":"elicitation/create","params":{"mode":"form","message":"Overwrite?","requestedSchema":{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}}}}}})"}));
  const auto report = read_task_report(read(asking).result);
  ASSERT_TRUE(report);
  EXPECT_EQ(*read_input_requests(report->input_requests), std::vector<InputRequest>(asked.begin(), asked.end()));

  const std::array given{InputResponse{"q1", R"({"action":"accept","content":{"ok":true}})"}};
  expect_taken(
      request_of("9", "tasks/update", R"({"taskId":"t_9f","inputResponses":)" + input_responses_json(given) + "}"),
      line_of({R"({"jsonrpc":"2.0","id":9,"method":"tasks/update","params":{)", client_marks,
               R"(,"taskId":"t_9f","inputResponses":{"q1":{"action":"accept","content":{"ok":true}}}}})"}),
      Method::tasks_update);
  expect_taken(request_of("10", "tasks/cancel", R"({"taskId":"t_9f"})"),
               line_of({R"({"jsonrpc":"2.0","id":10,"method":"tasks/cancel","params":{)", client_marks,
                        R"(,"taskId":"t_9f"}})"}),
               Method::tasks_cancel);
  EXPECT_EQ(finished("10", "{}"),
            line_of({R"({"jsonrpc":"2.0","id":10,"result":{"resultType":"complete",)", server_marks, "}}"}));

  task = rendering();
  task.state = TaskState::completed;
  task.result = R"({"content":[{"type":"text","text":"done"}],"isError":false})";
  EXPECT_EQ(finished("8", task_details(task)),
            line_of({R"({"jsonrpc":"2.0","id":8,"result":{)", server_marks,
                     R"(,"resultType":"complete","taskId":"t_9f","status":"completed",)", times,
                     R"(,"result":{"content":[{"type":"text","text":"done"}],"isError":false}}})"}));
}

TEST(Gallery, AListenStreamFromItsFirstMessageToItsLast) {
  const std::string line = request_of("11", "subscriptions/listen", R"({"notifications":{"taskIds":["t_9f"]}})");
  expect_taken(line,
               line_of({R"({"jsonrpc":"2.0","id":11,"method":"subscriptions/listen","params":{)", client_marks,
                        R"(,"notifications":{"taskIds":["t_9f"]}}})"}),
               Method::subscriptions_listen);
  const auto asked = read_filter(read(line).param.notifications);
  ASSERT_TRUE(asked);
  const Subscription stream("11", honoured(*asked, {.tasks = true}));
  std::string out;
  stream.append_acknowledged(out);
  TaskView task = rendering();
  task.state = TaskState::completed;
  task.result = R"({"content":[]})";
  EXPECT_TRUE(stream.append_task(out, task.task_id, task_notice(task, stream.id())));
  stream.append_end(out, server_info);
  EXPECT_EQ(
      out,
      line_of(
          {R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"taskIds":["t_9f"]},"_meta":{"io.modelcontextprotocol/subscriptionId":11}}})",
           "\n", R"({"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"t_9f","status":"completed",)",
           times, R"(,"result":{"content":[]},"_meta":{"io.modelcontextprotocol/subscriptionId":11}}})", "\n",
           R"({"jsonrpc":"2.0","id":11,"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":11,"io.modelcontextprotocol/serverInfo":{"name":"srv","version":"1"}}}})",
           "\n"}));
  EXPECT_EQ(read(std::string_view(out).substr(0, out.find('\n'))).param.meta_subscription_id.integer(), 11);
}

TEST(Gallery, ACallThatAsksOnTheWay) {
  const std::array asked{InputRequest{"who", "elicitation/create", R"({"message":"Name?"})"}};
  const std::string answer = finished("7", input_required_result(asked, "b64.mac"));
  EXPECT_EQ(
      answer,
      line_of(
          {R"({"jsonrpc":"2.0","id":7,"result":{)", server_marks,
           R"(,"resultType":"input_required","inputRequests":{"who":{"method":"elicitation/create","params":{"message":"Name?"}}},"requestState":"b64.mac"}})"}));
  const auto round = read_input_round(read(answer));
  ASSERT_TRUE(round);
  const std::array given{InputResponse{"who", R"({"action":"accept","content":{"name":"A"}})"}};
  const std::string again =
      request_of("8", "tools/call", retry_params(R"({"name":"greet"})", given, round->request_state));
  expect_taken(
      again,
      line_of(
          {R"({"jsonrpc":"2.0","id":8,"method":"tools/call","params":{)", client_marks,
           R"(,"name":"greet","inputResponses":{"who":{"action":"accept","content":{"name":"A"}}},"requestState":"b64.mac"}})"}),
      Method::tools_call);
  const Message message = read(again);
  const auto request = read_request(message, nullptr, nullptr);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->request_state.raw(), "\"b64.mac\"");
  EXPECT_EQ(read_input_responses(request->input_responses)->front().result, given[0].result);
}

TEST(Gallery, ARequestedTaskOf2025) {
  const std::string line =
      R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"render","arguments":{},"task":{"ttl":60000}}})";
  HandshakeSession session;
  ASSERT_TRUE(session.initialize(read(
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}})")));
  const Message message = read(line);
  const auto request = read_request(message, nullptr, &session);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->message->param.task.raw(), R"({"ttl":60000})");
  TaskView task = rendering();
  task.ttl_ms = 60'000;
  std::string out;
  append_finished_result(out, "3", JsonSpan(created_requested_task(task)), {.family = Family::handshake});
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","id":3,"result":{"task":{"taskId":"t_9f","status":"working","createdAt":"2026-11-22T10:00:00.000Z",)"
      R"("lastUpdatedAt":"2026-11-22T10:00:10.000Z","ttl":60000,"pollInterval":2000}}})"
      "\n");
  out.pop_back();
  EXPECT_TRUE(member(read(out).result_task, "taskId").is("t_9f"));
  out.clear();
  const std::string related = related_task("t_9f");
  const std::array entries{MetaEntry{related_task_key, related}};
  append_finished_result(out, "4", JsonSpan(R"({"content":[]})"), ResultShape{},
                         {.family = Family::handshake, .meta = entries});
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","id":4,"result":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t_9f"}},"content":[]}})"
      "\n");
}

}  // namespace
}  // namespace meantime::mcp
