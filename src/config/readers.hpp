// SPDX-License-Identifier: MIT
// readers.hpp: the parts that read_config.cpp puts together. Private to this folder.
#pragma once

#include "config/config.hpp"
#include "config/section.hpp"

namespace meantime::config {

/// Keys that commands and upstreams' tools share.
[[nodiscard]] ToolRules read_rules(Section& section);
/// Says what in `rules`, as they will be in force, contradicts itself.
void check_rules(Section& section, const ToolRules& rules);

/// `store`: a text, or the table [store]. After the general keys: a Redis keeps tasks for `retention`.
void read_store(Section& document, Config& config);
/// [tools.<name>]; also its rules by themselves.
[[nodiscard]] CommandSpec read_command(Problems& problems, const Member& table, ToolRules& rules);
/// [upstreams.<name>]. `imported`: the server of that name from another client's file, to which the table may add.
[[nodiscard]] UpstreamSettings read_upstream(Problems& problems, const Member& table, const UpstreamSettings* imported);
/// What the official SDKs let a stdio server inherit, and what programs need to speak the user's language.
[[nodiscard]] const std::vector<std::string>& inherited_by_upstreams();
/// Where the upstream's program is looked for.
[[nodiscard]] std::string search_path_of(const UpstreamSettings& upstream);
/// Why this cannot be sent to an upstream as a header, to follow the name; empty: it can.
[[nodiscard]] std::string why_no_header(std::string_view name, std::string_view value);
[[nodiscard]] bool has_authorization(const UpstreamHttp& http);

/// [http]
void read_http(Section& document, Config& config);
/// [auth]
void read_auth(Section& document, Config& config);
/// What must hold between the two.
void check_door(Section& document, Config& config);
/// Says which of `scopes` cannot be one.
void check_scopes(Section& section, std::string_view key, const std::vector<std::string>& scopes);

/// [destinations.<name>] and [[redirects]]
void read_destinations(Section& document, Config& config);

/// [import]
void read_import(Section& document, Config& config);
/// A whole document of JSON: the servers in it.
void read_servers_document(Problems& problems, const Value& document, Config& config);

/// Says so when `name` cannot be a tool's name.
void check_tool_name(Problems& problems, Place place, std::string_view name);

}  // namespace meantime::config
