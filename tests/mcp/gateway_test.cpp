// SPDX-License-Identifier: MIT
// gateway_test.cpp: upstreams of the gateway over time: a program that nobody needs is ended, and started when it is
// needed; a token that was replaced in its file is taken. Real children, a real server, turned clocks.
#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "http/server.hpp"
#include "meantime/memory_store.hpp"
#include "meantime/system_clock.hpp"
#include "serve/gateway/gateway.hpp"
#include "support/co_test.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_folder.hpp"

namespace meantime::test {
namespace {

using std::chrono::minutes;
using testing::HasSubstr;

class GatewayOverTime : public testing::Test {
 protected:
  ~GatewayOverTime() override {
    if (gateway) run(io, gateway->stop());
    manager.reset();
    gateway.reset();
    run(io, store->close());
    run_ready(io);
  }
  // Each start of its program adds a line to the file.
  config::UpstreamSettings program() {
    config::UpstreamSettings upstream;
    upstream.name = "scripted";
    upstream.command = {"/bin/sh", "-c", "echo started >> \"$1\"; exec \"$2\"", "sh", starts_file(), SCRIPTED_UPSTREAM};
    upstream.protocol = "2025-11-25";
    return upstream;
  }
  void open(config::UpstreamSettings upstream) {
    std::vector<config::UpstreamSettings> all;
    all.push_back(std::move(upstream));
    gateway.emplace(serve::GatewayParts{.loop = loop,
                                        .clock = clock,
                                        .manager = *manager,
                                        .http = &http,
                                        .log = [this](std::string_view text) { logged.emplace_back(text); }},
                    std::move(all), random, std::string());
    gateway->start(ready);
    Task<void> wanted = want();
    run(io, std::move(wanted));
  }
  Task<void> want() { co_await ready.wait(); }
  [[nodiscard]] std::string starts_file() const { return (folder.path() / "starts").string(); }
  [[nodiscard]] std::size_t starts() const {
    std::ifstream in(starts_file());
    std::size_t count = 0;
    for (std::string line; std::getline(in, line);) ++count;
    return count;
  }
  Task<Result<Outcome>> call(const std::string& tool, std::string arguments = "{}") {
    ToolCall wanted;
    wanted.tool = tool;
    wanted.arguments = std::move(arguments);
    wanted.caller.user_id = "ann";
    return manager->call(std::move(wanted));
  }
  std::string echo(const std::string& text) {
    auto outcome = run(io, call("echo", R"({"text":")" + text + "\"}"));
    const auto* finished = outcome ? std::get_if<Finished>(&*outcome) : nullptr;
    return finished != nullptr ? finished->output.text : "no result";
  }

  TempFolder folder;
  boost::asio::io_context io{1};
  Loop loop{io};
  ManualClock clock{io};
  SystemRandom random;
  http::Client http{loop};
  std::unique_ptr<Store> store = make_memory_store(io, clock);
  std::unique_ptr<TaskManager> manager =
      std::make_unique<TaskManager>(io, ManagerPorts{clock, random, *store}, ManagerOptions{});
  serve::ToolsReady ready{loop};
  std::vector<std::string> logged;
  std::optional<serve::Gateway> gateway;
};

TEST_F(GatewayOverTime, AProgramThatNobodyNeedsIsEndedAndStartedAgainByTheNextCall) {
  auto upstream = program();
  upstream.idle_stop = minutes(5);
  open(std::move(upstream));
  EXPECT_THAT(echo("a"), HasSubstr("\"a\""));
  clock.advance(minutes(4));
  EXPECT_THAT(echo("b"), HasSubstr("\"b\""));
  clock.advance(minutes(4));
  EXPECT_THAT(echo("c"), HasSubstr("\"c\"")) << "each call begins the time anew";
  EXPECT_EQ(starts(), 1U);
  clock.advance(minutes(6));
  EXPECT_THAT(echo("d"), HasSubstr("\"d\""));
  EXPECT_EQ(starts(), 2U);
  EXPECT_THAT(logged, testing::IsEmpty()) << "that is no failure";
}

TEST_F(GatewayOverTime, ATaskKeepsItsProgramAlive) {
  auto upstream = program();
  upstream.idle_stop = minutes(5);
  open(std::move(upstream));
  Task<Result<Outcome>> held = call("hold");
  clock.advance(minutes(1));
  ASSERT_TRUE(held.done()) << "its budget is over";
  const auto outcome = held.take();
  ASSERT_TRUE(outcome && std::holds_alternative<Backgrounded>(*outcome));
  clock.advance(minutes(60));
  EXPECT_THAT(echo("a"), HasSubstr("\"a\""));
  EXPECT_EQ(starts(), 1U);
  ASSERT_TRUE(run(io, manager->cancel(std::get<Backgrounded>(*outcome).task_id)));
}

// Speaks MCP to whoever shows the token of the day.
class LockedServer final : public http::Handler {
 public:
  std::string token = "old";
  int refusals = 0;
  void on_request(http::Request& request, http::Exchange& exchange) override {
    if (request.header("authorization") != "Bearer " + token) {
      ++refusals;
      return exchange.respond(401, {}, {}, "WWW-Authenticate: Bearer\r\n");
    }
    if (request.method != "POST") return exchange.respond(405, {}, {});
    const auto message = mcp::read_message(request.body);
    if (!message || message->kind != mcp::Message::Kind::request) return exchange.respond(202, {}, {});
    std::string result = R"({"content":[{"type":"text","text":"in"}]})";
    if (message->method.is("initialize")) {
      result =
          R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"l","version":"1"}})";
    } else if (message->method.is("tools/list")) {
      result = R"({"tools":[{"name":"echo","inputSchema":{"type":"object"}}]})";
    }
    std::string out;
    mcp::append_result(out, message->id.raw(), result);
    exchange.respond(200, "application/json", out);
  }
};

TEST_F(GatewayOverTime, ATokenThatWasReplacedInItsFileIsTakenWhenTheOldOneIsRefused) {
  LockedServer handler;
  Deadlines deadlines(clock);
  http::Server server(loop, deadlines, handler);
  const auto port = server.listen("127.0.0.1", 0);
  ASSERT_TRUE(port);
  const auto file = folder.path() / "token";
  std::ofstream(file) << "old\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  config::UpstreamSettings upstream;
  upstream.name = "locked";
  upstream.protocol = "2025-11-25";
  upstream.http.emplace();
  upstream.http->url = "http://127.0.0.1:" + std::to_string(*port) + "/mcp";
  upstream.http->bearer_token = "old";
  upstream.http->bearer_token_file = file;
  open(std::move(upstream));
  EXPECT_THAT(echo("a"), HasSubstr("in"));
  EXPECT_EQ(handler.refusals, 0);
  handler.token = "new";
  std::ofstream(file) << "new\n";
  EXPECT_THAT(echo("b"), HasSubstr("in"));
  EXPECT_EQ(handler.refusals, 1);
  handler.token = "nobody has it";
  EXPECT_THAT(echo("c"), testing::Not(HasSubstr("in"))) << "the same token is not sent again and again";
  run(io, gateway->stop());
  manager.reset();
  gateway.reset();
  run(io, server.stop(Milliseconds(0)));
}

}  // namespace
}  // namespace meantime::test
