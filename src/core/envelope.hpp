// SPDX-License-Identifier: MIT
// envelope.hpp: the only place where outcomes and records become JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "meantime/error.hpp"
#include "meantime/outcome.hpp"
#include "meantime/task.hpp"

namespace meantime::envelope {

/// S03: {task_id, tool_name, status, message}. `check_tool` is the name the model knows check_task by.
/// A task that is not stored says so in `message`.
[[nodiscard]] std::string running(const Backgrounded& task, std::string_view check_tool = "check_task");

/// S32, running: {task_id, tool_name, status, elapsed_seconds}, and when known progress, and the keys of what it waits
/// for from its caller as input_required.
[[nodiscard]] std::string status(const TaskRecord& record, WallTime now);

/// S32, failed: {task_id, status, error}, and the reason.
[[nodiscard]] std::string failed(const TaskRecord& record);

/// S34: {task_id, status: "timeout", error}.
[[nodiscard]] std::string await_timed_out(const TaskRecord& record, Milliseconds waited,
                                          std::string_view check_tool = "check_task");

/// S30: {"error": "Task '<id>' not found."}
[[nodiscard]] std::string not_found(std::string_view task_id);

/// Any other Error: {"error", "code", "retry_after_seconds"?}.
[[nodiscard]] std::string error(const Error& error);

/// S36: {"tasks": [...], "count": n, "next_cursor"?}
[[nodiscard]] std::string list(const TaskList& list, WallTime now);

/// Everything known of a task, for --json and the REST API; ends with a schema version field. What it asks of its
/// caller stands there only while it does: input_required (the keys) and input_requests ({key: {method, params}}).
[[nodiscard]] std::string record(const TaskRecord& record, WallTime now);

/// F21: {"meantime/task": {task_id, status}}, for the `_meta` of an answer that is about a task: by it a program tells
/// our own JSON from a tool's.
[[nodiscard]] std::string tag(std::string_view task_id, std::string_view status);

}  // namespace meantime::envelope
