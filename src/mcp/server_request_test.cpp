// SPDX-License-Identifier: MIT
#include "mcp/server_request.hpp"

#include <gtest/gtest.h>

#include "mcp/handshake_session.hpp"
#include "support/mcp_messages.hpp"

namespace meantime::mcp {
namespace {

using test::Head;
using test::marks;
using test::read;
using test::stateless;
using test::takes_tasks;

// The head that belongs to a stateless request.
Head head_of(std::string_view method, std::string_view name = {}) {
  Head head{{"mcp-protocol-version", "2026-07-28"}, {"mcp-method", std::string(method)}};
  if (!name.empty()) head.fields.emplace("mcp-name", name);
  return head;
}

HandshakeSession session_of(std::string_view version = "2025-11-25") {
  const std::string line = R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" +
                           std::string(version) +
                           R"(","capabilities":{"roots":{}},"clientInfo":{"name":"probe","version":"1"}}})";
  HandshakeSession session;
  EXPECT_TRUE(session.initialize(read(line)));
  return session;
}

TEST(ServerRequest, AStatelessCallOverHttpGivesAllThatItsMarksSay) {
  const std::string line =
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"render","arguments":{"frames":3},)"
      R"("inputResponses":{"a":{}},"requestState":"s",)" +
      marks(
          takes_tasks,
          R"("io.modelcontextprotocol/clientInfo":{"name":"probe","version":"1"},"io.modelcontextprotocol/logLevel":"warning","progressToken":"t")") +
      "}}";
  const Message message = read(line);
  const Head head = head_of("tools/call", "render");
  const auto request = read_request(message, &head, nullptr);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->family, Family::stateless);
  EXPECT_EQ(request->revision, Revision::r2026_07_28);
  EXPECT_EQ(request->method, Method::tools_call);
  EXPECT_TRUE(request->client.tasks);
  EXPECT_EQ(request->client_name, "probe");
  EXPECT_TRUE(request->progress_token.is("t"));
  EXPECT_EQ(request->log_level, LogLevel::warning);
  EXPECT_EQ(request->input_responses.raw(), R"({"a":{}})");
  EXPECT_TRUE(request->request_state.is("s"));
}

TEST(ServerRequest, WithoutClientInfoAndOverLinesItWorksTheSame) {
  const std::string line = stateless("tools/list");
  const Message message = read(line);
  const auto request = read_request(message, nullptr, nullptr);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->family, Family::stateless);
  EXPECT_EQ(request->client_name, "");
  EXPECT_FALSE(request->log_level);
  EXPECT_FALSE(request->progress_token);
}

TEST(ServerRequest, TheFamilyIsChosenByTheMarksFirst) {
  struct Row {
    std::string line;
    Head head;
    Family http;
    Family lines;
  };
  const std::string plain = R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})";
  const std::string initialize = R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})";
  const auto handshake = Family::handshake;
  const auto modern = Family::stateless;
  const std::vector<Row> rows = {
      {stateless("tools/list"), {}, modern, modern},
      {stateless("initialize"), {}, modern, modern},
      {stateless("ping"), {{"mcp-session-id", "x"}}, modern, modern},
      {initialize, {}, handshake, handshake},
      {initialize, {{"mcp-protocol-version", "2026-07-28"}}, handshake, handshake},
      {plain, {{"mcp-session-id", "x"}}, handshake, handshake},
      {plain, {{"mcp-protocol-version", "2025-06-18"}}, handshake, handshake},
      {plain, {{"mcp-protocol-version", "2026-07-28"}}, modern, handshake},
      {plain, {{"mcp-protocol-version", "2026-07-28"}, {"mcp-session-id", "x"}}, modern, handshake},
      {plain, {{"mcp-protocol-version", "2030-01-01"}}, modern, handshake},
      {plain, {}, modern, handshake},
      {R"({"jsonrpc":"2.0","id":1,"method":"server/discover"})", {}, modern, modern},
      {R"({"jsonrpc":"2.0","id":1,"method":"ping"})", {}, modern, handshake},
      {R"({"jsonrpc":"2.0","method":"notifications/initialized"})", {{"mcp-session-id", "x"}}, handshake, handshake},
      {R"({"jsonrpc":"2.0","method":"notifications/initialized"})", {}, modern, handshake},
  };
  for (const Row& row : rows) {
    const Message message = read(row.line);
    EXPECT_EQ(choose_family(message, &row.head, false), row.http) << row.line;
    EXPECT_EQ(choose_family(message, nullptr, false), row.lines) << row.line;
  }
  const std::string discover = R"({"jsonrpc":"2.0","id":1,"method":"server/discover"})";
  EXPECT_EQ(choose_family(read(discover), nullptr, true), handshake);
}

