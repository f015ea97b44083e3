// SPDX-License-Identifier: MIT
#include "serve/serve.hpp"

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <csignal>

#include "engine/wake.hpp"
#include "meantime/asio.hpp"
#include "serve/http/http_front.hpp"
#include "serve/server/line_door.hpp"
#include "serve/stdio.hpp"

namespace meantime::serve {
namespace {

constexpr int cannot_open = 2;
constexpr int signal_exit = 128;
constexpr Milliseconds last_answers{2'000};

McpServerOptions server_options(const ServeOptions& options) {
  McpServerOptions server;
  server.session = options.session;
  server.name = options.server_name;
  server.version = options.server_version;
  server.instructions = options.instructions;
  server.tools_ready = options.tools_ready;
  server.offers = options.offers;
  server.scopes_of = options.scopes_of;
  server.wait_without_tasks = options.over_budget == config::SessionSettings::OverBudget::wait;
  // After a pause a second's worth at once.
  const double rate = options.http.look_ups_per_second;
  server.look_ups = {.per_second = rate, .burst = std::max(auth::RateLimit().burst, rate)};
  return server;
}

struct Ending {
  explicit Ending(boost::asio::io_context& loop) : wake(loop) {}
  Wake wake;
  bool drained = false;
  int forced_by = 0;
};

Task<void> drain(TaskManager& manager, Milliseconds grace, Ending& ending) {
  co_await manager.drain(grace);
  ending.drained = true;
  ending.wake.notify();
}

Task<void> hear_second(boost::asio::signal_set& signals, Ending& ending) {
  const auto [error, signal] = co_await signals.async_wait(await);
  if (error) co_return;
  ending.forced_by = signal;
  ending.wake.notify();
}

// HTTP alone: until a signal, then what runs may end while its clients are still connected.
Task<int> until_signal(Loop& loop, TaskManager& manager, HttpFront& front, const SessionOptions& options) {
  boost::asio::signal_set signals(loop.io(), SIGTERM, SIGINT);
  co_await signals.async_wait(await);
  Ending ending(loop.io());
  Task<void> draining = drain(manager, options.drain_grace, ending);
  Task<void> second = hear_second(signals, ending);
  while (!ending.drained && ending.forced_by == 0) co_await ending.wake.wait();
  if (ending.forced_by != 0) co_return signal_exit + ending.forced_by;
  co_await front.close(last_answers);
  co_return 0;
}

}  // namespace

Task<int> run_serve(Loop& loop, TaskManager& manager, Clock& clock, Random& random, ServeOptions options) {
  std::signal(SIGPIPE, SIG_IGN);
  McpServer server(loop.io(), manager, clock, random, server_options(options));
  std::unique_ptr<HttpFront> front;
  if (!options.http.listen.empty()) {
    auto opened = HttpFront::open(loop, server, options.http, options.auth, options.session.owner);
    if (!opened) {
      log_to_stderr(opened.error().detail);
      co_return cannot_open;
    }
    front = std::move(*opened);
    for (const std::string& address : front->addresses()) {
      if (options.log) options.log("listening at " + address);
    }
  }
  if (!options.stdio) co_return co_await until_signal(loop, manager, *front, options.session);
  StdioClient client(loop.io(), options.in_fd, options.out_fd);
  LineWriter out(loop.io(), client);
  const auto who = std::make_shared<const auth::Principal>(auth::Principal{
      .owner = options.session.owner, .name = options.session.owner, .scopes = {}, .every_scope = true});
  LineDoor door(server, who, out);
  const int code = co_await run_stdio(loop.io(), manager, clock, options.session, door, client, out,
                                      mcp::LineFramer(options.session.max_line_bytes));
  if (front && code == 0) co_await front->close(last_answers);
  co_return code;
}

}  // namespace meantime::serve
