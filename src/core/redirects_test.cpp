// SPDX-License-Identifier: MIT
#include "core/redirects.hpp"

#include <gtest/gtest.h>

namespace meantime {
namespace {

Redirect to(std::string channel, std::uint32_t max_chars = 0) {
  return {.destination = "chat", .channel_id = std::move(channel), .platform = "matrix", .max_chars = max_chars};
}

TEST(Redirects, S40_TheSamePlaceAgainReplacesAndOthersStandSideBySide) {
  std::vector<Redirect> set;
  EXPECT_TRUE(put_redirect(set, to("one", 10)));
  EXPECT_TRUE(put_redirect(set, to("two")));
  EXPECT_TRUE(put_redirect(set, to("one", 20)));
  EXPECT_EQ(set, (std::vector{to("one", 20), to("two")}));
}

TEST(Redirects, ThereAreOnlySoMany) {
  std::vector<Redirect> set;
  for (std::size_t i = 0; i < max_redirects; ++i) EXPECT_TRUE(put_redirect(set, to(std::to_string(i))));
  EXPECT_FALSE(put_redirect(set, to("one more")));
  EXPECT_TRUE(put_redirect(set, to("3", 5))) << "to replace one is no more";
  EXPECT_EQ(set.size(), max_redirects);
}

TEST(Redirects, NamesThatMakeNoSenseAreRefusedWithTheRemedy) {
  EXPECT_TRUE(check_redirect(to("one")).has_value());
  EXPECT_EQ(check_redirect({}).error().code, errc::invalid_argument);
  EXPECT_EQ(check_redirect(to(std::string(600, 'x'))).error().code, errc::invalid_argument);
  EXPECT_EQ(check_redirect(to("\xff")).error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace meantime
