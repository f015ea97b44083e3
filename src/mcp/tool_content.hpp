// SPDX-License-Identifier: MIT
// tool_content.hpp: the content blocks of an MCP tool result. Pure.
#pragma once

#include <string>

#include "mcp/json_span.hpp"

namespace meantime::mcp {

/// The characters of all text blocks of a CallToolResult, one after the other, a line end between.
[[nodiscard]] std::string text_of_result(JsonSpan result);

/// The same of the JSON of one, for people; the JSON itself where there is no text (images, links, structured content).
[[nodiscard]] std::string words_of_result(std::string result);

}  // namespace meantime::mcp
