// SPDX-License-Identifier: MIT
// wake.hpp: wakes one waiting coroutine on the loop's next turn, never from inside notify().
// Threads: the loop's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <coroutine>
#include <memory>
#include <utility>

namespace meantime {

/// One waiter at a time: `co_await wake.wait()` suspends until the next notify(), or not at all when one came before.
/// Because the waiter goes on from the loop, whoever notifies may safely be destroyed by it.
class Wake {
 private:
  struct State {
    explicit State(boost::asio::io_context& its_loop) : loop(its_loop) {}
    static void post(std::shared_ptr<State> state) {
      auto& loop = state->loop;
      boost::asio::post(loop, [state = std::move(state)] {
        if (state->set && state->waiter != nullptr) std::exchange(state->waiter, nullptr).resume();
      });
    }
    boost::asio::io_context& loop;
    std::coroutine_handle<> waiter;
    bool set = false;
  };

 public:
  explicit Wake(boost::asio::io_context& loop) : state_(std::make_shared<State>(loop)) {}
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  ~Wake() { state_->waiter = nullptr; }

  void notify() {
    if (std::exchange(state_->set, true) || state_->waiter == nullptr) return;
    State::post(state_);
  }

  class [[nodiscard]] Awaiter {
   public:
    explicit Awaiter(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;
    ~Awaiter() {
      if (state_) state_->waiter = nullptr;
    }
    [[nodiscard]] bool await_ready() const noexcept { return state_->set; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { state_->waiter = waiter; }
    void await_resume() noexcept {
      state_->waiter = nullptr;
      state_->set = false;
      state_.reset();
    }

   private:
    std::shared_ptr<State> state_;
  };
  Awaiter wait() { return Awaiter(state_); }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace meantime
