// SPDX-License-Identifier: MIT
// task_text.hpp: tasks as people read them, and as programs do with --json.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.hpp"
#include "meantime/task.hpp"

namespace meantime::cli {

/// One word: running, completed, failed, cancelled, lost, timed out or interrupted.
[[nodiscard]] std::string_view state_word(const TaskRecord& record) noexcept;
[[nodiscard]] Colour state_colour(const TaskRecord& record) noexcept;

/// "3 of 10, linking", "30 %": what a running task says of itself; empty when it says nothing.
[[nodiscard]] std::string progress_text(const Progress& progress);

/// The lines that `check` prints.
[[nodiscard]] std::string task_lines(const TaskRecord& record, WallTime now, const Paint& paint);

/// One line that fits into `width` columns: "build  running  12s  3 of 10, linking".
[[nodiscard]] std::string progress_line(const TaskRecord& record, WallTime now, std::uint32_t width,
                                        const Paint& paint);

/// The table that `list` prints, with a heading.
[[nodiscard]] std::string task_table(const std::vector<TaskRecord>& tasks, WallTime now, std::uint32_t width,
                                     const Paint& paint);

/// A result as a person reads it: of an MCP result its texts, of all else the text itself.
[[nodiscard]] std::string result_text(MediaType type, std::string text);

/// {"tasks": [...], "count": n, "next_cursor": id or null, "schema_version": 1}
[[nodiscard]] std::string task_list_json(const TaskList& list, WallTime now);

}  // namespace meantime::cli
