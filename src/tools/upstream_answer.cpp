// SPDX-License-Identifier: MIT
#include "tools/upstream_answer.hpp"

#include "core/utf8.hpp"
#include "mcp/tool_content.hpp"

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
    std::string text = mcp::text_of_result(answer.result);
    text.resize(utf8::cut_length(text, error_text_bytes));
    return failure("ToolError", std::move(text), raw_output(answer.result.raw(), MediaType::mcp_result));
  }
  return raw_output(answer.result.raw(), MediaType::mcp_result);
}

}  // namespace meantime::tools
