// SPDX-License-Identifier: MIT
// call_answer.hpp: what became of a tool call, as the JSON-RPC answer that its client gets. Pure.
#pragma once

#include <string>
#include <string_view>

#include "mcp/protocol.hpp"
#include "meantime/error.hpp"
#include "meantime/outcome.hpp"

namespace meantime::serve {

/// What an answer depends on besides the outcome.
struct AnswerStyle {
  std::string_view check_tool = "check_task";
  mcp::Revision revision = mcp::newest_handshake;
  /// JSON-RPC's form until a handshake says otherwise.
  mcp::UnknownId unknown_id = mcp::UnknownId::null;
  /// The running envelope also as structuredContent: not where the listed outputSchema would forbid it.
  bool structured_envelope = true;
};

/// {"content":[{"type":"text","text":...}],"isError":...} as a tool's own; with `tag` (envelope::tag) as one of ours.
/// `structured` and `tag` are raw JSON, or empty.
[[nodiscard]] std::string text_result(std::string_view text, bool is_error, std::string_view tag = {},
                                      std::string_view structured = {});

/// Appends the whole message. Results and errors of an upstream go out as they came in.
void append_call_answer(std::string& out, std::string_view id, Result<Outcome> outcome, const AnswerStyle& style);

}  // namespace meantime::serve
