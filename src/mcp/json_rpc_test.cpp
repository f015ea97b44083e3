// SPDX-License-Identifier: MIT
#include "mcp/json_rpc.hpp"

#include <gtest/gtest.h>

#include "mcp/protocol.hpp"
#include "mcp/splice.hpp"

namespace meantime::mcp {
namespace {

Message read(std::string_view line) {
  auto message = read_message(line);
  EXPECT_TRUE(message.has_value()) << line << ": " << (message ? "" : message.error().message);
  return message.value_or(Message{});
}

RpcFault fault_of(std::string_view line) {
  auto message = read_message(line);
  EXPECT_FALSE(message.has_value()) << line;
  return message ? RpcFault{} : message.error();
}

TEST(JsonRpc, ReadsACallInOnePassWhateverTheOrderOfItsMembers) {
  for (
      const std::string_view line :
      {R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"a":[1]},"_meta":{"progressToken":"t","meantime/idempotencyKey":"k"}}})",
       R"({"params":{"_meta":{"meantime/idempotencyKey":"k","x":{},"progressToken":"t"},"arguments":{"a":[1]},"name":"echo","more":1},"method":"tools/call","id":7,"jsonrpc":"2.0"})",
       R"( { "id" : 7 , "j\u0073onrpc" : "2.0" , "method" : "tools\/call" , "params" : { "n\u0061me" : "echo" , "arguments" : {"a":[1]} , "_meta" : { "progressToken" : "t" , "meantime/idempotencyKey" : "k" } } } )"}) {
    const Message message = read(line);
    EXPECT_EQ(message.kind, Message::Kind::request);
    EXPECT_EQ(message.id.raw(), "7");
    EXPECT_TRUE(message.method.is("tools/call"));
    EXPECT_TRUE(message.param.name.is("echo"));
    EXPECT_EQ(message.param.arguments.raw(), R"({"a":[1]})");
    EXPECT_TRUE(message.param.meta_progress_token.is("t"));
    EXPECT_TRUE(message.param.meta_idempotency_key.is("k"));
  }
}

TEST(JsonRpc, TellsTheFourKindsApart) {
  EXPECT_EQ(read(R"({"jsonrpc":"2.0","id":"a","method":"ping"})").kind, Message::Kind::request);
  EXPECT_EQ(read(R"({"jsonrpc":"2.0","method":"notifications/initialized"})").kind, Message::Kind::notification);
  EXPECT_EQ(read(R"({"jsonrpc":"2.0","id":1,"result":{}})").kind, Message::Kind::result);
  EXPECT_EQ(read(R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"x"}})").kind, Message::Kind::error);
  EXPECT_FALSE(read(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}})").id);
  EXPECT_FALSE(read(R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}})").id);
}

TEST(JsonRpc, TheLastOfTwoMembersWinsWithAllThatIsInIt) {
  const Message message = read(
      R"({"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{"name":"a","_meta":{"progressToken":1}},"params":{"name":"b","name":"c"}})");
  EXPECT_EQ(message.id.raw(), "2");
  EXPECT_TRUE(message.param.name.is("c"));
  EXPECT_FALSE(message.param.meta_progress_token);
  EXPECT_FALSE(message.param.meta);
}

TEST(JsonRpc, BadLinesAreRefusedWithTheRightCodeAndTheIdWhereItCanBeRead) {
  struct Row {
    std::string_view line;
    RpcCode code;
    std::string_view id;
    std::string_view says;
  };
  const std::vector<Row> rows = {
      {"hello", RpcCode::parse_error, "", "not a JSON value: byte 0"},
      {R"({"jsonrpc":"2.0","id":1,"method":"ping")", RpcCode::parse_error, "", "ends too early"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", RpcCode::parse_error, "", "UTF-8"},
      {R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])", RpcCode::invalid_request, "", "batches"},
      {R"("text")", RpcCode::invalid_request, "", "object"},
      {"17", RpcCode::invalid_request, "", "object"},
      {R"({"id":1,"method":"ping"})", RpcCode::invalid_request, "1", "2.0"},
      {R"({"jsonrpc":"1.0","id":"x","method":"ping"})", RpcCode::invalid_request, "\"x\"", "2.0"},
      {R"({"jsonrpc":"2.0","id":1,"method":5})", RpcCode::invalid_request, "1", "method"},
      {R"({"jsonrpc":"2.0","id":null,"method":"ping"})", RpcCode::invalid_request, "", "string or an integer"},
      {R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})", RpcCode::invalid_request, "", "string or an integer"},
      {R"({"jsonrpc":"2.0","id":{},"method":"ping"})", RpcCode::invalid_request, "", "string or an integer"},
      {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})", RpcCode::invalid_request, "1", "params"},
      {R"({"jsonrpc":"2.0","id":1})", RpcCode::invalid_request, "1", "one of"},
      {R"({"jsonrpc":"2.0","id":1,"result":{},"error":{}})", RpcCode::invalid_request, "1", "one of"},
      {R"({"jsonrpc":"2.0","result":{}})", RpcCode::invalid_request, "", "id"},
  };
  for (const Row& row : rows) {
    const RpcFault fault = fault_of(row.line);
    EXPECT_EQ(fault.code, row.code) << row.line;
    EXPECT_EQ(fault.id, row.id) << row.line;
    EXPECT_NE(fault.message.find(row.says), std::string::npos) << row.line << ": " << fault.message;
  }
}

