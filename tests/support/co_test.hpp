// SPDX-License-Identifier: MIT
// co_test.hpp: runs a coroutine to its end on a loop, with an upper limit of real time for a test that hangs.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <stdexcept>

#include "meantime/coroutine.hpp"

namespace meantime::test {

/// No test waits longer than this for anything, and none waits this long unless it fails.
inline constexpr std::chrono::seconds give_up_after{60};

/// Runs `loop` until `condition()` holds. Throws when it does not within the limit.
template <class Condition>
void run_until(boost::asio::io_context& loop, Condition condition) {
  const auto give_up_at = std::chrono::steady_clock::now() + give_up_after;
  auto work = boost::asio::make_work_guard(loop);
  while (!condition()) {
    if (loop.stopped()) loop.restart();
    loop.run_one_until(give_up_at);
    if (std::chrono::steady_clock::now() >= give_up_at) throw std::runtime_error("the test waited in vain");
  }
}

/// Runs `loop` until `task` has ended, and gives its value.
template <class T>
T run(boost::asio::io_context& loop, Task<T> task) {
  run_until(loop, [&] { return task.done(); });
  return task.take();
}

/// Runs whatever is ready, and waits for nothing.
inline void run_ready(boost::asio::io_context& loop) {
  loop.restart();
  while (loop.poll() != 0) loop.restart();
}

}  // namespace meantime::test
