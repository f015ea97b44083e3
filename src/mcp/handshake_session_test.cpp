// SPDX-License-Identifier: MIT
#include "mcp/handshake_session.hpp"

#include <gtest/gtest.h>

#include "support/mcp_messages.hpp"

namespace meantime::mcp {
namespace {

using test::read;

constexpr std::string_view initialize =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"elicitation":{},"sampling":{}},"clientInfo":{"name":"probe","version":"1"}}})";

TEST(HandshakeSession, RemembersWhatTheClientSaidOfItself) {
  HandshakeSession session;
  EXPECT_FALSE(session.initialized());
  EXPECT_EQ(session.unknown_id(), UnknownId::null);
  const auto revision = session.initialize(read(initialize));
  ASSERT_TRUE(revision);
  EXPECT_EQ(*revision, Revision::r2025_06_18);
  EXPECT_EQ(session.stage(), HandshakeSession::Stage::answered);
  EXPECT_EQ(session.client_name(), "probe");
  EXPECT_TRUE(session.client().elicitation_form && session.client().sampling);
  session.set_ready();
  EXPECT_EQ(session.stage(), HandshakeSession::Stage::ready);
}

TEST(HandshakeSession, ASecondInitializeIsRefusedAndChangesNothing) {
  HandshakeSession session;
  ASSERT_TRUE(session.initialize(read(initialize)));
  const auto again = session.initialize(read(initialize));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, -32600);
  EXPECT_EQ(session.revision(), Revision::r2025_06_18);
}

TEST(HandshakeSession, AnInitializeWithoutAVersionIsToldWhichThereAre) {
  HandshakeSession session;
  const auto refused =
      session.initialize(read(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":7}})"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, -32602);
  EXPECT_EQ(refused.error().data,
            R"({"supported":["2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":7})");
  EXPECT_FALSE(session.initialized());
}

TEST(HandshakeSession, TheTasksExtensionIsOfTheOtherFamily) {
  HandshakeSession session;
  ASSERT_TRUE(session.initialize(read(
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}},"tasks":{}}}})")));
  EXPECT_FALSE(session.client().tasks);
  EXPECT_TRUE(session.client().requested_tasks);
}

TEST(HandshakeSession, TheLogLevelIsSetByName) {
  HandshakeSession session;
  EXPECT_EQ(session.log_level(), LogLevel::info);
  EXPECT_TRUE(session.set_log_level(
      read(R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"error"}})")));
  EXPECT_EQ(session.log_level(), LogLevel::error);
  const auto bad =
      session.set_log_level(read(R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"loud"}})"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, -32602);
  EXPECT_EQ(session.log_level(), LogLevel::error);
}

TEST(HandshakeSession, SubscriptionsAreBounded) {
  HandshakeSession session;
  for (std::size_t i = 0; i < HandshakeSession::max_subscriptions; ++i) {
    ASSERT_TRUE(session.subscribe("test://" + std::to_string(i)));
  }
  EXPECT_FALSE(session.subscribe("test://more"));
  EXPECT_TRUE(session.subscribe("test://1")) << "it is there already";
  EXPECT_TRUE(session.subscribed("test://999"));
  session.unsubscribe("test://999");
  session.unsubscribe("test://unknown");
  EXPECT_FALSE(session.subscribed("test://999"));
  EXPECT_TRUE(session.subscribe("test://more"));
}

TEST(HandshakeSession, AQuestionIsMatchedWithItsAnswerOnce) {
  HandshakeSession session;
  std::string out;
  ASSERT_TRUE(session.ask(out, 41, "roots/list", JsonSpan()));
  ASSERT_TRUE(session.ask(out, 42, "elicitation/create", JsonSpan(R"({"message":"?"})")));
  EXPECT_EQ(out, R"({"jsonrpc":"2.0","id":"ask-1","method":"roots/list"})"
                 "\n"
                 R"({"jsonrpc":"2.0","id":"ask-2","method":"elicitation/create","params":{"message":"?"}})"
                 "\n");
  EXPECT_EQ(session.take_answer(read(R"({"jsonrpc":"2.0","id":"ask-2","result":{"action":"accept"}})")), 42U);
  EXPECT_EQ(session.take_answer(read(R"({"jsonrpc":"2.0","id":"ask-2","result":{"action":"accept"}})")), std::nullopt);
  EXPECT_EQ(session.take_answer(read(R"({"jsonrpc":"2.0","id":"ask-1","error":{"code":-1,"message":"no"}})")), 41U);
  EXPECT_EQ(session.asked(), 0U);
  for (const std::string_view foreign :
       {R"({"jsonrpc":"2.0","id":1,"result":{}})", R"({"jsonrpc":"2.0","id":"ask-","result":{}})",
        R"({"jsonrpc":"2.0","id":"ask-3x","result":{}})",
        R"({"jsonrpc":"2.0","id":"ask-99999999999999999999","result":{}})",
        R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}})"}) {
    EXPECT_EQ(session.take_answer(read(foreign)), std::nullopt) << foreign;
  }
}

