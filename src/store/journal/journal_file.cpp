// SPDX-License-Identifier: MIT
#include "store/journal/journal_file.hpp"

#include <array>

#include "store/sqlite/schema.hpp"

namespace meantime::store {
namespace {

using namespace std::chrono_literals;

// After a fault (a full disk) what waits is tried again this often.
constexpr auto retry_interval = 1s;
/// Marks the file as a journal of meantime's ("mtjl").
constexpr std::int64_t journal_application_id = 0x6D746A6C;
constexpr std::string_view another_place = "name another file for the journal.";

// Columns of status, reason, media and ends hold the enumerators of task.hpp as numbers: those never change.
constexpr std::array<const char*, 2> steps{R"sql(
CREATE TABLE entries(
  place INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  owner TEXT NOT NULL,
  channel TEXT NOT NULL,
  platform TEXT NOT NULL,
  tool TEXT NOT NULL,
  created INTEGER NOT NULL,
  key TEXT NOT NULL,
  rerun INTEGER NOT NULL,
  arguments TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  worker TEXT NOT NULL,
  started INTEGER NOT NULL,
  status INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  media INTEGER NOT NULL,
  exit_code INTEGER,
  cut INTEGER NOT NULL,
  error TEXT NOT NULL,
  result BLOB NOT NULL);
CREATE TABLE redirects(place INTEGER NOT NULL, destination TEXT NOT NULL, platform TEXT NOT NULL,
  channel TEXT NOT NULL, max_chars INTEGER NOT NULL, ends INTEGER NOT NULL);
CREATE INDEX redirects_place ON redirects(place);
)sql",
                                           "ALTER TABLE redirects ADD COLUMN suppress INTEGER NOT NULL DEFAULT 0"};

std::int64_t millis(WallTime time) {
  return time.time_since_epoch().count();
}

}  // namespace

Result<std::unique_ptr<Database>> open_journal_file(const std::filesystem::path& file) {
  constexpr auto op = "journal.open";
  if (file.empty()) return fail(errc::invalid_argument, op, "No file is named for the journal.");
  if (auto made = make_private_file(file, op, another_place); !made) return std::unexpected(made.error());
  auto db = std::make_unique<Database>(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, another_place);
  if (db->ok() && sqlite3_db_readonly(db->handle(), "main") == 1) db->note(SQLITE_READONLY);
  // Whoever holds it holds it until its end: there is nothing to wait for.
  sqlite3_busy_handler(db->handle(), nullptr, nullptr);
  db->run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = FULL; PRAGMA journal_mode = WAL");
  db->run("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -4000");
  db->run("BEGIN IMMEDIATE; COMMIT");
  if (db->code() == SQLITE_BUSY || db->code() == SQLITE_LOCKED) {
    return fail(errc::unavailable, op,
                "'" + file.string() +
                    "' is the journal of another meantime process that is running: name another file "
                    "for this one, each process has its own.");
  }
  if (!db->ok()) return std::unexpected(db->fault(op));
  if (auto done = bring_up_to_date(*db, file, steps, journal_application_id); !done) {
    Error error = done.error();
    error.op = op;
    return std::unexpected(std::move(error));
  }
  return db;
}

std::vector<JournalEntry> read_journal(Database& db) {
  std::vector<JournalEntry> found;
  Statement entries(
      db,
      "SELECT place, id, owner, channel, platform, tool, created, key, rerun, arguments, attempt, worker, "
      "started, status, reason, ended, media, exit_code, cut, error, result FROM entries ORDER BY place");
  Statement redirects(db,
                      "SELECT destination, channel, platform, max_chars, ends, suppress FROM redirects WHERE place = ? "
                      "ORDER BY rowid");
  entries.open();
  while (entries.step()) {
    JournalEntry entry{.task_id = TaskId::from_bytes(entries.bytes(1)),
                       .tool_name = entries.text(5),
                       .caller = {entries.text(2), entries.text(3), entries.text(4)},
                       .created_at = WallTime(Milliseconds(entries.integer(6))),
                       .idempotency_key = entries.text(7),
                       .rerun_if_lost = entries.integer(8) != 0,
                       .arguments = entries.text(9),
                       .attempt = static_cast<std::uint32_t>(entries.integer(10)),
                       .worker = entries.text(11),
                       .start_stored = entries.integer(12) != 0,
                       .end = {.status = static_cast<TaskStatus>(entries.integer(13)),
                               .reason = static_cast<EndReason>(entries.integer(14)),
                               .result = entries.text(20),
                               .media_type = static_cast<MediaType>(entries.integer(16)),
                               .error = entries.text(19),
                               .result_cut = entries.integer(18) != 0,
                               .ended_at = WallTime(Milliseconds(entries.integer(15)))},
                       .place = entries.natural(0)};
    if (!entries.null(17)) entry.end.exit_code = static_cast<int>(entries.integer(17));
    redirects.open(entry.place);
    while (redirects.step()) {
      entry.redirects.push_back({.destination = redirects.text(0),
                                 .channel_id = redirects.text(1),
                                 .platform = redirects.text(2),
                                 .max_chars = static_cast<std::uint32_t>(redirects.integer(3)),
                                 .on = static_cast<RedirectOn>(redirects.integer(4)),
                                 .suppress_if_read = redirects.integer(5) != 0});
    }
    redirects.reset();
    found.push_back(std::move(entry));
  }
  entries.reset();
  return found;
}

