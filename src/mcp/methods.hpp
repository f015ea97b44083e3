// SPDX-License-Identifier: MIT
// methods.hpp: the requests that a client may send to a server, and which revision knows which. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "mcp/protocol.hpp"

namespace meantime::mcp {

/// A client's request, told apart once so that doors can switch over it.
enum class Method : std::uint8_t {
  unknown,
  initialize,
  ping,
  server_discover,
  tools_list,
  tools_call,
  resources_list,
  resources_templates_list,
  resources_read,
  resources_subscribe,
  resources_unsubscribe,
  prompts_list,
  prompts_get,
  completion_complete,
  logging_set_level,
  subscriptions_listen,
  tasks_get,
  tasks_update,
  tasks_cancel,
  tasks_list,
  tasks_result,
};

/// `unknown` for every other name. `method` is a string, or none.
[[nodiscard]] Method method_of(JsonSpan method);
[[nodiscard]] Method method_named(std::string_view name) noexcept;
/// As on the wire; empty for `unknown`.
[[nodiscard]] std::string_view name_of(Method method) noexcept;
/// Whether a server of this revision may know it at all: what was removed answers -32601.
[[nodiscard]] bool has_method(Revision revision, Method method) noexcept;

/// The six whose complete results carry `ttlMs` and `cacheScope` in the stateless family.
[[nodiscard]] constexpr bool is_cacheable(Method method) noexcept {
  switch (method) {
    case Method::server_discover:
    case Method::tools_list:
    case Method::prompts_list:
    case Method::resources_list:
    case Method::resources_templates_list:
    case Method::resources_read:
      return true;
    default:
      return false;
  }
}

/// The three that may answer `input_required` in the stateless family.
[[nodiscard]] constexpr bool may_ask_input(Method method) noexcept {
  return method == Method::tools_call || method == Method::prompts_get || method == Method::resources_read;
}

/// Which parameter the `Mcp-Name` header repeats; none: the header is not needed.
[[nodiscard]] JsonSpan named_by(Method method, const ParamSpans& param) noexcept;
[[nodiscard]] bool needs_name_header(Method method) noexcept;
/// Its name: "name", "uri", "taskId"; empty where there is none.
[[nodiscard]] std::string_view name_parameter(Method method) noexcept;

}  // namespace meantime::mcp
