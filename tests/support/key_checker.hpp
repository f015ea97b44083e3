// SPDX-License-Identifier: MIT
// key_checker.hpp: finds keys that nobody will ever remove: every key expires, or has an owner that takes it away.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "support/raw_redis.hpp"

namespace meantime::test {

/// One kind of key that the Redis store may make: a row of docs/redis_keys.md.
struct KeyRule {
  enum class Ends : std::uint8_t {
    expires,      ///< It has an expiry, always.
    with_worker,  ///< What follows the name is a worker that stands in `<prefix>mt:workers`; or it has an expiry.
    owned,        ///< Its members are removed with what they stand for, and the empty key with them.
  };
  enum class Belongs : std::uint8_t { to_tasks, to_workers };

  std::string name;  ///< After the prefix; with a `*` at its end: whatever begins so.
  std::string type;  ///< As TYPE answers.
  Ends ends = Ends::expires;
  Belongs belongs = Belongs::to_tasks;
  bool prefixed = true;  ///< False: the name is the whole key (the original's older form).
};

/// The keys of the Redis store.
[[nodiscard]] const std::vector<KeyRule>& redis_store_keys();

/// What may be there at the moment of the look.
enum class KeysNow : std::uint8_t {
  tasks,    ///< Running and finished tasks: all kinds of keys.
  workers,  ///< All tasks ended and were forgotten: only what living workers keep.
  nothing,  ///< The workers left, too: the server is empty.
};

struct LeakedKey {
  std::string key;
  std::string type;
  std::int64_t expires_in_ms = -1;  ///< -1: never.
  std::string why;

  friend void PrintTo(const LeakedKey& leak, std::ostream* to) {
    *to << leak.key << " (" << leak.type << ", expiry "
        << (leak.expires_in_ms < 0 ? std::string("none") : std::to_string(leak.expires_in_ms) + " ms")
        << "): " << leak.why;
  }
};

/// Looks at every key of the database that `redis` has selected, whatever its prefix. Empty: none is leaked.
/// As `EXPECT_THAT(check_keys(redis, "sg:"), IsEmpty())`.
[[nodiscard]] std::vector<LeakedKey> check_keys(RawRedis& redis, const std::string& prefix,
                                                KeysNow now = KeysNow::tasks,
                                                const std::vector<KeyRule>& rules = redis_store_keys());

}  // namespace meantime::test
