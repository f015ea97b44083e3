// SPDX-License-Identifier: MIT
#include "store/messages.hpp"

namespace meantime::store {

std::string lost_error_of(std::uint32_t attempt) {
  std::string out(lost_error);
  if (attempt > 1) out += " It was run " + std::to_string(attempt) + " times.";
  return out;
}

std::unexpected<Error> no_such_task(std::string op, const TaskId& task) {
  return fail(errc::not_found, std::move(op), "Task '" + task.text() + "' not found.");
}

std::unexpected<Error> id_taken(const TaskId& task) {
  return fail(errc::invalid_argument, "store.start",
              "Task id '" + task.text() + "' is taken: start each task under an id of its own.");
}

std::unexpected<Error> already_ended(const TaskId& task) {
  return fail(errc::already_final, "store.request_cancel", "Task '" + task.text() + "' has already ended.");
}

std::unexpected<Error> run_is_over(const TaskId& task) {
  return fail(errc::already_final, "store.ask_input",
              "Task '" + task.text() + "' has ended, or another process runs it again: nobody can be asked for it.");
}

std::unexpected<Error> read_only(const char* op) {
  return fail(errc::unavailable, op,
              "The store's file was opened for reading only: make it and its folder writable for this user, "
              "or choose another with MEANTIME_STATE_DIR.");
}

std::unexpected<Error> too_many_redirects(const TaskId& task) {
  return fail(errc::overloaded, "store.add_redirect",
              "Task '" + task.text() + "' has " + std::to_string(max_redirects) +
                  " redirects already: replace one of them by naming its destination, platform and channel again.");
}

Result<void> check_list_limit(const ListQuery& query) {
  if (query.limit >= 1 && query.limit <= max_list_limit) return {};
  return fail(errc::invalid_argument, "store.list",
              "A page of a list holds 1 to " + std::to_string(max_list_limit) + " tasks; asked for " +
                  std::to_string(query.limit) + ".");
}

bool may_reclaim(const ReclaimPolicy& policy, std::string_view tool, std::uint32_t attempt) {
  return attempt < policy.max_attempts && std::ranges::find(policy.tools, tool) != policy.tools.end();
}

bool leave_to_others(const ReclaimPolicy& policy, std::string_view tool, std::uint32_t attempt,
                     Milliseconds since_lease) {
  return attempt < policy.max_attempts && since_lease < policy.leave_to_others &&
         std::ranges::find(policy.tools, tool) == policy.tools.end();
}

}  // namespace meantime::store
