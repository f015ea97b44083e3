// SPDX-License-Identifier: MIT
// mcp_messages.hpp: raw messages and HTTP heads for tests of the protocol.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "mcp/json_rpc.hpp"
#include "mcp/server_request.hpp"

namespace meantime::test {

/// A head made of a map; names in lower case.
class Head final : public mcp::HttpHead {
 public:
  Head() = default;
  Head(std::initializer_list<std::pair<const std::string, std::string>> fields) : fields(fields) {}

  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const override {
    const auto found = fields.find(name);
    if (found == fields.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] bool repeated(std::string_view name) const override { return twice.contains(name); }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> fields_under(std::string_view prefix) const override {
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& [name, value] : fields) {
      if (name.starts_with(prefix)) found.emplace_back(name, value);
    }
    return found;
  }

  std::map<std::string, std::string, std::less<>> fields;
  std::set<std::string, std::less<>> twice;
};

/// A message that can be read; views into `line`, which must live on.
inline mcp::Message read(std::string_view line) {
  auto message = mcp::read_message(line);
  EXPECT_TRUE(message.has_value()) << line << ": " << (message ? "" : message.error().message);
  return message.value_or(mcp::Message{});
}

/// `_meta` of a stateless request, with these capabilities and further members.
inline std::string marks(std::string_view capabilities = "{}", std::string_view more = {}) {
  std::string out =
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":)";
  out += capabilities;
  if (!more.empty()) out += ',';
  out += more;
  return out + "}";
}

inline constexpr std::string_view takes_tasks = R"({"extensions":{"io.modelcontextprotocol/tasks":{}}})";

/// A stateless request with these members of its params.
inline std::string stateless(std::string_view method, std::string_view members = {},
                             std::string_view capabilities = "{}") {
  std::string out = R"({"jsonrpc":"2.0","id":7,"method":")" + std::string(method) + R"(","params":{)";
  out += members;
  if (!members.empty()) out += ',';
  return out + marks(capabilities) + "}}";
}

}  // namespace meantime::test
