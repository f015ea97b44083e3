// SPDX-License-Identifier: MIT
// terminal.hpp: standard output and error as a person or a program at their other end needs them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace meantime::cli {

/// Opens /dev/null in place of closed standard streams, so that no file of ours lands on 0, 1 or 2.
void hold_standard_streams();

/// Writes all of it. False when that is not possible (disk full, nobody reads).
bool write_all(int fd, std::string_view bytes);

/// Data, to standard output. False as write_all.
bool print(std::string_view text);
/// `meantime: <text>` and a line's end, to standard error. For people; control characters are made harmless.
void complain(std::string_view text);

[[nodiscard]] bool is_terminal(int fd);
/// Columns of the terminal at `fd`; 80 where there is none.
[[nodiscard]] std::uint32_t columns(int fd);

/// Text from elsewhere (a tool, a peer) as one line that cannot steer the terminal.
[[nodiscard]] std::string harmless(std::string_view text);

enum class Colour : std::uint8_t { red, green, yellow, blue, dim, bold };

/// Paints when `fd` is a terminal and NO_COLOR is not set (no-color.org); else leaves text as it is.
class Paint {
 public:
  explicit Paint(int fd);
  [[nodiscard]] std::string operator()(Colour colour, std::string_view text) const;

 private:
  bool on_;
};

}  // namespace meantime::cli
