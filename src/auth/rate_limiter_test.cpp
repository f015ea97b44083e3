// SPDX-License-Identifier: MIT
#include "auth/rate_limiter.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "support/manual_clock.hpp"

namespace meantime::auth {
namespace {

TEST(RateLimiter, LetsABurstThroughAndThenSoManyASecond) {
  boost::asio::io_context loop;
  test::ManualClock clock(loop);
  RateLimiter limiter({.per_second = 10, .burst = 3, .callers = 10}, clock);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.take("a"), Milliseconds(0));
  EXPECT_EQ(limiter.take("a"), Milliseconds(100));
  clock.advance(Milliseconds(100));
  EXPECT_EQ(limiter.take("a"), Milliseconds(0));
  EXPECT_GT(limiter.take("a"), Milliseconds(0));
  clock.advance(std::chrono::hours(1));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.take("a"), Milliseconds(0));
  EXPECT_GT(limiter.take("a"), Milliseconds(0));
}

TEST(RateLimiter, OneCallerCostsNoOther) {
  boost::asio::io_context loop;
  test::ManualClock clock(loop);
  RateLimiter limiter({.per_second = 1, .burst = 1, .callers = 10}, clock);
  EXPECT_EQ(limiter.take("a"), Milliseconds(0));
  EXPECT_GT(limiter.take("a"), Milliseconds(0));
  EXPECT_EQ(limiter.take("b"), Milliseconds(0));
}

TEST(RateLimiter, RemembersNoMoreCallersThanItMay) {
  boost::asio::io_context loop;
  test::ManualClock clock(loop);
  RateLimiter limiter({.per_second = 1, .burst = 1, .callers = 100}, clock);
  EXPECT_EQ(limiter.take("first"), Milliseconds(0));
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_EQ(limiter.take("caller " + std::to_string(i)), Milliseconds(0));
    if (i % 50 == 0) EXPECT_GT(limiter.take("first"), Milliseconds(0)) << "one that comes often is not forgotten";
  }
  EXPECT_EQ(limiter.size(), 100U);
}

}  // namespace
}  // namespace meantime::auth
