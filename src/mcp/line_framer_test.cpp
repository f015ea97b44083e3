// SPDX-License-Identifier: MIT
#include "mcp/line_framer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace meantime::mcp {
namespace {

// Feeds `stream` in pieces of `step` bytes; a line over the limit reads "TOO LONG <bytes>".
std::vector<std::string> lines_of(std::string_view stream, std::size_t step, std::size_t max = 1000) {
  LineFramer framer(max);
  std::vector<std::string> lines;
  const auto take = [&](const Line& line) {
    lines.push_back(line.too_long ? "TOO LONG " + std::to_string(line.bytes) : std::string(line.text));
  };
  while (!stream.empty()) {
    const auto room = framer.prepare();
    const std::size_t n = std::min({step, room.size(), stream.size()});
    std::memcpy(room.data(), stream.data(), n);
    framer.commit(n);
    stream.remove_prefix(n);
    while (auto line = framer.next()) take(*line);
  }
  if (auto line = framer.rest()) take(*line);
  return lines;
}

using Lines = std::vector<std::string>;

TEST(LineFramer, GivesTheSameLinesHoweverTheBytesArrive) {
  for (const std::size_t step : {1U, 2U, 3U, 7U, 1000U}) {
    EXPECT_EQ(lines_of("a\nbb\r\n\n  \n\r\nccc\n", step), (Lines{"a", "bb", "ccc"})) << step;
  }
}

TEST(LineFramer, TheLastLineNeedsNoEnd) {
  EXPECT_EQ(lines_of("a\nb", 10), (Lines{"a", "b"}));
}

TEST(LineFramer, AByteOrderMarkAtTheStartIsNoPartOfTheLine) {
  EXPECT_EQ(lines_of("\xEF\xBB\xBF{}\n\xEF\xBB\xBF{}\n", 4), (Lines{"{}", "\xEF\xBB\xBF{}"}));
}

TEST(LineFramer, ATooLongLineIsDroppedAndTheNextOneIsRead) {
  for (const std::size_t step : {1U, 100U, 100'000U}) {
    const std::string stream = "a\n" + std::string(250'000, 'x') + "\nb\n" + std::string(1000, 'y') + "\n";
    EXPECT_EQ(lines_of(stream, step), (Lines{"a", "TOO LONG 250000", "b", std::string(1000, 'y')})) << step;
  }
  EXPECT_EQ(lines_of(std::string(2000, 'x'), 64), (Lines{"TOO LONG 2000"}));
}

TEST(LineFramer, ATooLongLineShowsItsTwoEnds) {
  for (const std::size_t step : {1U, 100U, 100'000U}) {
    LineFramer framer(1000);
    const std::string stream = "head" + std::string(250'000, 'x') + "tail\n";
    std::optional<Line> line;
    for (std::size_t at = 0; at < stream.size();) {
      const auto room = framer.prepare();
      const std::size_t n = std::min({step, room.size(), stream.size() - at});
      std::memcpy(room.data(), stream.data() + at, n);
      framer.commit(n);
      at += n;
      if (auto next = framer.next()) line = next;
    }
    ASSERT_TRUE(line && line->too_long);
    EXPECT_EQ(line->bytes, stream.size() - 1);
    EXPECT_TRUE(line->head.starts_with("headx")) << line->head;
    EXPECT_TRUE(line->tail.ends_with("xtail")) << line->tail;
  }
}

TEST(LineFramer, AHundredMegabytesInOneLineTakeNoMoreRoomThanTheLimit) {
  LineFramer framer(1 << 20);
  std::size_t most = 0;
  for (std::size_t sent = 0; sent < (100U << 20);) {
    const auto room = framer.prepare();
    most = std::max(most, room.size());
    std::memset(room.data(), 'x', room.size());
    framer.commit(room.size());
    sent += room.size();
    EXPECT_FALSE(framer.next().has_value());
  }
  EXPECT_LE(most, (1U << 20) + 4 * LineFramer::read_bytes);
  const auto room = framer.prepare();
  room[0] = '\n';
  framer.commit(1);
  const auto line = framer.next();
  ASSERT_TRUE(line.has_value());
  EXPECT_TRUE(line->too_long);
  EXPECT_GE(line->bytes, 100U << 20);
}

}  // namespace
}  // namespace meantime::mcp
