// SPDX-License-Identifier: MIT
#include "client/answer_id.hpp"

#include <algorithm>
#include <string_view>

namespace meantime::client {

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

}  // namespace meantime::client
