// SPDX-License-Identifier: MIT
#include "store/sqlite/database.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace meantime::store {
namespace {

// Another process holds the write lock for a few milliseconds at most (one commit). Asked often at first, since the
// wait is part of somebody's call; given up after five seconds.
int wait_for_lock(void*, int tries) {
  constexpr int give_up_after = 1'500;
  if (tries > give_up_after) return 0;
  usleep(static_cast<useconds_t>(std::min(200 << std::min(tries / 4, 4), 4'000)));
  return 1;
}

}  // namespace

Database::Database(const std::filesystem::path& file, int flags, std::string_view another_place)
    : file_(file), another_place_(another_place) {
  const int code = sqlite3_open_v2(file.c_str(), &db_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (db_ != nullptr) sqlite3_extended_result_codes(db_, 1);
  note(code);
  if (ok()) sqlite3_busy_handler(db_, wait_for_lock, nullptr);
  struct stat found{};
  if (ok() && stat(file_.c_str(), &found) == 0) {
    device_ = found.st_dev;
    inode_ = found.st_ino;
  }
}

bool Database::still_in_place() const noexcept {
  if (inode_ == 0) return true;
  struct stat found{};
  return stat(file_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_;
}

Database::~Database() {
  sqlite3_close_v2(db_);
}

void Database::note(int code) noexcept {
  if (code_ != SQLITE_OK || code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
  code_ = code;
  if (db_ == nullptr) return;
  system_error_ = sqlite3_system_errno(db_);
  message_ = sqlite3_errmsg(db_);
}

void Database::clear_fault() noexcept {
  code_ = SQLITE_OK;
  system_error_ = 0;
  message_.clear();
}

void Database::roll_back() noexcept {
  clear_fault();
  // Some faults end the transaction by themselves.
  if (sqlite3_get_autocommit(db_) == 0) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

bool Database::run(const char* sql) {
  if (ok()) note(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr));
  return ok();
}

std::int64_t Database::integer(const char* sql) {
  Statement statement(*this, sql);
  statement.open();
  return statement.step() ? statement.integer(0) : 0;
}

Error Database::fault(std::string op) const {
  const std::string file = file_.string();
  const auto say = [&](errc code, std::string detail) {
    return Error{code, std::move(op), std::move(detail), std::chrono::seconds(code == errc::unavailable ? 1 : 0)};
  };
  const std::string folder_remedy = "make it writable for this user, or " + std::string(another_place_);
  switch (code()) {
    case SQLITE_FULL:
      return say(errc::unavailable,
                 "No space is left for '" + file + "': free some; the store then goes on by itself.");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return say(errc::unavailable, "'" + file + "' cannot be written: " + folder_remedy);
    case SQLITE_CANTOPEN:
      return say(errc::unavailable,
                 "'" + file + "' cannot be opened" +
                     (system_error_ != 0 ? " (" + std::string(std::strerror(system_error_)) + ")" : std::string()) +
                     ": see that its folder exists, and " + folder_remedy);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return say(errc::unavailable, "'" + file + "' has been locked by another program for five seconds: `fuser " +
                                        file +
                                        "` names those who have it open; end the one that holds it, or let it go on "
                                        "if it was stopped (Ctrl-Z).");
    case SQLITE_NOTADB:
      return say(errc::corrupt,
                 "'" + file + "' is not a database: move it away, or choose another file; meantime makes a new one.");
    case SQLITE_CORRUPT:
      return say(errc::corrupt, "'" + file + "' is damaged: move it away, or mend it with `sqlite3 " + file +
                                    " .recover`; meantime makes a new one.");
    case SQLITE_IOERR:
      if (system_error_ == ENOSPC || system_error_ == EFBIG || system_error_ == EDQUOT) {
        return say(errc::unavailable, "No space is left for '" + file + "' (" + std::strerror(system_error_) +
                                          "): free some; the store then goes on by itself.");
      }
      if (code_ == SQLITE_IOERR_WRITE || code_ == SQLITE_IOERR_SHMSIZE || code_ == SQLITE_IOERR_FSYNC) {
        return say(errc::unavailable,
                   "Writing '" + file +
                       "' failed: the disk is full or failing, or a size limit is "
                       "reached (quota, `ulimit -f`). Free some space; the store then goes on by itself.");
      }
      return say(errc::unavailable, "Reading or writing '" + file + "' failed (" +
                                        (system_error_ != 0 ? std::strerror(system_error_) : message_.c_str()) +
                                        "): check the disk; the store then goes on by itself.");
    case SQLITE_TOOBIG:
      return say(errc::invalid_argument, "A single value is larger than SQLite takes (1 GB): lower the result limit.");
    case SQLITE_NOMEM:
      return say(errc::unavailable, "Out of memory while using '" + file + "'.");
    default:
      return say(errc::internal, "SQLite says about '" + file + "': " + message_);
  }
}

bool Statement::prepare() {
  if (!db_.ok()) return false;
  if (statement_ != nullptr) return true;
  db_.note(sqlite3_prepare_v3(db_.handle(), sql_.data(), static_cast<int>(sql_.size()), SQLITE_PREPARE_PERSISTENT,
                              &statement_, nullptr));
  return db_.ok();
}

bool Statement::step() {
  if (!db_.ok() || statement_ == nullptr) return false;
  const int code = sqlite3_step(statement_);
  db_.note(code);
  return code == SQLITE_ROW;
}

void Statement::reset() noexcept {
  // Its code repeats the one that step() has noted.
  if (statement_ != nullptr) sqlite3_reset(statement_);
}

std::string_view Statement::bytes(int column) const noexcept {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Statement::bind(int index, std::string_view text) {
  // An empty view may have no address, which would bind NULL.
  const char* data = text.data() != nullptr ? text.data() : "";
  db_.note(sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind(int index, Blob blob) {
  const char* data = blob.bytes.data() != nullptr ? blob.bytes.data() : "";
  db_.note(sqlite3_bind_blob64(statement_, index, data, blob.bytes.size(), SQLITE_STATIC));
}

void Statement::bind(int index, double value) {
  db_.note(sqlite3_bind_double(statement_, index, value));
}

void Statement::bind(int index, std::nullptr_t) {
  db_.note(sqlite3_bind_null(statement_, index));
}

}  // namespace meantime::store
