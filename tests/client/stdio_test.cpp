// SPDX-License-Identifier: MIT
// stdio_test.cpp: the client before real programs: which family they speak, what calls bring, and how bad ones end.
#include "client/stdio_client.hpp"

namespace meantime::test {
namespace {

using client::ListKind;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_F(StdioClient, AServerWithoutHandshakeIsKnownByItsAnswerToDiscover) {
  open({"--stateless"});
  ASSERT_TRUE(run(io, client->connect()));
  EXPECT_EQ(client->server()->revision, mcp::Revision::r2026_07_28);
  EXPECT_EQ(client->server()->instructions, "Be kind.");
  EXPECT_EQ(client->server()->server_info, R"({"name":"scripted","version":"2"})");
  EXPECT_TRUE(client->server()->capabilities.tools_list_changed);
  EXPECT_THAT(text_of(call("seen")), Not(HasSubstr("initialize")));
}

TEST_F(StdioClient, AServerThatDoesNotKnowDiscoverIsGreetedWithAHandshake) {
  open({});
  ASSERT_TRUE(run(io, client->connect()));
  EXPECT_EQ(client->server()->revision, mcp::Revision::r2025_11_25);
  EXPECT_EQ(events.connects, 1);
  const std::string seen = text_of(call("seen"));
  EXPECT_THAT(seen, HasSubstr(R"("method":"initialize","params":{"protocolVersion":"2025-11-25")"));
  EXPECT_THAT(seen, HasSubstr("notifications/initialized"));
}

TEST_F(StdioClient, AServerThatIsSilentAboutDiscoverIsGreetedWithAHandshake) {
  client::ClientOptions options;
  options.probe_timeout = Milliseconds(50);
  open({"--mute"}, options);
  ASSERT_TRUE(run(io, client->connect()));
  EXPECT_EQ(client->server()->revision, mcp::Revision::r2025_11_25);
  EXPECT_THAT(text_of(call("seen")), Not(HasSubstr("notifications/cancelled")));
}

TEST_F(StdioClient, AServerThatDiesOfDiscoverIsStartedAgainAndGreetedWithAHandshake) {
  open({"--dies"});
  ASSERT_TRUE(run(io, client->connect()));
  EXPECT_EQ(client->server()->revision, mcp::Revision::r2025_11_25);
  EXPECT_EQ(text_of(call("echo", R"({"text":"a"})")), "a");
}

TEST_F(StdioClient, AVersionOfTheHandshakeFamilyInARefusalIsTaken) {
  open({"--offers", "2025-06-18"});
  ASSERT_TRUE(run(io, client->connect()));
  EXPECT_THAT(text_of(call("seen")), HasSubstr(R"("method":"initialize","params":{"protocolVersion":"2025-06-18")"));
}

TEST_F(StdioClient, TheVersionOf2024IsSpokenOverPipes) {
  open({"--old"});
  ASSERT_TRUE(run(io, client->connect()));
  EXPECT_EQ(client->server()->revision, mcp::Revision::r2025_03_26);
  EXPECT_EQ(text_of(call("echo", R"({"text":"a"})")), "a");
}

TEST_F(StdioClient, AVersionThatNobodyKnowsIsRefusedWithIts) {
  open({"--odd"});
  const auto connected = run(io, client->connect());
  ASSERT_FALSE(connected);
  EXPECT_THAT(connected.error().detail, HasSubstr("2031-01-01"));
}

TEST_F(StdioClient, APinnedVersionIsNotProbed) {
  client::ClientOptions options;
  options.revision = mcp::Revision::r2025_11_25;
  open({}, options);
  EXPECT_THAT(text_of(call("seen")), Not(HasSubstr("server/discover")));
}

TEST_F(StdioClient, AProgramThatEndsAtOnceIsAnErrorThatSaysHow) {
  open({"--exit", "7"});
  const auto connected = run(io, client->connect());
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, errc::unavailable);
  EXPECT_THAT(connected.error().detail, HasSubstr("exit code 7"));
}

TEST_F(StdioClient, AProgramThatIsNotThereIsAnError) {
  client::StdioOptions server;
  server.command = {"/nonexistent/server"};
  client = std::make_unique<client::McpClient>(loop, clock, server, client::ClientOptions{}, &events);
  const auto connected = run(io, client->connect());
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, errc::not_found);
}

