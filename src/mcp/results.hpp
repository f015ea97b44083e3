// SPDX-License-Identifier: MIT
// results.hpp: the last step of every result, so that no result leaves without what its family demands, or with what it
// forbids. Pure. A result is passed over at most once, and copied once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mcp/json_rpc.hpp"
#include "mcp/protocol.hpp"

namespace meantime::mcp {

inline constexpr std::string_view server_info_key = "io.modelcontextprotocol/serverInfo";
inline constexpr std::string_view subscription_id_key = "io.modelcontextprotocol/subscriptionId";
inline constexpr std::string_view related_task_key = "io.modelcontextprotocol/related-task";

/// The top members of a result that matter here. Views into the result.
struct ResultShape {
  JsonSpan result_type;
  JsonSpan meta;
  JsonSpan ttl_ms;
  JsonSpan cache_scope;
};

/// Passes over the result once. `result` is a checked JSON object.
[[nodiscard]] ResultShape shape_of(JsonSpan result);
/// Of a message that was just read: nothing is passed over again.
[[nodiscard]] ResultShape shape_of(const Message& answer) noexcept;

/// How long a client may keep a list, and whether it may show it to others.
struct CacheHint {
  std::uint64_t ttl_ms = 0;
  bool is_public = false;
};

/// A member of `_meta`: its key, and its value as raw JSON.
struct MetaEntry {
  std::string_view key;
  std::string_view value;
};

/// What a result gets on its way out.
struct Finishing {
  Family family = Family::handshake;
  std::string_view server_info;     ///< Raw JSON; stateless only; empty: none.
  std::optional<CacheHint> cache;   ///< For the six methods; stateless only; hints of the result's own stay.
  std::span<const MetaEntry> meta;  ///< Added to `_meta`; replaces members of the same name.
};

/// Appends `result`, finished. Stateless: resultType (one of its own stays), serverInfo, cache hints. Handshake: those
/// are taken away where an upstream of the other family put them.
void append_finished(std::string& out, JsonSpan result, const ResultShape& shape, const Finishing& finishing);

/// The whole message with a newline. Without a shape the result is passed over for it.
void append_finished_result(std::string& out, std::string_view id, JsonSpan result, const Finishing& finishing);
void append_finished_result(std::string& out, std::string_view id, JsonSpan result, const ResultShape& shape,
                            const Finishing& finishing);

/// The object (raw, or empty for none) with the entries set.
[[nodiscard]] std::string merged_meta(JsonSpan meta, std::span<const MetaEntry> entries);

}  // namespace meantime::mcp
