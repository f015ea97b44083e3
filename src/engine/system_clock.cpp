// SPDX-License-Identifier: MIT
#include "meantime/system_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ctime>

namespace meantime {
namespace {

class TimerAlarm final : public Alarm {
 public:
  TimerAlarm(boost::asio::io_context& loop, std::function<void()> fire) : timer_(loop), fire_(std::move(fire)) {}

  void set(SteadyTime when) override {
    timer_.expires_at(when);
    timer_.async_wait([this](boost::system::error_code ec) {
      if (!ec) fire_();
    });
  }
  void clear() override { timer_.cancel(); }

 private:
  boost::asio::steady_timer timer_;
  std::function<void()> fire_;
};

}  // namespace

SteadyTime SystemClock::now() const noexcept { return std::chrono::steady_clock::now(); }

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