TEST(ServerRequest, BadStatelessRequestsAreRefusedWithTheRightCodeAndStatusInTheRightOrder) {
  struct Row {
    std::string line;
    Head head;
    int http_status;
    int code;
    std::string_view says;
  };
  const auto with_meta = [](std::string_view meta) {
    return R"({"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":)" + std::string(meta) + "}}";
  };
  const auto with_version = [](std::string_view version) {
    return R"({"jsonrpc":"2.0","id":7,"method":"made/up","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":")" +
           std::string(version) + R"(","io.modelcontextprotocol/clientCapabilities":{}}}})";
  };
  const Head list = head_of("tools/list");
  const auto without = [](Head head, std::string_view name) {
    head.fields.erase(std::string(name));
    return head;
  };
  const auto with = [](Head head, std::string_view name, std::string_view value) {
    head.fields.insert_or_assign(std::string(name), std::string(value));
    return head;
  };
  Head twice = head_of("tools/list");
  twice.twice.insert("mcp-method");
  const std::vector<Row> rows = {
      // _meta
      {R"({"jsonrpc":"2.0","id":7,"method":"tools/list"})", list, 400, -32602, "protocolVersion"},
      {R"({"jsonrpc":"2.0","id":7,"method":"tools/list","params":{}})", list, 400, -32602, "protocolVersion"},
      {with_meta("{}"), list, 400, -32602, "protocolVersion"},
      {with_meta("17"), list, 400, -32602, "protocolVersion"},
      {with_meta(R"({"io.modelcontextprotocol/clientCapabilities":{}})"), list, 400, -32602, "protocolVersion"},
      {with_meta(R"({"io.modelcontextprotocol/protocolVersion":20260728})"), list, 400, -32602, "must be a string"},
      {with_meta(R"({"io.modelcontextprotocol/protocolVersion":"2026-07-28"})"), list, 400, -32602,
       "clientCapabilities"},
      {with_meta(
           R"({"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":[]})"),
       list, 400, -32602, "must be an object"},
      {R"({"jsonrpc":"2.0","id":7,"method":"tools/list","params":{)" +
           marks("{}", R"("io.modelcontextprotocol/logLevel":"loud")") + "}}",
       list, 400, -32602, "logLevel"},
      {R"({"jsonrpc":"2.0","id":7,"method":"tools/list","params":{)" +
           marks("{}", R"("io.modelcontextprotocol/clientInfo":"me")") + "}}",
       list, 400, -32602, "clientInfo"},
      {R"({"jsonrpc":"2.0","id":7,"method":"tools/list","params":{)" + marks("{}", R"("progressToken":{})") + "}}",
       list, 400, -32602, "progressToken"},
      // version: header against body, then whether it is known
      {stateless("tools/list"), without(list, "mcp-protocol-version"), 400, -32020, "MCP-Protocol-Version is missing"},
      {stateless("tools/list"), with(list, "mcp-protocol-version", "2025-11-25"), 400, -32020, "says '2025-11-25'"},
      {with_version("2030-01-01"), list, 400, -32020, "'2030-01-01'"},
      {with_version("2030-01-01"), with(list, "mcp-protocol-version", "2030-01-01"), 400, -32022, "2030-01-01"},
      {with_version("2025-11-25"), with(list, "mcp-protocol-version", "2025-11-25"), 400, -32022, "initialize"},
      // method and name
      {stateless("tools/list"), without(list, "mcp-method"), 400, -32020, "Mcp-Method is missing"},
      {stateless("tools/list"), with(list, "mcp-method", "tools/call"), 400, -32020, "'tools/call'"},
      {stateless("tools/list"), with(list, "mcp-method", "Tools/List"), 400, -32020, "'Tools/List'"},
      {stateless("tools/list"), twice, 400, -32020, "more than once"},
      {stateless("tools/call", R"("name":"a")"), head_of("tools/call"), 400, -32020, "Mcp-Name is missing"},
      {stateless("tools/call", R"("name":"a")"), head_of("tools/call", "b"), 400, -32020, "'b'"},
      {stateless("tools/call", R"("name":"a")"), head_of("tools/call", "=?base64?YQ?="), 400, -32020, "YQ"},
      {stateless("tools/call"), head_of("tools/call", "b"), 400, -32020, "the body does not"},
      {stateless("prompts/get", R"("name":"a")"), head_of("prompts/get", "b"), 400, -32020, "Mcp-Name"},
      {stateless("resources/read", R"("uri":"x:a")"), head_of("resources/read", "x:b"), 400, -32020, "Mcp-Name"},
      {stateless("tasks/get", R"("taskId":"a")", takes_tasks), head_of("tasks/get", "b"), 400, -32020, "Mcp-Name"},
      {stateless("tasks/cancel", R"("taskId":"a")", takes_tasks), head_of("tasks/cancel"), 400, -32020, "Mcp-Name"},
      // method
      {stateless("made/up"), head_of("made/up"), 404, -32601, "made/up"},
      {stateless("initialize"), head_of("initialize"), 404, -32601, "initialize"},
      {stateless("ping"), head_of("ping"), 404, -32601, "ping"},
      {stateless("logging/setLevel"), head_of("logging/setLevel"), 404, -32601, "logging"},
      {stateless("resources/subscribe"), head_of("resources/subscribe"), 404, -32601, "subscribe"},
      {stateless("resources/unsubscribe"), head_of("resources/unsubscribe"), 404, -32601, "unsubscribe"},
      {stateless("tasks/result", "", takes_tasks), head_of("tasks/result"), 404, -32601, "tasks/result"},
      {stateless("tasks/list", "", takes_tasks), head_of("tasks/list"), 404, -32601, "tasks/list"},
      // capability, then params
      {stateless("tasks/get", R"("taskId":"a")"), head_of("tasks/get", "a"), 400, -32021,
       "io.modelcontextprotocol/tasks"},
      {stateless("tasks/update"), head_of("tasks/update"), 400, -32021, "io.modelcontextprotocol/tasks"},
      {stateless("tasks/cancel", R"("taskId":"a")"), head_of("tasks/cancel", "a"), 400, -32021, "tasks"},
      {stateless("tools/call", R"("name":"a","inputResponses":[])"), head_of("tools/call", "a"), 200, -32602,
       "inputResponses"},
      {stateless("tools/call", R"("name":"a","requestState":{})"), head_of("tools/call", "a"), 200, -32602,
       "requestState"},
  };
  for (const Row& row : rows) {
    const Message message = read(row.line);
    const auto request = read_request(message, &row.head, nullptr);
    ASSERT_FALSE(request) << row.line;
    EXPECT_EQ(request.error().http_status, row.http_status) << row.line;
    EXPECT_EQ(request.error().code, row.code) << row.line << ": " << request.error().message;
    EXPECT_NE(request.error().message.find(row.says), std::string::npos) << row.line << ": " << request.error().message;
    EXPECT_EQ(request.error().id, "7");
    std::string out;
    append_refusal(out, request.error());
    out.pop_back();
    EXPECT_EQ(read(out).kind, Message::Kind::error) << out;
  }
}

