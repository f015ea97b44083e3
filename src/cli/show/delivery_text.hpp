// SPDX-License-Identifier: MIT
// delivery_text.hpp: deliveries and destinations as people read them, and as programs do with --json.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.hpp"
#include "delivery/adapters/adapter_settings.hpp"
#include "meantime/outbox.hpp"

namespace meantime::cli {

/// The table that `deliveries` prints, with a heading.
[[nodiscard]] std::string delivery_table(const std::vector<Delivery>& deliveries, WallTime now, const Paint& paint);
/// {"deliveries": [...], "count": n, "next_cursor": text or null, "schema_version": 1}
[[nodiscard]] std::string delivery_list_json(const DeliveryList& list);

/// A configured destination, and what the store knows of it.
struct ShownDestination {
  const delivery::DestinationSettings* settings = nullptr;
  DestinationLoad load;
};
/// The table that `destinations` prints, with a heading.
[[nodiscard]] std::string destination_table(const std::vector<ShownDestination>& destinations, WallTime now,
                                            const Paint& paint);
/// {"destinations": [...], "count": n, "schema_version": 1}
[[nodiscard]] std::string destination_list_json(const std::vector<ShownDestination>& destinations);

}  // namespace meantime::cli
