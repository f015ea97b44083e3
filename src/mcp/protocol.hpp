// SPDX-License-Identifier: MIT
// protocol.hpp: the revisions of MCP, their two families, and what differs between them. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "mcp/json_rpc.hpp"

namespace meantime::mcp {

/// The revisions that we speak, oldest first; the first of them over lines only: its HTTP was another one.
enum class Revision : std::uint8_t { r2024_11_05, r2025_03_26, r2025_06_18, r2025_11_25, r2026_07_28 };

/// Two protocols under one name: with an `initialize` and perhaps a session, or with everything on every request.
enum class Family : std::uint8_t { handshake, stateless };

inline constexpr Revision newest_handshake = Revision::r2025_11_25;
inline constexpr Revision newest_stateless = Revision::r2026_07_28;
/// What a request over HTTP with a session and without a version header speaks.
inline constexpr Revision assumed_without_header = Revision::r2025_03_26;

[[nodiscard]] constexpr Family family_of(Revision revision) noexcept {
  return revision >= Revision::r2026_07_28 ? Family::stateless : Family::handshake;
}

[[nodiscard]] std::string_view name_of(Revision revision) noexcept;
[[nodiscard]] std::optional<Revision> parse_revision(std::string_view text) noexcept;

/// What a server answers to the version that an `initialize` asks for: the same where we know it, else our newest with
/// a handshake. Never a stateless one.
[[nodiscard]] Revision negotiate(std::string_view asked) noexcept;

/// Raw JSON: the names of all revisions, newest first; of one family only.
[[nodiscard]] std::string_view supported_versions() noexcept;
[[nodiscard]] std::string_view supported_versions(Family family) noexcept;

/// A body may be an array of messages.
[[nodiscard]] constexpr bool takes_batches(Revision revision) noexcept {
  return revision == Revision::r2025_03_26;
}
/// Tools have an outputSchema and results structuredContent; resource links; elicitation.
[[nodiscard]] constexpr bool has_structured_results(Revision revision) noexcept {
  return revision >= Revision::r2025_06_18;
}
/// The version header is sent on every request.
[[nodiscard]] constexpr bool has_version_header(Revision revision) noexcept {
  return revision >= Revision::r2025_06_18;
}
/// The first event of an answering stream is an id without data, and the server may close the connection to be polled.
[[nodiscard]] constexpr bool has_priming_event(Revision revision) noexcept {
  return revision == Revision::r2025_11_25;
}
/// Tasks that the client asks for with a `task` parameter: the experimental form.
[[nodiscard]] constexpr bool has_requested_tasks(Revision revision) noexcept {
  return revision == Revision::r2025_11_25;
}
[[nodiscard]] constexpr bool has_icons(Revision revision) noexcept {
  return revision >= Revision::r2025_11_25;
}

/// Up to 2025-06-18 arguments that do not fit are an error of the protocol; from 2025-11-25 on the model gets them as a
/// result with isError, so that it can mend them.
[[nodiscard]] constexpr bool bad_arguments_are_results(Revision revision) noexcept {
  return revision >= Revision::r2025_11_25;
}

[[nodiscard]] constexpr UnknownId unknown_id(Revision revision) noexcept {
  return revision >= Revision::r2025_11_25 ? UnknownId::absent : UnknownId::null;
}

/// What `resources/read` of an unknown resource is answered with.
[[nodiscard]] constexpr int resource_not_found(Revision revision) noexcept {
  return family_of(revision) == Family::stateless ? -32602 : -32002;
}

}  // namespace meantime::mcp
