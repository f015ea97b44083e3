// SPDX-License-Identifier: MIT
// read_rules.cpp: the rules for running a tool, shared by commands and upstreams' tools.
#include <limits>

#include "config/readers.hpp"

namespace meantime::config {
namespace {

template <class T>
void put(std::optional<T>& target, const std::optional<T>& source) {
  if (source) target = source;
}

}  // namespace

void ToolRules::apply_to(Tool& tool) const {
  if (budget) tool.budget = budget;
  if (no_background) tool.no_background = *no_background;
  if (always_background) tool.always_background = *always_background;
  if (max_run_time) tool.max_run_time = max_run_time;
  if (idempotent) tool.idempotent = *idempotent;
  if (rerun_if_lost) tool.rerun_if_lost = *rerun_if_lost;
  if (max_running) tool.max_running = *max_running;
  if (max_result_bytes) tool.max_result_bytes = max_result_bytes;
}

ToolRules UpstreamSettings::rules_of(std::string_view tool) const {
  ToolRules out = rules;
  const auto own = tools.find(std::string(tool));
  if (own == tools.end()) return out;
  put(out.budget, own->second.budget);
  put(out.no_background, own->second.no_background);
  put(out.always_background, own->second.always_background);
  put(out.max_run_time, own->second.max_run_time);
  put(out.idempotent, own->second.idempotent);
  put(out.rerun_if_lost, own->second.rerun_if_lost);
  put(out.max_running, own->second.max_running);
  put(out.max_result_bytes, own->second.max_result_bytes);
  return out;
}

ToolRules read_rules(Section& section) {
  ToolRules rules;
  rules.budget = section.duration("budget");
  rules.no_background = section.flag("no_background");
  rules.always_background = section.flag("always_background");
  rules.max_run_time = section.duration("max_run_time", Milliseconds(1));
  rules.idempotent = section.flag("idempotent");
  rules.rerun_if_lost = section.flag("rerun_if_lost");
  if (const auto most = section.number("max_running", 0, std::numeric_limits<std::uint32_t>::max())) {
    rules.max_running = static_cast<std::uint32_t>(*most);
  }
  rules.max_result_bytes = section.size("max_result");
  return rules;
}

void check_rules(Section& section, const ToolRules& rules) {
  const bool inline_only = rules.no_background.value_or(false);
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
