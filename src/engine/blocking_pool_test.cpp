// SPDX-License-Identifier: MIT
#include "engine/blocking_pool.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <latch>
#include <stdexcept>
#include <vector>

#include "support/co_test.hpp"

namespace meantime {
namespace {

TEST(BlockingPool, JobsThatComeTogetherRunTogether) {
  boost::asio::io_context io;
  Loop loop(io);
  BlockingPool pool(loop, 4);
  // However many threads are idle when the four come, each needs the other three to be running.
  for (int round = 0; round < 50; ++round) {
    std::latch all(4);
    std::vector<Task<int>> jobs;
    for (int i = 0; i < 4; ++i) {
      jobs.push_back(pool.run("owner", [&all, i] {
        all.arrive_and_wait();
        return i;
      }));
    }
    for (int i = 0; i < 4; ++i) ASSERT_EQ(test::run(io, std::move(jobs[static_cast<std::size_t>(i)])), i);
  }
}

TEST(BlockingPool, WhatTheWorkThrowsIsThrownToItsWaiter) {
  boost::asio::io_context io;
  Loop loop(io);
  BlockingPool pool(loop, 1);
  EXPECT_THROW(test::run(io, pool.run("owner", []() -> int { throw std::runtime_error("broken"); })),
               std::runtime_error);
  EXPECT_EQ(test::run(io, pool.run("owner", [] { return 7; })), 7);
}

}  // namespace
}  // namespace meantime
