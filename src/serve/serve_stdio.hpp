// SPDX-License-Identifier: MIT
// serve_stdio.hpp: `meantime serve --stdio`: the manager's own tools as an MCP server.
// Threads: the loop's.
#pragma once

#include <string>

#include "meantime/manager.hpp"
#include "serve/session_options.hpp"
#include "serve/tools_ready.hpp"

namespace meantime::serve {

struct ServeOptions {
  SessionOptions session;
  std::string server_name = "meantime";
  std::string server_version;
  std::string instructions;  ///< For the model, before our own hint.
  /// Until it is set, tools/list and calls of tools that are not there yet wait; all else is answered. Null: all is
  /// ready.
  ToolsReady* tools_ready = nullptr;
};

/// Offers every tool that is registered with `manager`; else as run_wrap.
[[nodiscard]] Task<int> run_serve_stdio(boost::asio::io_context& loop, TaskManager& manager, Clock& clock,
                                        ServeOptions options, int in_fd, int out_fd);

}  // namespace meantime::serve
