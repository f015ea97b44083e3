// SPDX-License-Identifier: MIT
#include "serve/serve_stdio.hpp"

#include <csignal>

#include "serve/serve_session.hpp"
#include "serve/stdio.hpp"

namespace meantime::serve {

Task<int> run_serve_stdio(boost::asio::io_context& loop, TaskManager& manager, Clock& clock, ServeOptions options,
                          int in_fd, int out_fd) {
  std::signal(SIGPIPE, SIG_IGN);
  StdioClient client(loop, in_fd, out_fd);
  Outbox out(loop, client);
  ServeSession session(manager, clock, options, out);
  co_return co_await run_stdio(loop, manager, clock, options.session, session, client, out);
}

}  // namespace meantime::serve
