// SPDX-License-Identifier: MIT
// hostile_upstream_test.cpp: upstreams that print garbage, answer twice, never, too much, or die: each costs its own
// call and nothing else.
#include <gmock/gmock.h>

#include "mcp/stdio_peer.hpp"

namespace meantime::test {
namespace {

using testing::HasSubstr;

class HostileUpstream : public testing::Test {
 protected:
  static serve::WrapOptions options(std::vector<std::string> flags = {}) {
    serve::WrapOptions made;
    made.command = {SCRIPTED_UPSTREAM};
    made.command.insert(made.command.end(), flags.begin(), flags.end());
    made.name = "scripted";
    return made;
  }
  static std::string call(std::string_view id, std::string_view tool, std::string_view arguments = "{}") {
    return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":")" +
           std::string(tool) + R"(","arguments":)" + std::string(arguments) + "}}";
  }
  void expect_it_goes_on() {
    EXPECT_EQ(text_in(peer.ask(call("\"on\"", "echo", R"({"text":"it goes on"})"))), "it goes on");
  }

  StdioPeer peer;
};

TEST_F(HostileUpstream, GarbageIsSkippedAndTheCallIsAnswered) {
  peer.wrap(options());
  peer.shake_hands();
  EXPECT_EQ(text_in(peer.ask(call("1", "garbage"))), "after the garbage");
  expect_it_goes_on();
}

TEST_F(HostileUpstream, OfTwoAnswersTheFirstCounts) {
  peer.wrap(options());
  peer.shake_hands();
  EXPECT_EQ(text_in(peer.ask(call("1", "twice"))), "once");
  expect_it_goes_on();
}

TEST_F(HostileUpstream, AnswersToNobodyGoNowhere) {
  peer.wrap(options());
  peer.shake_hands();
  EXPECT_EQ(text_in(peer.ask(call("1", "stranger"))), "mine");
  expect_it_goes_on();
}

TEST_F(HostileUpstream, OneThatNeverAnswersBecomesATaskThatCanBeCancelled) {
  auto made = options();
  made.budgets["hold"] = Milliseconds(20);
  peer.wrap(made);
  peer.shake_hands();
  const std::string id = field(text_in(peer.ask(call("1", "hold"))), "task_id");
  expect_it_goes_on();
  EXPECT_THAT(text_in(peer.ask(call("2", "cancel_task", R"({"task_id":")" + id + "\"}"))), HasSubstr("cancelled"));
}

TEST_F(HostileUpstream, OneThatNeverAnswersEndsAtItsMaximumRunTime) {
  auto made = options();
  made.max_run_time = Milliseconds(50);
  peer.wrap(made);
  peer.shake_hands();
  EXPECT_THAT(text_in(peer.ask(call("1", "hold"))), HasSubstr("maximum run time of 50ms"));
  expect_it_goes_on();
}

TEST_F(HostileUpstream, AHundredMegabytesInOneLineFailTheirCallWhereverTheIdStands) {
  peer.wrap(options());
  peer.shake_hands();
  for (const char* tool : {"big", "big_id_last"}) {
    EXPECT_THAT(text_in(peer.ask(call("1", tool))),
                HasSubstr("UpstreamError: upstream 'scripted': the answer has 1048576"))
        << tool;
    expect_it_goes_on();
  }
}

TEST_F(HostileUpstream, AnAnswerThatCannotBeReadFailsItsCallAndNobodyWaitsForEver) {
  peer.wrap(options());
  peer.shake_hands();
  const std::pair<const char*, const char*> faults[] = {
      {"deep", "nested deeper"}, {"latin1", "not valid UTF-8"}, {"hollow", "is needed"}, {"both", "is needed"}};
  for (const auto& [tool, fault] : faults) {
    const std::string answer = peer.ask(call("1", tool));
    EXPECT_THAT(text_in(answer), HasSubstr("UpstreamError: upstream 'scripted': the answer cannot be read")) << tool;
    EXPECT_THAT(answer, HasSubstr(fault));
    expect_it_goes_on();
  }
}

