// SPDX-License-Identifier: MIT
// rate_limiter.hpp: how often each caller may do something, as looking tasks up by id. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "meantime/clock.hpp"

namespace meantime::auth {

struct RateLimit {
  double per_second = 20;
  double burst = 100;            ///< What may come at once after a pause.
  std::size_t callers = 10'000;  ///< Remembered; the one that was seen longest ago is forgotten first.
};

class RateLimiter {
 public:
  RateLimiter(RateLimit limit, Clock& clock);
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;
  ~RateLimiter();

  /// Zero: allowed, and counted. Else: not now, but after this long.
  [[nodiscard]] Milliseconds take(std::string_view owner);
  /// The same answer, and nothing is counted.
  [[nodiscard]] Milliseconds wait(std::string_view owner) const;
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace meantime::auth
