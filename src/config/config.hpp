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

#include "config/door_settings.hpp"
#include "config/store_settings.hpp"
#include "config/tool_rules.hpp"
#include "config/upstream_settings.hpp"
#include "delivery/adapters/adapter_settings.hpp"
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
  std::string redirect = "redirect_task";  ///< Shown where there are destinations.
};

/// How MCP sessions behave.
struct SessionSettings {
  BuiltinNames names;
  Milliseconds await_cap{25'000};                  ///< How long await_task waits at most and by default.
  std::map<std::string, Milliseconds> await_caps;  ///< In its place, by the client's name.
  std::map<std::string, Milliseconds> budgets;     ///< The most a call may take inline, by the client's name.
  std::uint64_t preview_chars = 20'000;            ///< A longer result is handed out in pages of this.
  /// What becomes of a call over its budget when its client speaks 2026-07-28 and takes no tasks.
  enum class OverBudget : std::uint8_t {
    envelope,  ///< It is answered with the envelope, and goes on.
    wait,      ///< It stays open, with progress, to its end.
  };
  OverBudget over_budget = OverBudget::envelope;

  /// The most a call of this client may take inline; absent: no more than its budget says.
  [[nodiscard]] std::optional<Milliseconds> budget_cap(const std::string& client) const;
};

/// One thing that is wrong or worth knowing: where, what, and what to do. Line and column count from 1; 0: the file as
/// a whole.
struct Problem {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string what;

  /// "config.toml:3:1: unknown key 'budgt'; did you mean 'budget'?"
  [[nodiscard]] std::string text() const;
};

struct Config {
  StoreSettings store;
  ManagerOptions manager;
  SessionSettings session;
  LogOptions log;
  Milliseconds drain_grace{25'000};
  HttpSettings http;
  AuthSettings auth;
  std::vector<CommandSpec> commands;
  std::map<std::string, ToolRules, std::less<>> command_rules;  ///< Of the commands, by their names.
  std::vector<UpstreamSettings> upstreams;                      ///< Imported ones, too; their names differ.
  std::vector<delivery::DestinationSettings> destinations;
  std::vector<DefaultRedirect> redirects;  ///< What goes somewhere by itself.
  std::vector<Problem> notes;              ///< What works but not as somebody might think: for people, at the start.
};

/// A configuration and all that is wrong with it, in the order of the file. With problems, use it for nothing.
struct Loaded {
  Config config;
  std::vector<Problem> problems;
};

/// Reads `text`, which is TOML; or, when it begins with a brace, the JSON in which other MCP clients keep their servers
/// (docs/configuration.md, "Servers of other clients"). `file` is its name for problems, and its folder is where
/// relative paths start. Looks at the machine, too: programs, folders and the files it names must be there.
[[nodiscard]] Loaded read_config(std::string_view text, const std::filesystem::path& file);

/// Reads a file. Problems: also that it cannot be read.
[[nodiscard]] Loaded load_config(const std::filesystem::path& file);

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
