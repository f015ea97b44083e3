// SPDX-License-Identifier: MIT
// structured_output.hpp: what a command printed as the structured result that its tool promises. Pure.
#pragma once

#include "meantime/outcome.hpp"
#include "schema/schema.hpp"

namespace meantime::tools {

/// `output` as a CallToolResult with structuredContent, when its text is a JSON object that fits; a ToolFailure
/// ("OutputInvalid") that keeps the output when it is not.
[[nodiscard]] ToolReturn structured(const Schema& promised, ToolOutput output);

}  // namespace meantime::tools
