// SPDX-License-Identifier: MIT
// read_upstream.cpp: an [upstreams.<name>] table.
#include <sys/stat.h>

#include <cstdlib>

#include "config/readers.hpp"
#include "process/launch.hpp"

namespace meantime::config {
namespace {

// What the official SDKs let a stdio server inherit, and what programs need to speak the user's language.
const std::vector<std::string> inherited{"PATH", "HOME", "USER", "LOGNAME", "SHELL",
                                         "TERM", "LANG", "LC_*", "TZ",      "TMPDIR"};

std::string search_path_of(const UpstreamSettings& upstream) {
  if (const auto own = upstream.environment.find("PATH"); own != upstream.environment.end()) return own->second;
  const char* path = std::getenv("PATH");
  return path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
}

void read_program(Section& section, UpstreamSettings& out) {
  if (section.value("command") == nullptr) {
    section.say(section.place(),
                "[" + section.name() + "] has no command: write command = [\"program\", \"argument\"]");
    return;
  }
  auto command = section.texts("command");
  if (!command) return;
  const Place place = section.place_of("command");
  if (command->empty() || command->front().empty()) {
    section.say(place, section.named("command") + " names no program: write [\"program\", \"argument\"]");
    return;
  }
  std::string& program = command->front();
  const bool has_slash = program.find('/') != std::string::npos;
  if (program.starts_with("~/") || (has_slash && !program.starts_with('/') && out.folder.empty())) {
    program = section.problems().resolve(program).string();
  }
  if (auto found = process::find_program(program, search_path_of(out), out.folder); !found) {
    section.say(place, section.named("command") + ": " + found.error().detail);
  }
  for (const std::string& argument : *command) {
    if (argument.find('\0') != std::string::npos) {
      section.say(place, section.named("command") + " holds a zero byte (\\u0000), which no argument can");
    }
  }
  out.command = std::move(*command);
}

}  // namespace

UpstreamSettings read_upstream(Problems& problems, const Member& table) {
  UpstreamSettings out;
  out.name = table.key;
  out.environment_from = inherited;
  Section section(problems, *table.value.as<Table>(), "upstreams." + table.key, table.place);
  if (auto folder = section.text("folder")) {
    out.folder = problems.resolve(*folder).string();
    struct stat found{};
    if (::stat(out.folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) {
      section.say(section.place_of("folder"),
                  section.named("folder") + ": there is no folder '" + out.folder + "': create it or correct the path");
    }
  }
  Section::set(out.environment, section.named_texts("env"));
  Section::set(out.environment_from, section.texts("env_from"));
  read_program(section, out);
  Section::set(out.prefix, section.text("prefix"));
  if (!out.prefix.empty()) check_tool_name(problems, section.place_of("prefix"), out.prefix);
  out.rules = read_rules(section);
  check_rules(section, out.rules);
  const std::vector<const Member*> overrides = section.tables("tools");
  for (const Member* tool : overrides) {
    Section own(problems, *tool->value.as<Table>(), section.name() + ".tools." + tool->key, tool->place);
    out.tools[tool->key] = read_rules(own);
    check_rules(own, out.rules_of(tool->key));
  }
  return out;
}

}  // namespace meantime::config
