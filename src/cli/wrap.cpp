// SPDX-License-Identifier: MIT
// wrap.cpp: `meantime wrap`: options to settings, and the session on standard input and output.
#include "serve/wrap.hpp"

#include <unistd.h>

#include <set>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/server_machine.hpp"
#include "cli/terminal.hpp"
#include "core/utf8.hpp"
#include "telemetry/log.hpp"

namespace meantime::cli {
namespace {

serve::OutputSchemas schemas_of(std::string_view word) {
  if (word == "drop") return serve::OutputSchemas::drop;
  if (word == "keep") return serve::OutputSchemas::keep;
  return serve::OutputSchemas::widen;
}

serve::BuiltinNames names_of(const std::map<std::string, std::string>& given) {
  serve::BuiltinNames names;
  const auto take = [&given](const char* builtin, std::string& name) {
    if (const auto found = given.find(builtin); found != given.end()) name = found->second;
  };
  take("check", names.check);
  take("await", names.await);
  take("list", names.list);
  take("cancel", names.cancel);
  take("redirect", names.redirect);
  return names;
}

// A client would refuse the whole list, or never reach one of the two. Empty: the names are fine.
std::string what_is_wrong(const serve::BuiltinNames& names) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./";
  std::set<std::string_view> seen;
  for (const std::string_view name :
       {std::string_view(names.check), std::string_view(names.await), std::string_view(names.list),
        std::string_view(names.cancel), std::string_view(names.redirect)}) {
    const std::string quoted = "'" + utf8::repaired(std::string(name.substr(0, 128))) + "'";
    if (name.empty() || name.size() > 128 || name.find_first_not_of(allowed) != std::string_view::npos) {
      return quoted + " cannot be a tool's name: it has 1 to 128 of A-Z a-z 0-9 _ - . /";
    }
    if (!seen.insert(name).second) return "two tools cannot both be called " + quoted + ": choose another name for one";
  }
  return {};
}

}  // namespace

int wrap_command(const WrapArguments& arguments, std::string_view /*version*/) {
  serve::WrapOptions options;
  options.command = arguments.command;
  options.name = arguments.name;
  options.budgets = arguments.budgets;
  options.no_background = arguments.no_background;
  options.session.budget = arguments.budget;
  if (!arguments.owner.empty()) options.session.owner = arguments.owner;
  if (arguments.await_cap) options.session.await_cap = *arguments.await_cap;
  if (arguments.linger) options.session.linger = *arguments.linger;
  if (arguments.max_run_time) options.max_run_time = *arguments.max_run_time;
  if (arguments.drain_grace) options.session.drain_grace = *arguments.drain_grace;
  if (arguments.preview_chars) options.session.preview_chars = *arguments.preview_chars;
  options.session.output_schemas = schemas_of(arguments.output_schemas);
  options.session.names = names_of(arguments.tool_names);
  if (const std::string fault = what_is_wrong(options.session.names); !fault.empty()) {
    complain(fault);
    return exit_code::usage;
  }

  ManagerOptions limits;
  if (arguments.budget) limits.budget = *arguments.budget;
  const auto store = choose_store(arguments.store);
  if (!store) {
    complain(store.error().detail);
    return exit_code::usage;
  }
  Log log;
  ServerMachine machine;
  if (const auto opened = machine.open(*store, limits, &log); !opened) {
    complain(opened.error().detail);
    return exit_code::of(opened.error());
  }
  return machine.run([&] {
    return serve::run_wrap(machine.machine.loop, *machine.manager, machine.machine.clock, std::move(options),
                           STDIN_FILENO, STDOUT_FILENO);
  });
}

}  // namespace meantime::cli