TEST(JsonRpc, EqualIdsAreEqualHoweverTheyAreWritten) {
  EXPECT_EQ(canonical_id(JsonSpan(R"("a")")), canonical_id(JsonSpan(R"("\u0061")")));
  EXPECT_NE(canonical_id(JsonSpan(R"("1")")), canonical_id(JsonSpan("1")));
}

TEST(JsonRpc, AnswersAreOneLineEach) {
  std::string out;
  append_result(out, "7", R"({"a":1})");
  append_error(out, "\"x\"", RpcCode::invalid_params, "no \"such\"\ntool", R"({"n":1})");
  append_error(out, "", RpcCode::parse_error, "p");
  append_error(out, "", RpcCode::parse_error, "p", {}, UnknownId::absent);
  append_raw_error(out, "1", R"({"code":-1,"message":"m","data":[]})");
  append_notification(out, "notifications/initialized", "");
  append_request(out, "1", "tools/list", "{}");
  EXPECT_EQ(out,
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":1}}\n"
            "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":-32602,\"message\":\"no "
            "\\\"such\\\"\\ntool\",\"data\":{\"n\":1}}}\n"
            "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"p\"}}\n"
            "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"p\"}}\n"
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":\"m\",\"data\":[]}}\n"
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{}}\n");
}

TEST(Splice, TheProgressTokenIsSetAndEveryOtherByteStays) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {R"({ "name":"a",  "arguments":{"x": 1.0} })",
       R"({"_meta":{"progressToken":"T"}, "name":"a",  "arguments":{"x": 1.0} })"},
      {R"({})", R"({"_meta":{"progressToken":"T"}})"},
      {R"({"_meta":{},"name":"a"})", R"({"_meta":{"progressToken":"T"},"name":"a"})"},
      {R"({"_meta":{ "k" : 1 },"name":"a"})", R"({"_meta":{"progressToken":"T", "k" : 1 },"name":"a"})"},
      {R"({"name":"a","_meta":{"k":1,"progressToken": 17 , "l":2}})",
       R"({"name":"a","_meta":{"k":1,"progressToken": "T" , "l":2}})"},
      {R"({"_meta":null,"name":"a"})", R"({"_meta":{"progressToken":"T"},"name":"a"})"},
  };
  for (const auto& [params, wanted] : rows) {
    const std::string line = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":)" + params + "}";
    std::string out;
    append_params_with_progress_token(out, read(line), "\"T\"");
    EXPECT_EQ(out, wanted);
  }
}

TEST(Splice, MembersAreReplacedAddedAndTakenAway) {
  EXPECT_EQ(with_member(JsonSpan(R"({ "a" : 1 , "b" : 2 })"), "a", "[]"), R"({ "a" : [] , "b" : 2 })");
  EXPECT_EQ(with_member(JsonSpan(R"({ "b" : 2 })"), "a", "[]"), R"({"a":[], "b" : 2 })");
  EXPECT_EQ(with_member(JsonSpan("{ }"), "a", "[]"), R"({"a":[] })");
  EXPECT_EQ(without_member(JsonSpan(R"({"a":1,"b": {"c":  2},"a":3})"), "a"), R"({"b":{"c":  2}})");
  EXPECT_EQ(without_member(JsonSpan(R"({"a":1})"), "a"), "{}");
  EXPECT_EQ(with_elements(JsonSpan("[]"), {"1", "2"}), "[1,2]");
  EXPECT_EQ(with_elements(JsonSpan("[ 1 ]"), {"2"}), "[ 1 ,2]");
  EXPECT_EQ(with_elements(JsonSpan("[1]"), {}), "[1]");
}

TEST(Splice, AnAnswerGetsAnotherIdAndKeepsItsBytes) {
  const std::string line = R"({"result":{"x":[1, 2]}, "id" : "mt-1", "jsonrpc":"2.0"})";
  std::string out;
  append_with_id(out, read(line), "17");
  EXPECT_EQ(out, "{\"result\":{\"x\":[1, 2]}, \"id\" : 17, \"jsonrpc\":\"2.0\"}\n");
}

