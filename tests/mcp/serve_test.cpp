// SPDX-License-Identifier: MIT
// serve_test.cpp: the session of `meantime serve --stdio` over real pipes: our own tools, both revisions, good and bad.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>

#include "mcp/json_rpc.hpp"
#include "mcp/stdio_peer.hpp"

namespace meantime::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Task<ToolReturn> echo(ToolContext& context) {
  co_return std::string(context.arguments());
}

Task<ToolReturn> fails(ToolContext&) {
  co_return std::unexpected(ToolFailure{.type = "DiskFull", .message = "no room", .output = ToolOutput("half a file")});
}

Task<ToolReturn> steps(ToolContext& context) {
  for (int i = 1; i <= 3; ++i) {
    co_await context.sleep(Milliseconds(1));
    context.progress({.value = static_cast<double>(i), .total = 3, .message = "step"});
  }
  co_return "stepped";
}

Task<ToolReturn> speaks(ToolContext& context) {
  co_await context.sleep(Milliseconds(1));
  context.log({.level = LogLevel::warning, .logger = "t", .data = R"("careful")"});
  const auto level = context.log_level();
  co_return level ? std::string(name_of(*level)) : "nobody hears";
}

Task<ToolReturn> for_ever(ToolContext& context) {
  co_await context.sleep(std::chrono::hours(1));
  co_return "never";
}

class Serve : public testing::Test {
 protected:
  Serve() {
    add("echo", echo, R"({"type":"object","properties":{"n":{"type":"integer"}},"x-kept":[1.0]})");
    add("fails", fails);
    add("steps", steps);
    add("speaks", speaks);
    add("for_ever", for_ever);
  }
  void add(std::string name, CoroutineBody body, std::string schema = {}) {
    Tool tool;
    tool.name = std::move(name);
    tool.description = "A tool of the test.";
    tool.coroutine = std::move(body);
    tool.input_schema = std::move(schema);
    ASSERT_TRUE(peer.manager->add_tool(std::move(tool)).has_value());
  }
  static serve::ServeOptions options() {
    serve::ServeOptions made;
    made.server_version = "1.2.3";
    made.session.budget = Milliseconds(200);
    return made;
  }
  static std::string request(std::string_view id, std::string_view method, std::string_view params = "{}") {
    return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) + R"(","params":)" +
           std::string(params) + "}";
  }
  static std::string call(std::string_view id, std::string_view tool, std::string_view rest = "") {
    return request(id, "tools/call", R"({"name":")" + std::string(tool) + "\"" + std::string(rest) + "}");
  }

  static std::string modern(std::string_view capabilities = "{}") {
    return R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
           R"("io.modelcontextprotocol/clientCapabilities":)" +
           std::string(capabilities) + "}";
  }

  StdioPeer peer;
};

TEST_F(Serve, WhileUpstreamsStartTheRestIsAnsweredAndWhoAsksForTheirToolsWaits) {
  serve::ToolsReady ready(peer.turns);
  auto made = options();
  made.tools_ready = &ready;
  peer.serve(made);
  EXPECT_THAT(peer.shake_hands(), HasSubstr("serverInfo"));
  EXPECT_THAT(peer.ask(call("1", "echo", R"(,"arguments":{"n":1})")), HasSubstr("content"));
  peer.send(request("2", "tools/list"));
  peer.send(call("3", "late"));
  peer.send(call("4", "late"));
  peer.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4}})");
  EXPECT_THAT(peer.ask(request("5", "ping")), HasSubstr(R"("id":5)"));
  add("late", echo);
  ready.set();
  EXPECT_THAT(peer.next_with_id("2"), HasSubstr(R"("name":"late")"));
  EXPECT_THAT(peer.next_with_id("3"), HasSubstr("content"));
  EXPECT_EQ(peer.next(), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  EXPECT_THAT(peer.ask(request("6", "ping")), HasSubstr(R"("id":6)")) << "4 was cancelled: nobody answers it";
  EXPECT_EQ(peer.end(), 0);
}

TEST_F(Serve, EachRevisionGetsItsHandshake) {
  peer.serve(options());
  EXPECT_THAT(peer.ask(request("1", "initialize")), HasSubstr("-32602"));
  EXPECT_THAT(
      peer.shake_hands("2025-06-18"),
      StartsWith(R"({"jsonrpc":"2.0","id":"hello","result":{"protocolVersion":"2025-06-18","capabilities":)"
                 R"({"tools":{"listChanged":true},"logging":{}},"serverInfo":{"name":"meantime","version":"1.2.3"},)"
                 R"("instructions":)"));
}

