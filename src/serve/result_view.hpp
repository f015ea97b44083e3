// SPDX-License-Identifier: MIT
// result_view.hpp: a task as a model gets to see it: its state, its result whole where it is short, else a page of it
// and how to get the rest.
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "meantime/manager.hpp"

namespace meantime::serve {

/// Which part of a long result is wanted.
struct PageRequest {
  std::uint64_t offset = 0;               ///< Characters.
  std::optional<std::uint64_t> limit;     ///< Absent: preview_chars.
  std::uint64_t preview_chars = 20'000;   ///< A result of up to this is given whole.
  std::string check_tool = "check_task";  ///< Named where there is more to read.
};

/// The raw JSON of a CallToolResult that shows `record`. Running: its status (S32). Completed: the result; one of an
/// MCP server in its original content blocks where it is short, else its text in pages, other blocks on the first one.
/// Failed: the failed envelope, then what the tool gave besides. All but an unchanged result carry envelope::tag in
/// `_meta` (F21). Errors: those of TaskManager::read_result.
[[nodiscard]] Task<Result<std::string>> show_task(TaskManager& manager, TaskRecord record, WallTime now,
                                                  PageRequest page);

}  // namespace meantime::serve
