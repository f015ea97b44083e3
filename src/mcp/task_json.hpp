// SPDX-License-Identifier: MIT
// task_json.hpp: a task as both forms of MCP show it: the extension of 2026 and the experiment of 2025-11-25. Pure;
// knows nothing of records and stores: what to show is put together by the caller.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/json_span.hpp"
#include "meantime/clock.hpp"
#include "meantime/task.hpp"

namespace meantime::mcp {

/// As on the wire, in both forms. 2026: `failed` is for JSON-RPC errors alone; 2025: also for results with isError.
enum class TaskState : std::uint8_t { working, input_required, completed, failed, cancelled };
[[nodiscard]] std::string_view name_of(TaskState state) noexcept;
[[nodiscard]] std::optional<TaskState> parse_task_state(std::string_view text) noexcept;
[[nodiscard]] constexpr bool is_terminal(TaskState state) noexcept {
  return state >= TaskState::completed;
}

/// What is shown of one task. Views live as long as the call.
struct TaskView {
  std::string_view task_id;
  TaskState state = TaskState::working;
  std::string_view status_message;  ///< Empty: none.
  WallTime created_at{};
  WallTime last_updated_at{};
  std::optional<std::int64_t> ttl_ms;            ///< From the creation; none: null, for ever.
  std::optional<std::int64_t> poll_interval_ms;  ///< None: left out.
  std::string_view result;                       ///< completed: raw JSON object.
  std::string_view error;                        ///< failed: raw JSON-RPC error object.
  std::span<const InputRequest> input_requests;  ///< input_required.
};

/// 2026: what a call that became a task answers; result members only, no id.
[[nodiscard]] std::string created_task(const TaskView& task);
/// 2026: what tasks/get answers, with its result, error or open requests inlined.
[[nodiscard]] std::string task_details(const TaskView& task);
/// 2026: params of notifications/tasks on the listen stream with this id (raw).
[[nodiscard]] std::string task_notice(const TaskView& task, std::string_view subscription_id);

/// 2025-11-25: the nested answer to a call with `task`.
[[nodiscard]] std::string created_requested_task(const TaskView& task, std::string_view immediate_response = {});
/// 2025-11-25: the flat form of tasks/get, tasks/cancel and notifications/tasks/status.
[[nodiscard]] std::string requested_task(const TaskView& task);
/// 2025-11-25: {"taskId":...}, the value of the related-task key.
[[nodiscard]] std::string related_task(std::string_view task_id);

/// {key: {method, params}} for a stateless client, and back. Errors: what is wrong with it.
[[nodiscard]] std::string input_requests_json(std::span<const InputRequest> requests);
[[nodiscard]] std::expected<std::vector<InputRequest>, std::string> read_input_requests(JsonSpan requests);
/// {key: result}; entries that are no objects are an error.
[[nodiscard]] std::string input_responses_json(std::span<const InputResponse> responses);
[[nodiscard]] std::expected<std::vector<InputResponse>, std::string> read_input_responses(JsonSpan responses);

/// Stateless: a call's answer that asks for input; `request_state` empty: none.
[[nodiscard]] std::string input_required_result(std::span<const InputRequest> requests, std::string_view request_state);

/// A task as a server sent it, in either form: create result, details, notice. Views into `task`.
struct TaskReport {
  JsonSpan task_id;
  TaskState state = TaskState::working;
  JsonSpan status_message;
  std::optional<std::int64_t> ttl_ms;
  std::optional<std::int64_t> poll_interval_ms;
  JsonSpan result;
  JsonSpan error;
  JsonSpan input_requests;
};
/// Errors: no task id, or a state that is none.
[[nodiscard]] std::expected<TaskReport, std::string> read_task_report(JsonSpan task);

}  // namespace meantime::mcp
