// SPDX-License-Identifier: MIT
#include "store/sqlite/reader.hpp"

namespace meantime::store {

Reader::Reader(SqliteOptions options, bool read_only, std::string worker, std::shared_ptr<Completions> completions)
    : options_(std::move(options)),
      read_only_(read_only),
      worker_(std::move(worker)),
      completions_(std::move(completions)),
      thread_([this] { loop(); }) {}

Reader::~Reader() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  wake_.notify_one();
  thread_.join();
}

void Reader::add(std::shared_ptr<Job<Queries>> job) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(std::move(job));
    if (waiting_.size() > 1) return;  // the first has woken the thread
  }
  wake_.notify_one();
}

void Reader::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) break;
    std::vector<std::shared_ptr<Job<Queries>>> jobs;
    jobs.swap(waiting_);
    lock.unlock();
    // Each is answered as it is done: a short question does not wait for a long one behind it.
    for (auto& job : jobs) {
      answer(*job);
      completions_->deliver({std::move(job)});
    }
    lock.lock();
  }
  lock.unlock();
  queries_.reset();  // a connection is closed on the thread that used it
}

void Reader::answer(Job<Queries>& job) {
  if (queries_ && queries_->faulty()) queries_.reset();
  if (!queries_) {
    auto db = open_for_reading(options_, read_only_);
    if (!db->ok()) {
      job.refuse(db->fault("store.read"));
      return;
    }
    queries_ = std::make_unique<Queries>(std::move(db), worker_);
  }
  job.run(*queries_);
}

}  // namespace meantime::store
