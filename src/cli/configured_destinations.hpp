// SPDX-License-Identifier: MIT
// configured_destinations.hpp: the destinations of a configuration file, and their rules.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "config/config.hpp"
#include "delivery/destinations.hpp"

namespace meantime::cli {

struct ConfiguredDestinations {
  std::vector<delivery::DestinationSettings> settings;
  delivery::Destinations rules;
};

/// Of `file`, else of the default file. Errors: invalid_argument (the file is wrong, or has no destination).
[[nodiscard]] Result<ConfiguredDestinations> configured_destinations(const std::optional<std::filesystem::path>& file);

/// The same of a configuration that was read. Errors: invalid_argument (two rules that exclude each other).
[[nodiscard]] Result<ConfiguredDestinations> destinations_of(const config::Config& config);

}  // namespace meantime::cli
