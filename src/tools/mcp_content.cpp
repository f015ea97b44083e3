// SPDX-License-Identifier: MIT
#include "tools/mcp_content.hpp"

namespace meantime::tools {

std::string text_of_result(mcp::JsonSpan result) {
  std::string out;
  bool first = true;
  mcp::for_each_element(mcp::member(result, "content"), [&](mcp::JsonSpan block) {
    if (!mcp::member(block, "type").is("text")) return;
    const mcp::JsonSpan text = mcp::member(block, "text");
    if (!first) out += '\n';
    first = false;
    if (text.is_string()) mcp::append_unescaped(out, text.raw().substr(1, text.raw().size() - 2));
  });
  return out;
}

}  // namespace meantime::tools
