// SPDX-License-Identifier: MIT
// retry.hpp: what follows from an answer of a platform, as pure functions.
#pragma once

#include <optional>

#include "meantime/adapter.hpp"
#include "meantime/delivery.hpp"

namespace meantime::delivery {

/// Pauses double from `first` to a quarter of an hour, by chance between nothing and all of that. `chance`: 0 to 1.
[[nodiscard]] Milliseconds backoff(std::uint32_t failures, double chance, Milliseconds first) noexcept;

/// What to do now.
struct Decision {
  DeliveryStep step;
  /// Leave the whole destination alone for so long.
  std::optional<Milliseconds> pause;
  bool trouble = false;  ///< Counts towards the destination's own failures.
};

/// What becomes of `delivery` when the platform said `answer` to message number `number`.
[[nodiscard]] Decision decide(const SendAnswer& answer, const Delivery& delivery, std::uint32_t number,
                              const AdapterTraits& traits, const Destination& destination, WallTime now, double chance);

/// What becomes of a message that may have arrived already.
enum class InDoubt : unsigned char {
  send_again,  ///< The platform notices what it has.
  send_and_say_so,
  give_up,
};
[[nodiscard]] InDoubt decide_in_doubt(const Delivery& delivery, const AdapterTraits& traits,
                                      const Destination& destination, WallTime now);

/// What ends a delivery that cannot go on: partial when something arrived.
[[nodiscard]] DeliveryStep give_up(const Delivery& delivery, std::string error);

/// The name of message `number` of a delivery, the same whoever sends it: 32 characters 0-9a-z.
[[nodiscard]] std::string message_key(const Delivery& delivery, std::uint32_t number);

}  // namespace meantime::delivery
