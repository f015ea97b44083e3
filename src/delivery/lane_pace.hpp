// SPDX-License-Identifier: MIT
// lane_pace.hpp: how fast messages may follow each other in one channel: a bucket that fills with time.
#pragma once

#include <algorithm>

#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

class LanePace {
 public:
  explicit LanePace(const AdapterTraits& traits)
      : between_(traits.between_messages), burst_(std::max<std::uint32_t>(traits.burst, 1)) {}

  /// How long until one may be sent.
  [[nodiscard]] Milliseconds wait(SteadyTime now) const noexcept {
    const auto earliest = full_at_ - between_ * (burst_ - 1);
    return earliest <= now ? Milliseconds(0) : std::chrono::ceil<Milliseconds>(earliest - now);
  }
  /// Nothing of what was sent counts any more.
  [[nodiscard]] bool full(SteadyTime now) const noexcept { return full_at_ <= now; }
  void sent(SteadyTime now) noexcept { full_at_ = std::max(full_at_, now) + between_; }

 private:
  Milliseconds between_;
  std::uint32_t burst_;
  SteadyTime full_at_{};  // when the bucket is full again
};

}  // namespace meantime::delivery
