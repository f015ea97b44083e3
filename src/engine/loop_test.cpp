// SPDX-License-Identifier: MIT
#include "engine/loop.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <future>
#include <thread>
#include <vector>

#include "engine/blocking_pool.hpp"
#include "engine/deadlines.hpp"
#include "support/co_test.hpp"
#include "support/manual_clock.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using test::run;
using test::run_ready;

struct Noting {
  std::vector<int>* notes;
  int number;
  Ready ready{[](void* self) {
                auto& own = *static_cast<Noting*>(self);
                own.notes->push_back(own.number);
              },
              this};
  Noting(std::vector<int>& n, int i) : notes(&n), number(i) {}
};

TEST(Loop, WhatIsPostedRunsInOrderOnTheNextTurnAndOnce) {
  boost::asio::io_context io;
  Loop loop(io);
  std::vector<int> notes;
  Noting one(notes, 1);
  Noting two(notes, 2);
  loop.post(one.ready);
  loop.post(two.ready);
  loop.post(one.ready);
  EXPECT_TRUE(notes.empty());
  run_ready(io);
  EXPECT_EQ(notes, (std::vector<int>{1, 2}));
}

TEST(Loop, WhatIsDestroyedBeforeItsTurnDoesNotRun) {
  boost::asio::io_context io;
  Loop loop(io);
  std::vector<int> notes;
  {
    Noting gone(notes, 1);
    loop.post(gone.ready);
  }
  run_ready(io);
  EXPECT_TRUE(notes.empty());
}

TEST(Loop, ALoopMayGoBeforeItsPostedTurn) {
  boost::asio::io_context io;
  std::vector<int> notes;
  Noting one(notes, 1);
  {
    Loop loop(io);
    loop.post(one.ready);
  }
  run_ready(io);
  EXPECT_TRUE(notes.empty());
  EXPECT_FALSE(one.ready.queued());
}

TEST(BlockingPool, WorkRunsOnAThreadAndItsValueComesBack) {
  boost::asio::io_context io;
  Loop loop(io);
  BlockingPool pool(loop, 2);
  auto thread = run(io, pool.run("ann", [] { return std::this_thread::get_id(); }));
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST(BlockingPool, WhatTheWorkThrowsIsThrownToTheOneWhoAwaits) {
  boost::asio::io_context io;
  Loop loop(io);
  BlockingPool pool(loop, 1);
  auto throws = [&pool]() { return pool.run("ann", []() -> int { throw std::runtime_error("no"); }); };
  EXPECT_THROW(run(io, throws()), std::runtime_error);
}

TEST(BlockingPool, F27_OwnersTakeTurns) {
  boost::asio::io_context io;
  Loop loop(io);
  BlockingPool pool(loop, 1);
  std::promise<void> begin;
  std::vector<std::string> order;  // written by the pool's one thread only
  pool.submit("first", [gate = begin.get_future().share()] { gate.wait(); });
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(pool.run("greedy", [&order] { return order.emplace_back("greedy"), 0; }));
  }
  tasks.push_back(pool.run("modest", [&order] { return order.emplace_back("modest"), 0; }));
  begin.set_value();
  for (auto& task : tasks) run(io, std::move(task));
  EXPECT_EQ(order, (std::vector<std::string>{"greedy", "modest", "greedy", "greedy"}));
}

TEST(BlockingPool, DroppingTheTaskForgetsItsValueAndTheWorkRunsToItsEnd) {
  boost::asio::io_context io;
  Loop loop(io);
  std::promise<void> begin;
  std::promise<void> ended;
  BlockingPool pool(loop, 1);
  {
    auto dropped = pool.run("ann", [gate = begin.get_future().share(), &ended] {
      gate.wait();
      ended.set_value();
      return 1;
    });
  }
  begin.set_value();
  ended.get_future().wait();
  run_ready(io);
}

TEST(BlockingPool, ThePoolWaitsForWhatHasBegunAndDropsTheRest) {
  boost::asio::io_context io;
  Loop loop(io);
  bool ended = false;
  bool never = false;
  std::promise<void> begun;
  {
    BlockingPool pool(loop, 1);
    pool.submit("ann", [&] {
      begun.set_value();
      ended = true;
    });
    begun.get_future().wait();
    pool.submit("ann", [&] { never = never || !ended; });
  }
  EXPECT_TRUE(ended);
  EXPECT_FALSE(never);
}

