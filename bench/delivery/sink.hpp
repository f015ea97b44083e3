// SPDX-License-Identifier: MIT
// sink.hpp: a webhook that takes everything and costs next to nothing, in a process of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "mcp/process.hpp"

namespace meantime::bench {

/// What arrived at a sink, in memory that both processes see.
struct Arrivals {
  static constexpr std::size_t most = 1U << 20U;
  std::atomic<std::uint64_t> requests;
  std::atomic<std::uint64_t> timed;                      ///< So many bodies had a moment...
  std::array<std::atomic<std::int64_t>, most> delay_us;  ///< ...and so old it was.
};

/// Nanoseconds of the clock that all processes share.
[[nodiscard]] std::int64_t moment();
/// Stands in a body so that its arrival is timed: `moment=<nanoseconds>.`
[[nodiscard]] std::string moment_mark(std::int64_t at);

class Sink {
 public:
  /// Answers each POST with 204 from then on, over connections that stay open.
  Sink();
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(process_->port()); }
  [[nodiscard]] Arrivals& arrivals() const noexcept { return *arrivals_; }
  [[nodiscard]] double cpu() const { return process_->cpu(); }
  void forget() const;

 private:
  struct Unmap {
    void operator()(Arrivals* shared) const noexcept;
  };
  std::unique_ptr<Arrivals, Unmap> arrivals_;
  std::unique_ptr<Process> process_;
};

}  // namespace meantime::bench
