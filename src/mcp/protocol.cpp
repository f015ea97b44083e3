// SPDX-License-Identifier: MIT
#include "mcp/protocol.hpp"

#include <utility>

namespace meantime::mcp {
namespace {
constexpr std::array<std::pair<Revision, std::string_view>, 2> names{
    {{Revision::r2025_06_18, "2025-06-18"}, {Revision::r2025_11_25, "2025-11-25"}}};
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
  return parse_revision(asked).value_or(newest_handshake);
}

}  // namespace meantime::mcp
