// SPDX-License-Identifier: MIT
// gate.hpp: a tool's body that ends when the test says so, and as it says.
#pragma once

#include <coroutine>
#include <optional>
#include <vector>

#include "meantime/tool.hpp"

namespace meantime::test {

/// Every body that passes through waits until the gate is opened. One that is dropped while it waits is forgotten.
class Gate {
 public:
  /// Lets all waiting bodies, and all later ones, return `result`.
  void open(ToolReturn result = ToolOutput("done")) {
    result_ = std::move(result);
    // By index: a body that goes on may drop another one that waits here.
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      if (auto* waiter = std::exchange(waiting_[i], nullptr)) waiter->handle.resume();
    }
    waiting_.clear();
  }
  [[nodiscard]] std::size_t inside() const {
    std::size_t count = 0;
    for (auto* waiter : waiting_) count += waiter != nullptr ? 1 : 0;
    return count;
  }
  std::size_t entered = 0;  ///< How many bodies ever came here.

  Task<ToolReturn> pass() {
    ++entered;
    if (!result_) {
      Waiter waiter(*this);
      co_await waiter;
    }
    co_return *result_;
  }
  CoroutineBody body() {
    return [this](ToolContext&) { return pass(); };
  }

 private:
  struct Waiter {
    Gate& gate;
    std::coroutine_handle<> handle;
    std::size_t place = static_cast<std::size_t>(-1);
    explicit Waiter(Gate& g) : gate(g) {}
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
      if (place < gate.waiting_.size() && gate.waiting_[place] == this) gate.waiting_[place] = nullptr;
    }
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) {
      handle = h;
      place = gate.waiting_.size();
      gate.waiting_.push_back(this);
    }
    static void await_resume() noexcept {}
  };
  std::vector<Waiter*> waiting_;
  std::optional<ToolReturn> result_;
};

}  // namespace meantime::test
