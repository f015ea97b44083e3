// SPDX-License-Identifier: MIT
// config.hpp: what a configuration file says, as values, and all that is wrong with it. docs/configuration.md lists it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/store_settings.hpp"
#include "meantime/manager.hpp"
#include "telemetry/log.hpp"
#include "tools/command_tool.hpp"

namespace meantime::config {

/// The names under which the model sees the four tools that every session adds.
struct BuiltinNames {
  std::string check = "check_task";
  std::string await = "await_task";
  std::string list = "list_tasks";
  std::string cancel = "cancel_task";
};

/// How MCP sessions behave.
struct SessionSettings {
  BuiltinNames names;
  Milliseconds await_cap{25'000};                  ///< How long await_task waits at most and by default.
  std::map<std::string, Milliseconds> await_caps;  ///< In its place, by the client's name.
  std::uint64_t preview_chars = 20'000;            ///< A longer result is handed out in pages of this.
};

/// The rules for running one tool, where they differ from the defaults.
struct ToolRules {
  std::optional<Milliseconds> budget;
  std::optional<bool> no_background;
  std::optional<bool> always_background;
  std::optional<Milliseconds> max_run_time;
  std::optional<bool> idempotent;
  std::optional<bool> rerun_if_lost;
  std::optional<std::uint32_t> max_running;
  std::optional<std::uint64_t> max_result_bytes;

  /// Sets in `tool` what is set here.
  void apply_to(Tool& tool) const;
};

/// An MCP server that is started and spoken to over its standard input and output.
struct UpstreamSettings {
  std::string name;
  std::vector<std::string> command;
  std::vector<std::string> environment_from;       ///< Names of our environment; a trailing * stands for any rest.
  std::map<std::string, std::string> environment;  ///< Set so, whatever ours has.
  std::string folder;
  std::string prefix;  ///< Before the names of its tools.
  ToolRules rules;     ///< For all its tools.
  std::map<std::string, ToolRules> tools;

  /// The rules for one of its tools, by the upstream's name for it.
  [[nodiscard]] ToolRules rules_of(std::string_view tool) const;
};

struct Config {
  StoreSettings store;
  ManagerOptions manager;
  SessionSettings session;
  LogOptions log;
  Milliseconds drain_grace{25'000};
  std::vector<CommandSpec> commands;
  std::vector<UpstreamSettings> upstreams;
};

/// One thing that is wrong: where, what, and what to do. Line and column count from 1; 0: the file as a whole.
struct Problem {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string what;

  /// "config.toml:3:1: unknown key 'budgt'; did you mean 'budget'?"
  [[nodiscard]] std::string text() const;
};

/// A configuration and all that is wrong with it, in the order of the file. With problems, use it for nothing.
struct Loaded {
  Config config;
  std::vector<Problem> problems;
};

/// Reads `text`. `file` is its name for problems, and its folder is where relative paths start.
/// Looks at the machine, too: programs and folders must be there.
[[nodiscard]] Loaded read_config(std::string_view text, const std::filesystem::path& file);

/// Reads a file. Problems: also that it cannot be read.
[[nodiscard]] Loaded load_config(const std::filesystem::path& file);

/// `config check`: all problems of the file at once; empty: it is fine.
[[nodiscard]] std::vector<Problem> check_config(const std::filesystem::path& file);

/// $MEANTIME_CONFIG, else $XDG_CONFIG_HOME/meantime/config.toml, else ~/.config/meantime/config.toml.
[[nodiscard]] std::filesystem::path default_config_file();

/// The configuration for a program's start: `file` when given, else the default file when there is one, else the
/// defaults. Errors: invalid_argument with all problems, one a line.
[[nodiscard]] Result<Config> config_for_start(const std::optional<std::filesystem::path>& file);

/// Makes the commands tools. `loop` and `clock` outlive them.
/// Errors: invalid_argument, when the machine changed since the configuration was read.
[[nodiscard]] Result<std::vector<Tool>> command_tools(boost::asio::io_context& loop, Clock& clock,
                                                      const Config& config);

}  // namespace meantime::config
