// SPDX-License-Identifier: MIT
// render.hpp: a report as the messages of one platform. Pure: an adapter's plan() is render() and pack().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/render/limits.hpp"
#include "delivery/render/message.hpp"
#include "meantime/error.hpp"

namespace meantime::render {

/// Where a stretch of a chunk's text is bold or code: a Telegram MessageEntity. May overlap (bold and code).
struct Entity {
  enum class Kind : std::uint8_t { bold, code, pre };
  Kind kind = Kind::pre;
  std::size_t offset = 0;  ///< UTF-16 units.
  std::size_t length = 0;
  std::string language;  ///< Of pre; may be empty.

  friend bool operator==(const Entity&, const Entity&) = default;
};

/// One message.
struct Chunk {
  std::string text;              ///< In the platform's markup.
  std::string html;              ///< Markup::html: the same as HTML (formatted_body); else empty.
  std::vector<Entity> entities;  ///< Markup::entities, by offset.
  std::string file_name;         ///< Not empty: the whole result goes with this message as a file of this name.

  friend bool operator==(const Chunk&, const Chunk&) = default;
};

/// The messages of a report, in order, at least one; each within the limits as the platform counts it. More than one:
/// each says its number, `(2/5)`. What is too long for `max_chars` or `max_chunks` is shown with its head and tail:
/// in one message beside a file or a link, else in as many as allowed; what is left out is said.
/// Errors: invalid_argument (limits below min_limit).
[[nodiscard]] Result<std::vector<Chunk>> render(const Report& report, const Limits& limits);

/// Splits Markdown (a model's text, not a tool's output) in the same way, without a header. Counters as above.
/// Errors: invalid_argument.
[[nodiscard]] Result<std::vector<Chunk>> render_markdown(std::string_view markdown, const Limits& limits);

/// How long a chunk is in the platform's unit.
[[nodiscard]] std::size_t length_of(const Chunk& chunk, const Limits& limits);

/// A chunk as one JSON text, to be kept in an outbox, and back. Errors: invalid_argument (it was not made by pack()).
[[nodiscard]] std::string pack(const Chunk& chunk);
[[nodiscard]] Result<Chunk> unpack(std::string_view packed);

}  // namespace meantime::render
