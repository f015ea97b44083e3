// SPDX-License-Identifier: MIT
// task.hpp: what is remembered of a task, as values. Nothing here runs or waits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/clock.hpp"
#include "meantime/task_id.hpp"

namespace meantime {

/// Where a task stands, named as on the wire. A finished state is final.
enum class TaskStatus : std::uint8_t { running, completed, failed };

/// Why a task ended; tells apart what `failed` alone does not (S12).
enum class EndReason : std::uint8_t {
  none,         ///< Still running.
  finished,     ///< The tool returned.
  tool_error,   ///< The tool failed or threw.
  cancelled,    ///< Somebody asked for it.
  lost,         ///< Its worker died or stopped responding.
  timed_out,    ///< It ran past its maximum run time.
  interrupted,  ///< Its worker shut down before it was done.
};

[[nodiscard]] std::string_view name_of(TaskStatus status) noexcept;
[[nodiscard]] std::string_view name_of(EndReason reason) noexcept;
[[nodiscard]] std::optional<TaskStatus> parse_status(std::string_view text) noexcept;
[[nodiscard]] std::optional<EndReason> parse_reason(std::string_view text) noexcept;

/// How far a running task says it is. `total` absent: unknown; `value` then counts anything that grows.
struct Progress {
  double value = 0;
  std::optional<double> total;
  std::string message;

  friend bool operator==(const Progress&, const Progress&) = default;
};

/// Which ends of a task a redirect is for.
enum class RedirectOn : std::uint8_t { always, completed, failed };
[[nodiscard]] std::string_view name_of(RedirectOn on) noexcept;
[[nodiscard]] std::optional<RedirectOn> parse_redirect_on(std::string_view text) noexcept;

/// Where a task's result is to be delivered (S05, S40). The same destination, platform and channel again replaces the
/// one before; others stand side by side, at most `max_redirects` of a task.
struct Redirect {
  std::string destination;  ///< Name of a configured destination: which adapter delivers.
  std::string channel_id;
  std::string platform;
  std::uint32_t max_chars = 0;  ///< Of the result's text; 0 = the default, 9,000.
  RedirectOn on = RedirectOn::always;
  bool suppress_if_read = false;  ///< Not sent when the owner read the result before it could be.

  friend bool operator==(const Redirect&, const Redirect&) = default;
};
inline constexpr std::size_t max_redirects = 16;

/// Who called, from where. The owner of a task is `user_id`; it comes from the front door, never from arguments.
struct Caller {
  std::string user_id;
  std::string channel_id;
  std::string platform;

  friend bool operator==(const Caller&, const Caller&) = default;
};

/// What a result's text is.
enum class MediaType : std::uint8_t {
  text,        ///< text/plain
  mcp_result,  ///< The raw JSON of an MCP CallToolResult, kept as the upstream sent it.
  mcp_error,   ///< The raw JSON-RPC error object that an upstream answered with.
};
[[nodiscard]] std::string_view name_of(MediaType type) noexcept;  ///< As "text/plain".
[[nodiscard]] std::optional<MediaType> parse_media_type(std::string_view text) noexcept;

/// How a task ended: what goes into a store in one step (F02).
struct TaskEnd {
  TaskStatus status = TaskStatus::completed;
  EndReason reason = EndReason::finished;
  std::string result;                      ///< Text of the result; valid UTF-8. Also set beside an error
                                           ///< when the tool gave one (an MCP result with isError).
  MediaType media_type = MediaType::text;  ///< What `result` is.
  std::string error;                       ///< `<ErrorType>: <message>` when failed; capped.
  std::optional<int> exit_code;            ///< Of a command tool.
  bool result_cut = false;                 ///< The result was over its limit: its middle is gone.
  WallTime ended_at{};
};

/// Something a running tool asks of its caller: an entry of MCP's `inputRequests`.
struct InputRequest {
  std::string key;     ///< 1 to 128 bytes of UTF-8; unique over the task's whole life.
  std::string method;  ///< elicitation/create, sampling/createMessage or roots/list.
  std::string params;  ///< Raw JSON object.

