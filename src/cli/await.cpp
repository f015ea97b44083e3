// SPDX-License-Identifier: MIT
// await.cpp: `meantime await`: waits for a task's end, with its progress on a terminal, and prints the result.
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/show/live_line.hpp"
#include "cli/show/task_text.hpp"
#include "cli/view.hpp"
#include "core/duration.hpp"
#include "core/envelope.hpp"

namespace meantime::cli {
namespace {

constexpr Milliseconds redraw{500};
// A notice can be missed; after this long we look by ourselves.
constexpr Milliseconds look_again{4'000};

Task<int> show_end(View& view, const AwaitArguments& arguments, const TaskRecord& record) {
  if (arguments.view.json) {
    const bool told = print(envelope::record(record, view.wall_now()) + "\n");
    co_return told ? exit_code::of(record) : exit_code::failure;
  }
  if (record.result_bytes > 0) {
    auto result = co_await view.store().read_result(record.task_id, 0, 0);
    if (!result) co_return view.report(result.error(), record.task_id.text());
    std::string text = result_text(record.media_type, std::move(result->text));
    if (is_terminal(STDOUT_FILENO) && !text.ends_with('\n')) text += '\n';
    if (!print(text)) co_return exit_code::failure;
  }
  if (record.status == TaskStatus::failed && !arguments.view.quiet) {
    complain(record.tool_name + " " + std::string(state_word(record)) + " after " +
             seconds_text(record.elapsed(view.wall_now())) + "s: " + record.error);
  }
  co_return exit_code::of(record);
}

int show_timeout(View& view, const AwaitArguments& arguments, const TaskRecord& record) {
  if (arguments.view.json) {
    static_cast<void>(print(envelope::await_timed_out(record, *arguments.timeout, "meantime check") + "\n"));
  } else if (!arguments.view.quiet) {
    complain("task " + record.task_id.text() + " is not done after " + format_duration(*arguments.timeout) +
             " and goes on; await it again at any time");
  }
  static_cast<void>(view);
  return exit_code::timed_out;
}

Task<int> await_task(View& view, const AwaitArguments& arguments) {
  auto record = co_await view.resolve(arguments.task);
  if (!record) co_return view.report(record.error(), arguments.task);
  const TaskId id = record->task_id;
  view.watch(id);
  view.catch_signals();
  const SteadyTime began = view.now();
  LiveLine line(!arguments.view.quiet && !arguments.view.json);
  const Paint paint(STDERR_FILENO);
  SteadyTime looked{};
  for (bool news = true;;) {
    // Watched before this look: an end between the two is seen by one of them.
    if (news || view.now() - looked >= look_again) {
      record = co_await view.find(id);
      if (!record) {
        line.clear();
        co_return view.report(record.error(), arguments.task);
      }
      looked = view.now();
    }
    if (record->status != TaskStatus::running) break;
    if (view.interrupted()) co_return exit_code::interrupted;
    Milliseconds wait = line.shown() ? redraw : look_again;
    if (arguments.timeout) {
      const auto left = std::chrono::ceil<Milliseconds>(began + *arguments.timeout - view.now());
      if (left <= Milliseconds(0)) {
        line.clear();
        co_return show_timeout(view, arguments, *record);
      }
      wait = std::min(wait, left);
    }
    line.show(progress_line(*record, view.wall_now(), columns(STDERR_FILENO), paint));
    news = co_await view.changed(wait);
  }
  line.clear();
  co_return co_await show_end(view, arguments, *record);
}

}  // namespace

int await_command(const AwaitArguments& arguments) {
  View view(arguments.view);
  return view.run([&] { return await_task(view, arguments); });
}

}  // namespace meantime::cli
