// SPDX-License-Identifier: MIT
// gathering.hpp: coroutines that wait for the same piece of work, which runs once for all of them. One thread.
#pragma once

#include <boost/intrusive/list.hpp>
#include <coroutine>

namespace meantime::auth {

/// `co_await gathering.wait()`; dropping who waits takes it off the list. The owner must outlive wake_all().
class Gathering {
 private:
  struct Node : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    std::coroutine_handle<> waiter;
  };
  using List = boost::intrusive::list<Node, boost::intrusive::constant_time_size<false>>;

 public:
  class Wait : Node {
   public:
    explicit Wait(List& list) : list_(list) {}
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      this->waiter = waiter;
      list_.push_back(*this);
    }
    static void await_resume() noexcept {}

   private:
    List& list_;
  };

  [[nodiscard]] Wait wait() { return Wait(waiting_); }
  /// Lets those that wait now go on; those that come meanwhile wait for the next time.
  void wake_all() {
    List now;
    now.swap(waiting_);
    while (!now.empty()) {
      Node& first = now.front();
      now.pop_front();
      first.waiter.resume();
    }
  }

 private:
  List waiting_;
};

}  // namespace meantime::auth
