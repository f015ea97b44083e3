// SPDX-License-Identifier: MIT
// serve_stdio.hpp: `meantime serve --stdio`: the manager's own tools as an MCP server.
// Threads: the loop's.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "meantime/manager.hpp"
#include "serve/session_options.hpp"

namespace meantime::serve {

/// Says when all tools are registered: upstream servers take their time, and may never greet. Outlives the session.
class ToolsReady {
 public:
  [[nodiscard]] bool now() const noexcept { return ready_; }
  void set() {
    ready_ = true;
    if (auto tell = std::exchange(tell_, nullptr)) tell();
  }
  /// One listener; null takes it away.
  void when_ready(std::function<void()> tell) { tell_ = std::move(tell); }

 private:
  bool ready_ = false;
  std::function<void()> tell_;
};

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
