// SPDX-License-Identifier: MIT
#include "cli/delivering.hpp"

namespace meantime::cli {

Result<std::unique_ptr<Delivering>> Delivering::open(DelivererPorts ports, const config::Config& config) {
  std::unique_ptr<Delivering> out(new Delivering(ports));
  const delivery::AdapterParts parts{out->loop_, ports.clock, out->deadlines_, out->http_};
  for (const delivery::DestinationSettings& each : config.destinations) {
    auto adapter = delivery::make_adapter(each, parts);
    if (!adapter) {
      return fail(errc::invalid_argument, "delivery.open",
                  "[destinations." + each.destination.name + "]: " + adapter.error().detail);
    }
    if (auto added = out->deliverer_.add(each.destination, std::move(*adapter)); !added) {
      return std::unexpected(std::move(added.error()));
    }
  }
  for (const DefaultRedirect& each : config.redirects) {
    if (auto added = out->deliverer_.add_default(each); !added) return std::unexpected(std::move(added.error()));
  }
  return out;
}

}  // namespace meantime::cli
