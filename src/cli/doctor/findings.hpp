// SPDX-License-Identifier: MIT
// findings.hpp: what `meantime doctor` found out. Heavy: for .cpp files only. Threads: the loop's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/machine.hpp"

namespace meantime::cli {

/// One thing that is not as it should be.
struct Finding {
  bool serious = false;  ///< Tasks could be lost or nothing works; else it only costs memory, speed or privacy.
  std::string about;     ///< "configuration" or "store".
  std::string finding;
  std::string remedy;  ///< Empty: the finding says it itself.
};

struct Diagnosis {
  std::string configuration;  ///< The file; empty: there is none, the defaults hold.
  std::string store_kind;
  std::string store_place;
  std::string store_version;                 ///< Of a Redis, as "redis 7.0.15".
  std::optional<Milliseconds> round_trip{};  ///< To a Redis.
  std::vector<Finding> findings;

  void add(bool serious, std::string about, std::string finding, std::string remedy = {}) {
    findings.push_back({serious, std::move(about), std::move(finding), std::move(remedy)});
  }
  [[nodiscard]] std::size_t serious() const;
};

/// Looks at the file, its folder and its disk. A file that is not there yet is not made.
[[nodiscard]] Task<void> look_at_sqlite(Machine& machine, const config::StoreSettings& store, Diagnosis& diagnosis);
/// Connects, looks, and writes.
[[nodiscard]] Task<void> look_at_redis(Machine& machine, const config::StoreSettings& store, Diagnosis& diagnosis);

/// Opens the store, writes one lease, and takes it away again. True: that was possible.
[[nodiscard]] Task<bool> try_to_write(Machine& machine, const config::StoreSettings& store, Diagnosis& diagnosis);

}  // namespace meantime::cli
