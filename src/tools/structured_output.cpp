// SPDX-License-Identifier: MIT
#include "tools/structured_output.hpp"

#include "core/json_writer.hpp"
#include "core/utf8.hpp"
#include "mcp/json_span.hpp"

namespace meantime::tools {

ToolReturn structured(const Schema& promised, ToolOutput output) {
  const auto invalid = [&output](std::string why) -> ToolReturn {
    ToolFailure failure;
    failure.type = "OutputInvalid";
    failure.message = "the tool promises a structured result, and " + std::move(why);
    output.text = utf8::repaired(std::move(output.text));
    failure.output = std::move(output);
    return std::unexpected(std::move(failure));
  };
  if (output.cut) return invalid("the middle of what it printed was left out: raise max_output");
  mcp::JsonScanner scanner(output.text);
  mcp::JsonSpan object;
  if (!scanner.value(object) || !scanner.at_end()) return invalid("it printed no JSON (" + scanner.fault() + ")");
  if (!object.is_object()) return invalid("it printed JSON that is no object");
  if (const auto fits = promised.check(object.raw()); !fits) {
    return invalid("what it printed does not fit: " + fits.error().detail);
  }
  std::string result;
  JsonWriter json(result);
  json.begin_object().key("content").begin_array().begin_object().field("type", "text").field("text", object.raw());
  json.end_object().end_array().key("structuredContent").raw(object.raw()).end_object();
  output.text = std::move(result);
  output.media_type = MediaType::mcp_result;
  return output;
}

}  // namespace meantime::tools
