// SPDX-License-Identifier: MIT
// sqlite_journal.cpp: outcomes that wait in memory and, for a later process, in a file.
#include <boost/asio/io_context.hpp>

#include "store/journal/held_entries.hpp"
#include "store/journal/journal_file.hpp"

namespace meantime {
namespace {

using namespace store;

class SqliteJournal final : public Journal {
 public:
  SqliteJournal(boost::asio::io_context& loop, std::unique_ptr<Database> db, std::vector<JournalEntry> left)
      : completions_(std::make_shared<Completions>(loop)) {
    for (JournalEntry& entry : left) held_.restore(std::move(entry));
    // Not told any more when this object is gone: its end stops the completions first.
    auto written = [this](const std::vector<std::uint64_t>& places) {
      for (const std::uint64_t place : places) held_.mark_durable(place);
    };
    writer_ = std::make_unique<JournalWriter>(std::move(db), completions_, std::move(written));
  }
  SqliteJournal(const SqliteJournal&) = delete;
  SqliteJournal& operator=(const SqliteJournal&) = delete;
  ~SqliteJournal() override {
    completions_->stop();
    writer_.reset();
  }

  Task<Result<void>> append(JournalEntry entry) override {
    JournalEntryPtr held = held_.add(std::move(entry));
    const std::uint64_t place = held->place;
    auto kept = co_await answer_of(*completions_, *writer_, std::make_shared<AppendJob>(std::move(held)));
    if (kept) held_.mark_durable(place);
    co_return kept;
  }
  std::vector<JournalEntryPtr> front(std::size_t at_most) const override { return held_.front(at_most); }
  void pop(const JournalEntry& entry) override {
    held_.remove(entry.place);
    writer_->forget(entry.place);
  }
  void defer(const JournalEntry& entry) override { held_.defer(entry.place); }
  JournalEntryPtr find(const TaskId& task) const override { return held_.find(task); }
  std::size_t size() const noexcept override { return held_.size(); }
  std::uint64_t bytes() const noexcept override { return held_.bytes(); }
  std::size_t durable() const noexcept override { return held_.durable(); }

 private:
  std::shared_ptr<Completions> completions_;
  HeldEntries held_;
  std::unique_ptr<JournalWriter> writer_;
};

}  // namespace

Result<std::unique_ptr<Journal>> open_sqlite_journal(boost::asio::io_context& loop, std::filesystem::path file) {
  auto db = open_journal_file(file);
  if (!db) return std::unexpected(std::move(db.error()));
  std::vector<JournalEntry> left = read_journal(**db);
  if (!(*db)->ok()) return std::unexpected((*db)->fault("journal.open"));
  return std::make_unique<SqliteJournal>(loop, std::move(*db), std::move(left));
}

}  // namespace meantime
