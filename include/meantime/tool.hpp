// SPDX-License-Identifier: MIT
// tool.hpp: what can be called: a name, a budget, limits, and a body that is a coroutine or a blocking function.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "meantime/coroutine.hpp"
#include "meantime/outcome.hpp"

namespace meantime {

/// What a running tool holds on to. Alive and usable for as long as the tool runs, also after its caller got an
/// envelope and moved on (S07). Coroutine tools: on the loop's thread only.
class ToolContext {
 public:
  ToolContext(const ToolContext&) = delete;
  ToolContext& operator=(const ToolContext&) = delete;

  /// The call's arguments: raw JSON, checked against the tool's schema. Empty when the caller gave none.
  [[nodiscard]] virtual std::string_view arguments() const noexcept = 0;
  [[nodiscard]] virtual const Caller& caller() const noexcept = 0;

  /// Tells how far the work is; readable through check, list and await while the tool runs. Thread-safe.
  virtual void progress(Progress progress) = 0;
  /// Adds to the partial output, readable while the tool runs; not part of the result. Thread-safe.
  virtual void append_output(std::string_view bytes) = 0;

  /// Asks to be told of a cancel. A coroutine tool that never asked is dropped at once when it is cancelled; one that
  /// asked gets the stop and the grace time to end by itself, and is dropped after it. Thread-safe.
  [[nodiscard]] virtual std::stop_token stop_token() = 0;

  /// Suspends for `duration` of the manager's clock. Coroutine tools only.
  [[nodiscard]] virtual Task<void> sleep(Milliseconds duration) = 0;

 protected:
  ToolContext() = default;
  ~ToolContext() = default;
};

/// A coroutine tool. May throw: `std::exception`s become `<type>: <what>`.
using CoroutineBody = std::function<Task<ToolReturn>(ToolContext&)>;
/// A blocking tool: runs on the manager's pool, never on the loop (F19).
using BlockingBody = std::function<ToolReturn(ToolContext&)>;

/// A tool and the rules for running it. Aggregate: fill what differs from the defaults.
struct Tool {
  std::string name;          ///< 1 to 128 of A-Z a-z 0-9 _ - . /
  std::string description;   ///< For the model.
  std::string input_schema;  ///< JSON Schema of the arguments; empty: anything goes and nothing is checked.

  CoroutineBody coroutine;  ///< Exactly one of the two bodies is set.
  BlockingBody blocking;

  std::optional<Milliseconds> budget;             ///< In place of the manager's (10 s).
  bool no_background = false;                     ///< Runs to its end inline, whatever the budget (S06).
  bool always_background = false;                 ///< Answers with a task id at once.
  std::optional<Milliseconds> max_run_time;       ///< Then it is ended: failed, timed_out. Absent: for ever.
  bool idempotent = false;                        ///< May safely run twice.
  bool rerun_if_lost = false;                     ///< With idempotent: run again when its worker died.
  std::uint32_t max_running = 0;                  ///< At once, of this tool; 0 = only the manager's limits.
  std::optional<std::uint64_t> max_result_bytes;  ///< In place of the manager's.
};

}  // namespace meantime
