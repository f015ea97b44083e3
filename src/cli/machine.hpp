// SPDX-License-Identifier: MIT
// machine.hpp: the real world of a command: its loop, the clock, randomness, and the store of this user.
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "meantime/random.hpp"
#include "meantime/store.hpp"
#include "meantime/system_clock.hpp"

namespace meantime::cli {

struct Machine {
  boost::asio::io_context loop{1};
  SystemClock clock{loop};
  SystemRandom random;
};

enum class Access : unsigned char { read, write };

/// The file that --store means: a file, a folder with tasks.db in it, or nothing: the user's.
[[nodiscard]] std::filesystem::path store_file(const std::string& option);

/// Opens it. Errors: as open_sqlite_store.
[[nodiscard]] Result<std::unique_ptr<Store>> open_store(Machine& machine, const std::string& option, Access access);

}  // namespace meantime::cli
