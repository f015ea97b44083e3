// SPDX-License-Identifier: MIT
#include "core/utf8.hpp"

#include <gtest/gtest.h>

namespace meantime {
namespace {

constexpr std::string_view mixed = "aü日🙂z";  // 1, 2, 3, 4 and 1 bytes

TEST(Utf8, CountsCodePoints) {
  EXPECT_EQ(utf8::count(mixed), 5U);
  EXPECT_EQ(utf8::count(""), 0U);
}

TEST(Utf8, FindsWhereACharacterStarts) {
  EXPECT_EQ(utf8::byte_offset(mixed, 0), 0U);
  EXPECT_EQ(utf8::byte_offset(mixed, 2), 3U);
  EXPECT_EQ(utf8::byte_offset(mixed, 4), 10U);
  EXPECT_EQ(utf8::byte_offset(mixed, 5), mixed.size());
  EXPECT_EQ(utf8::byte_offset(mixed, 500), mixed.size());
}

TEST(Utf8, NeverCutsInsideACharacter) {
  for (std::size_t most = 0; most <= mixed.size() + 2; ++most) {
    const std::size_t length = utf8::cut_length(mixed, most);
    EXPECT_LE(length, most);
    EXPECT_TRUE(utf8::valid(mixed.substr(0, length))) << most;
  }
  EXPECT_EQ(utf8::cut_length(mixed, 5), 3U);
}

TEST(Utf8, F11_InvalidBytesAreReplacedAndTheRestIsKept) {
  EXPECT_EQ(utf8::repaired(std::string(mixed)), mixed);
  EXPECT_EQ(utf8::repaired("a\xff"
                           "b"),
            "a\uFFFDb");
  for (const char* broken :
       {"\xc3", "\xe6\x97", "\xf0\x9f\x99", "\x80", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80"}) {
    EXPECT_FALSE(utf8::valid(broken));
    const auto mended = utf8::repaired("<" + std::string(broken) + ">");
    EXPECT_TRUE(utf8::valid(mended));
    EXPECT_TRUE(mended.starts_with("<\uFFFD") && mended.ends_with(">")) << mended;
  }
}

TEST(Utf8, HeadAndTailSayHowMuchIsLeftOut) {
  bool cut = false;
  EXPECT_EQ(utf8::head_and_tail("short", 5, cut), "short");
  EXPECT_FALSE(cut);
  EXPECT_EQ(utf8::head_and_tail("0123456789", 4, cut), "01\n[... 6 bytes left out ...]\n89");
  EXPECT_TRUE(cut);
}

TEST(Utf8, HeadAndTailNeverSplitACharacter) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += mixed;
  for (std::uint64_t most = 0; most < 100; ++most) {
    bool cut = false;
    EXPECT_TRUE(utf8::valid(utf8::head_and_tail(text, most, cut))) << most;
    EXPECT_TRUE(cut);
  }
}

}  // namespace
}  // namespace meantime