TEST(Protocol, AKnownRevisionIsRepeatedAndAnyOtherGetsOurNewest) {
  EXPECT_EQ(name_of(negotiate("2025-06-18")), "2025-06-18");
  EXPECT_EQ(name_of(negotiate("2025-11-25")), "2025-11-25");
  EXPECT_EQ(name_of(negotiate("2030-01-01")), "2025-11-25");
  EXPECT_FALSE(bad_arguments_are_results(negotiate("2025-06-18")));
  EXPECT_EQ(unknown_id(negotiate("2025-11-25")), UnknownId::absent);
}

TEST(JsonRpc, FindsWhatEitherFamilyPutsIntoParamsAndMeta) {
  const std::string line =
      R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"uri":"u","cursor":"c","level":"info","protocolVersion":"v",)"
      R"("taskId":"t","inputResponses":{},"requestState":"s","notifications":{},"_meta":{"traceparent":"00","tracestate":"k=v",)"
      R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}},)"
      R"("io.modelcontextprotocol\/clientInfo":{"name":"n"},"io.modelcontextprotocol/logLevel":"debug",)"
      R"("io.modelcontextprotocol/related-task":{"taskId":"r"},"io.modelcontextprotocol/subscriptionId":9,)"
      R"("io.modelcontextprotocol/other":1}}})";
  const Message message = read(line);
  const ParamSpans& param = message.param;
  EXPECT_TRUE(param.uri.is("u") && param.cursor.is("c") && param.level.is("info") && param.protocol_version.is("v"));
  EXPECT_TRUE(param.task_id.is("t") && param.request_state.is("s"));
  EXPECT_TRUE(param.input_responses.is_object() && param.notifications.is_object());
  EXPECT_TRUE(param.meta_traceparent.is("00") && param.meta_tracestate.is("k=v"));
  EXPECT_TRUE(param.meta_protocol_version.is("2026-07-28") && param.meta_log_level.is("debug"));
  EXPECT_EQ(param.meta_client_capabilities.raw(), R"({"roots":{}})");
  EXPECT_EQ(param.meta_client_info.raw(), R"({"name":"n"})");
  EXPECT_EQ(param.meta_related_task.raw(), R"({"taskId":"r"})");
  EXPECT_EQ(param.meta_subscription_id.integer(), 9);
}

TEST(JsonRpc, FindsWhatAResultSaysOfItself) {
  const std::string line =
      R"({"jsonrpc":"2.0","id":1,"result":{"resultType":"task","taskId":"t","status":"working","ttlMs":1,"cacheScope":"public",)"
      R"("task":{},"_meta":{"a":1},"isError":true,"nextCursor":"n"}})";
  const Message message = read(line);
  EXPECT_TRUE(message.result_type.is("task") && message.result_task_id.is("t") && message.result_status.is("working"));
  EXPECT_TRUE(message.result_cache_scope.is("public") && message.result_next_cursor.is("n"));
  EXPECT_EQ(message.result_ttl_ms.integer(), 1);
  EXPECT_EQ(message.result_task.raw(), "{}");
  EXPECT_EQ(message.result_meta.raw(), R"({"a":1})");
  EXPECT_EQ(message.result_is_error.boolean(), true);
}

TEST(JsonRpc, ABatchIsTakenApartWithoutReadingItTwice) {
  const std::string_view body = " [ {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} , 17, [] ] ";
  const auto batch = read_batch(body);
  ASSERT_TRUE(batch && *batch);
  ASSERT_EQ((*batch)->size(), 3U);
  EXPECT_EQ(read((**batch)[0]).kind, Message::Kind::request);
  EXPECT_EQ(read_message((**batch)[1]).error().code, RpcCode::invalid_request);
  EXPECT_EQ(read_message((**batch)[2]).error().code, RpcCode::invalid_request);
  for (const std::string_view single : {"{}", "", "17", "  {\"a\":[1]}"}) {
    const auto none = read_batch(single);
    ASSERT_TRUE(none) << single;
    EXPECT_FALSE(*none) << single;
  }
}

TEST(JsonRpc, ABatchThatIsEmptyTooLongOrBrokenIsRefusedAsAWhole) {
  EXPECT_EQ(read_batch("[]").error().code, RpcCode::invalid_request);
  EXPECT_EQ(read_batch("[1,").error().code, RpcCode::parse_error);
  EXPECT_EQ(read_batch("[1] 2").error().code, RpcCode::parse_error);
  std::string many = "[1";
  for (std::size_t i = 0; i < max_batch; ++i) many += ",1";
  const auto refused = read_batch(many + "]");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, RpcCode::invalid_request);
  EXPECT_NE(refused.error().message.find("1001"), std::string::npos);
}

TEST(JsonRpc, AnErrorMayHaveAnyCode) {
  std::string out;
  append_error(out, "1", 17, "own");
  EXPECT_EQ(out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":17,\"message\":\"own\"}}\n");
}

}  // namespace
}  // namespace meantime::mcp
