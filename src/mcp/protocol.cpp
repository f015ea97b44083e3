// SPDX-License-Identifier: MIT
#include "mcp/protocol.hpp"

#include <utility>

namespace meantime::mcp {
namespace {
constexpr std::array<std::pair<Revision, std::string_view>, 5> names{{{Revision::r2024_11_05, "2024-11-05"},
                                                                      {Revision::r2025_03_26, "2025-03-26"},
                                                                      {Revision::r2025_06_18, "2025-06-18"},
                                                                      {Revision::r2025_11_25, "2025-11-25"},
                                                                      {Revision::r2026_07_28, "2026-07-28"}}};
}  // namespace

std::string_view name_of(Revision revision) noexcept {
  for (const auto& [each, name] : names) {
    if (each == revision) return name;
  }
  return "unknown";
}

std::optional<Revision> parse_revision(std::string_view text) noexcept {
  for (const auto& [each, name] : names) {
    if (name == text) return each;
  }
  return std::nullopt;
}

Revision negotiate(std::string_view asked) noexcept {
  const auto known = parse_revision(asked);
  return known && family_of(*known) == Family::handshake ? *known : newest_handshake;
}

std::string_view supported_versions() noexcept {
  return R"(["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"])";
}

std::string_view supported_versions(Family family) noexcept {
  return family == Family::stateless ? R"(["2026-07-28"])" : R"(["2025-11-25","2025-06-18","2025-03-26","2024-11-05"])";
}

}  // namespace meantime::mcp
