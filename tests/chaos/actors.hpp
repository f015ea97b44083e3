// SPDX-License-Identifier: MIT
// actors.hpp: the processes under test, each a whole meantime process of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "meantime/clock.hpp"

namespace meantime::test {

/// Short enough that a run of seconds sees leases end; the same for all.
inline constexpr Milliseconds chaos_lease{2'000};
inline constexpr Milliseconds chaos_heartbeat{400};
inline constexpr Milliseconds chaos_command_timeout{1'000};
/// By how much a wait may miss its limit: its first look gets half a second, and the machine is busy.
inline constexpr Milliseconds chaos_wait_slack{2'000};

struct ActorOptions {
  bool asks = false;  ///< An asker: runs nothing itself.
  std::uint16_t port = 0;
  std::filesystem::path folder;  ///< With the ledger, and this place's journal.
  unsigned place = 0;
  std::uint64_t seed = 0;
  std::string hook_url;
};

/// Works until its standard input ends, then only answers and ends what it runs, until SIGTERM. Its exit code.
int act(const ActorOptions& options);

}  // namespace meantime::test
