// SPDX-License-Identifier: MIT
// pause.hpp: `co_await Pause(deadlines, 5s)`. Threads: the loop's.
#pragma once

#include <coroutine>

#include "engine/deadlines.hpp"

namespace meantime {

/// Goes on after the time, from the loop. Dropping the coroutine ends the pause.
class [[nodiscard]] Pause {
 public:
  Pause(Deadlines& deadlines, Milliseconds time)
      : deadlines_(deadlines),
        time_(time),
        over_([](void* self) { static_cast<Pause*>(self)->waiter_.resume(); }, this) {}
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;
  ~Pause() = default;

  [[nodiscard]] bool await_ready() const noexcept { return time_ <= Milliseconds(0); }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    deadlines_.arm(over_, time_);
  }
  void await_resume() const noexcept {}

 private:
  Deadlines& deadlines_;
  Milliseconds time_;
  std::coroutine_handle<> waiter_;
  Deadline over_;
};

}  // namespace meantime
