// SPDX-License-Identifier: MIT
#include "serve/wrap.hpp"

#include <csignal>

#include "serve/stdio.hpp"
#include "serve/wrap_session.hpp"

namespace meantime::serve {
namespace {
constexpr int cannot_start = 127;  // as shells say it
}  // namespace

Task<int> run_wrap(boost::asio::io_context& loop, TaskManager& manager, Clock& clock, WrapOptions options, int in_fd,
                   int out_fd) {
  std::signal(SIGPIPE, SIG_IGN);
  StdioClient client(loop, in_fd, out_fd);
  Outbox out(loop, client);
  WrapSession session(loop, manager, clock, options, out, log_to_stderr);
  if (const auto started = session.start(); !started) {
    log_to_stderr("cannot start the server to wrap: " + started.error().detail);
    co_return cannot_start;
  }
  co_return co_await run_stdio(loop, manager, clock, options.session, session, client, out);
}

}  // namespace meantime::serve
