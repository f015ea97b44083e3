// SPDX-License-Identifier: MIT
// delivery_rules.hpp: what a step makes of a delivery, and the sentences about them: the same for every store.
#pragma once

#include <cstdint>
#include <string_view>

#include "meantime/outbox.hpp"

namespace meantime::store {

/// Who waits has this long to read a result before it is pushed although the redirect says `suppress_if_read`.
inline constexpr Milliseconds read_grace{2'000};

/// Whether `redirect` is for a task that ended so.
[[nodiscard]] bool is_for(const Redirect& redirect, TaskStatus status) noexcept;
/// Some of it arrived, or may have, and more is to come.
[[nodiscard]] bool is_half_sent(const Delivery& delivery) noexcept;
/// It waits, nothing of it was ever sent, and its redirect lets it go.
[[nodiscard]] bool may_suppress(const Delivery& delivery) noexcept;

/// A claim by `worker`. One that was being sent is in doubt.
void take(Delivery& delivery, std::string_view worker);
/// What `step` says, but for the times.
void apply(const DeliveryStep& step, Delivery& delivery);

enum class Again : unsigned char { from_what_is_left, from_the_beginning };
void begin_again(Delivery& delivery, Again again, WallTime now);

[[nodiscard]] bool matches(const DeliveryQuery& query, const Delivery& delivery);
void count(const Delivery& delivery, DestinationLoad& load);

/// The number that the page ends before; 0: the newest page. Errors: invalid_argument (limit, cursor).
[[nodiscard]] Result<std::uint64_t> check_delivery_query(const DeliveryQuery& query);

[[nodiscard]] std::unexpected<Error> no_such_delivery(const char* op, const DeliveryId& id);
[[nodiscard]] std::unexpected<Error> claim_is_over(const char* op, const DeliveryId& id);
[[nodiscard]] std::unexpected<Error> still_open(const DeliveryId& id);

}  // namespace meantime::store