TEST(ServerRequest, WhatARefusalCarriesForTheClientToMendIt) {
  const std::string version =
      R"({"jsonrpc":"2.0","id":"a","method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2030-01-01","io.modelcontextprotocol/clientCapabilities":{}}}})";
  const auto refused = read_request(read(version), nullptr, nullptr);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().data,
            R"({"supported":)" + std::string(supported_versions()) + R"(,"requested":"2030-01-01"})");
  const std::string task = stateless("tasks/get", R"("taskId":"a")");
  const auto undeclared = read_request(read(task), nullptr, nullptr);
  ASSERT_FALSE(undeclared);
  EXPECT_EQ(undeclared.error().data, R"({"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}})");
}

TEST(ServerRequest, HeadersMayBeEncodedOrSpacedAndEscapesInTheBodyDoNotMatter) {
  const std::string line = stateless("tools\\/call", R"("name":"gr\u00fc\u00df")");
  Head head = head_of(" tools/call\t", "=?base64?Z3LDvMOf?=");
  EXPECT_TRUE(read_request(read(line), &head, nullptr));
}

TEST(ServerRequest, WhereTheBodyHasNoNameTheParametersAreToBlameNotTheHeader) {
  const Head head = head_of("tools/call");
  const std::string line = stateless("tools/call");
  const Message message = read(line);
  const auto request = read_request(message, &head, nullptr);
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->message->param.name);
}

