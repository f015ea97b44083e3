// SPDX-License-Identifier: MIT
// wrap_test.cpp: the session of `meantime wrap` over real pipes, before a real child, bytes compared.
#include <gmock/gmock.h>

#include "core/json_writer.hpp"
#include "mcp/stdio_peer.hpp"

namespace meantime::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Wrap : public testing::Test {
 protected:
  serve::WrapOptions options(std::vector<std::string> flags = {}) {
    serve::WrapOptions made;
    made.command = {SCRIPTED_UPSTREAM};
    made.command.insert(made.command.end(), flags.begin(), flags.end());
    made.name = "scripted";
    return made;
  }
  // Quick calls have time; what is held goes to the background.
  serve::WrapOptions with_hold() {
    auto made = options();
    made.budgets["hold"] = Milliseconds(0);
    return made;
  }
  static std::string call(std::string_view id, std::string_view tool, std::string_view arguments = "{}",
                          std::string_view meta = "") {
    return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":")" +
           std::string(tool) + R"(","arguments":)" + std::string(arguments) + std::string(meta) + "}}";
  }
  std::string background(std::string_view id = "100") { return field(text_in(peer.ask(call(id, "hold"))), "task_id"); }
  static std::string of_task(std::string_view id, std::string_view tool, std::string_view task,
                             std::string_view more = "") {
    return call(id, tool, R"({"task_id":")" + std::string(task) + "\"" + std::string(more) + "}");
  }
  void release() { peer.send(R"({"jsonrpc":"2.0","method":"notifications/release"})"); }

  StdioPeer peer;
};

TEST_F(Wrap, TheHandshakePassesWithOurHintAddedAndNothingElseChanged) {
  peer.wrap(options());
  const std::string answer = peer.shake_hands();
  EXPECT_THAT(answer, StartsWith(R"({"jsonrpc":"2.0","id":"hello","result":{ "protocolVersion" : "2025-11-25", )"
                                 R"("capabilities": {"tools":{"listChanged":true},"logging":{}}, )"
                                 R"("serverInfo":{"name":"scripted","version":"1"},"instructions":"Be kind.\n\n)"));
  EXPECT_THAT(answer, HasSubstr("await_task"));
  EXPECT_EQ(peer.end(), 0);
}

TEST_F(Wrap, AServerWithoutToolsGetsOurs) {
  peer.wrap(options({"--no-tools"}));
  EXPECT_THAT(peer.shake_hands(), HasSubstr(R"("capabilities":{"tools":{}})"));
  const std::string list = peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
  EXPECT_THAT(list, StartsWith(R"({"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"check_task",)"));
}

TEST_F(Wrap, S60_OurFourToolsStandAtTheEndOfTheLastPage) {
  peer.wrap(options());
  peer.shake_hands();
  EXPECT_EQ(
      peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"),
      R"({"jsonrpc":"2.0","id":1,"result":{"tools":[ {"name":"echo", "inputSchema":{"type":"object","x-odd":[1.0, 2]}} ], "nextCursor":"2"}})");
  const std::string last = peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"2"}})");
  EXPECT_THAT(
      last,
      StartsWith(R"({"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"hold","inputSchema":{"type":"object"}},)"));
  for (const char* name : {"check_task", "await_task", "list_tasks", "cancel_task"}) {
    EXPECT_THAT(last, HasSubstr("{\"name\":\"" + std::string(name) + "\""));
  }
}

TEST_F(Wrap, AnOutputSchemaIsWidenedByTheEnvelopeOrLeftOutWhereItCannotBe) {
  peer.wrap(options());
  peer.shake_hands();
  const std::string list = peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"2"}})");
  EXPECT_THAT(
      list,
      HasSubstr(
          R"("outputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","$defs":{"n":{"type":"integer"}},"type":"object","anyOf":[{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}},"required":["n"]},{"type":"object","description":)"));
  EXPECT_THAT(list, HasSubstr(R"({"name":"rooted","inputSchema":{"type":"object"}})"));
}