TEST_F(Serve, AnUnknownRevisionIsOfferedOurNewestWithAHandshake) {
  peer.serve(options());
  const std::string greeting = peer.shake_hands("1999-01-01");
  EXPECT_THAT(greeting, HasSubstr(R"("protocolVersion":"2025-11-25")"));
  EXPECT_THAT(greeting, HasSubstr(R"("tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}})"));
}

TEST_F(Serve, ARequestOf2026NeedsNoHandshake) {
  peer.serve(options());
  const std::string discovered = peer.ask(request("1", "server/discover", "{" + modern() + "}"));
  EXPECT_THAT(discovered,
              HasSubstr(R"("supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"])"));
  EXPECT_THAT(discovered, HasSubstr(R"("io.modelcontextprotocol/tasks":{})"));
  EXPECT_THAT(peer.ask(call("2", "echo", R"(,"arguments":{"n":1},)" + modern())),
              HasSubstr(R"("resultType":"complete")"));
  EXPECT_THAT(peer.ask(request("3", "ping", "{" + modern() + "}")), HasSubstr("-32601"));
}

TEST_F(Serve, A2026ClientHearsLogLinesOnlyOfCallsThatAskForThem) {
  peer.serve(options());
  EXPECT_THAT(peer.ask(call("1", "speaks", "," + modern())), HasSubstr("nobody hears"));
  const std::string marks =
      R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/logLevel":"info"})";
  peer.send(call("2", "speaks", marks));
  EXPECT_THAT(peer.next(), testing::AllOf(HasSubstr("notifications/message"), HasSubstr("careful")));
  EXPECT_THAT(peer.next(), HasSubstr(R"("text":"info")"));
}

TEST_F(Serve, A2026ClientThatTakesTasksGetsOneAndItsResult) {
  peer.serve(options());
  const std::string marks = modern(R"({"extensions":{"io.modelcontextprotocol/tasks":{}}})");
  const std::string created = field(peer.ask(call("1", "for_ever", "," + marks)), "result");
  EXPECT_EQ(field(created, "resultType"), "task");
  EXPECT_EQ(field(created, "status"), "working");
  const std::string id = field(created, "taskId");
  peer.send(request("\"l\"", "subscriptions/listen", R"({"notifications":{"taskIds":[")" + id + "\"]}," + marks + "}"));
  EXPECT_THAT(peer.next(), HasSubstr("notifications/subscriptions/acknowledged"));
  EXPECT_THAT(peer.next(), HasSubstr(R"("status":"working")"));
  const std::string get = R"({"taskId":")" + id + "\"," + marks + "}";
  EXPECT_THAT(peer.ask(request("2", "tasks/get", get)), HasSubstr(R"("resultType":"complete")"));
  peer.send(request("3", "tasks/cancel", get));
  EXPECT_THAT(peer.next_with_id("3"), HasSubstr(R"("resultType":"complete")"));
  EXPECT_THAT(peer.next(), HasSubstr(R"("status":"cancelled")"));
  EXPECT_THAT(peer.ask(request("4", "tasks/cancel", get)), HasSubstr(R"("resultType":"complete")"));
  EXPECT_THAT(peer.ask(request("5", "tasks/get", R"({"taskId":"no-such",)" + marks + "}")), HasSubstr("-32602"));
  EXPECT_THAT(peer.ask(request("6", "tasks/get", R"({"taskId":"x",)" + modern() + "}")), HasSubstr("-32021"));
}

TEST_F(Serve, A2025ClientThatAsksForATaskGetsItAtOnceAndItsResultWhenItEnds) {
  peer.serve(options());
  peer.shake_hands();
  const std::string created = field(field(peer.ask(call("1", "steps", R"(,"task":{"ttl":60000})")), "result"), "task");
  EXPECT_EQ(field(created, "status"), "working");
  const std::string id = field(created, "taskId");
  peer.send(request("2", "tasks/result", R"({"taskId":")" + id + "\"}"));
  const std::string result = peer.next_with_id("2");
  EXPECT_EQ(text_in(result), "stepped");
  EXPECT_THAT(result, HasSubstr(R"("io.modelcontextprotocol/related-task":{"taskId":")" + id));
  peer.send(request("3", "tasks/cancel", R"({"taskId":")" + id + "\"}"));
  EXPECT_THAT(peer.next_with_id("3"), HasSubstr("-32602")) << "it has ended";
  peer.send(request("4", "tasks/list"));
  EXPECT_THAT(peer.next_with_id("4"), HasSubstr(id));
}

