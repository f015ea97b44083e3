// SPDX-License-Identifier: MIT
// server_test.cpp: config check, serve and wrap as the real program; the protocol itself is tested in tests/mcp.
#include <csignal>
#include <filesystem>
#include <fstream>

#include "server_program.hpp"

namespace meantime::test {
namespace {

namespace json = boost::json;

constexpr std::string_view hello_config = R"(
[tools.hello]
description = "Says hello"
command = ["echo", "hello", "{who}"]
input = { type = "object", properties = { who = { type = "string" } }, required = ["who"] }

[tools.stay]
description = "Goes on until it is cancelled"
command = ["tail", "-f", "/dev/null"]
budget = "50ms"
)";

using Servers = ServerProgramTest;

TEST_F(Servers, ConfigCheckNamesFileLineAndRemedy) {
  const Ended wrong =
      meantime({"config", "check", file("wrong.toml", "budgt = \"2s\"\n[tools.x]\ncommand = [\"nope-nope\"]\n")});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("wrong.toml:1:1: unknown key 'budgt'; did you mean 'budget'?"), std::string::npos)
      << wrong.err;
  EXPECT_NE(wrong.err.find("nope-nope"), std::string::npos) << "all problems at once";
  EXPECT_EQ(wrong.out, "");
  const Ended broken = meantime({"config", "check", "--json", file("broken.toml", "[[[")});
  EXPECT_EQ(broken.code, 2);
  EXPECT_EQ(json::parse(std::string_view(broken.out)).at("problems").at(0).at("line"), 1);
  EXPECT_EQ(meantime({"config", "check", file("good.toml", hello_config)}).code, 0);
  EXPECT_EQ(meantime({"config", "check", "/no/such/file"}).code, 2);
}

TEST_F(Servers, ServeRefusesAWrongConfigurationBeforeItSpeaks) {
  const Ended ended = meantime({"serve", "--stdio", "--config", file("wrong.toml", "budgt = 1")});
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.out, "");
  EXPECT_NE(ended.err.find("wrong.toml:1:1"), std::string::npos);
}

TEST_F(Servers, ServeOffersConfiguredCommandsAndTheirTasksAreSeenFromATerminal) {
  Program server = start({"serve", "--stdio", "--config", file("c.toml", hello_config)}, {.no_input = false});
  EXPECT_EQ(greet(server).at("result").at("serverInfo").at("name"), "meantime");
  EXPECT_EQ(text_of(ask(server, 2, "tools/call", {{"name", "hello"}, {"arguments", {{"who", "you"}}}})), "hello you\n");
  const std::string envelope = text_of(ask(server, 3, "tools/call", {{"name", "stay"}, {"arguments", json::object()}}));
  const std::string id(json::parse(std::string_view(envelope)).at("task_id").as_string());
  EXPECT_EQ(record(id).at("status"), "running");
  EXPECT_EQ(record(id).at("user_id"), "local");
  EXPECT_EQ(meantime({"cancel", "--wait", id}).code, 0);
  EXPECT_EQ(record(id).at("reason"), "cancelled");
  server.close_input();
  EXPECT_EQ(server.wait().code, 0);
}

TEST_F(Servers, ServeOffersTheToolsOfAnUpstreamUnderItsPrefix) {
  const std::string inner = file("inner.toml", hello_config);
  const std::string outer = file("outer.toml", "[upstreams.in]\nprefix = \"in_\"\ncommand = [\"" MEANTIME_PROGRAM
                                               "\", \"serve\", \"--stdio\", \"--config\", \"" +
                                                   inner + "\"]\nenv_from = [\"MEANTIME_STATE_DIR\", \"PATH\"]\n" +
                                                   "[upstreams.gone]\ncommand = [\"false\"]\n");
  Program server = start({"serve", "--stdio", "--config", outer}, {.no_input = false});
  greet(server);
  const auto tools = ask(server, 2, "tools/list", json::object());
  EXPECT_NE(json::serialize(tools).find("\"in_hello\""), std::string::npos);
  EXPECT_EQ(text_of(ask(server, 3, "tools/call", {{"name", "in_hello"}, {"arguments", {{"who", "me"}}}})),
            "hello me\n");
  const auto refused = ask(server, 4, "tools/call", {{"name", "in_hello"}, {"arguments", json::object()}});
  EXPECT_NE(json::serialize(refused).find("who"), std::string::npos);
  server.close_input();
  const Ended ended = server.wait();
  EXPECT_EQ(ended.code, 0);
  EXPECT_NE(ended.err.find("gone"), std::string::npos) << "an upstream that does not work is named, the rest goes on";
}

