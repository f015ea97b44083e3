// SPDX-License-Identifier: MIT
// loop.hpp: what is ready to go on, in order, on one io_context. Many wake-ups share one hop through Asio.
// Threads: `post` and Ready on the loop's thread only; `post_from_anywhere` from any.
#pragma once

#include <coroutine>
#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace meantime {

/// Something that can be queued to run on the loop's next turn. Destroying it takes it out of the queue.
class Ready {
 public:
  using Run = void (*)(void* owner);
  Ready(Run run, void* owner) noexcept : run_(run), owner_(owner) {}
  Ready(const Ready&) = delete;
  Ready& operator=(const Ready&) = delete;
  ~Ready() { unlink(); }
  [[nodiscard]] bool queued() const noexcept { return next_ != nullptr; }
  void unlink() noexcept;

 private:
  friend class Loop;
  Ready* previous_ = nullptr;
  Ready* next_ = nullptr;
  Run run_;
  void* owner_;
};

class Loop {
 public:
  explicit Loop(boost::asio::io_context& io);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  /// Runs `ready` once on the next turn. Posting what is queued already changes nothing.
  void post(Ready& ready);
  void post_from_anywhere(std::function<void()> work);
  [[nodiscard]] boost::asio::io_context& io() const noexcept { return io_; }

  /// `co_await loop.turn()`: goes on in the loop's next turn.
  [[nodiscard]] auto turn() {
    struct Turn {
      Loop& loop;
      std::coroutine_handle<> waiter;
      Ready ready{[](void* self) { static_cast<Turn*>(self)->waiter.resume(); }, this};
      explicit Turn(Loop& l) : loop(l) {}
      static bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        waiter = handle;
        loop.post(ready);
      }
      static void await_resume() noexcept {}
    };
    return Turn(*this);
  }

 private:
  void drain();

  boost::asio::io_context& io_;
  Ready head_{nullptr, nullptr};  // a ring: head_.next_ is the first
  bool posted_ = false;
  std::shared_ptr<Loop*> self_;  // the posted drain may come after this object is gone
};

}  // namespace meantime