TEST_F(Serve, ARefusedSamplingOfA2025TaskIsAnErrorAndNoCancelledForm) {
  add("samples", [](ToolContext& context) -> Task<ToolReturn> {
    auto answered = co_await context.ask(
        {{.key = "q", .method = "sampling/createMessage", .params = R"({"messages":[],"maxTokens":1})"}});
    co_return answered ? answered->front().result : "refused: " + answered.error().detail;
  });
  peer.serve(options());
  EXPECT_THAT(peer.ask(request("0", "initialize",
                               R"({"protocolVersion":"2025-11-25","capabilities":{"sampling":{}},)"
                               R"("clientInfo":{"name":"t","version":"1"}})")),
              HasSubstr("serverInfo"));
  peer.send(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  peer.send(call("1", "samples", R"(,"task":{})"));
  const std::string id = field(field(field(peer.next_with_id("1"), "result"), "task"), "taskId");
  peer.send(request("2", "tasks/result", R"({"taskId":")" + id + "\"}"));
  std::string asked = peer.next();
  while (!asked.contains("sampling/createMessage")) asked = peer.next();
  peer.send(R"({"jsonrpc":"2.0","id":)" + std::string(mcp::read_message(asked)->id.raw()) +
            R"(,"error":{"code":-1,"message":"the user said no"}})");
  EXPECT_EQ(text_in(peer.next_with_id("2")), "refused: the client refused: the user said no");
}

TEST_F(Serve, ToolsAreListedWithTheirSchemasAsWritten) {
  peer.serve(options());
  peer.shake_hands();
  const std::string list = peer.ask(request("1", "tools/list"));
  EXPECT_THAT(
      list,
      HasSubstr(
          R"({"name":"echo","description":"A tool of the test.","inputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"x-kept":[1.0]},"execution":{"taskSupport":"optional"}})"));
  EXPECT_THAT(
      list,
      HasSubstr(R"({"name":"fails","description":"A tool of the test.","inputSchema":{"type":"object"},"execution":)"));
  EXPECT_THAT(list, HasSubstr(R"({"name":"await_task")"));
  EXPECT_THAT(peer.ask(request("2", "tools/list", R"({"cursor":"x"})")), HasSubstr("-32602"));
}

TEST_F(Serve, S01_S02_ResultsAndFailuresWithinTheBudgetAreInline) {
  peer.serve(options());
  peer.shake_hands();
  EXPECT_EQ(peer.ask(call("1", "echo", R"(,"arguments":{ "n":1 })")),
            R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{ \"n\":1 }"}],"isError":false}})");
  EXPECT_EQ(
      peer.ask(call("\"two\"", "fails")),
      R"({"jsonrpc":"2.0","id":"two","result":{"content":[{"type":"text","text":"DiskFull: no room\nhalf a file"}],"isError":true}})");
}

TEST_F(Serve, S03_OverTheBudgetComesTheEnvelopeAndCancelTaskEndsTheTool) {
  peer.serve(options());
  peer.shake_hands();
  const std::string envelope = text_in(peer.ask(call("1", "for_ever")));
  const std::string id = field(envelope, "task_id");
  EXPECT_EQ(field(envelope, "status"), "running");
  EXPECT_THAT(text_in(peer.ask(call("2", "cancel_task", R"(,"arguments":{"task_id":")" + id + "\"}"))),
              HasSubstr("Task was cancelled."));
}

TEST_F(Serve, BadArgumentsAreAProtocolErrorUpTo20250618) {
  peer.serve(options());
  peer.shake_hands("2025-06-18");
  EXPECT_THAT(peer.ask(call("1", "echo", R"(,"arguments":{"n":"x"})")), HasSubstr(R"("error":{"code":-32602,)"));
}

