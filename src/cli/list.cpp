// SPDX-License-Identifier: MIT
// list.cpp: `meantime list`: tasks of all processes that share the store, once or as they change.
#include <unistd.h>

#include <unordered_set>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/show/task_text.hpp"
#include "cli/view.hpp"
#include "core/duration.hpp"

namespace meantime::cli {
namespace {

// Stores tell of changes of known tasks; for new ones, and for the time that passes, a watched list looks by itself.
constexpr Milliseconds refresh{1'000};
constexpr std::string_view clear_screen = "\x1b[H\x1b[2J";

Result<ListQuery> query_of(const ListArguments& arguments, WallTime now) {
  ListQuery query;
  query.status = arguments.status;
  query.tool_name = arguments.tool;
  query.limit = arguments.limit;
  if (!arguments.since.empty()) {
    const auto since = parse_time(arguments.since, now);
    if (!since) return std::unexpected(since.error());
    query.created_after = *since;
  }
  if (!arguments.cursor.empty()) {
    const auto after = TaskId::parse(arguments.cursor);
    if (!after) return std::unexpected(after.error());
    query.after = *after;
  }
  return query;
}

std::string text_of(const TaskList& list, const ListArguments& arguments, WallTime now) {
  if (arguments.view.json) return task_list_json(list, now) + "\n";
  std::string text;
  if (arguments.view.quiet) {
    for (const TaskRecord& task : list.tasks) text += task.task_id.text() + "\n";
    return text;
  }
  if (list.tasks.empty()) return text;
  const std::uint32_t width = is_terminal(STDOUT_FILENO) ? columns(STDOUT_FILENO) : 160;
  return task_table(list.tasks, now, width, Paint(STDOUT_FILENO));
}

void hint(const TaskList& list, const ListArguments& arguments) {
  if (arguments.view.json || arguments.view.quiet) return;
  if (list.tasks.empty()) complain("no tasks");
  if (list.next) complain("more: meantime list --cursor " + list.next->text());
}

// What makes a list worth printing again where it cannot be painted over.
std::string fingerprint(const TaskList& list) {
  std::string text;
  for (const TaskRecord& task : list.tasks) {
    text += task.task_id.raw();
    text += state_word(task);
    text += task.cancel_requested ? "c" : "";
    if (task.progress) text += progress_text(*task.progress);
  }
  return text;
}

Task<int> watch(View& view, const ListArguments& arguments) {
  view.catch_signals();
  const bool paints = is_terminal(STDOUT_FILENO) && !arguments.view.json && !arguments.view.quiet;
  std::unordered_set<TaskId> watched;
  std::optional<std::string> last;
  while (!view.interrupted()) {
    const auto query = query_of(arguments, view.wall_now());
    if (!query) co_return view.report(query.error());
    const auto list = co_await view.list(*query);
    if (!list) co_return view.report(list.error());
    for (const TaskRecord& task : list->tasks) {
      if (task.status == TaskStatus::running && watched.insert(task.task_id).second) view.watch(task.task_id);
    }
    std::string now = fingerprint(*list);
    if (paints || last != now) {
      const std::string text = text_of(*list, arguments, view.wall_now());
      if (!print(paints ? std::string(clear_screen) + text : text)) co_return exit_code::failure;
      last = std::move(now);
    }
    static_cast<void>(co_await view.changed(refresh));
  }
  co_return exit_code::interrupted;
}

Task<int> list_once(View& view, const ListArguments& arguments) {
  const auto query = query_of(arguments, view.wall_now());
  if (!query) co_return view.report(query.error());
  const auto list = co_await view.list(*query);
  if (!list) co_return view.report(list.error());
  if (!print(text_of(*list, arguments, view.wall_now()))) co_return exit_code::failure;
  hint(*list, arguments);
  co_return exit_code::ok;
}

}  // namespace

int list_command(const ListArguments& arguments) {
  View view(arguments.view);
  return view.run([&] { return arguments.watch ? watch(view, arguments) : list_once(view, arguments); });
}

}  // namespace meantime::cli
