// SPDX-License-Identifier: MIT
// session_options.hpp: what every front door that speaks MCP is told: whose tasks, which budget, what the model sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "meantime/clock.hpp"

namespace meantime::serve {

/// Names of the four tools that every session adds. Where an upstream has one of them, all four get a prefix.
struct BuiltinNames {
  std::string check = "check_task";
  std::string await = "await_task";
  std::string list = "list_tasks";
  std::string cancel = "cancel_task";
  std::string redirect = "redirect_task";  ///< Shown where there are destinations.
};

/// What becomes of an upstream tool's `outputSchema`, which the running envelope would not fit.
enum class OutputSchemas : std::uint8_t {
  widen,  ///< `anyOf` of the original and the envelope; left out where it refers to itself and cannot be moved.
  drop,   ///< Always left out.
  keep,   ///< Passed on; a strict client then refuses envelopes of such tools.
};

/// Settings of one MCP session. Every member has a working default.
struct SessionOptions {
  std::string owner = "local";         ///< `user_id` of the tasks: a stdio session belongs to the local user.
  std::optional<Milliseconds> budget;  ///< In place of the manager's and of a tool's own.
  Milliseconds await_cap{25'000};      ///< How long await_task waits, at most and by default: below clients' limits.
  std::map<std::string, Milliseconds> await_caps;      ///< In place of await_cap, by the client's name.
  std::map<std::string, Milliseconds> budget_caps;     ///< The most a call may take inline, by the client's name.
  std::uint64_t preview_chars = 20'000;                ///< A longer result is handed out in pages of this.
  std::size_t max_line_bytes = std::size_t{64} << 20;  ///< Of one message; a longer one is refused and skipped.
  BuiltinNames names;
  OutputSchemas output_schemas = OutputSchemas::widen;
  Milliseconds linger{600'000};     ///< After the client has gone: how long running tasks may go on.
  Milliseconds drain_grace{5'000};  ///< On SIGTERM, and after `linger`.
  bool handle_signals = true;       ///< SIGTERM and SIGINT drain, a second one forces.
};

}  // namespace meantime::serve