TEST_F(Wrap, ToolsThatStayInlineKeepTheirOutputSchema) {
  auto inline_only = options();
  inline_only.no_background = {"rooted"};
  peer.wrap(inline_only);
  peer.shake_hands();
  const std::string list = peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"2"}})");
  EXPECT_THAT(list, HasSubstr(R"("outputSchema":{"type":"object","properties":{"next":{"$ref":"#"}}}})"));
}

TEST_F(Wrap, OurNamesNeverClashWithTheUpstreams) {
  auto clashing = options({"--clash"});
  clashing.budgets["hold"] = Milliseconds(0);
  peer.wrap(clashing);
  peer.shake_hands();
  peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
  const std::string list = peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"2"}})");
  EXPECT_THAT(list, HasSubstr(R"({"name":"meantime_check_task",)"));
  EXPECT_THAT(list, HasSubstr(R"({"name":"meantime_await_task",)"));
  EXPECT_THAT(list, Not(HasSubstr(R"({"name":"await_task")")));
  EXPECT_EQ(text_in(peer.ask(call("3", "check_task", R"({"text":"the upstream's own"})"))), "the upstream's own");
  const std::string envelope = text_in(peer.ask(call("4", "hold")));
  EXPECT_THAT(envelope, HasSubstr("Use meantime_check_task with task_id"));
  EXPECT_THAT(text_in(peer.ask(of_task("5", "meantime_check_task", field(envelope, "task_id")))), HasSubstr("running"));
  release();
}

TEST_F(Wrap, S01_AQuickAnswerPassesByteForByte) {
  peer.wrap(options());
  peer.shake_hands();
  EXPECT_EQ(
      peer.ask(call("\"a\\u0062\"", "exact")),
      R"({"jsonrpc":"2.0","id":"a\u0062","result":{ "content" : [ {"type":"text", "text":"\u0061\/b"} ] , "odd": 1.50 , "isError" : false }})");
}

TEST_F(Wrap, TheUpstreamGetsTheCallAsItWasButForItsIdAndToken) {
  peer.wrap(options());
  peer.shake_hands();
  const std::string seen = text_in(peer.ask(
      R"({"jsonrpc":"2.0","id":5,"method":"tools/call","params":{ "name":"params",  "arguments":{"x": 1.0},"_meta":{"k":[1 ],"progressToken": "mine" , "z":2},"more":null }})"));
  EXPECT_THAT(
      seen,
      testing::MatchesRegex(
          R"re(\{ "name":"params",  "arguments":\{"x": 1.0\},"_meta":\{"k":\[1 \],"progressToken": "mt-[0-9]+-[0-9]+" , "z":2\},"more":null \})re"));
}

TEST_F(Wrap, S02_FailuresWithinTheBudgetArriveAsTheUpstreamMadeThem) {
  peer.wrap(options());
  peer.shake_hands();
  EXPECT_EQ(peer.ask(call("1", "wrong")),
            R"({"jsonrpc":"2.0","id":1,"error":{"code":-32042,"message":"no \u00fc","data":{"k":[1, 2]}}})");
  EXPECT_EQ(peer.ask(call("2", "fails")),
            R"({"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"it broke"}],"isError":true}})");
  EXPECT_EQ(peer.ask(call("3", "no such tool!")),
            R"({"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"Unknown tool: no such tool!"}})");
}

TEST_F(Wrap, S03_OverTheBudgetTheClientGetsTheEnvelopeAndTheCallGoesOn) {
  peer.wrap(with_hold());
  peer.shake_hands();
  const std::string answer = peer.ask(call("7", "hold"));
  const std::string envelope = text_in(answer);
  const std::string id = field(envelope, "task_id");
  EXPECT_EQ(
      envelope,
      R"({"task_id":")" + id +
          R"(","tool_name":"hold","status":"running","message":"Tool 'hold' is running in the background. Use check_task with task_id ')" +
          id + R"(' to get the result."})");
  EXPECT_THAT(answer, HasSubstr(R"("structuredContent":{"task_id":)"));
  EXPECT_THAT(answer, HasSubstr(R"("isError":false)"));
  EXPECT_EQ(field(text_in(peer.ask(of_task("8", "check_task", id))), "status"), "running");
  peer.send(of_task("9", "await_task", id));
  release();
  EXPECT_EQ(peer.next(), R"({"jsonrpc":"2.0","id":9,"result":{"content":[{"type":"text","text":"released"}]}})");
  EXPECT_EQ(text_in(peer.ask(of_task("10", "check_task", id))), "released");
}

