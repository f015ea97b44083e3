// SPDX-License-Identifier: MIT
#include "store/sqlite/job.hpp"

#include <boost/asio/post.hpp>

namespace meantime::store {

void Completions::expect_one() {
  if (out_++ == 0) work_.emplace(loop_.get_executor());
}

void Completions::deliver(std::vector<std::shared_ptr<JobBase>> jobs) {
  std::unique_lock lock(mutex_);
  if (jobs_.empty()) {
    jobs_ = std::move(jobs);
  } else {
    jobs_.insert(jobs_.end(), std::make_move_iterator(jobs.begin()), std::make_move_iterator(jobs.end()));
  }
  post_if_needed(std::move(lock));
}

void Completions::tell(std::function<void()> notice) {
  std::unique_lock lock(mutex_);
  notices_.push_back(std::move(notice));
  post_if_needed(std::move(lock));
}

void Completions::post_if_needed(std::unique_lock<std::mutex> lock) {
  if (std::exchange(posted_, true)) return;
  lock.unlock();
  boost::asio::post(loop_, [self = shared_from_this()] { self->drain(); });
}

void Completions::drain() {
  std::vector<std::shared_ptr<JobBase>> jobs;
  std::vector<std::function<void()>> notices;
  {
    const std::scoped_lock lock(mutex_);
    jobs.swap(jobs_);
    notices.swap(notices_);
    posted_ = false;
  }
  for (auto& job : jobs) {
    if (--out_ == 0) work_.reset();
    if (!stopped_) job->complete();
  }
  for (auto& notice : notices) {
    if (!stopped_) notice();
  }
}

void Completions::stop() {
  stopped_ = true;
  work_.reset();
}

}  // namespace meantime::store
