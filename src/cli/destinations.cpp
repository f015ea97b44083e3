// SPDX-License-Identifier: MIT
// destinations.cpp: `meantime destinations`: which there are and how they are; `test` sends a message, `resume` ends a
// pause.
#include <unistd.h>

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/configured_destinations.hpp"
#include "cli/exit_code.hpp"
#include "cli/show/delivery_text.hpp"
#include "cli/view.hpp"
#include "core/json_writer.hpp"
#include "meantime/memory_store.hpp"

namespace meantime::cli {
namespace {

Task<int> list(View& view, const DestinationsArguments& arguments) {
  auto configured = configured_destinations(arguments.config);
  if (!configured) co_return view.report(configured.error());
  const auto loads = co_await view.store().outbox().destinations();
  if (!loads) co_return view.report(loads.error());
  std::vector<ShownDestination> shown;
  for (const auto& each : configured->settings) shown.push_back({&each, {.name = each.destination.name, .why = {}}});
  for (const DestinationLoad& load : *loads) {
    const auto at = std::ranges::find(shown, load.name, [](const ShownDestination& each) { return each.load.name; });
    if (at == shown.end()) {
      shown.push_back({nullptr, load});
    } else {
      at->load = load;
    }
  }
  if (arguments.view.json) {
    co_return print(destination_list_json(shown) + "\n") ? exit_code::ok : exit_code::failure;
  }
  if (arguments.view.quiet) {
    std::string names;
    for (const ShownDestination& each : shown) names += each.load.name + "\n";
    co_return print(names) ? exit_code::ok : exit_code::failure;
  }
  co_return print(destination_table(shown, view.wall_now(), Paint(STDOUT_FILENO))) ? exit_code::ok : exit_code::failure;
}

Task<int> resume(View& view, const DestinationsArguments& arguments) {
  auto done = co_await view.store().outbox().pause(arguments.name, Milliseconds(0), "");
  if (!done) co_return view.report(done.error());
  if (!arguments.view.quiet) complain("destination '" + arguments.name + "' goes on");
  co_return exit_code::ok;
}

}  // namespace

int destinations_command(const DestinationsArguments& arguments) {
  if (arguments.act == DestinationsArguments::Act::test) return test_destination(arguments);
  View view(arguments.view);
  return view.run([&] {
    return arguments.act == DestinationsArguments::Act::resume ? resume(view, arguments) : list(view, arguments);
  });
}

}  // namespace meantime::cli
