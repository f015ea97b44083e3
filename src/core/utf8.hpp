// SPDX-License-Identifier: MIT
// utf8.hpp: text as Unicode code points ("characters" everywhere in this project).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace meantime::utf8 {

/// Characters in valid UTF-8.
[[nodiscard]] std::uint64_t count(std::string_view text) noexcept;

/// Byte offset of character number `index`; text.size() when there are fewer.
[[nodiscard]] std::size_t byte_offset(std::string_view text, std::uint64_t index) noexcept;

/// The largest length <= `at_most` bytes that does not end inside a character.
[[nodiscard]] std::size_t cut_length(std::string_view text, std::size_t at_most) noexcept;

[[nodiscard]] bool valid(std::string_view text) noexcept;

/// `text` itself when it is valid UTF-8; else each ill-formed part replaced by U+FFFD (F11).
[[nodiscard]] std::string repaired(std::string text);

/// `text` within `max_bytes`: its head and its tail, and between them a line that says how much is left out.
/// Never splits a character. Sets `cut` when something was left out.
[[nodiscard]] std::string head_and_tail(std::string text, std::uint64_t max_bytes, bool& cut);

}  // namespace meantime::utf8
