// SPDX-License-Identifier: MIT
// cancel.cpp: `meantime cancel`: asks whichever process runs a task to end it.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/show/task_text.hpp"
#include "cli/view.hpp"
#include "core/envelope.hpp"

namespace meantime::cli {
namespace {

constexpr Milliseconds look_again{4'000};

Task<int> cancel(View& view, const CancelArguments& arguments) {
  auto record = co_await view.resolve(arguments.task);
  if (!record) co_return view.report(record.error(), arguments.task);
  const TaskId id = record->task_id;
  view.watch(id);
  const auto asked = co_await view.store().request_cancel(id);
  if (!asked) co_return view.report(asked.error(), arguments.task);
  view.catch_signals();
  for (;;) {
    record = co_await view.find(id);
    if (!record) co_return view.report(record.error(), arguments.task);
    if (!arguments.wait || record->status != TaskStatus::running) break;
    if (view.interrupted()) co_return exit_code::interrupted;
    static_cast<void>(co_await view.changed(look_again));
  }
  if (arguments.view.json) {
    if (!print(envelope::record(*record, view.wall_now()) + "\n")) co_return exit_code::failure;
  } else if (!arguments.view.quiet) {
    const bool ended = record->status != TaskStatus::running;
    complain("task " + id.text() + (ended ? " " + std::string(state_word(*record)) : " was asked to end"));
  }
  co_return exit_code::ok;
}

}  // namespace

int cancel_command(const CancelArguments& arguments) {
  View view(arguments.view);
  return view.run([&] { return cancel(view, arguments); });
}

}  // namespace meantime::cli
