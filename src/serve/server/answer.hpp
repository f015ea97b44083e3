// SPDX-License-Identifier: MIT
// answer.hpp: what a request of an MCP client ends with, before a revision gives it its final shape. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mcp/json_rpc.hpp"

namespace meantime::serve {

/// A result or a JSON-RPC error. Results are finished in one place, McpServer::finish: nobody else adds what a revision
/// wants on each of them.
struct Answer {
  /// What the finishing adds beyond the revision's own.
  enum class Kind : std::uint8_t {
    plain,
    cacheable,       ///< One of the six methods whose results carry caching hints (2026-07-28).
    task,            ///< A CreateTaskResult of 2026-07-28.
    input_required,  ///< 2026-07-28.
    error,
  };
  Kind kind = Kind::plain;
  std::string result;        ///< Raw JSON object; of an error: an upstream's raw error object, or empty.
  int code = 0;              ///< Of an error.
  std::string message;       ///< Of an error.
  std::string data;          ///< Of an error: raw JSON, or empty.
  std::string related_task;  ///< 2025-11-25: the task whose result this is, raw JSON; empty: none.

  [[nodiscard]] static Answer of(std::string result, Kind kind = Kind::plain) {
    Answer answer;
    answer.kind = kind;
    answer.result = std::move(result);
    return answer;
  }
  [[nodiscard]] static Answer fault(mcp::RpcCode code, std::string message, std::string data = {}) {
    Answer answer;
    answer.kind = Kind::error;
    answer.code = static_cast<int>(code);
    answer.message = std::move(message);
    answer.data = std::move(data);
    return answer;
  }
  [[nodiscard]] static Answer raw_fault(std::string error_object) {
    Answer answer;
    answer.kind = Kind::error;
    answer.result = std::move(error_object);
    return answer;
  }
  [[nodiscard]] bool is_error() const noexcept { return kind == Kind::error; }
};

}  // namespace meantime::serve
