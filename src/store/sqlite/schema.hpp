// SPDX-License-Identifier: MIT
// schema.hpp: opens the file, makes it when absent, and brings an older schema up to date.
#pragma once

#include <memory>
#include <span>

#include "meantime/sqlite_store.hpp"
#include "store/sqlite/database.hpp"

namespace meantime::store {

/// Marks the file as meantime's ("mtim").
inline constexpr std::int64_t application_id = 0x6D74696D;

/// Steps from one schema version to the next: the first makes version 1 of an empty file.
[[nodiscard]] std::span<const char* const> migrations();

struct OpenedDatabase {
  std::unique_ptr<Database> db;
  bool read_only = false;
};

/// Makes the file, readable for this user alone, and its folders, where absent. `another_place`: the remedy's end.
/// Errors: unavailable.
[[nodiscard]] Result<void> make_private_file(const std::filesystem::path& file, const char* op,
                                             std::string_view another_place);

/// Runs those of `steps` that the file has not seen yet, in one transaction. Errors: corrupt (another program's, or a
/// newer schema), unavailable.
[[nodiscard]] Result<void> bring_up_to_date(Database& db, const std::filesystem::path& file,
                                            std::span<const char* const> steps, std::int64_t application);

/// Opens for writing, with folder and file made when absent and the schema brought up to `steps`.
/// Errors: as open_sqlite_store.
[[nodiscard]] Result<OpenedDatabase> open_for_writing(const SqliteOptions& options,
                                                      std::span<const char* const> steps = migrations());

/// Another connection to a file that open_for_writing() opened. A fault is in the database.
[[nodiscard]] std::unique_ptr<Database> open_for_reading(const SqliteOptions& options, bool read_only);

/// For background checkpoints.
[[nodiscard]] std::unique_ptr<Database> open_for_checkpoints(const SqliteOptions& options);

}  // namespace meantime::store
