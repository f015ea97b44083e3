// SPDX-License-Identifier: MIT
// judge.hpp: holds what was said against what the store has in the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "chaos/hook.hpp"
#include "chaos/ledger.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {

struct Verdict {
  std::vector<std::string> violations;
  std::map<std::string, std::uint64_t> counts;
  std::int64_t longest_over_ms = 0;  ///< The wait that took longest beyond its limit.
};

/// Waits until no task runs any more. False: some still do after `limit`.
bool wait_until_settled(RedisServer& server, std::chrono::milliseconds limit);

/// Waits until nothing is to be delivered any more. False: something still is after `limit`.
bool wait_until_delivered(RedisServer& server, std::chrono::milliseconds limit);

/// The processes are gone. Reads every task and delivery, forgets them all, and looks at what is left on the server.
Verdict judge(RedisServer& server, const std::vector<LedgerLine>& ledger, Arrivals arrivals);

}  // namespace meantime::test
