// SPDX-License-Identifier: MIT
// serve.cpp: `meantime serve`: the tools of a configuration file, behind MCP on standard input and output, HTTP, or
// both.
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/server_machine.hpp"
#include "cli/terminal.hpp"
#include "config/config.hpp"
#include "serve/gateway/gateway.hpp"
#include "serve/serve.hpp"
#include "serve/stdio.hpp"
#include "telemetry/log.hpp"

namespace meantime::cli {
namespace {

constexpr std::uint16_t default_port = 7420;

// What the configuration asks of a caller's token for one tool, under the name that callers know.
std::vector<std::string> scopes_of(const std::map<std::string, config::ToolRules, std::less<>>& commands,
                                   const std::vector<config::UpstreamSettings>& upstreams, std::string_view tool) {
  if (const auto found = commands.find(tool); found != commands.end()) {
    return found->second.scopes.value_or(std::vector<std::string>());
  }
  for (const config::UpstreamSettings& upstream : upstreams) {
    if (!tool.starts_with(upstream.prefix)) continue;
    if (auto scopes = upstream.rules_of(tool.substr(upstream.prefix.size())).scopes) return std::move(*scopes);
  }
  return {};
}

serve::SessionOptions session_options(const config::Config& config, const ServeArguments& arguments) {
  serve::SessionOptions options;
  if (!arguments.owner.empty()) options.owner = arguments.owner;
  options.names = {config.session.names.check, config.session.names.await, config.session.names.list,
                   config.session.names.cancel, config.session.names.redirect};
  options.await_cap = config.session.await_cap;
  options.await_caps = config.session.await_caps;
  options.budget_caps = config.session.budgets;
  options.preview_chars = config.session.preview_chars;
  options.drain_grace = config.drain_grace;
  return options;
}

Task<int> serve_configured(ServerMachine& machine, config::Config config, serve::ServeOptions options, Log& log) {
  auto& loop = machine.machine.loop;
  Clock& clock = machine.machine.clock;
  auto commands = config::command_tools(loop, clock, config);
  if (!commands) {
    complain(commands.error().detail);
    co_return exit_code::usage;
  }
  for (Tool& tool : *commands) {
    const std::string name = tool.name;
    if (auto added = machine.manager->add_tool(std::move(tool)); !added) {
      complain("tool '" + name + "': " + added.error().detail);
      co_return exit_code::usage;
    }
  }
  auto heard = [&log](std::string_view text) { log.write(LogThreshold::warning, "upstream", text); };
  options.scopes_of = [rules = config.command_rules, upstreams = config.upstreams](std::string_view tool) {
    return scopes_of(rules, upstreams, tool);
  };
  // The client is answered meanwhile: one upstream that hangs holds up nobody but those who ask for its tools.
  Loop ready(loop);
  http::Client http(ready);
  serve::Gateway gateway({.loop = ready, .clock = clock, .manager = *machine.manager, .http = &http, .log = heard},
                         std::move(config.upstreams), machine.machine.random, token_folder().string());
  serve::ToolsReady tools_ready(ready);
  gateway.start(tools_ready);
  if (gateway.size() > 0) {
    options.tools_ready = &tools_ready;
    options.offers = &gateway;
  }
  const int code =
      co_await serve::run_serve(ready, *machine.manager, clock, machine.machine.random, std::move(options));
  co_await gateway.stop();
  machine.manager.reset();  // its tools speak of the upstreams
  co_return code;
}

}  // namespace

int serve_command(const ServeArguments& arguments, std::string_view version) {
  auto config = config::config_for_start(arguments.config);
  if (!config) {
    static_cast<void>(write_all(STDERR_FILENO, config.error().detail + "\n"));
    return exit_code::usage;
  }
  serve::ServeOptions options;
  options.session = session_options(*config, arguments);
  options.server_version = version;
  options.stdio = arguments.stdio;
  options.http = config->http;
  options.auth = config->auth;
  options.over_budget = config->session.over_budget;
  options.log = [](std::string_view text) { complain(std::string(text)); };
  if (!arguments.listen.empty()) options.http.listen.clear();
  for (const std::string& text : arguments.listen) {
    auto address = config::parse_listen(text);
    if (!address) {
      complain(address.error().detail);
      return exit_code::usage;
    }
    options.http.listen.push_back(std::move(*address));
  }
  if (!options.stdio && options.http.listen.empty())
    options.http.listen = {{.host = "127.0.0.1", .port = default_port}};
  const auto store = choose_store(arguments.store, config->store);
  if (!store) {
    complain(store.error().detail);
    return exit_code::usage;
  }
  Log log(config->log);
  for (const config::Problem& note : config->notes) log.write(LogThreshold::warning, "configuration", note.text());
  ServerMachine machine;
  if (const auto opened = machine.open(*store, config->manager, &log, &*config); !opened) {
    complain(opened.error().detail);
    return exit_code::of(opened.error());
  }
  return machine.run([&] { return serve_configured(machine, std::move(*config), std::move(options), log); });
}

}  // namespace meantime::cli
