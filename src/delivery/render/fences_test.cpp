// SPDX-License-Identifier: MIT
#include "delivery/render/fences.hpp"

#include <gtest/gtest.h>

namespace meantime::render {
namespace {

using Kind = Block::Kind;

TEST(Fences, MarkdownIsTextAndCode) {
  const auto blocks = parse_blocks("before\n```cpp title=x\nint a;\n```\nafter\n");
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[0].text, "before\n");
  EXPECT_EQ(blocks[1].kind, Kind::code);
  EXPECT_EQ(blocks[1].text, "int a;\n");
  EXPECT_EQ(blocks[1].language, "cpp");
  EXPECT_EQ(blocks[2].text, "after\n");
}

TEST(Fences, AFenceIsClosedByItsOwnKindOnly) {
  const auto blocks = parse_blocks("````\n```\n~~~\n```` not yet\n   `````  \nafter");
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].text, "```\n~~~\n```` not yet\n");
  EXPECT_EQ(blocks[1].text, "after");
}

TEST(Fences, WhatIsNoFenceStaysText) {
  for (const std::string_view text :
       {"    ```\nindented\n", "``\ntwo\n", "```inline``` code\n", "a ``` in the line\n"}) {
    const auto blocks = parse_blocks(text);
    ASSERT_EQ(blocks.size(), 1U) << text;
    EXPECT_EQ(blocks[0].kind, Kind::text);
    EXPECT_EQ(blocks[0].text, text);
  }
}

TEST(Fences, AFenceThatIsNeverClosedGoesToTheEnd) {
  const auto blocks = parse_blocks("~~~ `sh`\na\nb");
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(blocks[0].kind, Kind::code);
  EXPECT_EQ(blocks[0].text, "a\nb");
  EXPECT_EQ(blocks[0].language, "") << "an info string that is no language";
}

TEST(Fences, AnInfoStringOfAnyLengthIsNoLongLanguage) {
  EXPECT_EQ(parse_blocks("```" + std::string(500, 'x') + "\na\n```")[0].language, "");
}

TEST(Fences, F22_NothingInsideClosesOurFence) {
  EXPECT_EQ(fence_marker("a ```` b", InnerFence::longer_marker), "`````");
  EXPECT_EQ(fence_marker("a ```` b", InnerFence::zero_width_space), "```");
  EXPECT_EQ(fence_marker("plain", InnerFence::longer_marker), "```");
  EXPECT_EQ(fenceable("```` a `` b ```", InnerFence::zero_width_space), "``\u200B`` a `` b ``\u200B`");
  EXPECT_EQ(fenceable("``` a", InnerFence::longer_marker), "``` a");
  const std::string heap(10'000, '`');
  const std::string safe = fenceable(heap, InnerFence::longer_marker);
  EXPECT_LT(longest_backtick_run(safe), 3U);
  EXPECT_EQ(fence_marker(safe, InnerFence::longer_marker), "```");
}

TEST(Fences, TextOutsideOfCodeOpensNoneWhereverItIsCut) {
  EXPECT_EQ(without_fences("a ```b``` ~~~~ `c`"), "a ``\u200B`b``\u200B` ~~\u200B~~ `c`");
  EXPECT_EQ(without_fences("a ``b`` ~~c~~"), "a ``b`` ~~c~~");
}

}  // namespace
}  // namespace meantime::render