TEST_F(Wrap, S32_AFailedTaskShowsItsErrorAndWhatTheToolSaid) {
  auto slow = options();
  slow.budgets = {{"fails", Milliseconds(0)}, {"wrong", Milliseconds(0)}};
  peer.wrap(slow);
  peer.shake_hands();
  std::string id = field(text_in(peer.ask(call("1", "fails"))), "task_id");
  std::string answer = peer.ask(of_task("2", "await_task", id));
  EXPECT_EQ(text_in(answer),
            R"({"task_id":")" + id + R"(","status":"failed","error":"ToolError: it broke","reason":"tool_error"})");
  EXPECT_THAT(answer, HasSubstr(R"(,{"type":"text","text":"it broke"}],"isError":true)"));
  id = field(text_in(peer.ask(call("3", "wrong"))), "task_id");
  answer = peer.ask(of_task("4", "await_task", id));
  EXPECT_THAT(text_in(answer), HasSubstr("McpError: no \xc3\xbc (code -32042)"));
}

TEST_F(Wrap, S34_AnAwaitThatTimesOutTouchesNothing) {
  auto made = with_hold();
  made.session.await_cap = Milliseconds(30);
  made.session.await_caps["patient"] = Milliseconds(60);
  peer.wrap(made);
  peer.shake_hands("2025-11-25", "patient");
  const std::string id = background();
  EXPECT_THAT(text_in(peer.ask(of_task("1", "await_task", id))),
              HasSubstr(R"("status":"timeout","error":"Task ')" + id + "' did not complete within 0.06s."));
  EXPECT_THAT(text_in(peer.ask(of_task("2", "await_task", id, R"(,"timeout_seconds":0.01)"))),
              HasSubstr("within 0.01s."));
  release();
  EXPECT_EQ(text_in(peer.ask(of_task("3", "await_task", id))), "released");
}

TEST_F(Wrap, S36_ListShowsTheOwnersTasks) {
  peer.wrap(with_hold());
  peer.shake_hands();
  const std::string id = background();
  const std::string list = text_in(peer.ask(call("1", "list_tasks", R"({"status":"running"})")));
  EXPECT_THAT(list, StartsWith(R"({"tasks":[{"task_id":")" + id +
                               R"(","tool_name":"hold","status":"running","user_id":"local",)"));
  EXPECT_EQ(field(list, "count"), "1");
  release();
  peer.ask(of_task("2", "await_task", id));
  EXPECT_EQ(field(text_in(peer.ask(call("3", "list_tasks", R"({"status":"running"})"))), "count"), "0");
}

TEST_F(Wrap, ACancelledTaskTellsTheUpstreamUnderTheIdThatItKnows) {
  peer.wrap(with_hold());
  peer.shake_hands();
  const std::string id = background();
  EXPECT_THAT(text_in(peer.ask(of_task("1", "cancel_task", id))),
              HasSubstr(R"("status":"failed","error":"Task was cancelled.","reason":"cancelled")"));
  const std::string seen = text_in(peer.ask(call("2", "seen")));
  EXPECT_THAT(seen, testing::ContainsRegex(
                        R"("method":"notifications/cancelled","params":\{"requestId":"mt-[0-9]+-[0-9]+"\}\})"));
  EXPECT_THAT(text_in(peer.ask(of_task("3", "cancel_task", id))), HasSubstr("has ended already"));
}

TEST_F(Wrap, F17_ACancelBeforeTheBudgetTravelsToTheUpstreamAndIsNotAnswered) {
  peer.wrap(options());
  peer.shake_hands();
  peer.send(call("\"x\"", "hold"));
  peer.send(
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x","reason":"no \"need\""}})");
  const std::string seen = text_in(peer.ask(call("2", "seen")));
  EXPECT_THAT(seen,
              testing::ContainsRegex(R"("params":\{"requestId":"mt-[0-9]+-[0-9]+","reason":"no \\"need\\""\}\})"));
  release();  // its late answer goes nowhere
  EXPECT_EQ(text_in(peer.ask(call("3", "echo", R"({"text":"next"})"))), "next");
  EXPECT_EQ(peer.manager->running(), 0U);
}

