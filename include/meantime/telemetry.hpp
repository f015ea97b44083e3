// SPDX-License-Identifier: MIT
// telemetry.hpp: the port that hears what happens to calls and tasks (S50). A fault in it never touches a task (S51).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "meantime/clock.hpp"

namespace meantime {

/// One `task_execution` event. Views are valid during the call only.
struct TaskEvent {
  enum class Phase : std::uint8_t { inline_, backgrounded, completed, failed, redirect_delivered };

  Phase phase = Phase::inline_;
  std::string_view status;  ///< "ok", "backgrounded" or "error": what really happened (F18).
  std::string_view tool_name;
  std::string_view task_id;  ///< Text; empty for inline calls.
  std::string_view user_id;
  std::string_view channel_id;
  std::string_view platform;
  Milliseconds duration{0};  ///< From the call on.
  bool backgrounded = false;
  std::string_view error_type;
  std::string_view error_message;  ///< Up to 500 characters.
  // Of redirect_delivered.
  std::uint32_t chunks_sent = 0;
  std::string_view redirect_destination;
  std::string_view redirect_channel_id;
  std::string_view redirect_platform;
};

[[nodiscard]] std::string_view name_of(TaskEvent::Phase phase) noexcept;

/// Hears events, on the loop's thread, and must not block. May throw: the manager logs and counts it, no more.
class Telemetry {
 public:
  virtual ~Telemetry() = default;
  virtual void on_event(const TaskEvent& event) = 0;
  /// Faults inside meantime that no caller hears of: a failed write that will be tried again, a dropped answer.
  virtual void on_fault(std::string_view where, std::string_view what) = 0;
};

}  // namespace meantime
