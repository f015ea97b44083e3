// SPDX-License-Identifier: MIT
// system_clock.hpp: the machine's own clock, with alarms on an io_context.
#pragma once

#include "meantime/clock.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime {

/// Real time. The io_context outlives the clock and its alarms.
class SystemClock final : public Clock {
 public:
  explicit SystemClock(boost::asio::io_context& loop) : loop_(loop) {}
  [[nodiscard]] SteadyTime now() const noexcept override;
  [[nodiscard]] SteadyTime coarse_now() const noexcept override;
  [[nodiscard]] WallTime wall_now() const noexcept override;
  [[nodiscard]] std::unique_ptr<Alarm> make_alarm(std::function<void()> fire) override;

 private:
  boost::asio::io_context& loop_;
};

}  // namespace meantime
