// SPDX-License-Identifier: MIT
#include "store/sqlite/checkpointer.hpp"

#include "store/sqlite/schema.hpp"

namespace meantime::store {
namespace {

constexpr int start_at_pages = 1'000;   // 4 MB: SQLite's own default
constexpr int stop_and_do_at = 32'000;  // 128 MB: the thread cannot keep up, so the writer does it all

}  // namespace

Checkpointer::~Checkpointer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Checkpointer::watch_log(Database& writer) {
  if (std::exchange(watching_, true)) return;
  sqlite3_wal_hook(
      writer.handle(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Checkpointer*>(self)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

void Checkpointer::forget_log() {
  watching_ = false;
  log_pages_ = 0;
}

void Checkpointer::after_commit(Database& writer) {
  watch_log(writer);
  if (rest_.exchange(false) || log_pages_ > stop_and_do_at) {
    // Its outcome matters only for when the next one comes.
    sqlite3_wal_checkpoint_v2(writer.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    log_pages_ = 0;
    return;
  }
  if (log_pages_ < start_at_pages || busy_.exchange(true)) return;
  {
    const std::scoped_lock lock(mutex_);
    asked_ = true;
    if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
  }
  wake_.notify_one();
}

void Checkpointer::loop() {
  std::unique_ptr<Database> db;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return asked_ || stopping_; });
    if (stopping_) return;
    asked_ = false;
    lock.unlock();
    if (!db || !db->still_in_place()) db = open_for_checkpoints(options_);
    sqlite3_wal_checkpoint_v2(db->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    rest_ = true;
    busy_ = false;
    lock.lock();
  }
}

}  // namespace meantime::store
