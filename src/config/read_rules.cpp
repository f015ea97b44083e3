// SPDX-License-Identifier: MIT
// read_rules.cpp: the rules for running a tool, shared by commands and upstreams' tools.
#include <limits>

#include "config/readers.hpp"
#include "mcp/json_span.hpp"

namespace meantime::config {
namespace {

// The hints that MCP has must be of the right kind: clients refuse a whole list for one that is not. Others pass.
void check_annotations(Section& section, const std::string& annotations) {
  mcp::for_each_member(mcp::JsonSpan(annotations), [&section](mcp::JsonSpan key, mcp::JsonSpan value) {
    const std::string name = key.text();
    const auto wrong = [&](const char* kind) {
      section.say(section.place_of("annotations"),
                  "'" + name.substr(0, 64) + "' of " + section.named("annotations") + " must be " + kind);
    };
    if (name == "title" && !value.is_string()) wrong("a string");
    const bool hint = name.ends_with("Hint");
    if (hint && !value.boolean()) wrong("true or false");
  });
}

}  // namespace

ToolRules read_rules(Section& section) {
  ToolRules rules;
  rules.budget = section.duration("budget");
  rules.no_background = section.flag("no_background");
  rules.always_background = section.flag("always_background");
  rules.task_only = section.flag("task_only");
  rules.asks_inline = section.flag("asks_inline");
  rules.max_run_time = section.duration("max_run_time", Milliseconds(1));
  rules.idempotent = section.flag("idempotent");
  rules.rerun_if_lost = section.flag("rerun_if_lost");
  if (const auto most = section.number("max_running", 0, std::numeric_limits<std::uint32_t>::max())) {
    rules.max_running = static_cast<std::uint32_t>(*most);
  }
  rules.max_result_bytes = section.size("max_result");
  rules.title = section.text("title");
  rules.annotations = section.json_object("annotations");
  if (rules.annotations) check_annotations(section, *rules.annotations);
  rules.scopes = section.texts("scopes");
  if (rules.scopes) check_scopes(section, "scopes", *rules.scopes);
  return rules;
}

void check_rules(Section& section, const ToolRules& rules) {
  const bool inline_only = rules.no_background.value_or(false);
  if (inline_only && rules.task_only.value_or(false)) {
    section.say(section.place_of("task_only"),
                "no_background and task_only exclude each other in [" + section.name() + "]: choose one");
  }
  if (inline_only && rules.always_background.value_or(false)) {
    section.say(section.place_of("always_background"),
                "no_background and always_background exclude each other in [" + section.name() + "]: choose one");
  }
  if (rules.rerun_if_lost.value_or(false) && !rules.idempotent.value_or(false)) {
    section.say(section.place_of("rerun_if_lost"),
                section.named("rerun_if_lost") +
                    " needs idempotent = true: only a tool that may safely run twice is run again");
  }
}

void check_tool_name(Problems& problems, Place place, std::string_view name) {
  constexpr std::size_t most = 128;
  const bool fine = !name.empty() && name.size() <= most && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == '/';
  });
  if (!fine) {
    problems.say(place, "'" + std::string(name.substr(0, most)) +
                            "' cannot be a tool's name: it has 1 to 128 of A-Z a-z 0-9 _ - . /");
  }
}

}  // namespace meantime::config
