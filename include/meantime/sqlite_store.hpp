// SPDX-License-Identifier: MIT
// sqlite_store.hpp: the embedded default: one file, durable, shared by all meantime processes of the machine.
#pragma once

#include <filesystem>
#include <memory>

#include "meantime/store.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime {

/// What an acknowledged write survives.
enum class Fsync : unsigned char {
  full,    ///< A power cut.
  normal,  ///< A crash of the process or of any program, not a power cut.
};

struct SqliteOptions {
  std::filesystem::path file;  ///< Made, with its folder (0700), when absent.
  Fsync fsync = Fsync::full;
  Milliseconds lease{12'000};  ///< A worker silent for longer is dead.
  bool read_only_ok = false;   ///< Open a file that cannot be written, for reading.
};

/// Opens, makes or migrates the file. Blocking, at start-up only.
/// Errors: unavailable (disk full, read-only, not a folder...: says which and the remedy), corrupt (not ours, newer
/// schema).
[[nodiscard]] Result<std::unique_ptr<Store>> open_sqlite_store(boost::asio::io_context& loop, Clock& clock,
                                                               Random& random, SqliteOptions options);

/// $MEANTIME_STATE_DIR, else $XDG_STATE_HOME/meantime, else ~/.local/state/meantime; the file is tasks.db in it.
[[nodiscard]] std::filesystem::path default_state_folder();

}  // namespace meantime