TEST(ServerRequest, ASessionsRequestSpeaksWhatWasAgreed) {
  HandshakeSession session = session_of("2025-06-18");
  const std::string line =
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"progressToken":5}}})";
  const Message message = read(line);
  for (const Head& head :
       {Head{{"mcp-session-id", "s"}, {"mcp-protocol-version", "2025-06-18"}},
        Head{{"mcp-session-id", "s"}, {"mcp-protocol-version", " 2025-03-26 "}}, Head{{"mcp-session-id", "s"}}}) {
    const auto request = read_request(message, &head, &session);
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->family, Family::handshake);
    EXPECT_EQ(request->revision, Revision::r2025_06_18);
    EXPECT_TRUE(request->client.roots);
    EXPECT_EQ(request->client_name, "probe");
    EXPECT_EQ(request->progress_token.integer(), 5);
    EXPECT_EQ(request->log_level, LogLevel::info);
  }
}

TEST(ServerRequest, BadRequestsOfTheHandshakeFamilyAreRefused) {
  HandshakeSession session = session_of("2025-06-18");
  struct Row {
    std::string_view line;
    Head head;
    const HandshakeSession* session;
    int http_status;
    int code;
  };
  const Head in{{"mcp-session-id", "s"}};
  const std::vector<Row> rows = {
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})", in, nullptr, 400, -32600},
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})",
       {{"mcp-protocol-version", "2025-06-18"}},
       nullptr,
       400,
       -32600},
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})",
       {{"mcp-session-id", "s"}, {"mcp-protocol-version", "1999-01-01"}},
       &session,
       400,
       -32600},
      {R"({"jsonrpc":"2.0","id":1,"method":"made/up"})", in, &session, 200, -32601},
      {R"({"jsonrpc":"2.0","id":1,"method":"server/discover"})", in, &session, 200, -32601},
      {R"({"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"a"}})", in, &session, 200, -32601},
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":[]}}})", in, &session, 200,
       -32602},
  };
  for (const Row& row : rows) {
    const auto request = read_request(read(row.line), &row.head, row.session);
    ASSERT_FALSE(request) << row.line;
    EXPECT_EQ(request.error().http_status, row.http_status) << row.line;
    EXPECT_EQ(request.error().code, row.code) << row.line << ": " << request.error().message;
  }
}

