// SPDX-License-Identifier: MIT
#include "mcp/tool_content.hpp"

namespace meantime::mcp {

std::string text_of_result(JsonSpan result) {
  std::string out;
  bool first = true;
  for_each_element(member(result, "content"), [&](JsonSpan block) {
    if (!member(block, "type").is("text")) return;
    const JsonSpan text = member(block, "text");
    if (!first) out += '\n';
    first = false;
    if (text.is_string()) append_unescaped(out, text.raw().substr(1, text.raw().size() - 2));
  });
  return out;
}

std::string words_of_result(std::string result) {
  std::string words = text_of_result(JsonSpan(result));
  return words.empty() ? std::move(result) : words;
}

}  // namespace meantime::mcp
