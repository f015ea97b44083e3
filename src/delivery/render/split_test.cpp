// SPDX-License-Identifier: MIT
#include "delivery/render/split.hpp"

#include <gtest/gtest.h>

#include "core/utf8.hpp"
#include "delivery/render/breaks.hpp"
#include "delivery/render/clean.hpp"
#include "support/random_text.hpp"

namespace meantime::render {
namespace {

using Kind = Block::Kind;

std::vector<Pieces> must_split(const std::vector<Block>& blocks, const std::vector<Frame>& frames,
                               const SplitRules& rules) {
  auto messages = split(blocks, frames, rules);
  EXPECT_TRUE(messages.has_value()) << (messages ? "" : messages.error().detail);
  return messages ? *messages : std::vector<Pieces>{};
}

SplitRules rules_of(std::size_t budget) {
  return {.measure = Measure(Unit::code_points), .budget = budget, .first_budget = budget};
}

TEST(Split, ABlockOfCodeThatFitsIntoOneMessageIsMovedWhole) {
  const std::string before(60, 'a');
  const std::string code(80, 'c');
  const auto messages = must_split({{Kind::text, before, {}}, {Kind::code, code, {}}}, {{}, {8, 8}}, rules_of(100));
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0][0].text, before);
  EXPECT_EQ(messages[1][0].text, code);
}

TEST(Split, F22_TheFenceIsPaidForInEachMessage) {
  const std::string code(1'000, 'c');
  const auto messages = must_split({{Kind::code, code, {}}}, {{12, 8}}, rules_of(100));
  ASSERT_EQ(messages.size(), 12U);
  for (const Pieces& pieces : messages) EXPECT_LE(pieces[0].text.size(), 88U);
}

TEST(Split, ALanguageThatLeavesNoRoomIsLeftOut) {
  const std::string code(100, 'c');
  const auto messages = must_split({{Kind::code, code, "longlanguage"}}, {{30, 10}}, rules_of(40));
  EXPECT_FALSE(messages[0][0].with_language);
  EXPECT_EQ(messages[0][0].text.size(), 30U);
}

TEST(Split, AHeaderStandsAloneBeforeCodeThatFillsAMessage) {
  const std::string code(90, 'c');
  SplitRules rules = rules_of(100);
  rules.first_budget = 70;
  const auto messages = must_split({{Kind::code, code, {}}}, {{8, 8}}, rules);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_TRUE(messages[0].empty());
}

TEST(Split, WhiteSpaceAloneIsNoMessage) {
  EXPECT_TRUE(must_split({{Kind::text, "  \n \n", {}}}, {{}}, rules_of(100)).empty());
  const std::string blank(5'000, '\n');
  EXPECT_TRUE(must_split({{Kind::code, blank, {}}}, {{8, 8}}, rules_of(100)).empty());
  const std::string gap = "start\n" + blank + "end";
  EXPECT_EQ(must_split({{Kind::code, gap, {}}}, {{8, 8}}, rules_of(100)).size(), 2U);
}

TEST(Split, ItGivesUpWithOneMessageMoreThanAllowed) {
  const std::string code(100'000, 'c');
  SplitRules rules = rules_of(100);
  rules.at_most = 3;
  EXPECT_EQ(must_split({{Kind::code, code, {}}}, {{8, 8}}, rules).size(), 4U);
}

TEST(Split, ABudgetWithoutRoomForACharacterIsRefused) {
  const auto messages = split(std::vector<Block>{{Kind::code, "code", {}}}, std::vector<Frame>{{20, 10}}, rules_of(10));
  ASSERT_FALSE(messages.has_value());
  EXPECT_EQ(messages.error().code, errc::invalid_argument);
  const auto narrow = split(std::vector<Block>{{Kind::text, "\U0001F600", {}}}, std::vector<Frame>{{}},
                            {.measure = Measure(Unit::bytes), .budget = 3, .first_budget = 3});
  EXPECT_FALSE(narrow.has_value());
}

// What lies between one piece and the next may only be white space.
void expect_all_there(const std::vector<Block>& blocks, const std::vector<Pieces>& messages) {
  std::vector<std::size_t> shown(blocks.size());
  std::size_t last = 0;
  const auto expect_blank = [&](std::size_t block, std::size_t end) {
    const auto gap = blocks[block].text.substr(shown[block], end - shown[block]);
    ASSERT_EQ(gap.find_first_not_of(" \t\r\n"), std::string_view::npos) << "left out: '" << gap << "'";
  };
  for (const Pieces& pieces : messages) {
    for (const Piece& piece : pieces) {
      ASSERT_GE(piece.block, last) << "out of order";
      last = piece.block;
      const auto at = static_cast<std::size_t>(piece.text.data() - blocks[piece.block].text.data());
      ASSERT_GE(at, shown[piece.block]) << "shown twice";
      expect_blank(piece.block, at);
      shown[piece.block] = at + piece.text.size();
    }
  }
  for (std::size_t block = 0; block < blocks.size(); ++block) expect_blank(block, blocks[block].text.size());
}

TEST(Split, S43_WhateverTheTextAllOfItComesInOrderWithinTheLimit) {
  for (std::uint64_t seed = 0; seed < 1'200; ++seed) {
    const std::string text = clean(test::random_text(seed, 100 + seed % 40 * 150));
    const auto blocks = parse_blocks(text);
    const std::vector<Frame> frames(blocks.size(), Frame{14, 9});
    const Unit unit = std::array{Unit::bytes, Unit::code_points, Unit::utf16, Unit::json_bytes}[seed % 4];
    SplitRules rules{.measure = Measure(unit, seed % 3 == 0 ? Escape::angle : Escape::none), .budget = 60 + seed % 900};
    rules.first_budget = rules.budget - seed % 3 * 15;
    rules.line_end = unit == Unit::json_bytes ? 2 : 1;
    const auto messages = must_split(blocks, frames, rules);
    for (std::size_t i = 0; i < messages.size(); ++i) {
      std::size_t units = 0;
      bool visible = i == 0 && rules.first_budget < rules.budget;
      for (const Piece& piece : messages[i]) {
        const bool code = blocks[piece.block].kind == Kind::code;
        units += rules.measure.of(piece.text) + (code ? (piece.with_language ? 14 : 9) : 0);
        visible = visible || piece.text.find_first_not_of(" \t\n") != std::string_view::npos;
        ASSERT_TRUE(utf8::valid(piece.text));
        ASSERT_FALSE(piece.text.empty());
      }
      if (!messages[i].empty()) units += (messages[i].size() - 1) * rules.line_end;
      ASSERT_LE(units, i == 0 ? rules.first_budget : rules.budget) << "seed " << seed;
      ASSERT_TRUE(visible) << "seed " << seed << ": an empty message";
    }
    expect_all_there(blocks, messages);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace meantime::render
