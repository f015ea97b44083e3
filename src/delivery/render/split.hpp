// SPDX-License-Identifier: MIT
// split.hpp: lays blocks of text and code out over messages of limited length. Pure; linear in the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "delivery/render/fences.hpp"
#include "delivery/render/units.hpp"
#include "meantime/error.hpp"

namespace meantime::render {

/// A part of one block, as a view into it.
struct Piece {
  std::size_t block = 0;
  std::string_view text;
  bool with_language = true;  ///< The fence's language is said again: there is room for it.
};
using Pieces = std::vector<Piece>;

struct SplitRules {
  Measure measure{Unit::code_points};
  std::size_t budget = 0;        ///< Of a message, for pieces and their frames.
  std::size_t first_budget = 0;  ///< Of the first, which carries the header.
  std::size_t line_end = 1;      ///< What '\n' between two pieces costs.
  /// Give up as soon as it takes more messages, with one more than these; 0: never.
  std::uint32_t at_most = 0;
};

/// What surrounds a block's pieces, in units: a fence's two lines. `bare`: without the language.
struct Frame {
  std::size_t full = 0;
  std::size_t bare = 0;
};

/// The pieces of each message, in order. All text is there but white space at cuts outside code, and messages that
/// would hold nothing else. Each message's pieces with their frames and a line end between are within the budget. A
/// code block that fits into one message is never divided. `frames` goes with `blocks`.
/// Errors: invalid_argument (a budget so small that a frame and a character do not fit).
[[nodiscard]] Result<std::vector<Pieces>> split(std::span<const Block> blocks, std::span<const Frame> frames,
                                                const SplitRules& rules);

}  // namespace meantime::render
