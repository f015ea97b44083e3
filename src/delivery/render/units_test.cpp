// SPDX-License-Identifier: MIT
#include "delivery/render/units.hpp"

#include <gtest/gtest.h>

#include "core/json_writer.hpp"
#include "core/utf8.hpp"
#include "support/random_text.hpp"

namespace meantime::render {
namespace {

struct Row {
  std::string_view text;
  std::size_t bytes, code_points, utf16;
};

TEST(Units, S43_EachPlatformsUnitCountsAsThePlatformDoes) {
  for (const Row& row : {Row{"a", 1, 1, 1}, Row{"\u00E9", 2, 1, 1}, Row{"e\u0301", 3, 2, 2}, Row{"\u20AC", 3, 1, 1},
                         Row{"\U0001F600", 4, 1, 2}, Row{"\U0001F468\u200D\U0001F469\u200D\U0001F466", 18, 5, 8},
                         Row{"\U0001F1EB\U0001F1F7", 8, 2, 4}, Row{"", 0, 0, 0}}) {
    EXPECT_EQ(length(row.text, Unit::bytes), row.bytes) << row.text;
    EXPECT_EQ(length(row.text, Unit::code_points), row.code_points) << row.text;
    EXPECT_EQ(length(row.text, Unit::utf16), row.utf16) << row.text;
    EXPECT_EQ(length(row.text, Unit::json_bytes), row.bytes) << row.text;
  }
}

TEST(Units, JsonBytesAreWhatTheWriterWrites) {
  std::string all;
  for (char c = 0; c < 127; ++c) all += c;
  all += "\u00E9\u2028\U0001F600";
  std::string written;
  append_json_string(written, all);
  EXPECT_EQ(length(all, Unit::json_bytes), written.size() - 2);
}

TEST(Units, EscapedTextIsMeasuredUnescaped) {
  EXPECT_EQ(Measure(Unit::utf16, Escape::angle).of("a<b>&\U0001F600"), std::string_view("a&lt;b&gt;&amp;").size() + 2);
  EXPECT_EQ(Measure(Unit::bytes, Escape::html).of("a\n<"), std::string_view("a<br>&lt;").size());
  const Measure both = Measure(Unit::json_bytes).with(Measure(Unit::json_bytes, Escape::html));
  EXPECT_EQ(both.of("\"<\u00E9"), std::string_view("\\\"<\u00E9").size() + std::string_view("\\\"&lt;\u00E9").size());
}

TEST(Units, ABeginningIsTheLongestThatFitsAndEndsBetweenCharacters) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const std::string text = test::random_text(seed, 90);
    for (const Measure& measure : {Measure(Unit::bytes), Measure(Unit::code_points), Measure(Unit::utf16),
                                   Measure(Unit::json_bytes), Measure(Unit::utf16, Escape::angle),
                                   Measure(Unit::json_bytes).with(Measure(Unit::json_bytes, Escape::html))}) {
      for (std::size_t budget = 0; budget < 120; ++budget) {
        const Prefix fit = measure.prefix(text, budget);
        const std::string_view begin = std::string_view(text).substr(0, fit.bytes);
        ASSERT_TRUE(utf8::valid(begin));
        ASSERT_EQ(fit.units, measure.of(begin));
        ASSERT_LE(fit.units, budget);
        if (fit.bytes == text.size()) continue;
        const std::size_t next = utf8::byte_offset(std::string_view(text).substr(fit.bytes), 1);
        ASSERT_GT(measure.of(std::string_view(text).substr(0, fit.bytes + next)), budget);
      }
    }
  }
}

TEST(Units, NoCharacterCostsMoreThanTheWidest) {
  EXPECT_EQ(Measure(Unit::code_points).of_widest(), 1U);
  EXPECT_EQ(Measure(Unit::utf16).of_widest(), 2U);
  EXPECT_EQ(Measure(Unit::bytes).of_widest(), 4U);
  EXPECT_EQ(Measure(Unit::utf16, Escape::angle).of_widest(), 5U);
  EXPECT_EQ(Measure(Unit::json_bytes).of_widest(), 6U);
}

}  // namespace
}  // namespace meantime::render
