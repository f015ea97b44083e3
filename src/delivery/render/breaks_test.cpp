// SPDX-License-Identifier: MIT
#include "delivery/render/breaks.hpp"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <set>

#include "delivery/render/clean.hpp"
#include "support/random_text.hpp"

namespace meantime::render {
namespace {

using Kind = Block::Kind;

std::string_view cut(std::string_view text, std::size_t at_most, Kind kind) {
  return text.substr(0, break_before(text, at_most, kind));
}

// Every boundary between clusters, found from the beginning of the text.
std::set<std::size_t> boundaries(std::string_view text) {
  std::set<std::size_t> found{0, text.size()};
  utf8proc_int32_t before = -1;
  utf8proc_int32_t state = 0;
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t character = 0;
    const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                        static_cast<utf8proc_ssize_t>(text.size() - at), &character);
    if (before >= 0 && utf8proc_grapheme_break_stateful(before, character, &state)) found.insert(at);
    before = character;
    at += static_cast<std::size_t>(bytes);
  }
  return found;
}

TEST(Breaks, S43_WhatPeopleSeeAsOneCharacterIsNotCut) {
  for (const std::string_view one : {"\U0001F468\u200D\U0001F469\u200D\U0001F466", "\U0001F1EB\U0001F1F7", "e\u0301",
                                     "\u2764\uFE0F", "\r\n", "\u1100\u1161\u11A8", "\U0001F44D\U0001F3FD"}) {
    const std::string text = "ab" + std::string(one) + "cd";
    for (std::size_t at = 2; at < 2 + one.size(); ++at) EXPECT_EQ(cluster_boundary(text, at), 2U) << one;
    EXPECT_EQ(cluster_boundary(text, 2 + one.size()), 2 + one.size()) << one;
  }
}

TEST(Breaks, FlagsInARowAreCutBetweenFlags) {
  std::string flags;
  for (int i = 0; i < 40; ++i) flags += "\U0001F1EB\U0001F1F7";
  for (std::size_t at = 8; at < flags.size(); ++at) EXPECT_EQ(cluster_boundary(flags, at), at / 8 * 8);
}

TEST(Breaks, AClusterLongerThanTheMessageIsCutBetweenCharacters) {
  std::string heap = "o";
  for (int i = 0; i < 100; ++i) heap += "\u0300";
  EXPECT_EQ(cluster_boundary(heap, 50), 49U);
  EXPECT_EQ(cluster_boundary("\U0001F600", 3), 0U);
}

TEST(Breaks, CutsLieOnTheBoundariesOfTheWholeText) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const std::string text = clean(test::random_text(seed, 900));
    const auto all = boundaries(text);
    for (std::size_t at = 200; at < text.size(); at += 7) {
      const std::size_t found = cluster_boundary(text, at);
      ASSERT_TRUE(all.contains(found)) << "seed " << seed << " at " << at;
      ASSERT_EQ(found, *std::prev(all.upper_bound(at))) << "seed " << seed << " at " << at;
    }
  }
}

TEST(Breaks, TextIsCutAtTheBestPlaceOfItsSecondHalf) {
  EXPECT_EQ(cut("one\n\ntwo\nthree four", 12, Kind::text), "one\n\ntwo\n");
  EXPECT_EQ(cut("onetwo\n\nthree\nfour", 15, Kind::text), "onetwo\n\n");
  EXPECT_EQ(cut("A sentence. Another one", 16, Kind::text), "A sentence. ");
  EXPECT_EQ(cut("some words here", 12, Kind::text), "some words ");
  EXPECT_EQ(cut("unbreakable", 5, Kind::text), "unbre");
}

TEST(Breaks, CodeIsCutBehindALineElseHard) {
  EXPECT_EQ(cut("int a;\nint b;\nint c;", 15, Kind::code), "int a;\nint b;\n");
  EXPECT_EQ(cut("a b c d e f g h", 6, Kind::code), "a b c ");
  EXPECT_EQ(cut("Result:\n{\"one\": 1, \"two\": 2, \"three\": 3}", 20, Kind::code), "Result:\n{\"one\": 1, \"");
  EXPECT_EQ(cut("ab\n0123456789\nx", 12, Kind::code), "ab\n") << "a line that fits as a whole comes as a whole";
}

TEST(Breaks, EntitiesEscapesLinksMentionsAndInlineCodeAreNotCut) {
  for (const std::string_view one : {"&amp;", "\\*", "<@123456>", "<#77>", "<https://example.org|label>",
                                     "[text](https://example.org)", "`inline code`", "``a ` b``"}) {
    const std::string text = "0123456789012345678901234567890123456789" + std::string(one) + "tail of it";
    for (std::size_t at = 41; at < 40 + one.size(); ++at) {
      EXPECT_EQ(break_before(text, at, Kind::text), 40U) << one << " at " << at;
    }
  }
}

TEST(Breaks, AHeapOfOpenedLinksIsCutAnyway) {
  for (const std::string_view one : {"<a", "[", "`", "&", "\\", "``a"}) {
    std::string text;
    while (text.size() < 20'000) text += one;
    const std::size_t end = break_before(text, 2'000, Kind::text);
    EXPECT_GT(end, 1'000U) << one;
    EXPECT_LE(end, 2'000U) << one;
  }
}

}  // namespace
}  // namespace meantime::render
