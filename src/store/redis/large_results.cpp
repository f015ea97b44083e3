// SPDX-License-Identifier: MIT
#include "store/redis/large_results.hpp"

#include <charconv>

#include "core/utf8.hpp"

namespace meantime::store::redis {

std::vector<Chunk> cut_into_chunks(std::string_view text) {
  std::vector<Chunk> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    std::size_t size = rest.size() <= chunk_bytes ? rest.size() : utf8::cut_length(rest, chunk_bytes);
    if (size == 0) size = std::min(rest.size(), chunk_bytes);  // bytes that are no text
    out.push_back({at, size, utf8::count(rest.substr(0, size))});
    at += size;
  }
  return out;
}

std::string sizes_text(const std::vector<Chunk>& chunks) {
  std::string out;
  for (const Chunk& chunk : chunks) {
    if (!out.empty()) out += ',';
    out += std::to_string(chunk.chars);
  }
  return out;
}

std::vector<std::uint64_t> parse_sizes(std::string_view text) {
  std::vector<std::uint64_t> out;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    std::uint64_t size = 0;
    const auto [stop, error] = std::from_chars(at, end, size);
    if (error != std::errc()) break;
    out.push_back(size);
    at = stop + 1;
  }
  return out;
}

ChunkRange chunks_of_page(const std::vector<std::uint64_t>& sizes, std::uint64_t offset_chars,
                          std::uint64_t limit_chars) {
  ChunkRange out;
  std::uint64_t before = 0;
  while (out.first < sizes.size() && before + sizes[out.first] <= offset_chars) before += sizes[out.first++];
  if (out.first == sizes.size()) return out;
  out.skip_chars = offset_chars - before;
  std::uint64_t have = sizes[out.first] - out.skip_chars;
  out.count = 1;
  while (out.first + out.count < sizes.size() && (limit_chars == 0 || have < limit_chars)) {
    have += sizes[out.first + out.count++];
  }
  return out;
}

std::string large_note(std::uint64_t bytes) {
  return "The result is too large for this field (" + std::to_string(bytes) +
         " bytes). Any meantime process reads it page by page: meantime check, or the tool check_task.";
}

}  // namespace meantime::store::redis
