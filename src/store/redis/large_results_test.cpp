// SPDX-License-Identifier: MIT
#include "store/redis/large_results.hpp"

#include <gtest/gtest.h>

#include "core/utf8.hpp"

namespace meantime::store::redis {
namespace {

std::string joined(std::string_view text, const std::vector<Chunk>& chunks) {
  std::string out;
  for (const Chunk& chunk : chunks) {
    EXPECT_EQ(chunk.at, out.size());
    EXPECT_LE(chunk.bytes, chunk_bytes);
    EXPECT_GT(chunk.bytes, 0U);
    out += text.substr(chunk.at, chunk.bytes);
  }
  return out;
}

TEST(LargeResults, ChunksPutTogetherAreTheTextAndSplitNoCharacter) {
  std::string text;
  while (text.size() < 3 * chunk_bytes + 17) text += "aä€😀";
  const auto chunks = cut_into_chunks(text);
  EXPECT_EQ(joined(text, chunks), text);
  EXPECT_GT(chunks.size(), 3U);
  std::uint64_t chars = 0;
  for (const Chunk& chunk : chunks) {
    EXPECT_TRUE(utf8::valid(std::string_view(text).substr(chunk.at, chunk.bytes)));
    chars += chunk.chars;
  }
  EXPECT_EQ(chars, utf8::count(text));
  EXPECT_TRUE(cut_into_chunks("").empty());
}

TEST(LargeResults, BytesThatAreNoTextAreCutToo) {
  const std::string bytes(2 * chunk_bytes + 5, '\x80');
  EXPECT_EQ(joined(bytes, cut_into_chunks(bytes)), bytes);
}

TEST(LargeResults, SizesComeBackAndGarbageEndsThem) {
  EXPECT_EQ(parse_sizes(sizes_text({{0, 4, 3}, {4, 2, 2}, {6, 1, 1}})), (std::vector<std::uint64_t>{3, 2, 1}));
  EXPECT_TRUE(parse_sizes("").empty());
  EXPECT_TRUE(parse_sizes("x,1").empty());
  EXPECT_TRUE(parse_sizes("-1").empty());
  EXPECT_EQ(parse_sizes("7,,8"), (std::vector<std::uint64_t>{7}));
  EXPECT_EQ(parse_sizes("7,99999999999999999999999"), (std::vector<std::uint64_t>{7}));
}

TEST(LargeResults, EveryPageLiesInItsChunks) {
  const std::vector<std::uint64_t> sizes{3, 5, 2};
  for (std::uint64_t offset = 0; offset < 12; ++offset) {
    for (std::uint64_t limit = 0; limit < 12; ++limit) {
      const auto range = chunks_of_page(sizes, offset, limit);
      if (offset >= 10) {
        EXPECT_EQ(range.count, 0U);
        continue;
      }
      std::uint64_t before = 0;
      for (std::size_t i = 0; i < range.first; ++i) before += sizes[i];
      EXPECT_EQ(before + range.skip_chars, offset);
      std::uint64_t have = 0;
      for (std::size_t i = 0; i < range.count; ++i) have += sizes.at(range.first + i);
      const auto wanted = limit == 0 ? 10 - offset : std::min(limit, 10 - offset);
      EXPECT_GE(have - range.skip_chars, wanted) << offset << " " << limit;
    }
  }
  EXPECT_EQ(chunks_of_page({}, 0, 0).count, 0U);
}

}  // namespace
}  // namespace meantime::store::redis
