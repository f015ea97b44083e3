// SPDX-License-Identifier: MIT
// param_headers.hpp: arguments of a tool that travel in HTTP headers, too (`x-mcp-header` in its inputSchema). Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mcp/json_span.hpp"
#include "mcp/server_request.hpp"

namespace meantime::mcp {

/// How the names of such fields begin, in lower case.
inline constexpr std::string_view param_field_prefix = "mcp-param-";

/// One annotated argument.
struct ParamHeader {
  enum class Kind : std::uint8_t { string, integer, boolean };

  std::vector<std::string> path;  ///< Names of the properties from the root of the arguments down.
  std::string field;              ///< "Mcp-Param-Region"
  std::string lower_case_field;
  Kind kind = Kind::string;
};

/// The annotated arguments of a schema; empty for most. The error says why the annotations are invalid: a client leaves
/// such a tool out.
[[nodiscard]] std::expected<std::vector<ParamHeader>, std::string> read_param_headers(JsonSpan input_schema);

/// Server: why the headers contradict the arguments (-32020); none: they fit.
[[nodiscard]] std::optional<std::string> param_header_mismatch(const std::vector<ParamHeader>& headers,
                                                               JsonSpan arguments, const HttpHead& head);

/// The same as a refusal with everything in it.
[[nodiscard]] std::optional<Refusal> check_param_headers(const std::vector<ParamHeader>& headers,
                                                         const ServerRequest& request, const HttpHead& head);

/// Client: the headers of a call, name and value; nothing for what is absent or null.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> make_param_headers(
    const std::vector<ParamHeader>& headers, JsonSpan arguments);

}  // namespace meantime::mcp
