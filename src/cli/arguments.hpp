// SPDX-License-Identifier: MIT
// arguments.hpp: the command line as values. Only arguments.cpp knows the parser behind it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "meantime/clock.hpp"
#include "meantime/outbox.hpp"
#include "meantime/task.hpp"

namespace meantime::cli {

/// What every command that looks at tasks takes.
struct ViewOptions {
  std::string store;                 ///< As choose_store takes it; empty: not given.
  std::optional<std::string> owner;  ///< Only this owner's tasks exist.
  bool json = false;
  bool quiet = false;
};

struct RunArguments {
  Milliseconds budget{10'000};
  std::string name;  ///< Empty: the program's file name.
  std::string owner;
  std::string folder;
  std::string store;
  bool keep_stdin = false;
  bool quiet = false;
  std::vector<std::string> command;
};

struct CheckArguments {
  ViewOptions view;
  std::string task;
};

struct AwaitArguments {
  ViewOptions view;
  std::string task;
  std::optional<Milliseconds> timeout;  ///< Absent: for ever.
};

struct OutputArguments {
  ViewOptions view;
  std::string task;
  bool follow = false;
  std::uint64_t offset = 0;
  std::uint64_t limit = 0;  ///< 0: to the end.
};

struct ListArguments {
  ViewOptions view;
  bool watch = false;
  std::optional<TaskStatus> status;
  std::optional<std::string> tool;
  std::string since;
  std::uint32_t limit = 100;
  std::string cursor;
};

struct CancelArguments {
  ViewOptions view;
  std::string task;
  bool wait = false;
};

struct RedirectArguments {
  ViewOptions view;
  std::string task;
  std::string destination;
  std::optional<RedirectOn> on;
  std::uint32_t max_chars = 0;
  std::optional<std::filesystem::path> config;
};

struct DeliveriesArguments {
  ViewOptions view;
  std::string task;
  std::string destination;
  std::vector<DeliveryState> states;
  std::uint32_t limit = 100;
  std::string cursor;
  std::string replay;  ///< Sends this one again; empty: lists.
};

struct DestinationsArguments {
  enum class Act : std::uint8_t { list, test, resume };
  ViewOptions view;
  std::optional<std::filesystem::path> config;
  Act act = Act::list;
  std::string name;
  std::string channel;
};

struct WrapArguments {
  std::optional<Milliseconds> budget;
  std::map<std::string, Milliseconds> budgets;
  std::vector<std::string> no_background;
  std::string name;
  std::string owner;
  std::string store;
  std::optional<Milliseconds> await_cap;
  std::optional<Milliseconds> linger;
  std::optional<Milliseconds> drain_grace;
  std::optional<Milliseconds> max_run_time;
  std::optional<std::uint64_t> preview_chars;
  std::map<std::string, std::string> tool_names;  ///< check, await, list, cancel: what the model knows them by.
  std::string output_schemas;
  std::vector<std::string> command;
};

struct ServeArguments {
  bool stdio = false;
  std::vector<std::string> listen;  ///< Addresses for HTTP, in place of the configuration's.
  std::string config;
  std::string owner;
  std::string store;
};

struct ConfigCheckArguments {
  std::string file;
  bool json = false;
};

struct DoctorArguments {
  std::string config;  ///< Empty: the default file, where there is one.
  std::string store;
  bool json = false;
};

struct TokenArguments {
  std::string name;
  std::vector<std::string> scopes;  ///< Empty: all.
  std::string file;                 ///< Empty: the configuration's.
  std::string config;               ///< Empty: the default file.
  std::string revoke;
  bool list = false;
  bool json = false;
};

struct LoginArguments {
  std::string upstream;
  std::string config;  ///< Empty: the default file.
  bool no_browser = false;
};

struct CompletionArguments {
  std::string shell;
};

struct VersionArguments {
  bool json = false;
};

using Command = std::variant<RunArguments, CheckArguments, AwaitArguments, OutputArguments, ListArguments,
                             CancelArguments, RedirectArguments, DeliveriesArguments, DestinationsArguments,
                             WrapArguments, ServeArguments, ConfigCheckArguments, DoctorArguments, TokenArguments,
                             LoginArguments, CompletionArguments, VersionArguments>;

/// The command line asked for nothing that runs: a help text, or it was wrong.
struct Stop {
  int exit_code = 0;
  std::string out;
  std::string err;
};

/// Reads what follows the program's name. Never throws, whatever it is given.
[[nodiscard]] std::variant<Command, Stop> parse_arguments(std::span<const char* const> arguments);

/// One command as help and completion need it.
struct CommandSummary {
  std::string name;
  std::string summary;
  bool takes_task = false;
  struct Option {
    std::string name;  ///< With its dashes.
    std::string summary;
    bool takes_value = false;
  };
  std::vector<Option> options;
};
[[nodiscard]] std::vector<CommandSummary> describe_commands();

}  // namespace meantime::cli
