// SPDX-License-Identifier: MIT
// journal.hpp: the port behind which outcomes wait, in order, while the store is away.
// Threads: every call on the thread of the journal's loop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"
#include "meantime/task.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime {

/// An outcome that the store has not taken yet, with all that a later process needs to write the task from nothing.
struct JournalEntry {
  TaskId task_id;
  std::string tool_name;
  Caller caller;
  WallTime created_at{};
  std::string idempotency_key;
  bool rerun_if_lost = false;
  std::string arguments;  ///< Kept only when rerun_if_lost.
  std::uint32_t attempt = 1;
  std::string worker;  ///< Which process ran it, as the store knew it.
  bool start_stored = false;
  std::vector<Redirect> redirects;
  TaskEnd end;
  std::uint64_t place = 0;  ///< Given by the journal: the order of the ends.

  /// About what it takes, in memory as on disk.
  [[nodiscard]] std::uint64_t bytes() const noexcept;
};
using JournalEntryPtr = std::shared_ptr<const JournalEntry>;

/// Keeps outcomes until they are removed. Bounds are its user's (Limits::unsaved): it never drops one by itself.
class Journal {
 public:
  virtual ~Journal() = default;

  /// Adds an entry behind all others; front() and find() give it at once. Answers when it is as durable as this journal
  /// makes it. Errors: unavailable (kept in memory alone, and tried again; why, and the remedy).
  [[nodiscard]] virtual Task<Result<void>> append(JournalEntry entry) = 0;

  /// The first entries, oldest end first, at most `at_most` of them.
  [[nodiscard]] virtual std::vector<JournalEntryPtr> front(std::size_t at_most) const = 0;
  /// Takes an entry out: the store has it. One that a crash brings back is written once more, which changes nothing.
  virtual void pop(const JournalEntry& entry) = 0;
  /// Puts an entry behind all others: it alone cannot be written, and must not hold up the rest.
  virtual void defer(const JournalEntry& entry) = 0;
  /// The newest entry of a task; null: none.
  [[nodiscard]] virtual JournalEntryPtr find(const TaskId& task) const = 0;

  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t bytes() const noexcept = 0;
  /// How many of them a later process will find.
  [[nodiscard]] virtual std::size_t durable() const noexcept = 0;
};

/// Lives and dies with its process.
[[nodiscard]] std::unique_ptr<Journal> make_memory_journal();

/// A file of its own, synced to disk with each append, and held by one process at a time. It begins with what an
/// earlier process left. Made, with its folder (0700), when absent. Blocking, at start-up only, and at its end while
/// what was accepted goes to disk. Its loop outlives it.
/// Errors: unavailable (another process holds it, disk full, read-only...: says which and the remedy), corrupt (not
/// ours, newer schema), invalid_argument (no file named).
[[nodiscard]] Result<std::unique_ptr<Journal>> open_sqlite_journal(boost::asio::io_context& loop,
                                                                   std::filesystem::path file);

}  // namespace meantime
