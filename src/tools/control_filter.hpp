// SPDX-License-Identifier: MIT
// control_filter.hpp: takes terminal escapes and control characters out of a program's output, piece by piece. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace meantime {

/// Drops ANSI sequences (colours, cursor, titles) and control characters other than tab and newline; a carriage return
/// becomes a newline, with the newline after it one. Sequences may be split between pieces.
class ControlFilter {
 public:
  /// The clean text of `bytes`; the view is valid until the next call.
  [[nodiscard]] std::string_view clean(std::string_view bytes);

 private:
  enum class State : std::uint8_t { text, escape, sequence, string, string_escape, charset };
  State state_ = State::text;
  bool after_return_ = false;
  std::string out_;
};

}  // namespace meantime
