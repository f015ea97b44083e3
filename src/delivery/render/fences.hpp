// SPDX-License-Identifier: MIT
// fences.hpp: code fences: finds them in Markdown, and makes one that nothing inside can close. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "delivery/render/limits.hpp"

namespace meantime::render {

/// A stretch of a text that is cut by one set of rules.
struct Block {
  enum class Kind : std::uint8_t { text, code };
  Kind kind = Kind::text;
  std::string_view text;      ///< Without the fence's own lines.
  std::string_view language;  ///< Of code: [A-Za-z0-9_+#.-], at most 32 characters; else empty.
};

/// The blocks of Markdown, in order, as views into it. A fence opens with up to three spaces and at least three
/// backticks or tildes (no backtick may follow in the line of backticks) and closes with at least as many of the same,
/// or at the end of the text.
[[nodiscard]] std::vector<Block> parse_blocks(std::string_view markdown);

/// The longest run of backticks.
[[nodiscard]] std::size_t longest_backtick_run(std::string_view text) noexcept;

/// Code that goes into a fence of `fence_marker(code, how)`.
[[nodiscard]] std::string fenceable(std::string code, InnerFence how);
[[nodiscard]] std::string fence_marker(std::string_view code, InnerFence how);

/// Text outside of code in which no three backticks or tildes follow each other: cut anywhere, it opens no fence.
[[nodiscard]] std::string without_fences(std::string text);

}  // namespace meantime::render
