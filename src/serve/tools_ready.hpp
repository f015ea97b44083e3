// SPDX-License-Identifier: MIT
// tools_ready.hpp: says when all tools are registered: upstream servers take their time, and may never greet.
// Threads: the loop's.
#pragma once

#include <coroutine>
#include <functional>
#include <list>
#include <utility>

#include "engine/loop.hpp"

namespace meantime::serve {

/// Outlives the servers that wait for it.
class ToolsReady {
 public:
  explicit ToolsReady(Loop& loop) : loop_(loop) {}
  [[nodiscard]] bool now() const noexcept { return ready_; }
  /// Called once, with the first wait: what is not there before somebody asks is fetched then.
  void when_wanted(std::function<void()> tell) { wanted_ = std::move(tell); }
  void set() {
    ready_ = true;
    for (Waiter* waiter : waiting_) loop_.post(waiter->ready);
  }

  class [[nodiscard]] Waiter {
   public:
    explicit Waiter(ToolsReady& all) : all_(all) {}
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
      if (listed_) all_.waiting_.erase(place_);
    }
    [[nodiscard]] bool await_ready() const noexcept { return all_.ready_; }
    void await_suspend(std::coroutine_handle<> waiter) {
      waiter_ = waiter;
      place_ = all_.waiting_.insert(all_.waiting_.end(), this);
      listed_ = true;
      if (auto tell = std::exchange(all_.wanted_, nullptr)) tell();
    }
    static void await_resume() noexcept {}

   private:
    friend class ToolsReady;
    ToolsReady& all_;
    std::coroutine_handle<> waiter_;
    std::list<Waiter*>::iterator place_;
    bool listed_ = false;
    Ready ready{[](void* self) { static_cast<Waiter*>(self)->waiter_.resume(); }, this};
  };
  /// `co_await tools.wait()`: goes on when they are there, at once if they are.
  Waiter wait() { return Waiter(*this); }

 private:
  Loop& loop_;
  bool ready_ = false;
  std::function<void()> wanted_;
  std::list<Waiter*> waiting_;
};

}  // namespace meantime::serve
