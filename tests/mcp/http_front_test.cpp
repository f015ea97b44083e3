// SPDX-License-Identifier: MIT
// http_front_test.cpp: who comes in by HTTP and what becomes of calls whose client goes: a real server, a real client.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "auth/token_file.hpp"
#include "http/client.hpp"
#include "mcp/stdio_peer.hpp"
#include "serve/http/http_front.hpp"
#include "support/temp_folder.hpp"

namespace meantime::test {
namespace {

using testing::HasSubstr;

Task<ToolReturn> quick(ToolContext&) {
  co_return "done";
}
Task<ToolReturn> slow(ToolContext& context) {
  co_await context.sleep(std::chrono::hours(1));
  co_return "never";
}

class Front : public testing::Test {
 protected:
  Front() {
    add("quick", quick);
    add("slow", slow);
    add("admin", quick);
  }
  ~Front() override {
    if (front) run(peer.loop, front->close(Milliseconds(0)));
    front.reset();
    server.reset();
  }
  void add(std::string name, CoroutineBody body) {
    Tool tool;
    tool.name = std::move(name);
    tool.coroutine = std::move(body);
    ASSERT_TRUE(peer.manager->add_tool(std::move(tool)));
  }
  std::string token(const std::string& name, const std::vector<std::string>& scopes) {
    std::string token = auth::make_token(peer.random);
    std::ofstream(file(), std::ios::app) << *auth::token_line(name, token, scopes) << "\n";
    std::filesystem::permissions(file(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return token;
  }
  [[nodiscard]] std::string file() const { return (folder.path() / "tokens").string(); }
  void open(config::AuthSettings auth = {}) {
    serve::McpServerOptions options;
    options.scopes_of = [](std::string_view tool) {
      return tool == "admin" ? std::vector<std::string>{"admin"} : std::vector<std::string>();
    };
    server.emplace(peer.loop, *peer.manager, peer.clock, peer.random, std::move(options));
    config::HttpSettings http;
    http.listen = {{.host = "127.0.0.1", .port = 0}};
    auto opened = serve::HttpFront::open(peer.turns, *server, http, auth, "local");
    ASSERT_TRUE(opened) << opened.error().detail;
    front = std::move(*opened);
  }
  http::ClientRequest post(std::string body, const std::string& bearer = {}) {
    http::ClientRequest request;
    request.method = "POST";
    request.url = front->addresses().front();
    request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}};
    if (!bearer.empty()) request.headers.emplace_back("Authorization", "Bearer " + bearer);
    request.body = std::move(body);
    return request;
  }
  http::ClientRequest call(const std::string& tool, const std::string& bearer = {}) {
    auto request = post(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + tool +
                            R"(","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                            R"("io.modelcontextprotocol/clientCapabilities":{}}}})",
                        bearer);
    request.headers.emplace_back("MCP-Protocol-Version", "2026-07-28");
    request.headers.emplace_back("Mcp-Method", "tools/call");
    request.headers.emplace_back("Mcp-Name", tool);
    return request;
  }
  http::Response answer(http::ClientRequest request) {
    auto response = run(peer.loop, client.send(std::move(request)));
    if (!response) throw std::runtime_error(response.error().detail);
    return std::move(*response);
  }

  StdioPeer peer;
  TempFolder folder;
  http::Client client{peer.turns};
  std::optional<serve::McpServer> server;
  std::unique_ptr<serve::HttpFront> front;
};

TEST_F(Front, WithoutATokenNobodyComesInAndIsToldHow) {
  const std::string key = token("ann", {});
  open({.kind = config::AuthSettings::Kind::tokens, .token_file = file()});
  const http::Response refused = answer(call("quick"));
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(std::string(refused.header("www-authenticate").value_or("")), HasSubstr("Bearer"));
  EXPECT_EQ(answer(call("quick", "wrong")).status, 401);
  EXPECT_EQ(answer(call("quick", key)).status, 200);
}

TEST_F(Front, AToolThatAsksForAScopeIsRefusedToWhoHasItNot) {
  const std::string plain = token("ann", {"read"});
  const std::string admin = token("root", {"read", "admin"});
  open({.kind = config::AuthSettings::Kind::tokens, .token_file = file()});
  const http::Response refused = answer(call("admin", plain));
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(std::string(refused.header("www-authenticate").value_or("")), HasSubstr("insufficient_scope"));
  EXPECT_EQ(answer(call("quick", plain)).status, 200);
  EXPECT_EQ(answer(call("admin", admin)).status, 200);
}

