// SPDX-License-Identifier: MIT
// http_door.hpp: an MCP endpoint over HTTP for the client's tests, of either family, that does what a test tells it.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/mcp_client.hpp"
#include "client/stdio_client.hpp"
#include "engine/deadlines.hpp"
#include "http/server.hpp"
#include "mcp/json_rpc.hpp"

namespace meantime::test {

/// An answer that stays open; the test writes to it.
struct OpenStream final : http::Conversation {
  explicit OpenStream(int& count) : gone(count) {}
  void on_gone() override { ++gone; }
  int& gone;
};

class HttpDoor final : public http::Handler {
 public:
  struct Seen {
    std::string method;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    std::string rpc_method;
    std::string id;
  };
  /// True: it answered.
  using Behaviour = std::function<bool(const Seen& seen, http::Exchange& exchange)>;

  explicit HttpDoor(bool stateless) : stateless_(stateless) {}

  void on_request(http::Request& request, http::Exchange& exchange) override {
    Seen seen{.method = std::string(request.method)};
    for (const http::Header& each : request.headers) {
      std::string name(each.name);
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      seen.headers[name] = each.value;
    }
    seen.body = request.take_body();
    if (const auto message = mcp::read_message(seen.body)) {
      seen.rpc_method = message->method.text();
      seen.id = message->id.raw();
    }
    requests.push_back(seen);
    if (behaviour && behaviour(requests.back(), exchange)) return;
    answer(seen, exchange);
  }

  void result(const Seen& seen, http::Exchange& exchange, std::string_view result, std::string_view more = {}) const {
    std::string out;
    mcp::append_result(out, seen.id, result);
    exchange.respond(200, "application/json", out, more);
  }
  void error(const Seen& seen, http::Exchange& exchange, int status, int code, std::string_view data = {}) const {
    std::string out;
    mcp::append_error(out, seen.id, code, "no", data);
    exchange.respond(status, "application/json", out);
  }
  http::Exchange& stream(http::Exchange& exchange) {
    exchange.start_stream(200, "text/event-stream");
    exchange.keep(std::make_unique<OpenStream>(gone));
    return exchange;
  }
  [[nodiscard]] std::size_t count(std::string_view rpc_method) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(requests, [&](const Seen& each) { return each.rpc_method == rpc_method; }));
  }
  [[nodiscard]] const Seen* last(std::string_view rpc_method) const {
    const Seen* found = nullptr;
    for (const Seen& each : requests) {
      if (each.rpc_method == rpc_method) found = &each;
    }
    return found;
  }

  Behaviour behaviour;
  std::vector<Seen> requests;
  int gone = 0;
  int sessions = 0;
  std::string tools = R"([{"name":"echo","inputSchema":{"type":"object"}}])";

 private:
  [[nodiscard]] std::string session() const { return "session-" + std::to_string(sessions); }

  void answer(const Seen& seen, http::Exchange& exchange) {
    if (seen.method == "DELETE") return exchange.respond(200, "", "");
    if (seen.method != "POST") return exchange.respond(405, "", "");
    if (stateless_ && seen.rpc_method == "server/discover") {
      return result(
          seen, exchange,
          R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}},"ttlMs":0,"cacheScope":"private"})");
    }
    if (!stateless_ && seen.rpc_method == "initialize") {
      ++sessions;
      return result(
          seen, exchange,
          R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"door","version":"1"}})",
          "Mcp-Session-Id: " + session() + "\r\n");
    }
    if (!stateless_) {
      const auto named = seen.headers.find("mcp-session-id");
      if (named == seen.headers.end()) return error(seen, exchange, 400, -32000);
      if (named->second != session()) return exchange.respond(404, "", "");
    }
    if (seen.id.empty() || seen.rpc_method.empty()) return exchange.respond(202, "", "");
    if (seen.rpc_method == "tools/list") {
      return result(seen, exchange,
                    R"({"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":)" + tools + "}");
    }
    if (seen.rpc_method == "subscriptions/listen") return (void)stream(exchange);
    result(seen, exchange, R"({"content":[{"type":"text","text":"here"}]})");
  }

  bool stateless_;
};

class HttpClientTest : public testing::Test {
 protected:
  ~HttpClientTest() override {
    if (client) run(io, client->close());
    client.reset();
    if (server) run(io, server->stop(Milliseconds(0)));
    server.reset();
    run_ready(io);
  }

  void open(bool stateless, client::ClientOptions options = {}, client::HttpOptions settings = {}) {
    door = std::make_unique<HttpDoor>(stateless);
    server = std::make_unique<http::Server>(loop, deadlines, *door);
    const auto port = server->listen("127.0.0.1", 0);
    ASSERT_TRUE(port) << port.error().detail;
    settings.url = "http://127.0.0.1:" + std::to_string(*port) + "/mcp";
    options.name = "door";
    options.log = [this](std::string_view line) { logged.emplace_back(line); };
    options.capabilities.elicitation_form = true;
    client = std::make_unique<client::McpClient>(loop, clock, http, std::move(settings), std::move(options), &events);
  }
  client::Answer call(std::string_view tool = "echo", std::string_view arguments = "{}",
                      client::RequestHooks* hooks = nullptr) {
    return run(io, client->call_tool(tool, arguments, hooks));
  }
  static std::string text_of(const client::Answer& answer) {
    return answer ? answer->result : "failed: " + client::text_of(answer.error());
  }
  static errc code_of(const client::Answer& answer) {
    return answer || !std::holds_alternative<Error>(answer.error()) ? errc::internal
                                                                    : std::get<Error>(answer.error()).code;
  }

  boost::asio::io_context io;
  Loop loop{io};
  SystemClock clock{io};
  Deadlines deadlines{clock};
  http::Client http{loop};
  HeardEvents events;
  std::vector<std::string> logged;
  std::unique_ptr<HttpDoor> door;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<client::McpClient> client;
};

}  // namespace meantime::test