TEST_F(Servers, WrapStandsBeforeAServer) {
  const std::string inner = file("inner.toml",
                                 "[tools.hello]\ndescription = \"d\"\ncommand = [\"echo\", \"hi\"]\n"
                                 "[tools.stay]\ndescription = \"d\"\ncommand = [\"tail\", \"-f\", \"/dev/null\"]\n");
  Program server = start({"wrap", "--budget", "100ms", "--drain-grace", "0", "--check-tool", "look_at_task", "--store",
                          (folder() / "w.db").string(), "--", MEANTIME_PROGRAM, "serve", "--stdio", "--config", inner},
                         {.no_input = false});
  greet(server);
  EXPECT_EQ(text_of(ask(server, 2, "tools/call", {{"name", "hello"}, {"arguments", json::object()}})), "hi\n");
  const std::string envelope = text_of(ask(server, 3, "tools/call", {{"name", "stay"}, {"arguments", json::object()}}));
  EXPECT_NE(envelope.find("Use look_at_task with"), std::string::npos) << envelope;
  const std::string id(json::parse(std::string_view(envelope)).at("task_id").as_string());
  EXPECT_EQ(meantime({"check", "--store", (folder() / "w.db").string(), id}).code, 75);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait().code, 0) << "drained in order";
  EXPECT_EQ(meantime({"check", "-q", "--store", (folder() / "w.db").string(), id}).out, "interrupted\n");
}

TEST_F(Servers, ATaskOfAWrappedServerIsAwaitedFromATerminalAndReadAsText) {
  const std::string inner = file("inner.toml", "[tools.hello]\ndescription = \"d\"\ncommand = [\"echo\", \"hi\"]\n");
  Program server = start({"wrap", "--budget", "0", "--", MEANTIME_PROGRAM, "serve", "--stdio", "--config", inner},
                         {.no_input = false});
  greet(server);
  const std::string envelope =
      text_of(ask(server, 2, "tools/call", {{"name", "hello"}, {"arguments", json::object()}}));
  const std::string id(json::parse(std::string_view(envelope)).at("task_id").as_string());
  const Ended awaited = meantime({"await", id});
  EXPECT_EQ(awaited.code, 0) << awaited.err;
  EXPECT_EQ(awaited.out, "hi\n");
  EXPECT_EQ(meantime({"output", id}).out, "hi\n");
  server.close_input();
  EXPECT_EQ(server.wait().code, 0);
}

TEST_F(Servers, WrapOfAProgramThatIsNotThereSaysSo) {
  const Ended ended = meantime({"wrap", "--", "no-such-mcp-server"});
  EXPECT_EQ(ended.code, 127);
  EXPECT_EQ(ended.out, "");
  EXPECT_NE(ended.err.find("no-such-mcp-server"), std::string::npos);
}

TEST_F(Servers, WrapRefusesNamesForItsToolsThatNoClientCouldUse) {
  const Ended twice = meantime({"wrap", "--check-tool", "await_task", "--", "cat"});
  EXPECT_EQ(twice.code, 2);
  EXPECT_NE(twice.err.find("two tools cannot both be called 'await_task'"), std::string::npos) << twice.err;
  const Ended odd = meantime({"wrap", "--list-tool", "my list!", "--", "cat"});
  EXPECT_EQ(odd.code, 2);
  EXPECT_NE(odd.err.find("'my list!' cannot be a tool's name"), std::string::npos) << odd.err;
}

