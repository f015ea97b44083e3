// SPDX-License-Identifier: MIT
// tool_rules.hpp: what a configuration says about one tool, or about all of an upstream. Values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/tool.hpp"

namespace meantime::config {

/// The rules for one tool, where they differ from the defaults.
struct ToolRules {
  std::optional<Milliseconds> budget;
  std::optional<bool> no_background;
  std::optional<bool> always_background;
  std::optional<bool> task_only;
  std::optional<bool> asks_inline;
  std::optional<Milliseconds> max_run_time;
  std::optional<bool> idempotent;
  std::optional<bool> rerun_if_lost;
  std::optional<std::uint32_t> max_running;
  std::optional<std::uint64_t> max_result_bytes;
  std::optional<std::string> title;
  std::optional<std::string> description;          ///< Of an upstream's tool: in place of its own.
  std::optional<std::string> annotations;          ///< A raw JSON object; its members go before the tool's own.
  std::optional<std::string> output_schema;        ///< Raw JSON.
  std::optional<std::vector<std::string>> scopes;  ///< What a caller's token must hold, beside what the door asks for.

  /// Takes over what is set in `others`.
  void override_with(const ToolRules& others);
  /// Sets in `tool` what is set here. `tool.listing` keeps every byte of what is not.
  void apply_to(Tool& tool) const;
};

/// Which tools are offered, by their names: `*` stands for any characters, `?` for one.
struct NameFilter {
  std::vector<std::string> allow;  ///< Empty: all.
  std::vector<std::string> deny;   ///< Goes before `allow`.

  [[nodiscard]] bool passes(std::string_view name) const;
};

/// Whether `name` is what `pattern` says: `*` any characters, `?` one; all else is itself. Takes |pattern| * |name|
/// steps at most.
[[nodiscard]] bool fits_pattern(std::string_view pattern, std::string_view name) noexcept;

}  // namespace meantime::config
