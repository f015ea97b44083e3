// SPDX-License-Identifier: MIT
// job.hpp: a call to the store on its way through a thread and back to the coroutine that waits for it.
// Threads: run() and refuse() on the thread that works; the rest on the loop's.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <coroutine>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"

namespace meantime::store {

/// What every job can do, whatever it is run on.
class JobBase {
 public:
  virtual ~JobBase() = default;
  /// Answers in place of run(), or after a run() whose transaction failed.
  virtual void refuse(const Error& error) = 0;

  void wait_for(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
  void abandon() noexcept { waiter_ = {}; }
  [[nodiscard]] bool done() const noexcept { return done_; }
  virtual void complete() {
    done_ = true;
    if (auto waiter = std::exchange(waiter_, {})) waiter.resume();
  }

 private:
  std::coroutine_handle<> waiter_;
  bool done_ = false;
};

/// A job on a `Target`: what reads, or what writes, rows.
template <class Target>
class Job : public JobBase {
 public:
  using Rows = Target;
  /// May be run again when its transaction had to be undone.
  virtual void run(Target& target) = 0;
};

/// The kind of job that `Base` is, with a step of the caller's own.
template <class Base, class T, class Step>
class Call final : public Base {
 public:
  explicit Call(Step step) : step_(std::move(step)) {}
  void run(typename Base::Rows& rows) override { answer_ = step_(rows); }
  void refuse(const Error& error) override { answer_ = std::unexpected(error); }
  [[nodiscard]] Result<T> take() { return std::move(*answer_); }

 private:
  Step step_;
  std::optional<Result<T>> answer_;
};

/// Brings finished jobs and notices to the loop: one post however many have gathered.
class Completions : public std::enable_shared_from_this<Completions> {
 public:
  explicit Completions(boost::asio::io_context& loop) : loop_(loop) {}

  /// On the loop: one more call is out. Keeps the loop running until it is answered.
  void expect_one();
  /// From any thread.
  void deliver(std::vector<std::shared_ptr<JobBase>> jobs);
  void tell(std::function<void()> notice);
  /// On the loop: nothing is resumed or told after this.
  void stop();

 private:
  void post_if_needed(std::unique_lock<std::mutex> lock);
  void drain();

  boost::asio::io_context& loop_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<JobBase>> jobs_;
  std::vector<std::function<void()>> notices_;
  bool posted_ = false;
  // Of the loop's thread alone.
  bool stopped_ = false;
  std::size_t out_ = 0;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
};

/// Suspends until `job` is complete. Dropping the coroutine leaves the job to run on its own.
class JobDone {
 public:
  explicit JobDone(std::shared_ptr<JobBase> job) : job_(std::move(job)) {}
  JobDone(const JobDone&) = delete;
  JobDone& operator=(const JobDone&) = delete;
  ~JobDone() { job_->abandon(); }
  [[nodiscard]] bool await_ready() const noexcept { return job_->done(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept { job_->wait_for(waiter); }
  void await_resume() const noexcept {}

 private:
  std::shared_ptr<JobBase> job_;
};

/// Sends `job` to `thread` and gives its answer.
template <class Thread, class AnyJob>
auto answer_of(Completions& completions, Thread& thread, std::shared_ptr<AnyJob> job) -> Task<decltype(job->take())> {
  completions.expect_one();
  thread.add(job);
  JobDone done(job);
  co_await done;
  co_return job->take();
}

}  // namespace meantime::store