TEST_F(Servers, S25_InMemoryEverythingWorksAndNothingIsLeftOnDisk) {
  Program server = start(
      {"serve", "--stdio", "--config", file("m.toml", "[store]\nkind = \"memory\"\n" + std::string(hello_config))},
      {.no_input = false});
  greet(server);
  EXPECT_EQ(text_of(ask(server, 2, "tools/call", {{"name", "hello"}, {"arguments", {{"who", "you"}}}})), "hello you\n");
  const std::string envelope = text_of(ask(server, 3, "tools/call", {{"name", "stay"}, {"arguments", json::object()}}));
  const json::value id = json::parse(std::string_view(envelope)).at("task_id");
  const auto asked = [&](int number, const std::string& tool) {
    return text_of(ask(server, number, "tools/call", {{"name", tool}, {"arguments", {{"task_id", id}}}}));
  };
  EXPECT_NE(asked(4, "check_task").find("\"running\""), std::string::npos);
  asked(5, "cancel_task");
  EXPECT_NE(asked(6, "await_task").find("Task was cancelled."), std::string::npos);
  server.close_input();
  EXPECT_EQ(server.wait().code, 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder())) {
    EXPECT_NE(entry.path().extension(), ".db") << entry.path();
  }
}

TEST_F(Servers, WithoutAStoreCallsAreAnsweredAllTheSame) {
  Program server = start({"serve", "--stdio", "--store", "/dev/null/x.db", "--config", file("c.toml", hello_config)},
                         {.no_input = false});
  greet(server);
  EXPECT_EQ(text_of(ask(server, 2, "tools/call", {{"name", "hello"}, {"arguments", {{"who", "you"}}}})), "hello you\n");
  server.close_input();
  const Ended ended = server.wait();
  EXPECT_EQ(ended.code, 0);
  EXPECT_NE(ended.err.find("known to this process alone"), std::string::npos) << ended.err;
}

TEST_F(Servers, ATokenIsMadeListedAndRevoked) {
  const std::string config = file("auth.toml", "[http]\n[auth]\nkind = \"tokens\"\ntoken_file = \"tokens\"\n");
  const Ended missing = meantime({"config", "check", config});
  EXPECT_EQ(missing.code, 2);
  EXPECT_NE(missing.err.find("meantime token NAME --file"), std::string::npos) << missing.err;
  const Ended made = meantime({"token", "ann", "--scopes", "read,write", "--config", config});
  ASSERT_EQ(made.code, 0) << made.err;
  ASSERT_EQ(made.out.size(), 3U + 43U + 1U) << "256 bits and nothing else: " << made.out;
  EXPECT_EQ(meantime({"config", "check", config}).code, 0);
  std::ifstream in(folder() / "tokens");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  EXPECT_TRUE(text.starts_with("ann:") && text.ends_with(":read write\n")) << text;
  EXPECT_EQ(text.find(last_line(made.out)), std::string::npos) << "the token itself is never stored";
  EXPECT_EQ(meantime({"token", "bob", "--file", (folder() / "tokens").string()}).code, 0);
  EXPECT_EQ(meantime({"token", "--list", "--config", config}).out, "ann\tread write\nbob\tevery scope\n");
  EXPECT_EQ(meantime({"token", "--revoke", "ann", "--config", config}).code, 0);
  EXPECT_EQ(meantime({"token", "--revoke", "ann", "--config", config}).code, 1);
  const Ended listed = meantime({"token", "--list", "--json", "--config", config});
  EXPECT_EQ(json::parse(std::string_view(listed.out)).at("tokens").as_array().size(), 1U);
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"token"},
                                                {"token", "a b", "--config", config},
                                                {"token", "x", "--config", "/no/such"},
                                                {"token", "x", "--list"},
                                                {"token", "x", "--config", file("none.toml", "")}}) {
    const Ended refused = meantime(wrong);
    EXPECT_EQ(refused.code, 2) << refused.err;
    EXPECT_EQ(refused.out, "");
  }
}

}  // namespace
}  // namespace meantime::test
