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
/// [tools.<name>]
[[nodiscard]] CommandSpec read_command(Problems& problems, const Member& table);
/// [upstreams.<name>]
[[nodiscard]] UpstreamSettings read_upstream(Problems& problems, const Member& table);

/// Says so when `name` cannot be a tool's name.
void check_tool_name(Problems& problems, Place place, std::string_view name);

}  // namespace meantime::config
