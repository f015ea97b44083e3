// SPDX-License-Identifier: MIT
// exit_code.hpp: what the program's exit codes mean; docs/cli.md has the same table.
#pragma once

#include "meantime/error.hpp"
#include "meantime/task.hpp"

namespace meantime::cli::exit_code {

inline constexpr int ok = 0;              ///< Done; the task completed.
inline constexpr int failure = 1;         ///< Anything that has no code of its own.
inline constexpr int usage = 2;           ///< The command line or the configuration is wrong.
inline constexpr int task_failed = 3;     ///< Failed, lost, timed out or interrupted.
inline constexpr int not_found = 4;       ///< No such task, or another owner's.
inline constexpr int cancelled = 5;       ///< The task was cancelled.
inline constexpr int still_running = 75;  ///< EX_TEMPFAIL: ask again later.
inline constexpr int timed_out = 124;     ///< An await's time is up; as coreutils' timeout.
inline constexpr int cannot_execute = 126;
inline constexpr int no_command = 127;
inline constexpr int interrupted = 130;  ///< 128 + SIGINT.

/// What a task's state comes to.
[[nodiscard]] constexpr int of(const TaskRecord& record) noexcept {
  if (record.status == TaskStatus::running) return still_running;
  if (record.status == TaskStatus::completed) return ok;
  return record.reason == EndReason::cancelled ? cancelled : task_failed;
}

[[nodiscard]] constexpr int of(const Error& error) noexcept {
  switch (error.code) {
    case errc::invalid_argument:
      return usage;
    case errc::not_found:
      return not_found;
    case errc::timed_out:
      return timed_out;
    default:
      return failure;
  }
}

}  // namespace meantime::cli::exit_code
