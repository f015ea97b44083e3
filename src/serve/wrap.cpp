// SPDX-License-Identifier: MIT
#include "serve/wrap.hpp"

#include <csignal>

#include "http/client.hpp"
#include "meantime/random.hpp"
#include "process/launch.hpp"
#include "serve/gateway/gateway.hpp"
#include "serve/server/line_door.hpp"
#include "serve/stdio.hpp"
#include "serve/wrap_session.hpp"

namespace meantime::serve {
namespace {

constexpr int cannot_start = 127;  // as shells say it

// A client that begins without a handshake speaks 2026-07-28, or tries whether we do.
bool begins_stateless(const std::optional<mcp::Line>& first) {
  if (!first || first->too_long) return false;
  const auto message = mcp::read_message(first->text);
  return message && mcp::choose_family(*message, nullptr, false) == mcp::Family::stateless;
}

// Byte for byte: the server answers the handshake itself.
Task<int> run_transparent(boost::asio::io_context& loop, TaskManager& manager, Clock& clock, const WrapOptions& options,
                          StdioClient& client, LineWriter& out, mcp::LineFramer framer,
                          std::optional<mcp::Line> first) {
  WrapSession session(loop, manager, clock, options, out, log_to_stderr);
  if (const auto started = session.start(); !started) {
    log_to_stderr("cannot start the server to wrap: " + started.error().detail);
    co_return cannot_start;
  }
  if (first) session.on_line(*first);
  co_return co_await run_stdio(loop, manager, clock, options.session, session, client, out, std::move(framer));
}

config::UpstreamSettings upstream_of(const WrapOptions& options) {
  config::UpstreamSettings upstream;
  upstream.name =
      options.name.empty() ? options.command.front().substr(options.command.front().rfind('/') + 1) : options.name;
  upstream.command = options.command;
  upstream.environment_from = {"*"};
  upstream.rules.budget = options.session.budget;
  if (options.max_run_time > Milliseconds(0)) upstream.rules.max_run_time = options.max_run_time;
  upstream.rules.max_result_bytes = options.session.max_line_bytes;
  for (const auto& [tool, budget] : options.budgets) upstream.tools[tool].budget = budget;
  for (const std::string& tool : options.no_background) upstream.tools[tool].no_background = true;
  return upstream;
}

// A gateway of one: whatever the server speaks, its client gets what its own revision promises.
Task<int> run_gateway(boost::asio::io_context& loop, TaskManager& manager, Clock& clock, const WrapOptions& options,
                      StdioClient& client, LineWriter& out, mcp::LineFramer framer, mcp::Line first) {
  Loop turns(loop);
  SystemRandom random;
  http::Client http(turns);
  std::vector<config::UpstreamSettings> upstreams;
  upstreams.push_back(upstream_of(options));
  Gateway gateway({.loop = turns, .clock = clock, .manager = manager, .http = &http, .log = log_to_stderr},
                  std::move(upstreams), random, {});
  ToolsReady ready(turns);
  gateway.start(ready);
  int code = 0;
  {
    SessionOptions session = options.session;
    session.budget.reset();  // it stands in the rules of the tools
    McpServer server(loop, manager, clock, random,
                     {.session = std::move(session), .tools_ready = &ready, .offers = &gateway});
    const auto who = std::make_shared<const auth::Principal>(auth::Principal{
        .owner = options.session.owner, .name = options.session.owner, .scopes = {}, .every_scope = true});
    LineDoor door(server, who, out);
    door.on_line(first);
    code = co_await run_stdio(loop, manager, clock, options.session, door, client, out, std::move(framer));
  }
  co_await gateway.stop();
  co_return code;
}

}  // namespace

Task<int> run_wrap(boost::asio::io_context& loop, TaskManager& manager, Clock& clock, WrapOptions options, int in_fd,
                   int out_fd) {
  std::signal(SIGPIPE, SIG_IGN);
  if (const auto found = process::find_program(options.command.front()); !found) {
    log_to_stderr("cannot start the server to wrap: " + found.error().detail);
    co_return cannot_start;
  }
  StdioClient client(loop, in_fd, out_fd);
  LineWriter out(loop, client);
  mcp::LineFramer framer(options.session.max_line_bytes);
  std::optional<mcp::Line> first;
  while (!(first = framer.next())) {
    const std::size_t got = co_await client.read(framer.prepare());
    if (got == 0) break;
    framer.commit(got);
  }
  if (begins_stateless(first)) {
    co_return co_await run_gateway(loop, manager, clock, options, client, out, std::move(framer), *first);
  }
  co_return co_await run_transparent(loop, manager, clock, options, client, out, std::move(framer), first);
}

}  // namespace meantime::serve
