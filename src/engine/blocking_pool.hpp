// SPDX-License-Identifier: MIT
// blocking_pool.hpp: threads for work that blocks, so that the loop never stands still (F19).
// Threads: submit() and run() on the loop's thread; the work on the pool's.
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "engine/loop.hpp"
#include "meantime/coroutine.hpp"

namespace meantime {

/// A few threads, started when first needed. Owners take turns: one that submits a thousand jobs does not hold up
/// another's one. Destroying the pool drops what has not begun and waits for what has.
class BlockingPool {
 public:
  BlockingPool(Loop& loop, std::uint32_t threads);
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  ~BlockingPool();

  /// Queues `work`; it must not throw. The loop stays busy (run() does not return) until it is done.
  void submit(std::string_view owner, std::function<void()> work);

  /// Runs `work()` on a thread and gives its value; throws what it threw.
  /// Cancel: dropping the Task forgets the value; work that has begun runs to its end.
  template <class Work, class T = std::invoke_result_t<Work>>
  [[nodiscard]] Task<T> run(std::string owner, Work work);
  [[nodiscard]] Loop& loop() const noexcept { return loop_; }

 private:
  struct State;
  std::shared_ptr<State> state_;
  Loop& loop_;
};

namespace detail {

template <class T>
struct PoolJob {
  std::coroutine_handle<> waiter;
  std::optional<T> value;
  std::exception_ptr error;
  bool abandoned = false;  // read and written on the loop's thread only
};

}  // namespace detail

template <class Work, class T>
Task<T> BlockingPool::run(std::string owner, Work work) {
  using Job = detail::PoolJob<T>;
  struct Awaiter {
    BlockingPool& pool;
    std::string_view owner;
    Work& work;
    std::shared_ptr<Job> job;

    Awaiter(BlockingPool& p, std::string_view o, Work& w) : pool(p), owner(o), work(w), job(std::make_shared<Job>()) {}
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;
    ~Awaiter() { job->abandoned = true; }
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      job->waiter = handle;
      pool.submit(owner, [loop = &pool.loop_, held = job, body = std::move(work)]() mutable {
        try {
          held->value.emplace(body());
        } catch (...) {
          held->error = std::current_exception();
        }
        loop->post_from_anywhere([held = std::move(held)] {
          if (!held->abandoned) held->waiter.resume();
        });
      });
    }
    T await_resume() {
      if (job->error) std::rethrow_exception(job->error);
      return std::move(*job->value);
    }
  };
  Awaiter awaiter(*this, owner, work);
  co_return co_await awaiter;
}

}  // namespace meantime
