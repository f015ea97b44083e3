// SPDX-License-Identifier: MIT
// own_server.hpp: a program's own server on include/meantime/mcp_server.hpp, with the tools that the benchmarks call.
#pragma once

#include <filesystem>

namespace meantime::bench {

/// Serves until the process ends; writes its port to the pipe. Tools: `echo` (its arguments, at once), `job` (ends when
/// its argument `ms` is over, and says when that was by the steady clock) and `late` (the same, with a budget of 20
/// ms). `database`: where tasks are kept; empty: in memory.
void serve_own(int port_pipe, const std::filesystem::path& database);

constexpr int late_budget_ms = 20;

}  // namespace meantime::bench