TEST(HandshakeSession, AWithdrawnQuestionIsCancelledAndItsAnswerIsNobodys) {
  HandshakeSession session;
  std::string out;
  ASSERT_TRUE(session.ask(out, 7, "roots/list", JsonSpan()));
  out.clear();
  session.withdraw(out, 7, "the call was cancelled");
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"ask-1","reason":"the call was cancelled"}})"
      "\n");
  EXPECT_EQ(session.take_answer(read(R"({"jsonrpc":"2.0","id":"ask-1","result":{}})")), std::nullopt);
  out.clear();
  session.withdraw(out, 7, "again");
  EXPECT_EQ(out, "");
}

TEST(HandshakeSession, AQuestionOfATaskNamesTheTask) {
  HandshakeSession session;
  std::string out;
  ASSERT_TRUE(session.ask(out, 1, "elicitation/create", JsonSpan(R"({"message":"?","_meta":{"a":1}})"), "t_9"));
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","id":"ask-1","method":"elicitation/create","params":{"message":"?","_meta":{"a":1,"io.modelcontextprotocol/related-task":{"taskId":"t_9"}}}})"
      "\n");
  out.clear();
  ASSERT_TRUE(session.ask(out, 1, "roots/list", JsonSpan(), "t_9"));
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","id":"ask-2","method":"roots/list","params":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t_9"}}}})"
      "\n");
}

TEST(HandshakeSession, AnElicitationIsWrittenAsTheClientsRevisionHasIt) {
  const auto asked = [](std::string_view version, std::string_view params) {
    HandshakeSession session;
    const std::string line = R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" +
                             std::string(version) + R"("}})";
    EXPECT_TRUE(session.initialize(read(line)));
    std::string out;
    EXPECT_TRUE(session.ask(out, 1, "elicitation/create", JsonSpan(params)));
    out.pop_back();
    return std::string(read(out).params.raw());
  };
  EXPECT_EQ(asked("2025-06-18", R"({"mode":"form","message":"?"})"), R"({"message":"?"})");
  EXPECT_EQ(asked("2025-11-25", R"({"mode":"form","message":"?"})"), R"({"mode":"form","message":"?"})");
  EXPECT_EQ(asked("2025-11-25", R"({"mode":"url","url":"https://a"})"),
            R"({"elicitationId":"elicitation-1","mode":"url","url":"https://a"})");
  EXPECT_EQ(asked("2025-11-25", R"({"mode":"url","url":"https://a","elicitationId":"up"})"),
            R"({"mode":"url","url":"https://a","elicitationId":"up"})");
}

TEST(HandshakeSession, OpenQuestionsAreBounded) {
  HandshakeSession session;
  std::string out;
  for (std::size_t i = 0; i < HandshakeSession::max_asked; ++i) ASSERT_TRUE(session.ask(out, i, "ping", JsonSpan()));
  const std::size_t before = out.size();
  EXPECT_FALSE(session.ask(out, 1, "ping", JsonSpan()));
  EXPECT_EQ(out.size(), before);
}

TEST(HandshakeSession, OnlyWhatTheClientDeclaredCanBeAsked) {
  HandshakeSession session;
  ASSERT_TRUE(session.initialize(read(initialize)));
  EXPECT_TRUE(session.can_ask("elicitation/create", JsonSpan("{}")));
  const auto roots = session.can_ask("roots/list", JsonSpan());
  ASSERT_FALSE(roots);
  EXPECT_EQ(roots.error(), R"({"roots":{}})");
}

}  // namespace
}  // namespace meantime::mcp
