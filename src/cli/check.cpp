// SPDX-License-Identifier: MIT
// check.cpp: `meantime check`: where a task stands.
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/show/task_text.hpp"
#include "cli/view.hpp"
#include "core/envelope.hpp"

namespace meantime::cli {
namespace {

Task<int> check(View& view, const CheckArguments& arguments) {
  const auto record = co_await view.resolve(arguments.task);
  if (!record) co_return view.report(record.error(), arguments.task);
  const WallTime now = view.wall_now();
  bool told = true;
  if (arguments.view.json) {
    told = print(envelope::record(*record, now) + "\n");
  } else if (arguments.view.quiet) {
    told = print(std::string(state_word(*record)) + "\n");
  } else {
    told = print(task_lines(*record, now, Paint(STDOUT_FILENO)));
  }
  co_return told ? exit_code::of(*record) : exit_code::failure;
}

}  // namespace

int check_command(const CheckArguments& arguments) {
  View view(arguments.view);
  return view.run([&] { return check(view, arguments); });
}

}  // namespace meantime::cli