TEST_F(StdioClient, AProgramThatNeverReadsIsGivenUpInTime) {
  client::ClientOptions options;
  options.probe_timeout = Milliseconds(10);
  options.connect_timeout = Milliseconds(20);
  open({"--deaf"}, options);
  const auto connected = run(io, client->connect());
  ASSERT_FALSE(connected);
  EXPECT_THAT(connected.error().detail, HasSubstr("does not answer initialize"));
}

class BothFamilies : public StdioClient, public testing::WithParamInterface<const char*> {
 protected:
  void open_it(client::ClientOptions options = {}) {
    std::vector<std::string> flags;
    if (stateless()) flags.emplace_back("--stateless");
    open(std::move(flags), std::move(options));
  }
  static bool stateless() { return std::string_view(GetParam()) == "stateless"; }
};
INSTANTIATE_TEST_SUITE_P(Stdio, BothFamilies, testing::Values("handshake", "stateless"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(BothFamilies, AResultComesByteForByte) {
  open_it();
  const auto answer = call("exact");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->result,
            R"({ "content" : [ {"type":"text", "text":"\u0061\/b"} ] , "odd": 1.50 , "isError" : false })");
  EXPECT_FALSE(answer->is_error);
}

TEST_P(BothFamilies, FailuresOfTheWorkAndErrorsOfTheProtocolAreToldApart) {
  open_it();
  const auto failed = call("fails");
  ASSERT_TRUE(failed);
  EXPECT_TRUE(failed->is_error);
  const auto wrong = call("wrong");
  ASSERT_FALSE(wrong);
  const auto& error = std::get<client::RpcError>(wrong.error());
  EXPECT_EQ(error.code, -32042);
  EXPECT_THAT(error.raw, HasSubstr(R"("data":{"k":[1, 2]})"));
}

TEST_P(BothFamilies, ArgumentsAndMetaReachTheServer) {
  open_it();
  HeardHooks hooks;
  const std::string seen =
      text_of(run(io, client->call_tool("params", R"({"x": 1.0})", &hooks, R"("traceparent":"00-1")")));
  EXPECT_THAT(seen, HasSubstr(R"("arguments":{"x": 1.0})"));
  EXPECT_THAT(seen, HasSubstr(R"("traceparent":"00-1")"));
  EXPECT_THAT(seen, HasSubstr("progressToken"));
  const auto marks = stateless() ? HasSubstr(R"("io.modelcontextprotocol/protocolVersion":"2026-07-28")")
                                 : HasSubstr(R"("name":"params")");
  EXPECT_THAT(seen, marks);
}

TEST_P(BothFamilies, ProgressAndLogLinesReachTheCall) {
  open_it();
  HeardHooks hooks;
  ASSERT_TRUE(call("progress", "{}", &hooks));
  EXPECT_THAT(hooks.steps, ElementsAre(Progress{1, 3, "step"}, Progress{2.5, 3, "step"}));
  ASSERT_EQ(hooks.logs.size(), 1U);
  EXPECT_EQ(hooks.logs[0].level, LogLevel::warning);
  EXPECT_EQ(hooks.logs[0].logger, "l");
  EXPECT_EQ(hooks.logs[0].data, R"({"a": 1})");
}

TEST_P(BothFamilies, AQuestionInTheMiddleOfACallIsAnsweredByItsHooks) {
  open_it();
  HeardHooks hooks;
  const std::string text = text_of(call("ask", "{}", &hooks));
  EXPECT_THAT(text, HasSubstr("Ada"));
  ASSERT_EQ(hooks.asked.size(), 1U);
  EXPECT_EQ(hooks.asked[0].method, "elicitation/create");
  if (stateless()) {
    EXPECT_THAT(text, HasSubstr(R"("a\u002fb")")) << "the state travels byte for byte";
  }
}

TEST_P(BothFamilies, AQuestionThatNobodyCanAnswerDoesNotHangTheCall) {
  open_it();
  const std::string text = text_of(call("ask"));
  EXPECT_THAT(text, stateless() ? HasSubstr("nobody here can give") : HasSubstr("No call is open"));
  HeardHooks hooks;
  hooks.refuses = errc::unsupported;
  EXPECT_THAT(text_of(call("ask", "{}", &hooks)), HasSubstr("not here"));
}

TEST_P(BothFamilies, ACallThatIsDroppedIsCancelledAtTheServer) {
  open_it();
  ASSERT_TRUE(run(io, client->connect()));
  {
    const auto held = client->call_tool("hold", "{}", nullptr);
    EXPECT_FALSE(held.done());
  }
  EXPECT_THAT(text_of(call("seen")), HasSubstr(R"("method":"notifications/cancelled","params":{"requestId":)"));
}

TEST_P(BothFamilies, ListsAreReadToTheirLastPage) {
  open_it();
  const auto tools = run(io, client->list(ListKind::tools));
  ASSERT_TRUE(tools);
  ASSERT_EQ(tools->size(), stateless() ? 2U : 3U);
  EXPECT_EQ(tools->front(), R"({"name":"echo","inputSchema":{"type":"object","x-odd":[1.0, 2]}})");
  if (stateless()) {
    EXPECT_THAT(logged, Contains(HasSubstr("tool 'bad' is left out")));
  }
  EXPECT_THAT(*run(io, client->list(ListKind::prompts)), IsEmpty());
}

TEST_P(BothFamilies, ChangesAreHeard) {
  open_it();
  ASSERT_TRUE(run(io, client->connect()));
  ASSERT_TRUE(run(io, client->subscribe("test://a")));
  ASSERT_TRUE(call("changes"));
  EXPECT_THAT(events.lists, Contains(ListKind::tools));
  EXPECT_THAT(events.resources, Contains("test://a"));
  EXPECT_THAT(events.others, ElementsAre(R"(notifications/odd{"n":1})"));
  EXPECT_THAT(text_of(call("seen")), stateless()
                                         ? HasSubstr(R"("resourceSubscriptions":["test://a"])")
                                         : HasSubstr(R"("method":"resources/subscribe","params":{"uri":"test://a"})"));
}

TEST_P(BothFamilies, GarbageStrangersAndSecondAnswersCostNothing) {
  open_it();
  EXPECT_EQ(text_of(call("garbage")), "after the garbage");
  EXPECT_EQ(text_of(call("stranger")), "mine");
  EXPECT_EQ(text_of(call("echo", R"({"text":"it goes on"})")), "it goes on");
}

TEST_P(BothFamilies, AnAnswerThatCannotBeReadFailsItsCallAlone) {
  open_it();
  const auto latin1 = call("latin1");
  EXPECT_EQ(code_of(latin1), errc::corrupt) << text_of(latin1);
  const auto big = call("big");
  EXPECT_THAT(text_of(big), HasSubstr("a line may have"));
  EXPECT_EQ(text_of(call("echo", R"({"text":"it goes on"})")), "it goes on");
}

TEST_P(BothFamilies, AFloodOfQuestionsIsRefusedInBoundedMemory) {
  open_it();
  EXPECT_EQ(text_of(call("flood")), "flooded");
  EXPECT_EQ(text_of(call("echo", R"({"text":"it goes on"})")), "it goes on");
}

TEST_P(BothFamilies, AServerThatDiesFailsWhatIsOpenAndIsStartedAgain) {
  open_it();
  ASSERT_TRUE(run(io, client->connect()));
  auto held = client->call_tool("hold", "{}", nullptr);
  const auto died = call("die");
  EXPECT_EQ(code_of(died), errc::unavailable);
  EXPECT_THAT(text_of(died), HasSubstr("exit code 3"));
  EXPECT_TRUE(held.done());
  EXPECT_THAT(events.down, HasSubstr("exit code 3"));
  run_until(io, [&] { return events.connects == 2; });
  EXPECT_EQ(text_of(call("echo", R"({"text":"again"})")), "again");
}

TEST_P(BothFamilies, ARequestAfterADeathWaitsForTheRestart) {
  client::ClientOptions options;
  options.listen = false;  // nobody restarts it before it is wanted
  open_it(options);
  EXPECT_EQ(code_of(call("die")), errc::unavailable);
  EXPECT_EQ(text_of(call("echo", R"({"text":"again"})")), "again");
  EXPECT_EQ(events.connects, 2);
}

TEST_P(BothFamilies, WhatIsOverTheLimitOfOpenRequestsIsRefused) {
  client::ClientOptions options;
  options.max_open = 3;
  options.listen = false;
  open_it(options);
  ASSERT_TRUE(run(io, client->connect()));
  std::vector<Task<client::Answer>> held;
  for (int i = 0; i < 3; ++i) held.push_back(client->call_tool("hold", "{}", nullptr));
  EXPECT_EQ(code_of(call("echo")), errc::overloaded);
}

TEST_P(BothFamilies, ManyCallsAtOnceGetTheirOwnAnswers) {
  open_it();
  ASSERT_TRUE(run(io, client->connect()));
  std::vector<Task<client::Answer>> calls;
  for (int i = 0; i < 2'000; ++i) {
    calls.push_back(client->call_tool("echo", R"({"text":")" + std::to_string(i) + "\"}", nullptr));
  }
  for (int i = 0; i < 2'000; ++i) {
    run_until(io, [&] { return calls[static_cast<std::size_t>(i)].done(); });
    EXPECT_EQ(text_of(calls[static_cast<std::size_t>(i)].take()), std::to_string(i));
  }
}

TEST_P(BothFamilies, ClosingEndsWhatIsOpen) {
  open_it();
  ASSERT_TRUE(run(io, client->connect()));
  auto held = client->call_tool("hold", "{}", nullptr);
  run(io, client->close());
  ASSERT_TRUE(held.done());
  EXPECT_EQ(code_of(held.take()), errc::cancelled);
  EXPECT_EQ(code_of(call("echo")), errc::cancelled);
}

TEST_F(StdioClient, ATaskIsFollowedToItsResultWithStatusAndInput) {
  open({"--stateless"}, {.poll_least = Milliseconds(1)});
  HeardHooks hooks;
  EXPECT_EQ(text_of(call("task", "{}", &hooks)), "Hello, Ada");
  EXPECT_THAT(hooks.steps, ElementsAre(Progress{1, {}, "1 of 2"}));
  ASSERT_EQ(hooks.asked.size(), 1U) << "each key is shown once";
  EXPECT_EQ(hooks.asked[0].key, "who");
}

TEST_F(StdioClient, ATaskWhoseCallIsDroppedIsCancelled) {
  open({"--stateless"}, {.poll_least = Milliseconds(1)});
  ASSERT_TRUE(run(io, client->connect()));
  {
    HeardHooks hooks;
    auto held = client->call_tool("held_task", "{}", &hooks);
    run_until(io, [&] { return !hooks.asked.empty() || held.done() || client->open() > 1; });
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(call("echo"));
  }
  EXPECT_EQ(text_of(call("cancelled")), "new-1");
}

TEST_F(StdioClient, ATaskThatTheServerTellsOfIsNotWaitedForUntilTheNextLook) {
  open({"--stateless"});
  ASSERT_TRUE(run(io, client->connect()));
  auto task = client->call_tool("slow_task", "{}", nullptr);
  ASSERT_TRUE(call("echo"));
  ASSERT_TRUE(call("tell_of_task"));
  EXPECT_EQ(text_of(run(io, std::move(task))), "Hello, Bob");
  EXPECT_THAT(text_of(call("seen")), HasSubstr(R"("notifications":{"taskIds":["slow-1"]})"));
}

TEST_F(StdioClient, AToolThatNeedsATaskOf2025GetsOne) {
  open({});
  ASSERT_TRUE(run(io, client->list(ListKind::tools)));
  HeardHooks hooks;
  auto task = client->call_tool("old_task", "{}", &hooks);
  run_until(io, [&] { return !hooks.steps.empty() || task.done(); });
  ASSERT_FALSE(task.done());
  EXPECT_EQ(hooks.steps[0].message, "half way");
  ASSERT_TRUE(call("end_task"));
  EXPECT_EQ(text_of(run(io, std::move(task))), "after a while");
}

TEST_F(StdioClient, AQuestionThatNamesNoCallIsRefusedWhileCallsOfSeveralOwnersAreOpen) {
  open({});
  HeardHooks ann;
  HeardHooks bob;
  ann.whose = "ann";
  bob.whose = "bob";
  auto held = client->call_tool("hold", "{}", &ann);
  const std::string refused = text_of(call("ask", "{}", &bob));
  EXPECT_THAT(refused, HasSubstr("Calls of several users are open"));
  EXPECT_THAT(ann.asked, IsEmpty());
  EXPECT_THAT(bob.asked, IsEmpty());
  EXPECT_THAT(logged, Contains(HasSubstr("calls of several owners are open")));
  ASSERT_TRUE(call("release", "{}", &bob));
  ASSERT_TRUE(run(io, std::move(held)));
  EXPECT_THAT(text_of(call("ask", "{}", &bob)), HasSubstr("Ada")) << "alone, it is clear who is meant";
  EXPECT_EQ(bob.asked.size(), 1U);
}

TEST_F(StdioClient, ALogLineThatNamesNoCallIsHeardByAllCallsOfOneOwnerAndByNoneOfSeveral) {
  open({});
  HeardHooks first;
  HeardHooks second;
  first.whose = second.whose = "ann";
  auto held = client->call_tool("hold", "{}", &first);
  ASSERT_TRUE(call("log_now", "{}", &second));
  EXPECT_EQ(first.logs.size(), 1U);
  EXPECT_EQ(second.logs.size(), 1U);
  HeardHooks bob;
  bob.whose = "bob";
  ASSERT_TRUE(call("log_now", "{}", &bob));
  EXPECT_THAT(bob.logs, IsEmpty());
  EXPECT_EQ(first.logs.size(), 1U);
  ASSERT_EQ(events.logs.size(), 1U) << "it is not lost: whoever runs the client has it";
  EXPECT_EQ(events.logs[0].data, R"("whose?")");
  ASSERT_TRUE(call("release"));
  ASSERT_TRUE(run(io, std::move(held)));
}

TEST_F(StdioClient, AServerWithAHandshakeIsToldTheMostTalkativeLevelThatACallerWants) {
  open({});
  HeardHooks hooks;
  for (const LogLevel level : {LogLevel::warning, LogLevel::debug, LogLevel::error}) {
    ASSERT_TRUE(run(io, client->call_tool("echo", "{}", &hooks, {}, {}, level)));
  }
  const std::string seen = text_of(call("seen"));
  EXPECT_THAT(seen, HasSubstr(R"("method":"logging/setLevel","params":{"level":"warning"})"));
  EXPECT_THAT(seen, HasSubstr(R"("method":"logging/setLevel","params":{"level":"debug"})"));
  EXPECT_THAT(seen, Not(HasSubstr(R"({"level":"error"})"))) << "what one wants less of, another still hears";
}

TEST_F(StdioClient, AServerAtRestIsStartedAgainByTheNextCall) {
  open({});
  ASSERT_TRUE(call("echo", R"({"text":"a"})"));
  HeardHooks hooks;
  auto held = client->call_tool("hold", "{}", &hooks);
  EXPECT_TRUE(client->busy());
  run(io, client->rest());
  ASSERT_TRUE(call("release")) << "nothing is ended while a call is open";
  ASSERT_TRUE(run(io, std::move(held)));
  EXPECT_FALSE(client->busy());
  EXPECT_EQ(events.connects, 1);
  run(io, client->rest());
  EXPECT_EQ(text_of(call("echo", R"({"text":"b"})")), "b");
  EXPECT_EQ(events.connects, 2);
  EXPECT_EQ(events.down, "");
}

TEST_F(StdioClient, ACallThatComesWhileTheServerIsEndedWaitsForItsNewStart) {
  open({});
  ASSERT_TRUE(call("echo"));
  Task<void> resting = client->rest();
  EXPECT_EQ(text_of(call("echo", R"({"text":"c"})")), "c");
  run(io, std::move(resting));
  EXPECT_EQ(events.connects, 2);
}

TEST_F(StdioClient, AnswersOfAnUnknownKindAreInvalid) {
  open({"--stateless"});
  EXPECT_EQ(code_of(call("odd_type")), errc::corrupt);
}

TEST_F(StdioClient, PingsAreAnsweredAndUnknownQuestionsRefused) {
  open({});
  EXPECT_THAT(text_of(call("ping")), HasSubstr(R"("id":"p","result":{})"));
  EXPECT_THAT(text_of(call("ask_odd")), HasSubstr("-32601"));
}

TEST_F(StdioClient, AListenStreamThatEndsIsOpenedAgainAndWhatMayHaveChangedIsTold) {
  open({"--stateless"}, {.backoff_first = Milliseconds(1)});
  ASSERT_TRUE(run(io, client->connect()));
  ASSERT_TRUE(call("echo"));
  ASSERT_TRUE(call("stop_listening"));
  run_until(io, [&] { return !events.lists.empty(); });
  EXPECT_THAT(events.lists, ElementsAre(ListKind::tools));
}

}  // namespace
}  // namespace meantime::test
