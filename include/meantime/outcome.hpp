// SPDX-License-Identifier: MIT
// outcome.hpp: what a tool gives back, and what became of a call. JSON is made of them in core/envelope.hpp alone.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <variant>

#include "meantime/task.hpp"

namespace meantime {

/// What a tool returns when it worked: text (any bytes; invalid UTF-8 is repaired once, at completion).
struct ToolOutput {
  std::string text;
  MediaType media_type = MediaType::text;
  std::optional<int> exit_code;
  bool cut = false;  ///< The tool itself left out the middle.

  ToolOutput() = default;
  ToolOutput(std::string t) : text(std::move(t)) {}  // NOLINT(google-explicit-constructor): a text is an output
  ToolOutput(const char* t) : text(t) {}             // NOLINT(google-explicit-constructor)
};

/// A tool's own failure. `error()` is what callers and stores see: `<type>: <message>`.
struct ToolFailure {
  std::string type{"ToolError"};
  std::string message;
  /// What the tool printed or returned besides (an MCP result with isError, a command's output).
  std::optional<ToolOutput> output;
  EndReason reason = EndReason::tool_error;

  [[nodiscard]] std::string error() const { return type + ": " + message; }
};

using ToolReturn = std::expected<ToolOutput, ToolFailure>;

/// Done within the budget: the result, inline.
struct Finished {
  ToolOutput output;
  std::optional<TaskId> task_id;  ///< Set when the call joined a recorded task.
};

/// Failed within the budget: the tool's own failure (S02). Never an envelope.
struct Failed {
  ToolFailure failure;
  std::optional<TaskId> task_id;
};

/// Over the budget: the tool goes on as this task.
struct Backgrounded {
  TaskId task_id;
  std::string tool_name;
  bool stored = true;  ///< False: the store could not take it in time, only this process knows the task (F04).
};

/// What became of a call.
using Outcome = std::variant<Finished, Failed, Backgrounded>;

}  // namespace meantime