TEST_F(HostileUpstream, OneThatDiesMidCallIsNamedWithItsExitCodeAndStartedAgain) {
  peer.wrap(options());
  peer.shake_hands();
  peer.send(call("1", "hold"));
  peer.send(R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"ask"}})");
  EXPECT_EQ(peer.next(), R"({"jsonrpc":"2.0","id":0,"method":"roots/list"})");
  peer.send(R"({"jsonrpc":"2.0","method":"notifications/die"})");
  const std::string why =
      "upstream 'scripted' ended (exit code 3); it is started again in 100ms; this call was not answered";
  const std::string held = peer.next_with_id("1");
  EXPECT_EQ(text_in(held), "UpstreamError: " + why);
  EXPECT_THAT(held, HasSubstr(R"("isError":true)"));
  EXPECT_EQ(text_in(peer.next_with_id("2")), "UpstreamError: " + why);
  // Its own open request is withdrawn, and a late answer to it does not reach the next run.
  EXPECT_THAT(peer.next(), HasSubstr(R"("method":"notifications/cancelled","params":{"requestId":0,)"));
  peer.send(R"({"jsonrpc":"2.0","id":0,"result":{"roots":["late"]}})");
  expect_it_goes_on();
  // The next run was told what the client said at the start, under an id of ours.
  const std::string seen = text_in(peer.ask(call("3", "seen")));
  EXPECT_THAT(
      seen,
      HasSubstr(
          R"("method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}})"));
  EXPECT_THAT(seen, HasSubstr("notifications/initialized"));
  EXPECT_EQ(seen.find("late"), std::string::npos);
  // Its request ids start anew, so the client gets them under ids that are new.
  const std::string asked = peer.ask(call("4", "ask"));
  const std::string id = field(asked, "id");
  EXPECT_THAT(id, testing::MatchesRegex("mt-[0-9]+-u1"));
  EXPECT_THAT(text_in(peer.ask(R"({"jsonrpc":"2.0","id":")" + id + R"(","result":{}})")), HasSubstr(R"("id":0)"));
}

TEST_F(HostileUpstream, ATaskOfADeadUpstreamFailsAndSaysWhy) {
  auto made = options();
  made.budgets["hold"] = Milliseconds(0);
  peer.wrap(made);
  peer.shake_hands();
  const std::string id = field(text_in(peer.ask(call("1", "hold"))), "task_id");
  peer.send(call("2", "await_task", R"({"task_id":")" + id + "\"}"));
  peer.send(R"({"jsonrpc":"2.0","method":"notifications/die"})");
  EXPECT_THAT(text_in(peer.next_with_id("2")), HasSubstr("UpstreamError: upstream 'scripted' ended (exit code 3)"));
  expect_it_goes_on();
}

TEST_F(HostileUpstream, OneThatExitsAtTheStartFailsTheHandshakeAndSaysWhy) {
  peer.wrap(options({"--exit", "9"}));
  const std::string answer = peer.ask(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})");
  EXPECT_THAT(answer, HasSubstr(R"("id":1,"error":{"code":-32603,"message":"upstream 'scripted' ended (exit code 9))"));
  EXPECT_EQ(peer.end(), 0);
}

TEST_F(HostileUpstream, AProgramThatIsNotThereEndsWith127) {
  auto made = options();
  made.command = {"/no/such/program"};
  peer.wrap(made);
  EXPECT_EQ(peer.exit_code(), 127);
}

TEST_F(HostileUpstream, OneThatReadsNothingIsRefusedFurtherRequestsInBoundedMemory) {
  auto made = options({"--deaf"});
  made.session.linger = Milliseconds(10);
  peer.wrap(made);
  const std::string megabyte(1 << 20, 'x');
  std::string refused;
  for (int i = 0; i < 20; ++i) {
    peer.send(R"({"jsonrpc":"2.0","id":)" + std::to_string(i) + R"(,"method":"x","params":{"x":")" + megabyte + "\"}}");
  }
  EXPECT_THAT(peer.next(), HasSubstr("upstream 'scripted' does not read its input"));
  EXPECT_THAT(text_in(peer.next_with_id("19")), HasSubstr("does not read its input"));
}

TEST_F(HostileUpstream, WhenTheClientGoesTasksMayEndFirst) {
  auto made = options();
  made.budgets["long"] = Milliseconds(0);
  peer.wrap(made);
  peer.shake_hands();
  peer.send(call("1", "long", R"({"chars":10})"));
  const std::string id = field(text_in(peer.next()), "task_id");
  EXPECT_EQ(peer.end(), 0);
  const auto record = run(peer.loop, peer.manager->check(*TaskId::parse(id)));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->status, TaskStatus::completed);
}

TEST_F(HostileUpstream, WhenTheLingerTimeIsOverWhatStillRunsIsInterrupted) {
  auto made = options();
  made.budgets["hold"] = Milliseconds(0);
  made.session.linger = Milliseconds(30);
  peer.wrap(made);
  peer.shake_hands();
  const std::string id = field(text_in(peer.ask(call("1", "hold"))), "task_id");
  EXPECT_EQ(peer.end(), 0);
  const auto record = run(peer.loop, peer.manager->check(*TaskId::parse(id)));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->reason, EndReason::interrupted);
}

TEST_F(HostileUpstream, ACallThatWasWaitedForIsStillAnsweredAfterTheClientsInputEnded) {
  peer.wrap(options());
  peer.send(call("1", "echo", R"({"text":"last words"})"));
  EXPECT_EQ(peer.end(), 0);
  EXPECT_EQ(text_in(peer.next()), "last words");
}

}  // namespace
}  // namespace meantime::test