TEST_F(Wrap, ProgressComesUnderTheClientsTokenAndOnlyBeforeTheAnswer) {
  auto made = options();
  made.budgets["progress"] = Milliseconds(200);
  peer.wrap(made);
  peer.shake_hands();
  peer.send(call("1", "progress", "{}", R"(,"_meta":{"progressToken":17})"));
  for (const char* value : {"1", "2.50", "3"}) {
    EXPECT_EQ(peer.next(),
              R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":17, "progress":)" +
                  std::string(value) + R"(,"total":3,"message":"step","odd":true}})");
  }
  const std::string envelope = text_in(peer.next());
  const std::string id = field(envelope, "task_id");
  EXPECT_EQ(field(text_in(peer.ask(of_task("2", "check_task", id))), "progress"),
            R"({"value":3,"total":3,"message":"step"})");
  release();
  EXPECT_EQ(text_in(peer.ask(of_task("3", "await_task", id))), "released");
}

TEST_F(Wrap, WithoutATokenTheClientHearsNoProgress) {
  peer.wrap(options());
  peer.shake_hands();
  peer.send(call("1", "progress"));
  release();
  EXPECT_EQ(text_in(peer.next()), "released");
}

TEST_F(Wrap, TheSameIdempotencyKeyNeverRunsTheToolTwice) {
  auto made = options();
  peer.wrap(made);
  peer.shake_hands();
  const std::string key = R"(,"_meta":{"meantime/idempotencyKey":"order-1"})";
  peer.send(call("1", "hold", "{}", key));
  peer.send(call("2", "hold", "{}", key));
  release();
  EXPECT_EQ(text_in(peer.next_with_id("1")), "released");
  EXPECT_EQ(text_in(peer.next_with_id("2")), "released");
  const std::string seen = text_in(peer.ask(call("3", "seen")));
  EXPECT_EQ(seen.find("\"name\":\"hold\""), seen.rfind("\"name\":\"hold\""));
}

TEST_F(Wrap, EverythingElsePassesUnchangedBothWays) {
  peer.wrap(options());
  peer.shake_hands();
  EXPECT_EQ(peer.ask(R"( {"id" : "r1","jsonrpc":"2.0", "method":"resources/read","params":{"uri":"a:\/b"}} )"),
            R"({"jsonrpc":"2.0","id":"r1","result":{ "what" : "you", "asked":1.50 }})");
  peer.send(R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed", "params":{ }})");
  const std::string seen = text_in(peer.ask(call("1", "seen")));
  EXPECT_THAT(seen,
              HasSubstr(R"( {"id" : "r1","jsonrpc":"2.0", "method":"resources/read","params":{"uri":"a:\/b"}} )"));
  EXPECT_THAT(seen, HasSubstr(R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed", "params":{ }})"));
}

TEST_F(Wrap, TheUpstreamsRequestsReachTheClientAndItsAnswersComeBack) {
  peer.wrap(options());
  peer.shake_hands();
  EXPECT_EQ(peer.ask(call("0", "ask")), R"({"jsonrpc":"2.0","id":0,"method":"roots/list"})");
  EXPECT_EQ(text_in(peer.ask(R"({"jsonrpc":"2.0","id":0, "result":{"roots":[ ]}})")),
            R"({"jsonrpc":"2.0","id":0, "result":{"roots":[ ]}})");
}

