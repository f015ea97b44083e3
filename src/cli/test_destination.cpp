// SPDX-License-Identifier: MIT
// test_destination.cpp: `meantime destinations test`: sends a message now, and says what the platform said.
#include "cli/commands.hpp"
#include "cli/delivering.hpp"
#include "cli/exit_code.hpp"
#include "cli/machine.hpp"
#include "cli/terminal.hpp"
#include "core/json_writer.hpp"
#include "meantime/memory_store.hpp"

namespace meantime::cli {

int test_destination(const DestinationsArguments& arguments) {
  auto config = config::config_for_start(arguments.config);
  if (!config) {
    complain(config.error().detail);
    return exit_code::usage;
  }
  Machine machine;
  const auto nothing = make_memory_store(machine.loop, machine.clock);  // a test leaves no trace
  auto delivering = Delivering::open(
      {.loop = machine.loop, .clock = machine.clock, .random = machine.random, .store = *nothing}, *config);
  if (!delivering) {
    complain(delivering.error().detail);
    return exit_code::usage;
  }
  auto sending = (*delivering)->deliverer().test(arguments.name, arguments.channel);
  while (!sending.done()) machine.loop.run_one();
  const auto said = sending.take();
  if (!said) {
    complain(said.error().detail);
    return exit_code::usage;
  }
  const bool arrived = said->verdict == SendVerdict::arrived;
  if (arguments.view.json) {
    std::string text;
    JsonWriter out(text);
    out.begin_object().field("destination", arguments.name).field("verdict", name_of(said->verdict));
    if (!said->remote_id.empty()) out.field("remote_id", said->remote_id);
    if (!said->detail.empty()) out.field("detail", said->detail);
    out.field("schema_version", 1).end_object();
    if (!print(text + "\n")) return exit_code::failure;
  } else if (arrived) {
    if (!arguments.view.quiet) complain("it arrived at '" + arguments.name + "'");
  } else {
    complain("it did not arrive at '" + arguments.name + "': " + std::string(name_of(said->verdict)) + ": " +
             said->detail);
  }
  return arrived ? exit_code::ok : exit_code::failure;
}

}  // namespace meantime::cli
