// SPDX-License-Identifier: MIT
// front.hpp: the process of `meantime run` that stays at the terminal: shows output, passes signals on, ends first.
#pragma once

#include "cli/arguments.hpp"

namespace meantime::cli {

/// Shows what the supervisor at the other end of `fd` sends until its last frame; answers the exit code.
/// `signal_fd` is a signalfd with SIGINT and SIGTERM, which are blocked.
[[nodiscard]] int stay_in_front(const RunArguments& arguments, int fd, int signal_fd);

}  // namespace meantime::cli
