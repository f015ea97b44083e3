// SPDX-License-Identifier: MIT
// clock.hpp: the port through which all time comes in, so that a test can turn it by hand.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace meantime {

using Milliseconds = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;
/// Wall-clock time in whole milliseconds: what is stored and shown.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// One settable wake-up; fires on the thread of the loop that the clock belongs to. Destroying it disarms it.
class Alarm {
 public:
  virtual ~Alarm() = default;
  /// Sets, or moves, the wake-up; a time that has passed fires on the next turn of the loop, never inside this call.
  virtual void set(SteadyTime when) = 0;
  virtual void clear() = 0;
};

/// Where time comes from. Threads: `now`, `coarse_now` and `wall_now` from anywhere; alarms on the loop's thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual SteadyTime now() const noexcept = 0;
  /// Like now(), several times cheaper and up to a scheduler tick (4 ms) behind it.
  [[nodiscard]] virtual SteadyTime coarse_now() const noexcept = 0;
  [[nodiscard]] virtual WallTime wall_now() const noexcept = 0;
  [[nodiscard]] virtual std::unique_ptr<Alarm> make_alarm(std::function<void()> fire) = 0;
};

}  // namespace meantime