TEST_F(Wrap, BadLinesOfTheClientAreAnsweredAndTheRestGoesOn) {
  auto made = options();
  made.session.max_line_bytes = 1000;
  peer.wrap(made);
  EXPECT_THAT(peer.ask("hello"),
              StartsWith(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error)"));
  EXPECT_THAT(peer.ask(R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])"),
              StartsWith(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,)"));
  EXPECT_THAT(peer.ask(std::string(500, '[')), HasSubstr("-32700"));
  EXPECT_THAT(
      peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"x":")" + std::string(2000, 'x') + "\"}}"),
      HasSubstr("at most 1000"));
  EXPECT_THAT(peer.ask(R"({"jsonrpc":"2.0","id":4,"method":"tools/call","params":{}})"),
              HasSubstr(R"("id":4,"error":{"code":-32602)"));
  EXPECT_THAT(peer.ask(R"({"jsonrpc":"2.0","id":4,"method":"server/discover","params":{}})"), HasSubstr("-32601"));
  peer.send(R"({"jsonrpc":"2.0","id":77,"result":{}})");
  peer.send("\r");
  EXPECT_EQ(peer.ask("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"x\"}\r"),
            R"({"jsonrpc":"2.0","id":9,"result":{ "what" : "you", "asked":1.50 }})");
}

TEST_F(Wrap, From20251125OnAnUnreadableIdIsLeftOut) {
  peer.wrap(options());
  peer.shake_hands("2025-11-25");
  EXPECT_THAT(peer.ask("hello"), StartsWith(R"({"jsonrpc":"2.0","error":{"code":-32700,)"));
}

TEST_F(Wrap, AnIdThatIsOpenCannotBeUsedAgain) {
  peer.wrap(options());
  peer.shake_hands();
  peer.send(call("1", "hold"));
  EXPECT_THAT(peer.ask(call("1", "echo")), HasSubstr(R"("id":1,"error":{"code":-32600,)"));
  release();
  EXPECT_EQ(text_in(peer.next()), "released");
}

TEST_F(Wrap, F07_ALongResultComesInPagesThatPutTogetherAreTheResult) {
  auto made = options();
  made.budgets["long"] = Milliseconds(0);
  made.session.preview_chars = 1000;
  peer.wrap(made);
  peer.shake_hands();
  const std::string id = field(text_in(peer.ask(call("1", "long", R"({"chars":2500})"))), "task_id");
  const std::string first = peer.ask(of_task("2", "await_task", id));
  EXPECT_THAT(first, HasSubstr("For the next page call check_task with task_id '" + id + "' and offset 1000."));
  EXPECT_THAT(first, HasSubstr(R"({"type":"image","data":"AAAA","mimeType":"image/png"})"));
  std::string whole = text_in(first);
  EXPECT_EQ(whole.size(), 1000U);
  whole += text_in(peer.ask(of_task("3", "check_task", id, R"(,"offset":1000)")));
  const std::string last = peer.ask(of_task("4", "check_task", id, R"(,"offset":2000,"limit":5000)"));
  EXPECT_THAT(last, HasSubstr("[Characters 2000 to 2500 of 2500.]"));
  whole += text_in(last);
  std::string wanted;
  while (wanted.size() < 2500) wanted += "0123456789";
  EXPECT_EQ(whole, wanted);
}

TEST_F(Wrap, F21_AToolThatAnswersLikeOurEnvelopeIsToldFromTheEnvelope) {
  auto made = options();
  made.budgets = {{"echo", Milliseconds(0)}, {"hold", Milliseconds(0)}};
  peer.wrap(made);
  peer.shake_hands();
  const std::string running = peer.ask(call("1", "hold"));
  const std::string task = field(text_in(running), "task_id");
  EXPECT_THAT(running, HasSubstr(R"("_meta":{"meantime/task":{"task_id":")" + task + R"(","status":"running"}})"));
  const std::string status = peer.ask(of_task("2", "check_task", task));
  EXPECT_THAT(status, HasSubstr(R"("_meta":{"meantime/task":{"task_id":")" + task + R"(","status":"running"}})"));
  // The tool says word for word what check_task said of another.
  std::string words;
  JsonWriter(words).begin_object().field("text", text_in(status)).end_object();
  const std::string id = field(text_in(peer.ask(call("3", "echo", words))), "task_id");
  const std::string result = peer.ask(of_task("4", "await_task", id));
  EXPECT_EQ(text_in(result), text_in(status));
  EXPECT_THAT(result, Not(HasSubstr("meantime/task")));
  release();
  peer.ask(of_task("5", "await_task", task));
}

