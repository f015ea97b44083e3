// SPDX-License-Identifier: MIT
// machine.hpp: the real world of a command: its loop, the clock, randomness, and the store that it works on.
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "config/store_settings.hpp"
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

/// The store that is meant: `option` (--store), else $MEANTIME_STORE, else `configured`; a path is absolute then. A
/// Redis without a password gets that of $MEANTIME_STORE_PASSWORD_FILE or $MEANTIME_STORE_PASSWORD.
/// Errors: invalid_argument, which says where the text stands and never shows a password.
[[nodiscard]] Result<config::StoreSettings> choose_store(const std::string& option,
                                                         const config::StoreSettings& configured = {});

/// Where OAuth tokens of upstreams are kept, for this user alone: beside the tasks, in the state folder.
[[nodiscard]] std::filesystem::path token_folder();

/// Its name for people, without secrets: a path, "redis://bot@10.0.0.5:6379/2", or "memory".
[[nodiscard]] std::string place_of(const config::StoreSettings& store);

/// Opens it; a Redis that is away is tried again for as long as the store lives.
/// Errors: as open_sqlite_store and open_redis_store; invalid_argument, where a memory store would be read.
[[nodiscard]] Result<std::unique_ptr<Store>> open_store(Machine& machine, const config::StoreSettings& store,
                                                        Access access);

}  // namespace meantime::cli
