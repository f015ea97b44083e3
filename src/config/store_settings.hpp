// SPDX-License-Identifier: MIT
// store_settings.hpp: which store, and how: from [store] of a configuration file, or from one text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "meantime/redis_store.hpp"
#include "meantime/sqlite_store.hpp"

namespace meantime::config {

struct StoreSettings {
  enum class Kind : std::uint8_t { sqlite, memory, redis };
  Kind kind = Kind::sqlite;
  std::filesystem::path path;  ///< Of the SQLite file or its folder; empty: tasks.db in default_state_folder().
  Fsync fsync = Fsync::full;
  Milliseconds lease{12'000};
  RedisOptions redis;             ///< With kind redis; its lease is `lease`.
  std::filesystem::path journal;  ///< With kind redis: SQLite file for outcomes while it is away; empty: memory.
};

/// What one text means that names a store: "memory", "sqlite:PATH", a URL (redis://, rediss://, unix://), else the
/// path of an SQLite file or of the folder it is in.
/// Errors: invalid_argument, which never shows a password.
[[nodiscard]] Result<StoreSettings> parse_store(std::string_view text);

/// A password from a file of one line. Errors: invalid_argument, which names the file and never its content.
[[nodiscard]] Result<std::string> read_password(const std::filesystem::path& file);

}  // namespace meantime::config
