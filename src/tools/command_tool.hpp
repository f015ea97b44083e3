// SPDX-License-Identifier: MIT
// command_tool.hpp: a program of this machine as a Tool.
// Threads: the tool runs on the loop's thread, and the programs beside it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "meantime/tool.hpp"
#include "process/launch.hpp"
#include "tools/argv_template.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime {

class Clock;

/// What becomes of a command's standard error. All of it is partial output while the command runs, save `discarded`.
enum class ErrorOutput : std::uint8_t {
  on_failure,  ///< Its end stands in the error text when the command fails; else it is not shown.
  merged,      ///< Goes where standard output goes.
  appended,    ///< Follows standard output in the result.
  discarded,
};

/// What a command reads on its standard input.
enum class CommandInput : std::uint8_t {
  none,       ///< /dev/null.
  text,       ///< A template, filled from the arguments.
  arguments,  ///< All arguments, as the JSON they came in.
};

/// A command as a tool. Aggregate: fill what differs from the defaults.
struct CommandSpec {
  Tool tool;  ///< All but the two bodies. An outputSchema in its listing makes the output a structured result.

  /// The program, then its arguments; see ArgvTemplate. The program has no holes; without a slash it is looked up in
  /// PATH once, when the tool is made. Empty when `script` is set.
  std::vector<ArgvTemplate::Group> argv;
  /// For /bin/sh, in place of argv. A call's arguments reach it as environment variables ARG_<name>, never as code.
  std::string script;
  std::vector<std::string> allow_dash;  ///< Arguments whose values may begin with '-'.

  /// Names of this process's environment that the command gets too; a trailing * stands for any rest.
  std::vector<std::string> environment_from{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_*", "TZ", "TMPDIR"};
  std::map<std::string, std::string> environment;  ///< Set so, whatever ours has.
  std::string folder;                              ///< Working folder; empty: this process's own.

  CommandInput input = CommandInput::none;
  std::string input_text;  ///< With CommandInput::text.

  std::vector<int> ok_exit_codes{0};
  std::map<int, std::string> exit_messages;  ///< What a code means, for the error text.

  std::uint64_t max_output_bytes = 1ULL << 20;  ///< Of each stream: its head and its tail.
  ErrorOutput error_output = ErrorOutput::on_failure;
  bool strip_control = true;  ///< ANSI sequences and control characters are taken out.

  process::ResourceLimits limits;
  bool no_new_privileges = true;
  Milliseconds stop_grace{3'000};  ///< Between SIGTERM and SIGKILL; less than the manager's cancel_grace.
};

/// One thing that is wrong with a spec: which member (as configuration names it), and what to do.
struct CommandFault {
  std::string key;
  std::string what;
};

/// All that is wrong with `spec`, at once; empty: make_command_tool will take it.
[[nodiscard]] std::vector<CommandFault> faults_of(const CommandSpec& spec);

/// Makes the tool. `loop` and `clock` outlive it.
///
/// A call starts the program in a process group of its own; cancelled or out of time, the group gets SIGTERM, then
/// SIGKILL. What the program leaves running in its group is killed shortly after its own end. It also dies with this
/// process. Outcome: the output (head and tail) and exit code; else ToolFailure "CommandFailed" with the exit code or
/// signal,
///          what the code means, the end of standard error, and the output; "OutputInvalid" when the output is not
///          what the listing's outputSchema promises.
/// Errors:  invalid_argument: the first of faults_of().
[[nodiscard]] Result<Tool> make_command_tool(boost::asio::io_context& loop, Clock& clock, CommandSpec spec);

}  // namespace meantime
