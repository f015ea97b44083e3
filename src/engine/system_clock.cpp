// SPDX-License-Identifier: MIT
#include "meantime/system_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <ctime>
#include <memory>

namespace meantime {
namespace {

// A timer that has expired may wait in the loop's queue while its alarm is moved, cleared or destroyed: what is queued
// therefore holds what it looks at, and does nothing when it is no longer the latest word.
class TimerAlarm final : public Alarm {
 public:
  TimerAlarm(boost::asio::io_context& loop, std::function<void()> fire)
      : timer_(loop), state_(std::make_shared<State>(std::move(fire))) {}
  TimerAlarm(const TimerAlarm&) = delete;
  TimerAlarm& operator=(const TimerAlarm&) = delete;
  ~TimerAlarm() override { ++state_->word; }

  void set(SteadyTime when) override {
    timer_.expires_at(when);
    timer_.async_wait([state = state_, word = ++state_->word](boost::system::error_code ec) {
      if (!ec && word == state->word) state->fire();
    });
  }
  void clear() override {
    ++state_->word;
    timer_.cancel();
  }

 private:
  struct State {
    std::function<void()> fire;
    std::uint64_t word = 0;  // counts what was last asked
  };
  boost::asio::steady_timer timer_;
  std::shared_ptr<State> state_;
};

}  // namespace

SteadyTime SystemClock::now() const noexcept {
  return std::chrono::steady_clock::now();
}

SteadyTime SystemClock::coarse_now() const noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return SteadyTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

WallTime SystemClock::wall_now() const noexcept {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::unique_ptr<Alarm> SystemClock::make_alarm(std::function<void()> fire) {
  return std::make_unique<TimerAlarm>(loop_, std::move(fire));
}

}  // namespace meantime