JournalWriter::JournalWriter(std::unique_ptr<Database> db, std::shared_ptr<Completions> completions,
                             std::function<void(const std::vector<std::uint64_t>&)> on_written)
    : completions_(std::move(completions)),
      on_written_(std::move(on_written)),
      db_(std::move(db)),
      insert_(*db_,
              "INSERT OR REPLACE INTO entries(place, id, owner, channel, platform, tool, created, key, rerun, "
              "arguments, attempt, worker, started, status, reason, ended, media, exit_code, cut, error, result) "
              "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      insert_redirect_(*db_,
                       "INSERT INTO redirects(place, destination, platform, channel, max_chars, ends, suppress) "
                       "VALUES(?,?,?,?,?,?,?)"),
      remove_(*db_, "DELETE FROM entries WHERE place = ?"),
      remove_redirects_(*db_, "DELETE FROM redirects WHERE place = ?"),
      thread_([this] { loop(); }) {}

JournalWriter::~JournalWriter() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void JournalWriter::add(std::shared_ptr<AppendJob> job) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void JournalWriter::forget(std::uint64_t place) {
  {
    const std::scoped_lock lock(mutex_);
    forgotten_.push_back(place);
  }
  wake_.notify_one();
}

void JournalWriter::loop() {
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    const auto woken = [this] { return stopping_ || !waiting_.empty() || !forgotten_.empty(); };
    if (unwritten_.empty() && unremoved_.empty()) {
      wake_.wait(lock, woken);
    } else {
      wake_.wait_for(lock, retry_interval, woken);
    }
    last = stopping_;
    Jobs jobs = std::exchange(waiting_, {});
    std::vector<std::uint64_t> forgotten = std::exchange(forgotten_, {});
    lock.unlock();
    write(std::move(jobs), std::move(forgotten));
    lock.lock();
  }
}

void JournalWriter::write(Jobs jobs, std::vector<std::uint64_t> forgotten) {
  std::vector<std::uint64_t> late;
  late.reserve(unwritten_.size());
  for (const auto& [place, entry] : unwritten_) late.push_back(place);
  for (const auto& job : jobs) unwritten_.emplace(job->entry()->place, job->entry());
  for (const std::uint64_t place : forgotten) unwritten_.erase(place);
  unremoved_.insert(unremoved_.end(), forgotten.begin(), forgotten.end());
  if (unwritten_.empty() && unremoved_.empty() && jobs.empty()) return;
  if (write_once()) {
    unwritten_.clear();
    unremoved_.clear();
    if (!late.empty()) completions_->tell([tell = on_written_, late = std::move(late)] { tell(late); });
  } else {
    const Error why = db_->fault("journal.append");
    db_->roll_back();
    for (const auto& job : jobs) job->refuse(why);
  }
  if (jobs.empty()) return;
  completions_->deliver({std::make_move_iterator(jobs.begin()), std::make_move_iterator(jobs.end())});
}

bool JournalWriter::write_once() {
  // Somebody removed the file: SQLite would go on writing to one that nobody will find.
  if (!db_->still_in_place()) {
    db_->note(SQLITE_CANTOPEN);
    return false;
  }
  db_->run("BEGIN IMMEDIATE");
  for (const auto& [place, entry] : unwritten_) insert(*entry);
  for (const std::uint64_t place : unremoved_) {
    remove_.run(place);
    remove_redirects_.run(place);
  }
  return db_->run("COMMIT");
}

void JournalWriter::insert(const JournalEntry& entry) {
  const TaskEnd& end = entry.end;
  insert_.run(entry.place, Blob{entry.task_id.raw()}, entry.caller.user_id, entry.caller.channel_id,
              entry.caller.platform, entry.tool_name, millis(entry.created_at), entry.idempotency_key,
              entry.rerun_if_lost, entry.arguments, entry.attempt, entry.worker, entry.start_stored,
              static_cast<int>(end.status), static_cast<int>(end.reason), millis(end.ended_at),
              static_cast<int>(end.media_type), end.exit_code, end.result_cut, end.error, Blob{end.result});
  for (const Redirect& each : entry.redirects) {
    insert_redirect_.run(entry.place, each.destination, each.platform, each.channel_id, each.max_chars,
                         static_cast<int>(each.on), each.suppress_if_read);
  }
}

}  // namespace meantime::store
