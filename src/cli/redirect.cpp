// SPDX-License-Identifier: MIT
// redirect.cpp: `meantime redirect`: has a task's result delivered to a configured destination.
#include "cli/commands.hpp"
#include "cli/configured_destinations.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"
#include "cli/view.hpp"
#include "core/json_writer.hpp"

namespace meantime::cli {
namespace {

Task<int> redirect(View& view, const RedirectArguments& arguments) {
  auto configured = configured_destinations(arguments.config);
  if (!configured) co_return view.report(configured.error());
  auto record = co_await view.resolve(arguments.task);
  if (!record) co_return view.report(record.error(), arguments.task);
  const bool ended = record->status != TaskStatus::running;
  auto wanted = configured->rules.resolve({.destination = arguments.destination,
                                           .max_chars = arguments.max_chars,
                                           .on = arguments.on.value_or(RedirectOn::always)},
                                          record->caller);
  if (!wanted) co_return view.report(wanted.error());
  if (auto set = co_await view.store().add_redirect(record->task_id, std::move(*wanted)); !set) {
    co_return view.report(set.error(), arguments.task);
  }
  const std::string id = record->task_id.text();
  if (arguments.view.json) {
    std::string text;
    JsonWriter(text)
        .begin_object()
        .field("task_id", id)
        .field("destination", arguments.destination)
        .field("status", ended ? "delivering" : "redirected")
        .field("schema_version", 1)
        .end_object();
    if (!print(text + "\n")) co_return exit_code::failure;
  } else if (!arguments.view.quiet) {
    complain("the result of " + id + (ended ? " goes now to '" : " goes at its end to '") + arguments.destination +
             "', by a meantime that serves with this configuration");
  }
  co_return exit_code::ok;
}

}  // namespace

int redirect_command(const RedirectArguments& arguments) {
  View view(arguments.view);
  return view.run([&] { return redirect(view, arguments); });
}

}  // namespace meantime::cli
