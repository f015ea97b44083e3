// SPDX-License-Identifier: MIT
// database.hpp: one SQLite connection and its prepared statements. The first fault of a connection sticks: what follows
// does nothing, so that a transaction is written straight down and looked at once, at its end.
// Threads: a connection and its statements stay on one thread.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "meantime/error.hpp"

namespace meantime::store {

class Database {
 public:
  /// `flags` as of sqlite3_open_v2. A fault, if any, is in fault(); `another_place` ends its remedies.
  Database(const std::filesystem::path& file, int flags, std::string_view another_place = other_state_folder);
  static constexpr std::string_view other_state_folder = "choose another folder with MEANTIME_STATE_DIR.";
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  [[nodiscard]] bool ok() const noexcept { return code_ == SQLITE_OK; }
  [[nodiscard]] int code() const noexcept { return code_ & 0xFF; }
  /// What went wrong and the remedy.
  [[nodiscard]] Error fault(std::string op) const;
  void clear_fault() noexcept;
  void note(int code) noexcept;

  bool run(const char* sql);
  /// First column of the first row; 0 when there is none.
  [[nodiscard]] std::int64_t integer(const char* sql);
  [[nodiscard]] sqlite3* handle() const noexcept { return db_; }
  [[nodiscard]] std::int64_t changes() const noexcept { return sqlite3_changes64(db_); }
  /// False when another file, or none, has come in the place of the one that is open: what is written to it is gone.
  [[nodiscard]] bool still_in_place() const noexcept;
  /// Undoes what was not committed, and forgets the fault.
  void roll_back() noexcept;

 private:
  std::filesystem::path file_;
  std::string_view another_place_;
  sqlite3* db_ = nullptr;
  int code_ = SQLITE_OK;
  int system_error_ = 0;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::string message_;
};

/// Bytes that are not text.
struct Blob {
  std::string_view bytes;
};

/// A statement, prepared when first used. What is bound must live until reset() or the end of run().
class Statement {
 public:
  Statement(Database& db, std::string sql) : db_(db), sql_(std::move(sql)) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  /// Runs to the end; true when nothing failed.
  template <class... Values>
  bool run(const Values&... values) {
    bind_all(values...);
    while (step()) {
    }
    reset();
    return db_.ok();
  }
  /// Binds; step() then gives the rows. reset() when done with them.
  template <class... Values>
  void open(const Values&... values) {
    bind_all(values...);
  }
  /// True: there is a row to read.
  bool step();
  void reset() noexcept;

  [[nodiscard]] std::int64_t integer(int column) const noexcept { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] std::uint64_t natural(int column) const noexcept { return static_cast<std::uint64_t>(integer(column)); }
  [[nodiscard]] double real(int column) const noexcept { return sqlite3_column_double(statement_, column); }
  [[nodiscard]] bool null(int column) const noexcept { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  [[nodiscard]] std::string_view bytes(int column) const noexcept;
  [[nodiscard]] std::string text(int column) const { return std::string(bytes(column)); }

 private:
  template <class... Values>
  void bind_all(const Values&... values) {
    if (!prepare()) return;
    int index = 0;
    (bind(++index, values), ...);
  }
  bool prepare();
  void bind(int index, std::string_view text);
  void bind(int index, Blob blob);
  void bind(int index, double value);
  void bind(int index, std::nullptr_t);
  template <class T>
    requires std::is_integral_v<T>
  void bind(int index, T value) {
    db_.note(sqlite3_bind_int64(statement_, index, static_cast<std::int64_t>(value)));
  }
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    if (value) {
      bind(index, *value);
    } else {
      bind(index, nullptr);
    }
  }
  void bind(int index, const std::string& text) { bind(index, std::string_view(text)); }

  Database& db_;
  std::string sql_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace meantime::store
