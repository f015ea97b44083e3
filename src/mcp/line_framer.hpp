// SPDX-License-Identifier: MIT
// line_framer.hpp: cuts a stream of bytes into lines, however they arrive, with an upper limit for one line. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace meantime::mcp {

/// One line without its end (LF, or CR LF).
struct Line {
  std::string_view text;    ///< Valid until the next prepare(). Empty when the line was too long.
  bool too_long = false;    ///< Over the limit: dropped, and the stream goes on behind it.
  std::uint64_t bytes = 0;  ///< Length as it came.
  std::string_view head;    ///< Of a too long line: its first and last bytes, to tell whose it was.
  std::string_view tail;
};

/// Read into prepare(), say how much with commit(), then take lines until there is none. Lines of white space only are
/// skipped, and so is a byte order mark at the very start. Keeps at most `max_line_bytes` and one read.
class LineFramer {
 public:
  static constexpr std::size_t read_bytes = 64U << 10;

  explicit LineFramer(std::size_t max_line_bytes) : max_(max_line_bytes) {}

  /// Room for the next read, at least `read_bytes`. Views of earlier lines end here.
  [[nodiscard]] std::span<char> prepare();
  void commit(std::size_t bytes) noexcept { filled_ += bytes; }
  [[nodiscard]] std::optional<Line> next();
  /// After the end of the stream: what came behind the last line end, as a line.
  [[nodiscard]] std::optional<Line> rest();

 private:
  [[nodiscard]] std::optional<Line> cut(std::size_t end);
  void drop(std::string_view bytes);

  std::size_t max_;
  std::unique_ptr<char[]> buffer_;  // NOLINT(*-avoid-c-arrays): uninitialised on purpose
  std::size_t capacity_ = 0;
  std::size_t start_ = 0;     // of the line that is being read
  std::size_t searched_ = 0;  // no line end before this
  std::size_t filled_ = 0;
  std::uint64_t dropped_ = 0;  // bytes of a too long line
  std::string dropped_head_;
  std::string dropped_tail_;
  bool first_ = true;
};

}  // namespace meantime::mcp
