// SPDX-License-Identifier: MIT
// upstream_call.hpp: a tool of an MCP server as a tool of ours: its questions, progress and log lines go to whoever
// called, its result stays raw JSON. Threads: the loop's.
#pragma once

#include <string>

#include "client/mcp_client.hpp"
#include "meantime/outcome.hpp"
#include "meantime/tool.hpp"

namespace meantime::tools {

/// Calls `tool` with the context's arguments. Errors: a result with isError is ToolError, a JSON-RPC error McpError
/// (both with the raw JSON beside), a server that cannot be reached, died or sent nonsense UpstreamError.
/// Cancel: dropping it cancels the call, or the task that the server made of it, in the way of the server's family.
[[nodiscard]] Task<ToolReturn> call_upstream(client::McpClient& client, ToolContext& context, std::string tool);

/// What a request of ours ended with, as what a tool returns.
[[nodiscard]] ToolReturn to_return(client::Answer answer);

}  // namespace meantime::tools
