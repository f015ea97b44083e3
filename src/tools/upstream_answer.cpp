// SPDX-License-Identifier: MIT
#include "tools/upstream_answer.hpp"

#include <algorithm>

#include "core/utf8.hpp"
#include "tools/mcp_content.hpp"

namespace meantime::tools {
namespace {

constexpr std::size_t error_text_bytes = 16U << 10;

ToolOutput raw_output(std::string_view json, MediaType media_type) {
  ToolOutput output{std::string(json)};
  output.media_type = media_type;
  return output;
}

}  // namespace

ToolReturn failure(std::string type, std::string message, std::optional<ToolOutput> output) {
  return std::unexpected(ToolFailure{std::move(type), std::move(message), std::move(output)});
}

ToolReturn to_return(const mcp::Message& answer) {
  if (answer.kind == mcp::Message::Kind::error) {
    std::string text = mcp::member(answer.error, "message").text();
    if (const auto code = mcp::member(answer.error, "code").integer()) text += " (code " + std::to_string(*code) + ")";
    return failure("McpError", std::move(text), raw_output(answer.error.raw(), MediaType::mcp_error));
  }
  if (answer.result_is_error.boolean() == true) {
    std::string text = text_of_result(answer.result);
    text.resize(utf8::cut_length(text, error_text_bytes));
    return failure("ToolError", std::move(text), raw_output(answer.result.raw(), MediaType::mcp_result));
  }
  return raw_output(answer.result.raw(), MediaType::mcp_result);
}

mcp::JsonSpan find_id(const mcp::Line& line) {
  constexpr std::string_view key = "\"id\":";
  // The value up to the next comma or bracket, which `rest` then starts with.
  const auto value_at = [&](std::string_view& rest, std::size_t at) -> mcp::JsonSpan {
    if (at == std::string_view::npos) return {};
    rest = rest.substr(at + key.size());
    rest = rest.substr(std::min(rest.find_first_not_of(' '), rest.size()));
    const std::size_t end = rest.find_first_of(",}");
    if (end == std::string_view::npos) return {};
    const mcp::JsonSpan id(rest.substr(0, end));
    rest = rest.substr(end);
    const bool whole = id.integer() || (id.is_string() && id.raw().size() > 1 && id.raw().ends_with('"'));
    return whole ? id : mcp::JsonSpan();
  };
  std::string_view head = line.head.substr(0, line.head.find("\"result\""));
  if (head.find("\"method\":") != std::string_view::npos) return {};  // its own id, not one of ours or the client's
  if (const auto id = value_at(head, head.find(key))) return id;
  std::string_view tail = line.tail;
  const auto id = value_at(tail, tail.rfind(key));
  return tail == "}" || tail == ",\"jsonrpc\":\"2.0\"}" ? id : mcp::JsonSpan();
}

}  // namespace meantime::tools
