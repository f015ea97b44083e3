// SPDX-License-Identifier: MIT
// size.hpp: "16MB", "512KB" as written in configuration. KB, MB, GB are powers of 1024.
#pragma once

#include <cstdint>
#include <string_view>

#include "meantime/error.hpp"

namespace meantime::config {

/// Reads a number with a unit (B, KB, MB, GB, TB; also KiB and the like, in either case); without one: bytes.
/// Errors: invalid_argument, with an example.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace meantime::config
