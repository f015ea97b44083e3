// SPDX-License-Identifier: MIT
// bare_redis.hpp: the limits that the Redis store stands beside: the same bytes over a bare socket, and
// redis-benchmark.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace meantime::bench {

/// Commands a second when ready-made commands are sent `depth` at a time over one blocking socket and their answers
/// only counted.
[[nodiscard]] double bare_commands_per_second(std::uint16_t port, const std::vector<std::string>& commands,
                                              std::size_t depth);

/// Commands a second as `redis-benchmark -c 1 -P 64` tells them. 0: it is not installed.
[[nodiscard]] double redis_benchmark(std::uint16_t port, std::uint64_t requests,
                                     const std::vector<std::string>& command);

}  // namespace meantime::bench
