// SPDX-License-Identifier: MIT
// completion.cpp: `meantime completion`: scripts made from the grammar itself, so that they never lag behind it.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"

namespace meantime::cli {
namespace {

// Task ids come from the store; a store that does not answer completes nothing.
constexpr std::string_view ids = "meantime list --quiet --limit 100 2>/dev/null";

std::string words(const CommandSummary& command) {
  std::string all;
  for (const auto& option : command.options) all += (all.empty() ? "" : " ") + option.name;
  return all;
}

// Inside single quotes of all three shells.
std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string bash(const std::vector<CommandSummary>& commands) {
  std::string names;
  std::string cases;
  for (const auto& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    cases += "    " + command.name + ") words=" + in_quotes(words(command));
    if (command.takes_task) cases += "; [[ $current == -* ]] || words=$(" + std::string(ids) + ")";
    if (command.name == "completion") cases += "; [[ $current == -* ]] || words='bash zsh fish'";
    if (command.name == "config") cases += "; [[ $COMP_CWORD == 2 ]] && words='check'";
    cases += " ;;\n";
  }
  return "# bash completion of meantime\n"
         "_meantime() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} words='' i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    if [[ ${COMP_WORDS[i]} == -- ]]; then\n"
         "      COMPREPLY=($(compgen -c -f -- \"$current\"))\n"
         "      return\n"
         "    fi\n"
         "  done\n"
         "  if ((COMP_CWORD == 1)); then\n"
         "    COMPREPLY=($(compgen -W " +
         in_quotes(names + " --help --version") +
         " -- \"$current\"))\n"
         "    return\n"
         "  fi\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  [[ ${#COMPREPLY[@]} == 0 && $current != -* ]] && COMPREPLY=($(compgen -f -- \"$current\"))\n"
         "  return 0\n"
         "}\n"
         "complete -F _meantime meantime\n";
}

// In _arguments' own quoting, brackets and colons end a description.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh(const std::vector<CommandSummary>& commands) {
  std::string names;
  std::string cases;
  for (const auto& command : commands) {
    names += "    " + in_quotes(command.name + ":" + zsh_text(command.summary)) + "\n";
    cases += "    " + command.name + ")\n      _arguments";
    for (const auto& option : command.options) {
      const std::string value = option.takes_value ? ":value:_files" : "";
      cases += " \\\n        " + in_quotes(option.name + "[" + zsh_text(option.summary) + "]" + value);
    }
    if (command.takes_task) cases += " \\\n        '1:task:_meantime_tasks'";
    if (command.name == "completion") cases += " \\\n        '1:shell:(bash zsh fish)'";
    if (command.name == "config") cases += " \\\n        '1:what:(check)' '2:file:_files'";
    if (command.name == "run" || command.name == "wrap") cases += " \\\n        '*::command:_normal'";
    cases += "\n      ;;\n";
  }
  return "#compdef meantime\n"
         "_meantime_tasks() {\n"
         "  local -a tasks\n"
         "  tasks=(${(f)\"$(" +
         std::string(ids) +
         ")\"})\n"
         "  compadd -a tasks\n"
         "}\n"
         "_meantime() {\n"
         "  local -a commands\n"
         "  commands=(\n" +
         names +
         "  )\n"
         "  if ((CURRENT == 2)); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  ((CURRENT--))\n"
         "  case $command in\n" +
         cases +
         "  esac\n"
         "}\n"
         "_meantime \"$@\"\n";
}

std::string fish(const std::vector<CommandSummary>& commands) {
  std::string out = "# fish completion of meantime\ncomplete -c meantime -f\n";
  for (const auto& command : commands) {
    out +=
        "complete -c meantime -n __fish_use_subcommand -a " + command.name + " -d " + in_quotes(command.summary) + "\n";
    const std::string here = "complete -c meantime -n '__fish_seen_subcommand_from " + command.name + "'";
    for (const auto& option : command.options) {
      const bool is_long = option.name.starts_with("--");
      out += here + (is_long ? " -l " + option.name.substr(2) : " -s " + option.name.substr(1)) +
             (option.takes_value ? " -r" : "") + " -d " + in_quotes(option.summary) + "\n";
    }
    if (command.takes_task) out += here + " -a '(" + std::string(ids) + ")'\n";
    if (command.name == "completion") out += here + " -a 'bash zsh fish'\n";
    if (command.name == "config") {
      out += here + " -a check\n";
      out += here + " -F\n";
    }
    if (command.name == "run" || command.name == "wrap") out += here + " -a '(__fish_complete_subcommand)'\n";
  }
  return out;
}

}  // namespace

int completion_command(const CompletionArguments& arguments) {
  const auto commands = describe_commands();
  const std::string script = arguments.shell == "bash"  ? bash(commands)
                             : arguments.shell == "zsh" ? zsh(commands)
                                                        : fish(commands);
  return print(script) ? exit_code::ok : exit_code::failure;
}

}  // namespace meantime::cli
