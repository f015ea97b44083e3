// SPDX-License-Identifier: MIT
// journal_file.hpp: the journal's database, and the one thread that writes it: all that waits goes into one
// transaction, synced to disk, and is answered then.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "meantime/journal.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/job.hpp"

namespace meantime::store {

/// An entry on its way to disk.
class AppendJob final : public JobBase {
 public:
  explicit AppendJob(JournalEntryPtr entry) : entry_(std::move(entry)) {}
  void refuse(const Error& error) override { answer_ = std::unexpected(error); }
  [[nodiscard]] const JournalEntryPtr& entry() const noexcept { return entry_; }
  [[nodiscard]] Result<void> take() { return std::move(answer_); }

 private:
  const JournalEntryPtr entry_;
  Result<void> answer_;
};

/// Opens the file for this process alone and makes or checks its schema. Errors: as open_sqlite_journal.
[[nodiscard]] Result<std::unique_ptr<Database>> open_journal_file(const std::filesystem::path& file);
/// All entries, oldest first. A fault is in the database.
[[nodiscard]] std::vector<JournalEntry> read_journal(Database& db);

class JournalWriter {
 public:
  /// `on_written` is told on the loop of entries that reached the disk after their append was refused.
  JournalWriter(std::unique_ptr<Database> db, std::shared_ptr<Completions> completions,
                std::function<void(const std::vector<std::uint64_t>&)> on_written);
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;
  /// Writes what waits, then ends.
  ~JournalWriter();

  void add(std::shared_ptr<AppendJob> job);
  void forget(std::uint64_t place);

 private:
  using Jobs = std::vector<std::shared_ptr<AppendJob>>;

  void loop();
  void write(Jobs jobs, std::vector<std::uint64_t> forgotten);
  bool write_once();
  void insert(const JournalEntry& entry);

  std::shared_ptr<Completions> completions_;
  std::function<void(const std::vector<std::uint64_t>&)> on_written_;

  std::mutex mutex_;
  std::condition_variable wake_;
  Jobs waiting_;
  std::vector<std::uint64_t> forgotten_;
  bool stopping_ = false;

  // Of the writer's thread.
  std::unique_ptr<Database> db_;
  Statement insert_;
  Statement insert_redirect_;
  Statement remove_;
  Statement remove_redirects_;
  std::map<std::uint64_t, JournalEntryPtr> unwritten_;
  std::vector<std::uint64_t> unremoved_;

  std::thread thread_;  // last: starts when the rest is there
};

}  // namespace meantime::store
