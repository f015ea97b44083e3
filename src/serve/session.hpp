// SPDX-License-Identifier: MIT
// session.hpp: the port between a transport and an MCP session over lines.
#pragma once

#include <functional>

#include "mcp/line_framer.hpp"
#include "meantime/coroutine.hpp"

namespace meantime::serve {

class Session {
 public:
  virtual ~Session() = default;
  /// One line of the client. Views end with this call.
  virtual void on_line(const mcp::Line& line) = 0;
  /// Around a batch of lines that came together: what they cause leaves together.
  virtual void begin_batch() = 0;
  virtual void end_batch() = 0;
  /// True while a request of the client is not answered.
  [[nodiscard]] virtual bool busy() const noexcept = 0;
  /// `tell` is called whenever the last open request was answered.
  virtual void on_idle(std::function<void()> tell) = 0;
  /// Lets go of what stands behind it. No call may follow.
  [[nodiscard]] virtual Task<void> close() = 0;
};

}  // namespace meantime::serve
