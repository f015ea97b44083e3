// SPDX-License-Identifier: MIT
// answer_id.hpp: whose an answer was that cannot be read as a whole. Pure.
#pragma once

#include "mcp/json_span.hpp"
#include "mcp/line_framer.hpp"

namespace meantime::client {

/// The id of an answer of which only the two ends can be read: serializers put it first or last. None: it cannot be
/// seen, or the line is no answer but a request.
[[nodiscard]] mcp::JsonSpan find_id(const mcp::Line& line);

}  // namespace meantime::client
