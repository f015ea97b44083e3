// SPDX-License-Identifier: MIT
#include "engine/blocking_pool.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace meantime {

struct BlockingPool::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::map<std::string, std::deque<std::function<void()>>, std::less<>> waiting;  // by owner
  std::string last_owner;
  std::size_t queued = 0;  // jobs in `waiting`
  std::size_t idle = 0;    // threads that wait; one that was woken counts until it runs
  bool closing = false;
  std::uint32_t max_threads = 0;
  std::vector<std::thread> threads;

  // The next owner's first job, in the order of the owners' names, beginning after the one served last.
  std::function<void()> take() {
    auto next = waiting.upper_bound(last_owner);
    if (next == waiting.end()) next = waiting.begin();
    auto job = std::move(next->second.front());
    next->second.pop_front();
    --queued;
    last_owner = next->first;
    if (next->second.empty()) waiting.erase(next);
    return job;
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      ++idle;
      wake.wait(lock, [this] { return closing || !waiting.empty(); });
      --idle;
      if (closing) return;
      auto job = take();
      lock.unlock();
      job();
      job = nullptr;  // what it holds is let go before the next wait, and outside the lock
      lock.lock();
    }
  }
};

BlockingPool::BlockingPool(Loop& loop, std::uint32_t threads) : state_(std::make_shared<State>()), loop_(loop) {
  state_->max_threads = threads == 0 ? 1 : threads;
}

BlockingPool::~BlockingPool() {
  std::vector<std::thread> threads;
  std::map<std::string, std::deque<std::function<void()>>, std::less<>> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
    dropped.swap(state_->waiting);
    threads.swap(state_->threads);
  }
  state_->wake.notify_all();
  for (auto& thread : threads) thread.join();
}

void BlockingPool::submit(std::string_view owner, std::function<void()> work) {
  auto busy = boost::asio::make_work_guard(loop_.io());
  const std::lock_guard lock(state_->mutex);
  state_->waiting[std::string(owner)].emplace_back(
      [work = std::move(work), busy = std::move(busy)]() mutable { work(); });
  ++state_->queued;
  if (state_->queued > state_->idle && state_->threads.size() < state_->max_threads) {
    state_->threads.emplace_back([state = state_] { state->work(); });
  }
  state_->wake.notify_one();
}

}  // namespace meantime
