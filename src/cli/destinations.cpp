// SPDX-License-Identifier: MIT
// destinations.cpp: `meantime destinations`: which there are and how they are; `test` sends a message, `resume` ends a
// pause.
#include <unistd.h>

#include <algorithm>
#include <set>

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

// One that only another configuration has may be resumed, too, when the store knows it.
Task<Result<void>> check_known(View& view, const DestinationsArguments& arguments) {
  std::set<std::string> names;
  if (const auto configured = configured_destinations(arguments.config)) {
    for (const auto& each : configured->settings) names.insert(each.destination.name);
  }
  const auto loads = co_await view.store().outbox().destinations();
  if (!loads) co_return std::unexpected(loads.error());
  for (const DestinationLoad& each : *loads) names.insert(each.name);
  if (names.contains(arguments.name)) co_return Result<void>{};
  std::string listed;
  for (const std::string& each : names) listed += (listed.empty() ? ": name one of " : ", ") + each;
  co_return fail(errc::invalid_argument, "cli.destinations",
                 "There is no destination '" + arguments.name + "'" +
                     (listed.empty() ? std::string(": none is configured, and none has deliveries") : listed) + ".");
}

Task<int> resume(View& view, const DestinationsArguments& arguments) {
  if (auto known = co_await check_known(view, arguments); !known) co_return view.report(known.error());
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