TEST_F(Wrap, BadArgumentsOfOurToolsSayWhatToDo) {
  peer.wrap(options());
  peer.shake_hands();
  EXPECT_THAT(peer.ask(call("1", "check_task")), HasSubstr("'task_id' is missing"));
  EXPECT_EQ(text_in(peer.ask(of_task("2", "check_task", "nonsense"))), R"({"error":"Task 'nonsense' not found."})");
  EXPECT_EQ(text_in(peer.ask(of_task("3", "await_task", "0123456789ab"))),
            R"({"error":"Task '0123456789ab' not found."})");
  EXPECT_THAT(peer.ask(of_task("4", "check_task", "0123456789ab", R"(,"offset":-1)")),
              HasSubstr("whole number of 0 or more"));
  EXPECT_THAT(peer.ask(call("5", "list_tasks", R"({"status":"done"})")),
              HasSubstr("one of running, completed and failed"));
  EXPECT_THAT(peer.ask(call("6", "await_task", R"({"task_id":17})")), HasSubstr("'task_id' is a string"));
}

// A client that begins without a handshake, before a server that knows nothing else.
class WrapStateless : public Wrap {
 protected:
  static std::string modern(std::string_view id, std::string_view method, std::string_view members = "",
                            std::string_view capabilities = "{}") {
    return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) + R"(","params":{)" +
           std::string(members) + (members.empty() ? "" : ",") +
           R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)" +
           R"("io.modelcontextprotocol/clientCapabilities":)" + std::string(capabilities) + "}}}";
  }
  static constexpr std::string_view takes_tasks = R"({"extensions":{"io.modelcontextprotocol/tasks":{}}})";
};

TEST_F(WrapStateless, IsServedTheToolsOfAServerWithAHandshake) {
  peer.wrap(options());
  EXPECT_THAT(peer.ask(modern("1", "server/discover")), HasSubstr(R"("io.modelcontextprotocol/tasks":{})"));
  peer.send(modern("2", "tools/list"));
  const std::string list = peer.next_with_id("2");
  EXPECT_THAT(list, HasSubstr(R"("name":"echo")"));
  EXPECT_THAT(list, HasSubstr(R"("x-odd":[1.0, 2])"));
  EXPECT_THAT(list, HasSubstr(R"("name":"await_task")"));
  peer.send(modern("3", "tools/call", R"("name":"echo","arguments":{"a":1})"));
  const std::string answer = peer.next_with_id("3");
  EXPECT_THAT(answer, HasSubstr(R"("resultType":"complete")"));
  EXPECT_EQ(peer.end(), 0);
}

TEST_F(WrapStateless, GetsATaskForACallOverItsBudgetAndItsResult) {
  peer.wrap(with_hold());
  peer.send(modern("1", "tools/call", R"("name":"hold")", takes_tasks));
  const std::string created = field(peer.next_with_id("1"), "result");
  ASSERT_EQ(field(created, "resultType"), "task");
  const std::string id = R"("taskId":")" + field(created, "taskId") + "\"";
  peer.send(modern("2", "tasks/cancel", id, takes_tasks));
  EXPECT_THAT(peer.next_with_id("2"), HasSubstr(R"("resultType":"complete")"));
  run_until(peer.loop, [&] { return peer.manager->running() == 0; });
  peer.send(modern("3", "tasks/get", id, takes_tasks));
  EXPECT_EQ(field(field(peer.next_with_id("3"), "result"), "status"), "cancelled");
  EXPECT_EQ(peer.end(), 0);
}

}  // namespace
}  // namespace meantime::test
