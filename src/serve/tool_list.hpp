// SPDX-License-Identifier: MIT
// tool_list.hpp: an upstream's tools/list as our client gets it: every byte as it came, but for output schemas that the
// running envelope would break, and our own tools at the end. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "mcp/json_span.hpp"
#include "serve/session_options.hpp"

namespace meantime::serve {

/// What a page of tools holds.
struct ToolPage {
  std::set<std::string, std::less<>> names;
  /// The schema is listed as the upstream wrote it: the envelope has no place in structuredContent.
  std::set<std::string, std::less<>> strict;
};

/// Which tools never answer with an envelope: theirs stay as they are.
using NoBackground = std::set<std::string, std::less<>>;

/// The result of one tools/list with its output schemas as `schemas` says and `extra` tools, raw JSON, added.
[[nodiscard]] std::string rewrite_tool_list(mcp::JsonSpan result, OutputSchemas schemas,
                                            const NoBackground& inline_only, const std::vector<std::string>& extra,
                                            ToolPage& page);

/// The names on a page, without rewriting it.
[[nodiscard]] std::set<std::string, std::less<>> tool_names(mcp::JsonSpan result);

/// `anyOf` of the schema and the running envelope's; empty where the schema cannot be moved: it refers to its own root.
[[nodiscard]] std::string widened_schema(mcp::JsonSpan schema);

}  // namespace meantime::serve
