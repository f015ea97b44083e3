// SPDX-License-Identifier: MIT
#include "serve/server/tool_table.hpp"

#include <algorithm>

#include "core/json_writer.hpp"
#include "serve/tool_list.hpp"

namespace meantime::serve {
namespace {

// What a call of the 2025-11-25 form may ask of this tool.
std::string_view task_support(const Tool& tool) {
  if (tool.task_only) return "required";
  return tool.no_background ? "forbidden" : "optional";
}

// Of the tool itself, which is checked; else as its listing has it, for others to check.
std::string_view schema_of(const Tool& tool) {
  if (!tool.input_schema.empty()) return tool.input_schema;
  const mcp::JsonSpan listed = mcp::member(mcp::JsonSpan(tool.listing), "inputSchema");
  return listed.is_object() ? listed.raw() : R"({"type":"object"})";
}

bool is_ours(mcp::JsonSpan key) {
  return key.is("name") || key.is("description") || key.is("inputSchema") || key.is("outputSchema") ||
         key.is("execution") || key.is("annotations");
}

void append_annotations(JsonWriter& json, const Tool& tool, mcp::JsonSpan given) {
  if (given.is_object()) {
    json.key("annotations").raw(given.raw());
  } else if (tool.idempotent) {
    json.key("annotations").begin_object().field("idempotentHint", true).end_object();
  }
}

void append_output_schema(JsonWriter& json, const Tool& tool, mcp::JsonSpan schema, OutputSchemas schemas) {
  if (!schema) return;
  if (schemas == OutputSchemas::keep || tool.no_background) {
    json.key("outputSchema").raw(schema.raw());
  } else if (schemas == OutputSchemas::widen) {
    const std::string wider = widened_schema(schema);
    if (!wider.empty()) json.key("outputSchema").raw(wider);
  }
}

}  // namespace

std::string tool_definition(const Tool& tool, mcp::Revision revision, OutputSchemas schemas) {
  const mcp::JsonSpan listing(tool.listing);
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("name", tool.name);
  if (!tool.description.empty()) json.field("description", tool.description);
  json.key("inputSchema").raw(schema_of(tool));
  append_output_schema(json, tool, mcp::member(listing, "outputSchema"), schemas);
  append_annotations(json, tool, mcp::member(listing, "annotations"));
  if (revision == mcp::Revision::r2025_11_25) {
    json.key("execution").begin_object().field("taskSupport", task_support(tool)).end_object();
  }
  mcp::for_each_member(listing, [&](mcp::JsonSpan key, mcp::JsonSpan value) {
    if (!is_ours(key)) json.key(key.text()).raw(value.raw());
  });
  json.end_object();
  return out;
}

void ToolTable::make() {
  made_ = true;
  tools_.clear();
  listings_.clear();
  order_ = manager_.tools();
  std::ranges::sort(order_, {}, &Tool::name);
  for (const Tool* tool : order_) {
    ListedTool listed;
    listed.tool = tool;
    // A client leaves out a tool whose annotations are wrong; a call of it that comes all the same needs no headers.
    if (auto headers = mcp::read_param_headers(mcp::JsonSpan(schema_of(*tool)))) listed.headers = std::move(*headers);
    listed.structured_envelope = !mcp::member(mcp::JsonSpan(tool->listing), "outputSchema") ||
                                 (schemas_ == OutputSchemas::widen && !tool->no_background) ||
                                 schemas_ == OutputSchemas::drop;
    tools_.emplace(tool->name, std::move(listed));
  }
}

const std::string& ToolTable::listing(mcp::Revision revision) {
  if (!made_) make();
  const auto [at, added] = listings_.try_emplace(static_cast<int>(revision));
  if (added) {
    for (const Tool* tool : order_) {
      if (!at->second.empty()) at->second += ',';
      at->second += tool_definition(*tool, revision, schemas_);
    }
  }
  return at->second;
}

const ListedTool* ToolTable::find(std::string_view name) {
  if (!made_) make();
  const auto found = tools_.find(std::string(name));
  return found == tools_.end() ? nullptr : &found->second;
}

}  // namespace meantime::serve
