// SPDX-License-Identifier: MIT
// payloads.hpp: the documents of platforms that take more than a text: a card, an event, a mail's subject. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "delivery/render/render.hpp"

namespace meantime::render {

/// The JSON body for a Teams workflow: an Adaptive Card of text runs, which know no Markdown; code is monospace.
[[nodiscard]] std::string teams_card(const Chunk& chunk);
/// What teams_card adds around a chunk's text, at most: plan with this much less.
inline constexpr std::size_t teams_card_overhead = 1'024;

/// The event as JSON, for webhooks and for a command's standard input:
/// {"type": "task.completed" | "task.failed", "timestamp", "data": {task_id, tool_name, status, reason,
/// elapsed_seconds, error?, exit_code?, result?, result_chars, result_bytes, result_cut, link?}}.
/// `result` is shortened to its head and tail (and `result_cut` true) until the whole has at most `max_bytes`.
/// Errors: invalid_argument (max_bytes below 2,048).
[[nodiscard]] Result<std::string> event_json(const Report& report, std::size_t max_bytes);

/// A mail's subject, a push message's title: the header in one plain line of at most `max_bytes`, no line ends.
[[nodiscard]] std::string title_of(const Report& report, std::size_t max_bytes = 200);

}  // namespace meantime::render