  friend bool operator==(const InputRequest&, const InputRequest&) = default;
};

/// What a caller can be asked. Whoever is not known can be asked anything: somebody may answer.
struct Askable {
  bool elicitation_form : 1 = true;
  bool elicitation_url : 1 = true;
  bool sampling : 1 = true;
  bool sampling_tools : 1 = true;
  bool sampling_context : 1 = true;
  bool roots : 1 = true;

  friend bool operator==(const Askable&, const Askable&) = default;
};

/// The answer to one: the method's result, raw JSON object.
struct InputResponse {
  std::string key;
  std::string result;

  friend bool operator==(const InputResponse&, const InputResponse&) = default;
};
inline constexpr std::size_t max_input_requests = 64;  ///< Open at once, of one task.
inline constexpr std::size_t max_input_keys = 1'000;   ///< Over one task's whole life.

/// One task as a store knows it, without the body of its result (read that in pages).
struct TaskRecord {
  TaskId task_id;
  std::string tool_name;
  TaskStatus status = TaskStatus::running;
  EndReason reason = EndReason::none;
  WallTime created_at{};             ///< The moment of the call, not of the backgrounding (F32).
  std::optional<WallTime> ended_at;  ///< Elapsed time stops here.
  Caller caller;
  std::string error;
  MediaType media_type = MediaType::text;
  std::optional<int> exit_code;
  std::uint64_t result_bytes = 0;
  std::uint64_t result_chars = 0;  ///< Unicode code points of the result.
  std::uint64_t output_bytes = 0;  ///< Partial output so far.
  std::uint64_t output_start = 0;  ///< Where what is kept of it begins; 0 unless there was more than is kept.
  bool result_cut = false;
  std::optional<Progress> progress;
  std::string worker;         ///< Which process runs, or ran, it; a store may drop it when the task has completed.
  std::uint32_t attempt = 1;  ///< Grows when a lost idempotent task is run again: the fencing number.
  bool cancel_requested = false;
  bool late_result = false;  ///< A result came after the outcome was decided and is kept beside it.
  bool unsaved = false;      ///< The store is away: this outcome is known to its own process alone so far.
  std::string idempotency_key;
  std::vector<Redirect> redirects;  ///< In the order they were set.
  /// What it waits for from its caller, in the order asked; none once it has ended. The responses are the worker's
  /// alone.
  std::vector<InputRequest> input_requests;

  /// Time from the call to the end, or to `now` while it runs.
  [[nodiscard]] Milliseconds elapsed(WallTime now) const noexcept {
    return std::chrono::duration_cast<Milliseconds>((ended_at ? *ended_at : now) - created_at);
  }
};

/// A piece of a text, cut between characters. Offsets count Unicode code points.
struct TextPage {
  std::string text;
  std::uint64_t offset = 0;
  std::uint64_t total_chars = 0;
  std::uint64_t total_bytes = 0;
  /// Where the next page starts; absent at the end.
  [[nodiscard]] std::optional<std::uint64_t> next_offset(std::uint64_t page_chars) const noexcept {
    const auto next = offset + page_chars;
    return next < total_chars ? std::optional{next} : std::nullopt;
  }
};

/// Which tasks a list shows; newest first.
struct ListQuery {
  std::optional<std::string> user_id;  ///< Absent: of all owners (operators only).
  std::optional<TaskStatus> status;
  std::optional<std::string> tool_name;
  std::optional<WallTime> created_after;
  std::optional<WallTime> created_before;
  std::uint32_t limit = 100;    ///< 1 to 1,000.
  std::optional<TaskId> after;  ///< The cursor: the last id of the page before.
};

struct TaskList {
  std::vector<TaskRecord> tasks;
  std::optional<TaskId> next;  ///< Cursor of the next page; absent at the end.
};

}  // namespace meantime
