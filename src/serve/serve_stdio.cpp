// SPDX-License-Identifier: MIT
#include "serve/serve_stdio.hpp"

#include <csignal>

#include "meantime/random.hpp"
#include "serve/server/line_door.hpp"
#include "serve/stdio.hpp"

namespace meantime::serve {

Task<int> run_serve_stdio(boost::asio::io_context& loop, TaskManager& manager, Clock& clock, ServeOptions options,
                          int in_fd, int out_fd) {
  std::signal(SIGPIPE, SIG_IGN);
  StdioClient client(loop, in_fd, out_fd);
  Outbox out(loop, client);
  SystemRandom random;
  McpServer server(loop, manager, clock, random,
                   {.session = options.session,
                    .name = options.server_name,
                    .version = options.server_version,
                    .instructions = options.instructions,
                    .tools_ready = options.tools_ready});
  LineDoor session(server, std::make_shared<auth::Principal>(auth::Principal{.owner = options.session.owner}), out);
  co_return co_await run_stdio(loop, manager, clock, options.session, session, client, out);
}

}  // namespace meantime::serve
