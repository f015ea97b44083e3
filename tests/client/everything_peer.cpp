// SPDX-License-Identifier: MIT
// everything_peer.cpp: the client before the official everything server, over stdio and over Streamable HTTP.
#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <filesystem>

#include "client/stdio_client.hpp"
#include "process/child.hpp"

namespace meantime::test {
namespace {

using client::ListKind;
using testing::Contains;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// Answers as a user and a model would.
struct Person final : client::RequestHooks {
  void on_progress(const Progress& progress) override { steps.push_back(progress); }
  Task<Result<std::vector<InputResponse>>> on_input(std::vector<InputRequest> requests) override {
    std::vector<InputResponse> out;
    for (InputRequest& each : requests) {
      asked.push_back(each.method);
      const std::string_view answer =
          each.method == "sampling/createMessage"
              ? R"({"role":"assistant","content":{"type":"text","text":"a dreamed answer"},"model":"none"})"
          : each.method == "roots/list"
              ? R"({"roots":[{"uri":"file:///somewhere","name":"somewhere"}]})"
              : R"({"action":"accept","content":{"name":"Ada","interpretation":"technical","check":true}})";
      out.push_back({each.key, std::string(answer)});
    }
    co_return out;
  }
  std::vector<Progress> steps;
  std::vector<std::string> asked;
};

class Everything : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(EVERYTHING)) GTEST_SKIP() << "run scripts/setup for the peers";
    client::ClientOptions options;
    options.name = "everything";
    options.capabilities = {.sampling = true, .elicitation_form = true, .roots = true};
    options.log_level = LogLevel::debug;
    if (std::string_view(GetParam()) == "stdio") {
      client = std::make_unique<client::McpClient>(
          loop, clock, client::StdioOptions{.command = {"node", EVERYTHING, "stdio"}}, options, &events);
    } else {
      const std::string port = free_port();
      auto environment = process::chosen_environment({"*"}, {{"PORT", port}});
      auto started = process::Child::start(
          io, clock, {.argv = {"node", EVERYTHING, "streamableHttp"}, .environment = std::move(environment)});
      ASSERT_TRUE(started) << started.error().detail;
      child.emplace(std::move(*started));
      run(io, until_it_listens(*child));
      client = std::make_unique<client::McpClient>(
          loop, clock, http, client::HttpOptions{.url = "http://127.0.0.1:" + port + "/mcp"}, options, &events);
    }
    ASSERT_TRUE(run(io, client->connect()));
  }
  void TearDown() override {
    if (client) run(io, client->close());
    client.reset();
    if (child) run(io, child->terminate(Milliseconds(2'000)));
    child.reset();
    run_ready(io);
  }

  std::string free_port() {
    const boost::asio::ip::tcp::acceptor any(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
    return std::to_string(any.local_endpoint().port());
  }
  static Task<void> until_it_listens(process::Child& server) {
    std::string said;
    while (said.find("listening on port") == said.npos) {
      const std::string_view bytes = co_await server.read_err();
      if (bytes.empty()) throw std::runtime_error("the server ended: " + said);
      said += bytes;
    }
  }
  std::string call(std::string_view tool, std::string_view arguments, client::RequestHooks* hooks = nullptr) {
    const auto answer = run(io, client->call_tool(tool, arguments, hooks));
    return answer ? answer->result : "failed: " + client::text_of(answer.error());
  }

  boost::asio::io_context io;
  Loop loop{io};
  SystemClock clock{io};
  http::Client http{loop};
  HeardEvents events;
  std::optional<process::Child> child;
  std::unique_ptr<client::McpClient> client;
};
INSTANTIATE_TEST_SUITE_P(Over, Everything, testing::Values("stdio", "http"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(Everything, ToolsResourcesAndPromptsAreListedAndUsed) {
  EXPECT_EQ(client->server()->revision, mcp::Revision::r2025_11_25);
  EXPECT_THAT(*run(io, client->list(ListKind::tools)), SizeIs(Ge(10U)));
  EXPECT_THAT(*run(io, client->list(ListKind::resources)), Not(IsEmpty()));
  EXPECT_THAT(*run(io, client->list(ListKind::resource_templates)), Not(IsEmpty()));
  EXPECT_THAT(*run(io, client->list(ListKind::prompts)), Not(IsEmpty()));
  EXPECT_THAT(call("echo", R"({"message":"há"})"), HasSubstr("há"));
  EXPECT_THAT(call("get-sum", R"({"a":2,"b":40})"), HasSubstr("42"));
  EXPECT_THAT(call("get-structured-content", R"({"location":"New York"})"), HasSubstr("structuredContent"));
  const auto prompt = run(io, client->request({.method = "prompts/get", .params = R"({"name":"simple-prompt"})"}));
  ASSERT_TRUE(prompt) << client::text_of(prompt.error());
  EXPECT_THAT(prompt->result, HasSubstr("messages"));
}

TEST_P(Everything, ProgressIsHeard) {
  Person person;
  call("trigger-long-running-operation", R"({"duration":0.2,"steps":4})", &person);
  EXPECT_THAT(person.steps, SizeIs(4));
}

TEST_P(Everything, QuestionsToTheModelTheUserAndTheHostAreAnswered) {
  Person person;
  EXPECT_THAT(call("trigger-sampling-request", R"({"prompt":"dream","maxTokens":10})", &person),
              HasSubstr("a dreamed answer"));
  EXPECT_THAT(call("trigger-elicitation-request", "{}", &person), HasSubstr("Ada"));
  EXPECT_THAT(person.asked, Contains("sampling/createMessage"));
  EXPECT_THAT(person.asked, Contains("elicitation/create"));
}

TEST_P(Everything, AToolThatRunsAsATaskAloneIsFollowedThroughItsQuestionToItsResult) {
  ASSERT_TRUE(run(io, client->list(ListKind::tools)));
  Person person;
  EXPECT_THAT(call("simulate-research-query", R"({"topic":"python","ambiguous":true})", &person),
              HasSubstr("Research Report: python (technical)"));
  EXPECT_THAT(person.asked, Contains("elicitation/create"));
}

}  // namespace
}  // namespace meantime::test
