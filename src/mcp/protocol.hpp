// SPDX-License-Identifier: MIT
// protocol.hpp: the revisions of MCP with a handshake, and what differs between them for us. Pure. The stateless
// revision (2026-07-28) says its version on every request: see ParamSpans::meta_protocol_version.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "mcp/json_rpc.hpp"

namespace meantime::mcp {

/// Revisions with an `initialize` handshake that we serve ourselves, oldest first.
enum class Revision : std::uint8_t { r2025_06_18, r2025_11_25 };

inline constexpr Revision newest_handshake = Revision::r2025_11_25;

[[nodiscard]] std::string_view name_of(Revision revision) noexcept;
[[nodiscard]] std::optional<Revision> parse_revision(std::string_view text) noexcept;

/// What a server answers to the version a client asks for: the same where we know it, else our newest.
[[nodiscard]] Revision negotiate(std::string_view asked) noexcept;

/// Up to 2025-06-18 arguments that do not fit are an error of the protocol; from 2025-11-25 on the model gets them as a
/// result with isError, so that it can mend them.
[[nodiscard]] constexpr bool bad_arguments_are_results(Revision revision) noexcept {
  return revision >= Revision::r2025_11_25;
}

[[nodiscard]] constexpr UnknownId unknown_id(Revision revision) noexcept {
  return revision >= Revision::r2025_11_25 ? UnknownId::absent : UnknownId::null;
}

}  // namespace meantime::mcp
