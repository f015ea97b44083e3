// SPDX-License-Identifier: MIT
// mcp_content.hpp: the content blocks of an MCP tool result. Pure.
#pragma once

#include <string>

#include "mcp/json_span.hpp"

namespace meantime::tools {

/// The characters of all text blocks of a CallToolResult, one after the other, a line end between.
[[nodiscard]] std::string text_of_result(mcp::JsonSpan result);

}  // namespace meantime::tools
