// SPDX-License-Identifier: MIT
// splice.hpp: changes single values of a JSON text and leaves every other byte of it as it was. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mcp/json_rpc.hpp"

namespace meantime::mcp {

/// Appends `whole` with the bytes of `part`, which lies inside it, replaced by `with`.
void append_replaced(std::string& out, std::string_view whole, JsonSpan part, std::string_view with);

/// The object with its member `name` set to raw JSON: replaced where it stands, else put first.
[[nodiscard]] std::string with_member(JsonSpan object, std::string_view name, std::string_view value);

/// The object without its members called `name`.
[[nodiscard]] std::string without_member(JsonSpan object, std::string_view name);

/// The array with further elements, raw JSON, at its end.
[[nodiscard]] std::string with_elements(JsonSpan array, const std::vector<std::string>& elements);

/// A message with another id: the request that a gateway sends on in its own name, or the answer that it hands back.
void append_with_id(std::string& out, const Message& message, std::string_view id);

/// Appends a request's params with `_meta.progressToken` set to the raw JSON `token`.
void append_params_with_progress_token(std::string& out, const Message& request, std::string_view token);

}  // namespace meantime::mcp
