// SPDX-License-Identifier: MIT
#include "core/suggest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace meantime {
namespace {

const std::vector<std::string> known{"run", "check", "await", "list", "--budget", "--quiet"};

TEST(Suggest, FindsTheWordBehindASlip) {
  EXPECT_EQ(nearest("rnu", known), "run");
  EXPECT_EQ(nearest("chekc", known), "check");
  EXPECT_EQ(nearest("lst", known), "list");
  EXPECT_EQ(nearest("--bugdet", known), "--budget");
}

TEST(Suggest, StaysSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest("frobnicate", known), "");
  EXPECT_EQ(nearest("", {}), "");
  EXPECT_EQ(nearest(std::string(1'000'000, 'x'), known), "");
}

}  // namespace
}  // namespace meantime
