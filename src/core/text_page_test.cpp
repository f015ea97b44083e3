// SPDX-License-Identifier: MIT
#include "core/text_page.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "core/utf8.hpp"

namespace meantime {
namespace {

constexpr std::string_view text = "aü日🙂z";

TEST(TextPage, HoldsTheAskedForCharacters) {
  const TextPage page = page_of(text, 1, 2);
  EXPECT_EQ(page.text, "ü日");
  EXPECT_EQ(page.offset, 1U);
  EXPECT_EQ(page.total_chars, 5U);
  EXPECT_EQ(page.total_bytes, text.size());
  EXPECT_EQ(page.next_offset(2), 3U);
}

TEST(TextPage, PagesPutTogetherAreTheText) {
  for (std::uint64_t limit = 1; limit < 8; ++limit) {
    std::string all;
    std::optional<std::uint64_t> at = 0;
    while (at) {
      const TextPage page = page_of(text, *at, limit);
      EXPECT_LE(utf8::count(page.text), limit);
      all += page.text;
      at = page.next_offset(limit);
    }
    EXPECT_EQ(all, text);
  }
}

TEST(TextPage, WithoutALimitGoesToTheEnd) {
  EXPECT_EQ(page_of(text, 3, 0).text, "🙂z");
  EXPECT_EQ(page_of(text, 3, std::numeric_limits<std::uint64_t>::max()).text, "🙂z");
}

TEST(TextPage, PastTheEndIsEmptyAndTheLast) {
  const TextPage page = page_of(text, 99, 10);
  EXPECT_EQ(page.text, "");
  EXPECT_EQ(page.offset, 5U);
  EXPECT_EQ(page.next_offset(10), std::nullopt);
  EXPECT_EQ(page_of("", 0, 10).text, "");
}

}  // namespace
}  // namespace meantime
