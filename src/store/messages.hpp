// SPDX-License-Identifier: MIT
// messages.hpp: the sentences and rules that every store answers with, in one place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meantime/error.hpp"
#include "meantime/store.hpp"
#include "meantime/task_id.hpp"

namespace meantime::store {

inline constexpr std::string_view lost_error = "Task was lost: its worker stopped responding.";  // S27
inline constexpr std::uint32_t max_list_limit = 1'000;
/// The same, and how often it was run when that was more than once.
[[nodiscard]] std::string lost_error_of(std::uint32_t attempt);
/// Partial output that is kept of one task: its newest part. Offsets stay absolute.
inline constexpr std::uint64_t max_output_bytes = 1ULL << 20U;

[[nodiscard]] std::unexpected<Error> no_such_task(std::string op, const TaskId& task);
[[nodiscard]] std::unexpected<Error> id_taken(const TaskId& task);
[[nodiscard]] std::unexpected<Error> already_ended(const TaskId& task);
[[nodiscard]] std::unexpected<Error> run_is_over(const TaskId& task);
/// The file of the store can be read only.
[[nodiscard]] std::unexpected<Error> read_only(const char* op);
[[nodiscard]] std::unexpected<Error> too_many_redirects(const TaskId& task);
/// Errors: invalid_argument when the limit is outside 1..1,000.
[[nodiscard]] Result<void> check_list_limit(const ListQuery& query);

/// Whether this process may run `tool` again as attempt number `attempt` + 1.
[[nodiscard]] bool may_reclaim(const ReclaimPolicy& policy, std::string_view tool, std::uint32_t attempt);
/// Whether a task that may run again, of a worker whose lease ended so long ago, is left to a process that can run it.
[[nodiscard]] bool leave_to_others(const ReclaimPolicy& policy, std::string_view tool, std::uint32_t attempt,
                                   Milliseconds since_lease);

}  // namespace meantime::store