TEST_F(Front, ACallOf2026IsCancelledByItsClosedConnection) {
  open();
  {
    auto waiting = client.send(call("slow"));
    run_until(peer.loop, [&] { return peer.manager->running() == 1; });
  }
  run_until(peer.loop, [&] { return peer.manager->running() == 0; });
  EXPECT_EQ(run(peer.loop, peer.manager->list({}))->tasks.size(), 0U);
}

TEST_F(Front, ACallOfAHandshakeClientThatGoesIsKeptAsATask) {
  open();
  const http::Response greeting =
      answer(post(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
                  R"("capabilities":{},"clientInfo":{"name":"t","version":"1"}}})"));
  ASSERT_EQ(greeting.status, 200);
  auto request = post(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}})");
  request.headers.emplace_back("Mcp-Session-Id", std::string(*greeting.header("mcp-session-id")));
  request.headers.emplace_back("MCP-Protocol-Version", "2025-06-18");
  {
    auto waiting = client.send(std::move(request));
    run_until(peer.loop, [&] { return peer.manager->running() == 1; });
  }
  std::vector<TaskRecord> tasks;
  run_until(peer.loop, [&] {
    tasks = run(peer.loop, peer.manager->list({}))->tasks;
    return !tasks.empty();
  });
  EXPECT_EQ(tasks.front().status, TaskStatus::running);
  ASSERT_TRUE(run(peer.loop, peer.manager->cancel(tasks.front().task_id)));
  run_until(peer.loop, [&] { return peer.manager->running() == 0; });
}

TEST_F(Front, WiderThanThisMachineWithoutAuthenticationItIsNotOpened) {
  server.emplace(peer.loop, *peer.manager, peer.clock, peer.random, serve::McpServerOptions{});
  config::HttpSettings http;
  http.listen = {{.host = "0.0.0.0", .port = 0}};
  const auto opened = serve::HttpFront::open(peer.turns, *server, http, {}, "local");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().detail, HasSubstr("[auth]"));
}

TEST_F(Front, HeadersThatMustRepeatArgumentsAreCheckedThoughTheToolComesLater) {
  serve::ToolsReady ready(peer.turns);
  serve::McpServerOptions options;
  options.tools_ready = &ready;
  server.emplace(peer.loop, *peer.manager, peer.clock, peer.random, std::move(options));
  config::HttpSettings http;
  http.listen = {{.host = "127.0.0.1", .port = 0}};
  front = std::move(*serve::HttpFront::open(peer.turns, *server, http, {}, "local"));
  http::Client client(peer.turns);
  const auto call_late = [&](const std::string& header) {
    auto request = call("late");
    request.body.replace(request.body.find(R"("_meta")"), 0, R"("arguments":{"region":"eu"},)");
    if (!header.empty()) request.headers.emplace_back("Mcp-Param-Region", header);
    return client.send(std::move(request));
  };
  bool wanted = false;
  ready.when_wanted([&] { wanted = true; });
  auto other = call_late("us");
  run_until(peer.loop, [&] { return wanted; });
  auto right = call_late("eu");
  auto none = call_late("");
  Tool tool;
  tool.name = "late";
  tool.coroutine = quick;
  tool.input_schema = R"({"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}})";
  ASSERT_TRUE(peer.manager->add_tool(std::move(tool)));
  ready.set();
  EXPECT_THAT(run(peer.loop, std::move(right))->body, HasSubstr("done"));
  EXPECT_THAT(run(peer.loop, std::move(other))->body, HasSubstr("-32020"));
  EXPECT_THAT(run(peer.loop, std::move(none))->body, HasSubstr("-32020"));
}

TEST_F(Front, WhoGuessesTaskIdsByTheBuiltinToolsIsSlowedDown) {
  serve::McpServerOptions options;
  options.look_ups = {.per_second = 0.001, .burst = 3};
  server.emplace(peer.loop, *peer.manager, peer.clock, peer.random, std::move(options));
  config::HttpSettings http;
  http.listen = {{.host = "127.0.0.1", .port = 0}};
  front = std::move(*serve::HttpFront::open(peer.turns, *server, http, {}, "local"));
  http::Client client(peer.turns);
  const auto check = [&](const std::string& tool) {
    auto request = call(tool);
    request.body.replace(request.body.find(R"("_meta")"), 0, R"("arguments":{"task_id":"nobody-knows"},)");
    return run(peer.loop, client.send(std::move(request)))->body;
  };
  for (const char* tool : {"check_task", "await_task", "cancel_task"}) EXPECT_THAT(check(tool), HasSubstr("not found"));
  EXPECT_THAT(check("check_task"), HasSubstr("Too many look-ups"));
  EXPECT_THAT(run(peer.loop, client.send(call("list_tasks")))->body, HasSubstr("tasks")) << "lists show no other's ids";
}

}  // namespace
}  // namespace meantime::test
