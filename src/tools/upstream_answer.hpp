// SPDX-License-Identifier: MIT
// upstream_answer.hpp: what an upstream answered, as what a tool returns. Pure.
#pragma once

#include <optional>
#include <string>

#include "client/answer_id.hpp"
#include "mcp/json_rpc.hpp"
#include "mcp/line_framer.hpp"
#include "meantime/outcome.hpp"

namespace meantime::tools {

[[nodiscard]] ToolReturn failure(std::string type, std::string message, std::optional<ToolOutput> output = {});

/// A result as raw JSON; one with isError as ToolError, a JSON-RPC error as McpError, both with the raw JSON beside.
[[nodiscard]] ToolReturn to_return(const mcp::Message& answer);

using client::find_id;

}  // namespace meantime::tools
