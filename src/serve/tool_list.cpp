// SPDX-License-Identifier: MIT
#include "serve/tool_list.hpp"

#include <array>

#include "core/json_writer.hpp"
#include "mcp/splice.hpp"

namespace meantime::serve {
namespace {

constexpr std::string_view envelope_schema =
    R"({"type":"object","description":"The call goes on in the background: wait for its result by task_id.",)"
    R"("properties":{"task_id":{"type":"string"},"tool_name":{"type":"string"},"status":{"const":"running"},)"
    R"("message":{"type":"string"}},"required":["task_id","tool_name","status","message"]})";

// Stay valid where they are only at a schema's root, so they go to the new one.
constexpr std::array<std::string_view, 3> root_keywords{"$schema", "$defs", "definitions"};

// References that still lead to the same place when the schema is one level deeper and its definitions are not.
bool references_can_move(mcp::JsonSpan schema) {
  const std::string_view text = schema.raw();
  for (const std::string_view keyword :
       {"\"$id\"", "\"id\":\"#", "\"$anchor\"", "\"$dynamicRef\"", "\"$recursiveRef\""}) {
    if (text.find(keyword) != std::string_view::npos) return false;
  }
  constexpr std::string_view ref = "\"$ref\"";
  for (std::size_t at = text.find(ref); at != std::string_view::npos; at = text.find(ref, at + 1)) {
    const std::size_t quote = text.find('"', at + ref.size());
    if (quote == std::string_view::npos) return false;
    const std::string_view target = text.substr(quote + 1);
    if (!target.starts_with("#/$defs/") && !target.starts_with("#/definitions/")) return false;
  }
  return true;
}

// The tool with its outputSchema widened or gone; empty when it stays as it is.
std::string changed_tool(mcp::JsonSpan tool, OutputSchemas schemas) {
  const mcp::JsonSpan schema = mcp::member(tool, "outputSchema");
  if (!schema || schemas == OutputSchemas::keep) return {};
  const std::string wider = schemas == OutputSchemas::widen ? widened_schema(schema) : std::string();
  return wider.empty() ? mcp::without_member(tool, "outputSchema") : mcp::with_member(tool, "outputSchema", wider);
}

}  // namespace

std::string widened_schema(mcp::JsonSpan schema) {
  if (!schema.is_object() || !references_can_move(schema)) return {};
  std::string moved(schema.raw());
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  for (const std::string_view keyword : root_keywords) {
    const mcp::JsonSpan value = mcp::member(schema, keyword);
    if (!value) continue;
    json.key(keyword).raw(value.raw());
    moved = mcp::without_member(mcp::JsonSpan(moved), keyword);
  }
  json.field("type", "object").key("anyOf").begin_array().raw(moved).raw(envelope_schema).end_array().end_object();
  return out;
}

std::set<std::string, std::less<>> tool_names(mcp::JsonSpan result) {
  std::set<std::string, std::less<>> names;
  mcp::for_each_element(mcp::member(result, "tools"),
                        [&](mcp::JsonSpan tool) { names.insert(mcp::member(tool, "name").text()); });
  return names;
}

std::string rewrite_tool_list(mcp::JsonSpan result, OutputSchemas schemas, const NoBackground& inline_only,
                              const std::vector<std::string>& extra, ToolPage& page) {
  const mcp::JsonSpan tools = mcp::member(result, "tools");
  if (!tools.is_array()) return std::string(result.raw());
  std::string list;
  list.reserve(tools.raw().size() + 1024);
  std::size_t copied = 0;  // of the array's own text
  mcp::for_each_element(tools, [&](mcp::JsonSpan tool) {
    const std::string name = mcp::member(tool, "name").text();
    page.names.insert(name);
    if (!mcp::member(tool, "outputSchema")) return;
    std::string changed;
    if (!inline_only.contains(name)) changed = changed_tool(tool, schemas);
    if (changed.empty()) {
      page.strict.insert(name);
      return;
    }
    const auto at = static_cast<std::size_t>(tool.raw().data() - tools.raw().data());
    list += tools.raw().substr(copied, at - copied);
    list += changed;
    copied = at + tool.raw().size();
  });
  if (copied == 0 && extra.empty()) return std::string(result.raw());
  list += tools.raw().substr(copied);
  if (!extra.empty()) list = mcp::with_elements(mcp::JsonSpan(list), extra);
  std::string out;
  mcp::append_replaced(out, result.raw(), tools, list);
  return out;
}

}  // namespace meantime::serve
