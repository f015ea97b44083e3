// SPDX-License-Identifier: MIT
// held_entries.hpp: the entries of a journal in memory: in order, and by task.
// Threads: the loop's.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <vector>

#include "meantime/journal.hpp"

namespace meantime::store {

class HeldEntries {
 public:
  /// Behind all others.
  JournalEntryPtr add(JournalEntry entry);
  /// One that was read from disk, at the place that it has.
  void restore(JournalEntry entry);
  void remove(std::uint64_t place);
  void defer(std::uint64_t place);
  void mark_durable(std::uint64_t place);

  [[nodiscard]] std::vector<JournalEntryPtr> front(std::size_t at_most) const;
  [[nodiscard]] JournalEntryPtr find(const TaskId& task) const;
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t durable() const noexcept { return durable_; }

 private:
  struct Held {
    JournalEntryPtr entry;
    std::uint64_t order = 0;
    bool durable = false;
  };
  void insert(JournalEntryPtr entry, bool durable);

  boost::unordered_flat_map<std::uint64_t, Held> entries_;  // by place
  std::map<std::uint64_t, std::uint64_t> order_;            // a number that grows -> place
  boost::unordered_flat_map<TaskId, std::uint64_t, std::hash<TaskId>> newest_;
  std::uint64_t last_ = 0;
  std::uint64_t bytes_ = 0;
  std::size_t durable_ = 0;
};

}  // namespace meantime::store
