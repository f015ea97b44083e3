// SPDX-License-Identifier: MIT
// reader.hpp: the one thread that answers questions, beside the writer and never waiting for it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "store/sqlite/job.hpp"
#include "store/sqlite/queries.hpp"
#include "store/sqlite/schema.hpp"

namespace meantime::store {

class Reader {
 public:
  Reader(SqliteOptions options, bool read_only, std::string worker, std::shared_ptr<Completions> completions);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  /// Drops what waits.
  ~Reader();

  void add(std::shared_ptr<Job<Queries>> job);

 private:
  void loop();
  void answer(Job<Queries>& job);

  const SqliteOptions options_;
  const bool read_only_;
  const std::string worker_;
  std::shared_ptr<Completions> completions_;
  std::unique_ptr<Queries> queries_;  // opened when first asked, and again after a fault

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::shared_ptr<Job<Queries>>> waiting_;
  bool stopping_ = false;
  std::thread thread_;  // last: starts when the rest is there
};

}  // namespace meantime::store
