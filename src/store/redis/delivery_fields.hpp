// SPDX-License-Identifier: MIT
// delivery_fields.hpp: a delivery as the fields of its hash, and the server's times as this machine's.
#pragma once

#include "meantime/outbox.hpp"
#include "store/redis/reply.hpp"

namespace meantime::store::redis {

/// The server decides what is due, by its own clock. Its times are told in this machine's, so that ages come out right
/// where the two differ; where they agree to a second they are told as they are.
class ServerClock {
 public:
  ServerClock(WallTime theirs, WallTime ours) noexcept;
  [[nodiscard]] WallTime ours(std::int64_t their_ms) const noexcept;

 private:
  Milliseconds ahead_{0};
};

/// What TIME answered.
[[nodiscard]] WallTime read_time(ReplyView time) noexcept;

/// A delivery, and its number among all. Unset: no such hash, or nothing of ours.
struct NumberedDelivery {
  std::uint64_t number = 0;
  Delivery delivery;
};
[[nodiscard]] std::optional<NumberedDelivery> read_delivery(const DeliveryId& id, ReplyView hash,
                                                            const ServerClock& clock);

}  // namespace meantime::store::redis
