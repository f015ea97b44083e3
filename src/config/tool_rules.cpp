// SPDX-License-Identifier: MIT
#include "config/tool_rules.hpp"

#include <algorithm>

#include "config/upstream_settings.hpp"
#include "core/json_writer.hpp"
#include "mcp/splice.hpp"

namespace meantime::config {
namespace {

template <class T>
void put(std::optional<T>& target, const std::optional<T>& source) {
  if (source) target = source;
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// Both are raw JSON objects; members of `over` go before those of `under`.
std::string merged(std::string_view under, std::string_view over) {
  std::string out = mcp::JsonSpan(under).is_object() ? std::string(under) : "{}";
  mcp::for_each_member(mcp::JsonSpan(over), [&out](mcp::JsonSpan key, mcp::JsonSpan value) {
    out = mcp::with_member(mcp::JsonSpan(out), key.text(), value.raw());
  });
  return out;
}

}  // namespace

void ToolRules::override_with(const ToolRules& others) {
  put(budget, others.budget);
  put(no_background, others.no_background);
  put(always_background, others.always_background);
  put(task_only, others.task_only);
  put(asks_inline, others.asks_inline);
  put(max_run_time, others.max_run_time);
  put(idempotent, others.idempotent);
  put(rerun_if_lost, others.rerun_if_lost);
  put(max_running, others.max_running);
  put(max_result_bytes, others.max_result_bytes);
  put(title, others.title);
  put(description, others.description);
  if (annotations && others.annotations) {
    annotations = merged(*annotations, *others.annotations);
  } else {
    put(annotations, others.annotations);
  }
  put(output_schema, others.output_schema);
  put(scopes, others.scopes);
}

void ToolRules::apply_to(Tool& tool) const {
  if (budget) tool.budget = budget;
  if (no_background) tool.no_background = *no_background;
  if (always_background) tool.always_background = *always_background;
  if (task_only) tool.task_only = *task_only;
  if (asks_inline) tool.asks_inline = *asks_inline;
  if (max_run_time) tool.max_run_time = max_run_time;
  if (idempotent) tool.idempotent = *idempotent;
  if (rerun_if_lost) tool.rerun_if_lost = *rerun_if_lost;
  if (max_running) tool.max_running = *max_running;
  if (max_result_bytes) tool.max_result_bytes = max_result_bytes;
  if (description) tool.description = *description;
  if (!title && !annotations && !output_schema) return;
  if (!mcp::JsonSpan(tool.listing).is_object()) tool.listing = "{}";
  const auto set = [&tool](std::string_view name, std::string_view value) {
    tool.listing = mcp::with_member(mcp::JsonSpan(tool.listing), name, value);
  };
  if (title) set("title", json_string(*title));
  if (output_schema) set("outputSchema", *output_schema);
  if (annotations) {
    const std::string own(mcp::member(mcp::JsonSpan(tool.listing), "annotations").raw());
    set("annotations", merged(own, *annotations));
  }
}

bool NameFilter::passes(std::string_view name) const {
  const auto fits = [name](const std::string& pattern) { return fits_pattern(pattern, name); };
  return (allow.empty() || std::ranges::any_of(allow, fits)) && std::ranges::none_of(deny, fits);
}

bool fits_pattern(std::string_view pattern, std::string_view name) noexcept {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;  // the last one met, and how far it reaches
  std::size_t reach = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      reach = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++reach;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

ToolRules UpstreamSettings::rules_of(std::string_view tool) const {
  ToolRules out = rules;
  if (const auto own = tools.find(std::string(tool)); own != tools.end()) out.override_with(own->second);
  return out;
}

}  // namespace meantime::config
