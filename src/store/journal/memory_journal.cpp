// SPDX-License-Identifier: MIT
// memory_journal.cpp: outcomes that wait in memory alone.
#include "store/journal/held_entries.hpp"

namespace meantime {
namespace {

class MemoryJournal final : public Journal {
 public:
  Task<Result<void>> append(JournalEntry entry) override {
    held_.add(std::move(entry));
    co_return Result<void>{};
  }
  std::vector<JournalEntryPtr> front(std::size_t at_most) const override { return held_.front(at_most); }
  void pop(const JournalEntry& entry) override { held_.remove(entry.place); }
  void defer(const JournalEntry& entry) override { held_.defer(entry.place); }
  JournalEntryPtr find(const TaskId& task) const override { return held_.find(task); }
  std::size_t size() const noexcept override { return held_.size(); }
  std::uint64_t bytes() const noexcept override { return held_.bytes(); }
  std::size_t durable() const noexcept override { return 0; }

 private:
  store::HeldEntries held_;
};

}  // namespace

std::unique_ptr<Journal> make_memory_journal() {
  return std::make_unique<MemoryJournal>();
}

}  // namespace meantime
