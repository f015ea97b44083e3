// SPDX-License-Identifier: MIT
// hostile_reader_test.cpp: clients of the HTTP door that ask for much and read nothing of it: the real door, raw
// connections. What waits for them is bounded, they are cut off, and others are served.
#include <gmock/gmock.h>

#include "mcp/stdio_peer.hpp"
#include "serve/http/http_front.hpp"
#include "support/raw_peer.hpp"

namespace meantime::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::size_t line_bytes = 64UL << 10U;
constexpr std::size_t unread_limit = 1UL << 20U;

class HostileReader : public testing::Test {
 protected:
  HostileReader() {
    add("quick", [](ToolContext&) -> Task<ToolReturn> { co_return "quick"; });
    add("endless", [this](ToolContext& context) { return endless(context, written, most_written); });
    options.budget = std::chrono::hours(1);
    Resource watched;
    watched.uri = uri;
    watched.name = "watched";
    watched.read = [](RequestContext&, std::string) -> Task<RpcAnswer> { co_return R"({"contents":[]})"; };
    EXPECT_TRUE(offers.add(std::move(watched)));
  }
  ~HostileReader() override {
    if (front) run(peer.loop, front->close(Milliseconds(0)));
    front.reset();
    server.reset();
  }

  // Says a long line each turn of the loop, as long as somebody lets it.
  static Task<ToolReturn> endless(ToolContext& context, std::size_t& written, std::size_t most) {
    const std::string line = "\"" + std::string(line_bytes, 'x') + "\"";
    while (written < most) {
      context.log({.level = LogLevel::error, .logger = {}, .data = line});
      written += line.size();
      co_await context.sleep(Milliseconds(0));
    }
    co_return "all was said";
  }
  void add(std::string name, CoroutineBody body) {
    Tool tool;
    tool.name = std::move(name);
    tool.coroutine = std::move(body);
    ASSERT_TRUE(peer.manager->add_tool(std::move(tool)));
  }
  void open() {
    serve::McpServerOptions made;
    made.session = options;
    made.offers = &offers;
    server.emplace(peer.loop, *peer.manager, peer.clock, peer.random, std::move(made));
    config::HttpSettings http;
    http.listen = {{.host = "127.0.0.1", .port = 0}};
    http.limits.unread_bytes = unread_limit;
    auto opened = serve::HttpFront::open(peer.turns, *server, http, {}, "local");
    ASSERT_TRUE(opened) << opened.error().detail;
    front = std::move(*opened);
    const std::string& address = front->addresses().front();
    port = static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':', 7) + 1)));
  }
  RawPeer connect() { return {peer.loop, port}; }
  static std::string post(std::string_view body, std::string_view headers) {
    return "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n" + std::string(headers) + "\r\n" + std::string(body);
  }
  static std::string stateless_call(const std::string& tool) {
    return post(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + tool +
                    R"(","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                    R"("io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/logLevel":"debug"}}})",
                "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: " + tool + "\r\n");
  }
  // The headers of a new session.
  std::string session() {
    auto greeting = connect();
    greeting.send(post(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
                       R"("capabilities":{},"clientInfo":{"name":"t","version":"1"}}})",
                       {}));
    const std::string answer = greeting.receive_answer();
    const std::size_t at = answer.find("Mcp-Session-Id: ");
    if (at == answer.npos) throw std::runtime_error("no session: " + answer);
    return answer.substr(at, answer.find("\r\n", at) + 2 - at) + "MCP-Protocol-Version: 2025-11-25\r\n";
  }
  void expect_service() {
    auto other = connect();
    other.send(stateless_call("quick"));
    EXPECT_THAT(other.receive_answer(), HasSubstr("quick"));
  }

  serve::SessionOptions options;
  StdioPeer peer;
  const std::string uri = "test://" + std::string(4'000, 'u');
  Offers offers{peer.loop};
  std::size_t written = 0;
  std::size_t most_written = 1UL << 30U;
  std::optional<serve::McpServer> server;
  std::unique_ptr<serve::HttpFront> front;
  std::uint16_t port = 0;
};

TEST_F(HostileReader, AStreamOf2026ThatIsNotReadIsCutOffAndItsCallIsCancelled) {
  open();
  auto deaf = connect();
  deaf.send(stateless_call("endless"));
  run_until(peer.loop, [&] { return written > unread_limit / 2; });
  expect_service();
  run_until(peer.loop, [&] { return peer.manager->running() == 0; });
  // The limit, and what the kernel holds of it.
  EXPECT_LT(written, unread_limit + (16UL << 20U));
  EXPECT_EQ(run(peer.loop, peer.manager->list({}))->tasks.size(), 0U);
  expect_service();
}

TEST_F(HostileReader, ACallOfASessionThatIsNotReadGoesOnWithoutItsStream) {
  most_written = 48UL << 20U;
  open();
  const std::string its = session();
  auto deaf = connect();
  deaf.send(post(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"endless"}})", its));
  run_until(peer.loop, [&] { return written > unread_limit / 2; });
  expect_service();
  run_until(peer.loop, [&] { return peer.manager->running() == 0; });
  EXPECT_GE(written, most_written) << "a stream that is cut off is no cancel";
  const std::string got = deaf.receive_all();
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200 "));
  EXPECT_LT(got.size(), unread_limit + (16UL << 20U)) << "what waited for it was bounded";
  expect_service();
}

TEST_F(HostileReader, AListenerOfEitherFamilyThatDoesNotReadIsCutOff) {
  open();
  const std::string its = session();
  auto subscriber = connect();
  subscriber.send(
      post(R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":")" + uri + "\"}}", its));
  EXPECT_THAT(subscriber.receive_answer(), HasSubstr(R"("result":{})"));
  const std::string get = "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n" + its + "\r\n";
  const std::string listen = post(
      R"({"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":[")" +
          uri +
          R"("]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
          R"("io.modelcontextprotocol/clientCapabilities":{}}}})",
      "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: subscriptions/listen\r\n");
  for (const std::string& request : {get, listen}) {
    auto deaf = connect();
    deaf.send(request);
    EXPECT_THAT(deaf.receive_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
    // Nothing is read here: only the loop runs, so the server alone decides when it has told enough.
    constexpr std::size_t told = 64UL << 20U;
    for (std::size_t bytes = 0; bytes < told; bytes += uri.size()) {
      offers.updated(uri);
      run_ready(peer.loop);
    }
    EXPECT_LT(deaf.receive_all().size(), unread_limit + (16UL << 20U));
    expect_service();
  }
}

}  // namespace
}  // namespace meantime::test
