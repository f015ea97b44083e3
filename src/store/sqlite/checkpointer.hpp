// SPDX-License-Identifier: MIT
// checkpointer.hpp: moves what was committed from the log into the database, on a thread and a connection of its own,
// so that no commit waits for it. The few pages that are written meanwhile are moved by the writer in the end: only
// when none is left can the log start again from its beginning.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "meantime/sqlite_store.hpp"
#include "store/sqlite/database.hpp"

namespace meantime::store {

/// Threads: the writer's.
class Checkpointer {
 public:
  explicit Checkpointer(SqliteOptions options) : options_(std::move(options)) {}
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;
  ~Checkpointer();

  /// Call between transactions, with the writer's connection.
  void after_commit(Database& writer);
  /// The writer has another connection now, to another file.
  void forget_log();
  /// The thread has moved the most part: call after_commit() for the rest.
  [[nodiscard]] bool wants_rest() const noexcept { return rest_.load(std::memory_order_relaxed); }

 private:
  void loop();
  void watch_log(Database& writer);

  const SqliteOptions options_;
  bool watching_ = false;
  int log_pages_ = 0;
  std::atomic<bool> rest_ = false;
  std::atomic<bool> busy_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool asked_ = false;
  bool stopping_ = false;
  std::thread thread_;  // started when first needed
};

}  // namespace meantime::store
