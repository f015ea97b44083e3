// SPDX-License-Identifier: MIT
#include "tools/control_filter.hpp"

#include <gtest/gtest.h>

namespace meantime {
namespace {

std::string cleaned(std::string_view text, std::size_t piece) {
  ControlFilter filter;
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) out += filter.clean(text.substr(at, piece));
  return out;
}

TEST(ControlFilter, TakesOutEscapesHoweverTheyAreSplit) {
  constexpr std::string_view text =
      "\x1B[1;31mred\x1B[0m \x1B]0;title\x07plain \x1B]8;;http://x\x1B\\link\x1B(B\ttab\x08\x07\x7F \xC3\xA4\n";
  for (const std::size_t piece : {1U, 2U, 3U, 1'000U}) {
    EXPECT_EQ(cleaned(text, piece), "red plain link\ttab \xC3\xA4\n") << piece;
  }
}

TEST(ControlFilter, AReturnIsALineOfItsOwn) {
  EXPECT_EQ(cleaned("10%\r50%\r100%\r\ndone\r\n", 1), "10%\n50%\n100%\ndone\n");
}

TEST(ControlFilter, ASequenceThatNeverEndsLosesAtMostItsLine) {
  EXPECT_EQ(cleaned("a\x1B[31\nb\n", 1), "a\nb\n");
  EXPECT_EQ(cleaned("a\x1B]title\nb\n", 1), "a\nb\n");
}

}  // namespace
}  // namespace meantime
