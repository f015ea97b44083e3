// SPDX-License-Identifier: MIT
// large_results.hpp: results that are too large for one field of a hash, in chunks of their own.
#pragma once

#include <string>
#include <vector>

#include "meantime/task.hpp"

namespace meantime::store::redis {

/// What the original keeps whole in the hash (S22).
inline constexpr std::size_t inline_limit = 512UL << 10U;
inline constexpr std::size_t chunk_bytes = 256UL << 10U;
inline constexpr std::string_view chunk_sizes_field = "chars";

/// A piece of a text that ends between characters.
struct Chunk {
  std::size_t at = 0;
  std::size_t bytes = 0;
  std::uint64_t chars = 0;
};
/// Cuts `text`. Walks all of it: not for the loop.
[[nodiscard]] std::vector<Chunk> cut_into_chunks(std::string_view text);
/// How many characters each chunk has, as one field of their hash, and back.
[[nodiscard]] std::string sizes_text(const std::vector<Chunk>& chunks);
[[nodiscard]] std::vector<std::uint64_t> parse_sizes(std::string_view text);

/// Which chunks hold a page, and where in the first of them it begins.
struct ChunkRange {
  std::size_t first = 0;
  std::size_t count = 0;
  std::uint64_t skip_chars = 0;
};
[[nodiscard]] ChunkRange chunks_of_page(const std::vector<std::uint64_t>& sizes, std::uint64_t offset_chars,
                                        std::uint64_t limit_chars);

/// What the hash holds in the result's place.
[[nodiscard]] std::string large_note(std::uint64_t bytes);

}  // namespace meantime::store::redis