struct Fired {
  int count = 0;
  std::vector<int>* order = nullptr;
  int number = 0;
  Deadline deadline{[](void* self) {
                      auto& own = *static_cast<Fired*>(self);
                      ++own.count;
                      if (own.order != nullptr) own.order->push_back(own.number);
                    },
                    this};
};

TEST(Deadlines, TheyFireInTheOrderOfTheirTimesWhateverTheOrderOfTheirArming) {
  boost::asio::io_context io;
  test::ManualClock clock(io);
  Deadlines deadlines(clock);
  std::vector<int> order;
  std::array<Fired, 4> fired;
  const std::array<Milliseconds, 4> times{300ms, 100ms, 200ms, 100ms};
  for (int i = 0; i < 4; ++i) {
    auto& each = fired.at(static_cast<std::size_t>(i));
    each.order = &order;
    each.number = i;
    deadlines.arm(each.deadline, times.at(static_cast<std::size_t>(i)));
  }
  clock.advance(99ms);
  EXPECT_TRUE(order.empty());
  clock.advance(1s);
  EXPECT_EQ(order, (std::vector<int>{1, 3, 2, 0}));
}

TEST(Deadlines, OneThatIsDisarmedOrDestroyedDoesNotFire) {
  boost::asio::io_context io;
  test::ManualClock clock(io);
  Deadlines deadlines(clock);
  Fired stays;
  Fired disarmed;
  deadlines.arm(stays.deadline, 10ms);
  deadlines.arm(disarmed.deadline, 10ms);
  {
    Fired destroyed;
    deadlines.arm(destroyed.deadline, 10ms);
  }
  disarmed.deadline.disarm();
  clock.advance(1s);
  EXPECT_EQ(stays.count, 1);
  EXPECT_EQ(disarmed.count, 0);
}

TEST(Deadlines, OneThatArmsItselfAgainForNothingDoesNotHoldTheLoop) {
  boost::asio::io_context io;
  test::ManualClock clock(io);
  Deadlines deadlines(clock);
  struct Again {
    Deadlines& all;
    int count = 0;
    Deadline deadline{[](void* self) {
                        auto& own = *static_cast<Again*>(self);
                        if (++own.count < 5) own.all.arm(own.deadline, 0ms);
                      },
                      this};
    explicit Again(Deadlines& d) : all(d) {}
  } again(deadlines);
  deadlines.arm(again.deadline, 0ms);
  clock.advance(1ms);
  EXPECT_EQ(again.count, 5);
}

TEST(Deadlines, ALaterArmedButEarlierTimeOfAnEqualDurationKeepsTheOrder) {
  boost::asio::io_context io;
  test::ManualClock clock(io);
  Deadlines deadlines(clock);
  std::vector<int> order;
  std::array<Fired, 2> fired;
  for (int i = 0; i < 2; ++i) {
    fired.at(static_cast<std::size_t>(i)).order = &order;
    fired.at(static_cast<std::size_t>(i)).number = i;
  }
  deadlines.arm(fired[0].deadline, 100ms, clock.now());
  deadlines.arm(fired[1].deadline, 100ms, clock.now() - 4ms);  // by a coarse clock
  clock.advance(97ms);
  EXPECT_EQ(order, (std::vector<int>{1}));
  clock.advance(10ms);
  EXPECT_EQ(order, (std::vector<int>{1, 0}));
}

TEST(Deadlines, HundredsOfDifferentDurationsFireInOrderToo) {
  boost::asio::io_context io;
  test::ManualClock clock(io);
  Deadlines deadlines(clock);
  std::vector<int> order;
  std::vector<std::unique_ptr<Fired>> fired;
  for (int i = 0; i < 500; ++i) {
    fired.push_back(std::make_unique<Fired>());
    fired.back()->order = &order;
    fired.back()->number = (i * 37) % 500;
    deadlines.arm(fired.back()->deadline, Milliseconds(fired.back()->number));
  }
  fired[3]->deadline.disarm();
  clock.advance(1s);
  EXPECT_EQ(order.size(), 499U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Deadlines, OneThatFiresMayDestroyThemAll) {
  boost::asio::io_context io;
  test::ManualClock clock(io);
  auto deadlines = std::make_unique<Deadlines>(clock);
  Deadline last([](void* all) { static_cast<std::unique_ptr<Deadlines>*>(all)->reset(); }, &deadlines);
  deadlines->arm(last, 1ms);
  clock.advance(1s);
  EXPECT_EQ(deadlines, nullptr);
}

}  // namespace
}  // namespace meantime