TEST_F(Serve, BadArgumentsAreAResultForTheModelFrom20251125On) {
  peer.serve(options());
  peer.shake_hands("2025-11-25");
  EXPECT_THAT(peer.ask(call("1", "echo", R"(,"arguments":{"n":"x"})")), HasSubstr(R"("isError":true)"));
  EXPECT_THAT(peer.ask(call("1", "echo", R"(,"arguments":[1])")), HasSubstr("'arguments' is an object"));
  EXPECT_THAT(peer.ask(call("1", "none")), HasSubstr(R"("error":{"code":-32602,"message":"Unknown tool: 'none')"));
}

TEST_F(Serve, ProgressIsToldUnderTheClientsToken) {
  peer.serve(options());
  peer.shake_hands();
  peer.send(call("1", "steps", R"(,"_meta":{"progressToken":"p"})"));
  for (const char* value : {"1", "2", "3"}) {
    EXPECT_EQ(peer.next(),
              R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":)" +
                  std::string(value) + R"(,"total":3,"message":"step"}})");
  }
  EXPECT_EQ(text_in(peer.next()), "stepped");
}

TEST_F(Serve, ACancelledRequestIsNotAnsweredAndItsToolIsGone) {
  peer.serve(options());
  peer.shake_hands();
  peer.send(call("1", "for_ever"));
  peer.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  EXPECT_EQ(peer.ask(request("2", "ping")), R"({"jsonrpc":"2.0","id":2,"result":{}})");
  EXPECT_EQ(peer.manager->running(), 0U);
}

TEST_F(Serve, OtherRequestsGetTheRightAnswers) {
  peer.serve(options());
  peer.shake_hands();
  EXPECT_EQ(peer.ask(request("1", "logging/setLevel", R"({"level":"warning"})")),
            R"({"jsonrpc":"2.0","id":1,"result":{}})");
  EXPECT_THAT(peer.ask(request("2", "logging/setLevel", R"({"level":"loud"})")), HasSubstr("-32602"));
  EXPECT_EQ(peer.ask(request("3", "resources/list")),
            R"({"jsonrpc":"2.0","id":3,"error":{"code":-32601,"message":"Method not found: resources/list"}})");
  EXPECT_THAT(peer.ask("nonsense"), HasSubstr("-32700"));
  peer.send(R"({"jsonrpc":"2.0","method":"notifications/whatever"})");
  peer.send(R"({"jsonrpc":"2.0","id":9,"result":{}})");
  EXPECT_THAT(peer.ask(request("4", "ping")), HasSubstr(R"("id":4)"));
}

TEST_F(Serve, ATaskOfAnotherOwnerIsNotThere) {
  peer.serve(options());
  peer.shake_hands();
  Task<Result<Outcome>> theirs = peer.manager->call(
      ToolCall{.tool = "for_ever", .arguments = {}, .caller = {.user_id = "somebody else"}, .budget = Milliseconds(0)});
  const auto outcome = run(peer.loop, std::move(theirs));
  const std::string id = std::get<Backgrounded>(*outcome).task_id.text();
  for (const char* tool : {"check_task", "await_task", "cancel_task"}) {
    EXPECT_EQ(text_in(peer.ask(call("1", tool, R"(,"arguments":{"task_id":")" + id + "\"}"))),
              R"({"error":"Task ')" + id + R"(' not found."})");
  }
  EXPECT_EQ(field(text_in(peer.ask(call("2", "list_tasks"))), "count"), "0");
  ASSERT_TRUE(run(peer.loop, peer.manager->cancel(*TaskId::parse(id))).has_value());
  run_until(peer.loop, [&] { return peer.manager->running() == 0; });
}

TEST_F(Serve, F26_SigtermDrainsAndRecordsWhatBecameOfEachTask) {
  auto made = options();
  made.session.budget = Milliseconds(0);
  made.session.drain_grace = Milliseconds(20);
  peer.serve(made, true);
  peer.shake_hands();
  const std::string id = field(text_in(peer.ask(call("1", "for_ever"))), "task_id");
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(peer.exit_code(), 0);
  const auto record = run(peer.loop, peer.manager->check(*TaskId::parse(id)));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->reason, EndReason::interrupted);
}

TEST_F(Serve, ASecondSigtermForcesTheEnd) {
  auto made = options();
  made.session.budget = Milliseconds(0);
  made.session.drain_grace = std::chrono::hours(1);
  peer.serve(made, true);
  peer.shake_hands();
  const std::string id = field(text_in(peer.ask(call("1", "for_ever"))), "task_id");
  ::kill(::getpid(), SIGTERM);
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(peer.exit_code(), 128 + SIGTERM);
  ASSERT_TRUE(run(peer.loop, peer.manager->cancel(*TaskId::parse(id))).has_value());
  run_until(peer.loop, [&] { return peer.manager->running() == 0; });
}

TEST_F(Serve, AnInputThatIsNoPipeIsReadToItsEnd) {
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  serve::ServeOptions made{.session = {.handle_signals = false}, .stdio = true, .in_fd = nothing, .out_fd = nothing};
  Task<int> session = serve::run_serve(peer.turns, *peer.manager, peer.clock, peer.random, std::move(made));
  EXPECT_EQ(run(peer.loop, std::move(session)), 0);
  ::close(nothing);
}

}  // namespace
}  // namespace meantime::test
