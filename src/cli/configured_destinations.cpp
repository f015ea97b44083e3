// SPDX-License-Identifier: MIT
#include "cli/configured_destinations.hpp"

namespace meantime::cli {

Result<ConfiguredDestinations> destinations_of(const config::Config& config) {
  ConfiguredDestinations out;
  out.settings = config.destinations;
  for (const auto& each : config.destinations) {
    if (auto added = out.rules.add(each.destination); !added) return std::unexpected(std::move(added.error()));
  }
  for (const DefaultRedirect& each : config.redirects) {
    if (auto added = out.rules.add_default(each); !added) return std::unexpected(std::move(added.error()));
  }
  return out;
}

Result<ConfiguredDestinations> configured_destinations(const std::optional<std::filesystem::path>& file) {
  auto config = config::config_for_start(file);
  if (!config) return std::unexpected(std::move(config.error()));
  if (config->destinations.empty()) {
    return fail(errc::invalid_argument, "cli",
                "No destination is configured: add a [destinations.<name>] to '" +
                    file.value_or(config::default_config_file()).string() + "', or name another file with --config.");
  }
  return destinations_of(*config);
}

}  // namespace meantime::cli
