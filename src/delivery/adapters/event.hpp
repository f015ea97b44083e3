// SPDX-License-Identifier: MIT
// event.hpp: the JSON document of those destinations that are programs: webhooks and commands. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "meantime/adapter.hpp"

namespace meantime::delivery {

/// Grows when a field changes its meaning or goes.
inline constexpr int event_schema_version = 1;

/// One message: the event without what is known only when it is sent. `link`: where the result can be read, or empty.
/// Errors: invalid_argument (max_bytes below 4,096).
[[nodiscard]] Result<std::vector<std::string>> plan_event(const Message& message, std::size_t max_bytes,
                                                          std::string link);

/// The event as it is sent: {"schema_version", "id", "destination", "channel_id", "possibly_repeated", "type",
/// "timestamp", "data"}. Errors: invalid_argument (it was not made by plan_event).
[[nodiscard]] Result<std::string> event_to_send(const Outgoing& message);

}  // namespace meantime::delivery
