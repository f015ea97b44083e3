// SPDX-License-Identifier: MIT
#include "meantime/coroutine.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <stdexcept>

#include "meantime/asio.hpp"
#include "support/co_test.hpp"

namespace meantime {
namespace {

namespace asio = boost::asio;
using test::run;

Task<int> seven() {
  co_return 7;
}

Task<int> seven_later(asio::io_context& loop) {
  co_await asio::post(loop, await);
  co_return 7;
}

Task<void> wait_for_ever(asio::io_context& loop, bool& destroyed) {
  struct Mark {
    bool& flag;
    ~Mark() { flag = true; }
  } mark{destroyed};
  asio::steady_timer timer(loop, std::chrono::hours(1));
  co_await timer.async_wait(await);
}

TEST(Coroutine, ATaskThatNeverSuspendsIsDoneWhenItsCallReturns) {
  auto task = seven();
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.take(), 7);
}

TEST(Coroutine, ATaskThatSuspendsGivesItsValueToTheOneWhoAwaitsIt) {
  asio::io_context loop;
  auto outer = [](asio::io_context& io) -> Task<int> { co_return co_await seven_later(io) + co_await seven(); };
  EXPECT_EQ(run(loop, outer(loop)), 14);
}

TEST(Coroutine, AnExceptionReachesTheOneWhoTakesTheValue) {
  asio::io_context loop;
  auto thrower = [](asio::io_context& io) -> Task<int> {
    co_await asio::post(io, await);
    throw std::runtime_error("no");
  };
  EXPECT_THROW(run(loop, thrower(loop)), std::runtime_error);
}

TEST(Coroutine, DroppingATaskCancelsWhatItAwaitsAndRunsItsDestructors) {
  asio::io_context loop;
  bool destroyed = false;
  {
    auto task = wait_for_ever(loop, destroyed);
    EXPECT_FALSE(destroyed);
  }
  EXPECT_TRUE(destroyed);
  loop.run();  // returns at once: no timer is left
}

TEST(Coroutine, AGroupRunsItsTasksAndForgetsThoseThatEnded) {
  asio::io_context loop;
  bool destroyed = false;
  {
    TaskGroup group;
    group.spawn([](asio::io_context& io) -> Task<void> { co_await seven_later(io); }(loop));
    group.spawn(wait_for_ever(loop, destroyed));
    EXPECT_EQ(group.size(), 2U);
    test::run_ready(loop);
    EXPECT_EQ(group.size(), 1U);
  }
  EXPECT_TRUE(destroyed);
}

TEST(Coroutine, ATaskCanBeAwaitedInAnAsioAwaitable) {
  asio::io_context loop;
  int sum = 0;
  auto body = [&]() -> asio::awaitable<void> {
    sum += co_await as_awaitable(seven());
    sum += co_await as_awaitable(seven_later(loop));
  };
  asio::co_spawn(loop, body(), asio::detached);
  loop.run();
  EXPECT_EQ(sum, 14);
}

TEST(Coroutine, CancellingTheAwaitableDropsTheTask) {
  asio::io_context loop;
  bool destroyed = false;
  asio::cancellation_signal signal;
  std::exception_ptr error;
  asio::co_spawn(loop, as_awaitable(wait_for_ever(loop, destroyed)),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { error = e; }));
  test::run_ready(loop);
  EXPECT_FALSE(destroyed);
  signal.emit(asio::cancellation_type::terminal);
  test::run_ready(loop);
  EXPECT_TRUE(destroyed);
  EXPECT_TRUE(error);
}

TEST(Coroutine, ACancellationThatComesWhenTheTaskHasEndedTouchesNothing) {
  asio::io_context loop;
  asio::cancellation_signal signal;
  int value = 0;
  auto body = [&]() -> asio::awaitable<void> {
    value = co_await as_awaitable(seven_later(loop));
    signal.emit(asio::cancellation_type::terminal);
  };
  asio::co_spawn(loop, body(), asio::bind_cancellation_slot(signal.slot(), asio::detached));
  test::run_ready(loop);
  EXPECT_EQ(value, 7);
}

}  // namespace
}  // namespace meantime
