// SPDX-License-Identifier: MIT
// memory_store.hpp: the store that lives and dies with its process (S25).
#pragma once

#include <cstdint>
#include <memory>

#include "meantime/store.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime {

/// How many finished tasks stay in memory (S13, F20). Running ones are never evicted.
struct MemoryRetention {
  std::size_t max_finished = 500;          ///< The first to end go first beyond this...
  Milliseconds keep_at_least{10'000};      ///< ...but none before this time has passed since its end...
  std::uint64_t max_bytes = 256ULL << 20;  ///< ...unless the results together are over this.
  Milliseconds max_age{0};                 ///< Older ones go whatever their number; 0 = off.
};

/// Tasks of several workers of one process; each MemoryStore over it is one worker. Outlives them all.
class MemoryBackend;
[[nodiscard]] std::shared_ptr<MemoryBackend> make_memory_backend(Clock& clock, MemoryRetention retention = {});

[[nodiscard]] std::unique_ptr<Store> make_memory_store(boost::asio::io_context& loop,
                                                       std::shared_ptr<MemoryBackend> backend);
[[nodiscard]] std::unique_ptr<Store> make_memory_store(boost::asio::io_context& loop, Clock& clock,
                                                       MemoryRetention retention = {});

}  // namespace meantime