TEST(ServerRequest, OverLinesAClientMayBeEarly) {
  const auto request = read_request(read(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"), nullptr, nullptr);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->family, Family::handshake);
  EXPECT_EQ(request->revision, newest_handshake);
}

TEST(ServerRequest, WhatComesOneWayIsTakenOrRefused) {
  HandshakeSession session = session_of();
  const std::string_view note = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
  const std::string_view answer = R"({"jsonrpc":"2.0","id":"ask-1","result":{}})";
  EXPECT_FALSE(check_one_way(read(note), Head{{"mcp-session-id", "s"}}, &session));
  EXPECT_FALSE(check_one_way(read(answer), Head{{"mcp-session-id", "s"}}, &session));
  EXPECT_FALSE(check_one_way(read(note), Head{}, nullptr)) << "a stray one of a stateless client";
  EXPECT_FALSE(check_one_way(read(note), Head{{"mcp-protocol-version", "2026-07-28"}}, nullptr));
  for (const auto& refused :
       {check_one_way(read(answer), Head{}, nullptr),
        check_one_way(read(note), Head{{"mcp-protocol-version", "2025-11-25"}}, nullptr),
        check_one_way(read(note), Head{{"mcp-session-id", "s"}, {"mcp-protocol-version", "x"}}, &session)}) {
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->http_status, 400);
    EXPECT_EQ(refused->code, -32600);
  }
}

TEST(ServerRequest, ABodyThatIsNoMessageIsRefusedWithoutAnId) {
  const auto fault = read_message("{");
  ASSERT_FALSE(fault);
  std::string out;
  append_refusal(out, refuse_unreadable(fault.error()));
  EXPECT_TRUE(out.starts_with(R"({"jsonrpc":"2.0","error":{"code":-32700,)")) << out;
  out.clear();
  append_refusal(out, refuse_unreadable(fault.error(), UnknownId::null));
  EXPECT_TRUE(out.starts_with(R"({"jsonrpc":"2.0","id":null,"error":)")) << out;
}

TEST(ServerRequest, TheStatusOfAnErrorDependsOnTheFamily) {
  for (const auto& [code, stateless_status, handshake_status] : {std::tuple{-32700, 400, 400},
                                                                 {-32600, 400, 400},
                                                                 {-32601, 404, 200},
                                                                 {-32602, 200, 200},
                                                                 {-32603, 200, 200},
                                                                 {-32020, 400, 200},
                                                                 {-32021, 400, 200},
                                                                 {-32022, 400, 200},
                                                                 {17, 200, 200}}) {
    EXPECT_EQ(http_status_of(Family::stateless, code), stateless_status) << code;
    EXPECT_EQ(http_status_of(Family::handshake, code), handshake_status) << code;
  }
}

TEST(ServerRequest, AcceptAndContentTypeAreReadAsHttpWritesThem) {
  EXPECT_TRUE(accepts(std::nullopt, "text/event-stream"));
  EXPECT_TRUE(accepts("application/json, text/event-stream", "text/event-stream"));
  EXPECT_TRUE(accepts("Application/JSON;q=0.9 ,Text/Event-Stream", "application/json"));
  EXPECT_TRUE(accepts("text/*", "text/event-stream"));
  EXPECT_TRUE(accepts("*/*", "application/json"));
  EXPECT_FALSE(accepts("text/*", "application/json"));
  EXPECT_FALSE(accepts("application/jsonp", "application/json"));
  EXPECT_FALSE(accepts("", "application/json"));
  EXPECT_TRUE(is_json_content("application/json; charset=utf-8"));
  EXPECT_TRUE(is_json_content("Application/Json"));
  EXPECT_FALSE(is_json_content("text/plain"));
  EXPECT_FALSE(is_json_content("application/json2"));
  EXPECT_FALSE(is_json_content(std::nullopt));
}

TEST(ServerRequest, ASessionIdIsVisibleAscii) {
  EXPECT_TRUE(is_session_id("a"));
  EXPECT_TRUE(is_session_id("!~"));
  EXPECT_FALSE(is_session_id(""));
  EXPECT_FALSE(is_session_id("a b"));
  EXPECT_FALSE(is_session_id("a\n"));
  EXPECT_FALSE(is_session_id("gr\xc3\xbc"));
  EXPECT_FALSE(is_session_id(std::string(257, 'a')));
}

TEST(ServerRequest, LevelsAreReadByName) {
  EXPECT_EQ(read_log_level(JsonSpan(R"("debug")")), LogLevel::debug);
  EXPECT_EQ(read_log_level(JsonSpan(R"("emergency")")), LogLevel::emergency);
  EXPECT_EQ(read_log_level(JsonSpan(R"("Debug")")), std::nullopt);
  EXPECT_EQ(read_log_level(JsonSpan("3")), std::nullopt);
  EXPECT_EQ(log_level_name(LogLevel::critical), "critical");
}

}  // namespace
}  // namespace meantime::mcp
