// SPDX-License-Identifier: MIT
// frames.hpp: what the supervisor tells the process at the terminal: a letter, a length in 4 bytes, the bytes.
// The other way goes one byte a message: the number of a signal that the terminal's user sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meantime::cli {

enum class Frame : char {
  out = 'O',           ///< Of the command's standard output.
  err = 'E',           ///< Of its standard error.
  warning = 'W',       ///< A sentence for the user.
  done = 'D',          ///< The command ended: its exit code as text. The last frame.
  refused = 'X',       ///< The command could not start: exit code, a line's end, why. The last frame.
  backgrounded = 'B',  ///< It goes on: the task's id, a line's end, the envelope. The last frame.
};

void append_frame(std::string& out, Frame kind, std::string_view bytes);

/// Cuts a stream into frames again.
class FrameReader {
 public:
  struct Piece {
    Frame kind;
    std::string_view bytes;  ///< Valid until the next feed().
  };
  void feed(std::string_view bytes);
  [[nodiscard]] std::optional<Piece> next();

 private:
  std::string held_;
  std::size_t at_ = 0;
};

}  // namespace meantime::cli
