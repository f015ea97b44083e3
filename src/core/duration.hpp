// SPDX-License-Identifier: MIT
// duration.hpp: "10s", "500ms", "1h30m" as written in configuration and on the command line.
#pragma once

#include <string>
#include <string_view>

#include "meantime/clock.hpp"
#include "meantime/error.hpp"

namespace meantime {

/// Reads a number with a unit (ms, s, m, h, d), or several in a row; "0" needs no unit.
/// Errors: invalid_argument, with an example.
[[nodiscard]] Result<Milliseconds> parse_duration(std::string_view text);

/// Short and readable again: "1h30m", "2.5s", "40ms".
[[nodiscard]] std::string format_duration(Milliseconds duration);

/// Seconds with one decimal, as the envelopes have them: "12.5".
[[nodiscard]] std::string seconds_text(Milliseconds duration);

/// 2026-11-22T10:00:00.123Z
[[nodiscard]] std::string iso_time(WallTime time);

/// Reads the same, and plain durations as "that long before now". Errors: invalid_argument.
[[nodiscard]] Result<WallTime> parse_time(std::string_view text, WallTime now);

}  // namespace meantime
