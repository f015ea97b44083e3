// SPDX-License-Identifier: MIT
// markup.hpp: writes a chunk in a platform's markup. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "delivery/render/render.hpp"
#include "delivery/render/split.hpp"

namespace meantime::render {

/// Writes one chunk, from front to back.
class ChunkWriter {
 public:
  ChunkWriter(const Limits& limits, Chunk& chunk) : limits_(limits), chunk_(chunk) {}

  void header(const std::vector<Span>& spans);
  /// A line end unless the chunk is empty or at one.
  void next_line();
  void text(std::string_view text);
  /// Code on lines of its own. `language` may be empty.
  void code(std::string_view code, std::string_view language, std::string_view marker);

 private:
  void plain(std::string_view text);
  void entity(Entity::Kind kind, std::size_t start, std::string_view language = {});
  void append(std::string_view text);

  const Limits& limits_;
  Chunk& chunk_;
  std::size_t utf16_ = 0;  // length of the text so far; kept for entities only
  bool html_line_ = true;  // the HTML is at the beginning of a line
};

/// What code() writes besides the code, in the platform's unit.
[[nodiscard]] Frame frame_of(const Limits& limits, std::string_view language, std::string_view marker);

}  // namespace meantime::render
