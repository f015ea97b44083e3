// SPDX-License-Identifier: MIT
// wrap.hpp: `meantime wrap`: a stdio MCP server behind us, its client before us, tool calls under a budget.
// Threads: the loop's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "meantime/manager.hpp"
#include "serve/session_options.hpp"

namespace meantime::serve {

struct WrapOptions {
  SessionOptions session;
  std::vector<std::string> command;  ///< The upstream: program (searched in PATH) and its arguments.
  std::string name;                  ///< How errors call the upstream; empty: the program's file name.
  /// Per tool, in place of session.budget.
  std::map<std::string, Milliseconds> budgets;
  std::vector<std::string> no_background;  ///< Tools that always run to their end inline.
  /// Of one call, from its beginning: one that the upstream never answers must not run for ever. 0: no end.
  Milliseconds max_run_time{86'400'000};
};

/// Speaks MCP with the client at `in_fd` and `out_fd` until it goes away or a signal comes; answers the exit code:
/// 0 after an orderly end, 127 when the upstream's program cannot be started, 143 or 130 after a forced end.
/// The descriptors stay the caller's to close. Ignores SIGPIPE for the process.
[[nodiscard]] Task<int> run_wrap(boost::asio::io_context& loop, TaskManager& manager, Clock& clock, WrapOptions options,
                                 int in_fd, int out_fd);

}  // namespace meantime::serve
