// SPDX-License-Identifier: MIT
// supervisor.hpp: the process behind `meantime run` that owns the command and outlives the terminal.
#pragma once

#include "cli/arguments.hpp"

namespace meantime::cli {

/// Runs the command to its end, first for the front process at the other end of `front_fd`, later as a recorded task.
/// Call it in a process of its own, without threads. Answers the process's exit code.
[[nodiscard]] int supervise(const RunArguments& arguments, int front_fd);

}  // namespace meantime::cli
