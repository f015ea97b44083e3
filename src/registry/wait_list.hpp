// SPDX-License-Identifier: MIT
// wait_list.hpp: those who wait for one task to end, each with its own time-out.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>

#include "engine/deadlines.hpp"
#include "engine/loop.hpp"
#include "meantime/task.hpp"

namespace meantime {

/// Why a wait is over.
enum class Woken : std::uint8_t {
  ended,      ///< The task ended; the record says how.
  look,       ///< Something happened: look at the store again.
  timed_out,  ///< The time is up.
};

class WaitList;

/// `co_await` it to wait. Lives in the waiter's frame; dropping the waiter ends its wait and touches nothing else
/// (F16).
class Wait {
 public:
  Wait(WaitList& list, Loop& loop, Deadlines& deadlines, Milliseconds timeout);
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() { leave(); }

  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter);
  Woken await_resume() const noexcept { return woken_; }

  /// Set when woken by `ended`.
  [[nodiscard]] const std::shared_ptr<const TaskRecord>& record() const noexcept { return record_; }

 private:
  friend class WaitList;
  void leave() noexcept;
  void wake(Woken why, std::shared_ptr<const TaskRecord> record);

  WaitList* list_;
  Wait* previous_ = nullptr;
  Wait* next_ = nullptr;
  Loop& loop_;
  Deadlines& deadlines_;
  Milliseconds timeout_;
  std::coroutine_handle<> waiter_;
  Woken woken_ = Woken::look;
  std::shared_ptr<const TaskRecord> record_;
  Ready ready_;
  Deadline deadline_;
};

class WaitList {
 public:
  WaitList() noexcept = default;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;
  ~WaitList() {
    if (first_ != nullptr) wake_all(Woken::look);
  }

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  /// Each waiter goes on in the loop's next turn.
  void wake_all(Woken why, const std::shared_ptr<const TaskRecord>& record = nullptr);

 private:
  friend class Wait;
  Wait* first_ = nullptr;
};

}  // namespace meantime
