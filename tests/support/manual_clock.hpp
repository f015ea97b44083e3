// SPDX-License-Identifier: MIT
// manual_clock.hpp: the clock that a test turns. Time stands still until advance() is called.
#pragma once

#include <functional>
#include <memory>
#include <set>

#include "meantime/clock.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime::test {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(boost::asio::io_context& loop);
  ~ManualClock() override;

  [[nodiscard]] SteadyTime now() const noexcept override { return now_; }
  [[nodiscard]] SteadyTime coarse_now() const noexcept override { return now_; }
  [[nodiscard]] WallTime wall_now() const noexcept override { return wall_; }
  [[nodiscard]] std::unique_ptr<Alarm> make_alarm(std::function<void()> fire) override;

  /// Moves time on, stopping at each alarm on the way, and runs the loop until it has nothing ready.
  void advance(Milliseconds by);
  /// Moves only the wall clock, as an operator or NTP would.
  void jump_wall(Milliseconds by) { wall_ += by; }

 private:
  class ManualAlarm;
  boost::asio::io_context& loop_;
  SteadyTime now_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::seconds(1'790'000'000)};
  std::set<ManualAlarm*> alarms_;
};

}  // namespace meantime::test
