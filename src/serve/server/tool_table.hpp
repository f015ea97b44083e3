// SPDX-License-Identifier: MIT
// tool_table.hpp: the tools of a manager as each revision lists them, made once for each change, and what a call must
// know of them. Threads: the loop's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mcp/param_headers.hpp"
#include "mcp/protocol.hpp"
#include "meantime/manager.hpp"
#include "serve/session_options.hpp"

namespace meantime::serve {

/// How a tool is to be called by an MCP client.
struct ListedTool {
  const Tool* tool = nullptr;
  std::vector<mcp::ParamHeader> headers;  ///< From x-mcp-header annotations; empty: none.
  bool structured_envelope = true;        ///< The listed output schema has room for the envelope, or there is none.
};

class ToolTable {
 public:
  ToolTable(TaskManager& manager, OutputSchemas schemas) : manager_(manager), schemas_(schemas) {}

  /// Forget what was made: tools came or went.
  void changed() noexcept { made_ = false; }
  /// The elements of tools/list, raw JSON, joined by commas: of the manager's tools in the order of their names.
  [[nodiscard]] const std::string& listing(mcp::Revision revision);
  /// Null: no such tool.
  [[nodiscard]] const ListedTool* find(std::string_view name);

 private:
  void make();

  TaskManager& manager_;
  OutputSchemas schemas_;
  bool made_ = false;
  std::unordered_map<std::string, ListedTool> tools_;
  std::vector<const Tool*> order_;
  std::unordered_map<int, std::string> listings_;
};

/// One tool as `revision` lists it: raw JSON.
[[nodiscard]] std::string tool_definition(const Tool& tool, mcp::Revision revision, OutputSchemas schemas);

}  // namespace meantime::serve
