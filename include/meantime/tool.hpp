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
#include "meantime/error.hpp"
#include "meantime/outcome.hpp"

namespace meantime {

/// How much a log line matters, least first; named as in MCP and syslog.
enum class LogLevel : std::uint8_t { debug, info, notice, warning, error, critical, alert, emergency };
[[nodiscard]] std::string_view name_of(LogLevel level) noexcept;
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text) noexcept;

/// One line for the caller's log.
struct LogLine {
  LogLevel level = LogLevel::info;
  std::string logger;  ///< Who says it; may be empty.
  std::string data;    ///< Raw JSON, of any kind.
};

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

  /// A line for the caller's log, while the call is not answered yet; later ones are dropped. Thread-safe.
  virtual void log(LogLine line) = 0;

  /// What the caller can be asked: what it said of itself, where it said anything.
  [[nodiscard]] virtual Askable askable() const noexcept { return {}; }
  /// The least level of the lines that the caller hears; absent: it hears none. For tools whose lines cost something.
  [[nodiscard]] virtual std::optional<LogLevel> log_level() const noexcept { return std::nullopt; }

  /// Asks the caller for something and suspends until every request is answered; in the order of `requests`.
  /// While the call is inline its front door decides: it asks the client on the spot, or makes the call a task at once,
  /// whose record then shows the open requests until any process answers them. The budget does not run meanwhile and
  /// begins anew with the answer; the maximum run time goes on. A store that is away is waited for; until it is back
  /// this process shows the requests and takes the answers.
  /// Coroutine tools only: a blocking one gets a std::logic_error. Several asks may stand side by side.
  /// Errors:  unsupported (the client cannot be asked this; `detail` says what is missing), invalid_argument (no JSON
  ///          object, a key used before in this task, max_input_requests), cancelled (the call or task is to end),
  ///          already_final (the task was decided elsewhere).
  /// Cancel:  dropping the Task withdraws what is open.
  [[nodiscard]] virtual Task<Result<std::vector<InputResponse>>> ask(std::vector<InputRequest> requests) = 0;

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

  /// What MCP's tools/list shows besides: a raw JSON object with any of title, annotations, outputSchema, icons, _meta.
  /// Its name, description and inputSchema, if any, give way to the members above. Empty: nothing more.
  std::string listing;

  std::optional<Milliseconds> budget;        ///< In place of the manager's (10 s).
  bool no_background = false;                ///< Runs to its end inline, whatever the budget (S06).
  bool always_background = false;            ///< Answers with a task id at once.
  bool task_only = false;                    ///< Refused to MCP clients that cannot take a task; implies the above.
  bool asks_inline = false;                  ///< What it asks while inline is asked inline, not as a task.
  std::optional<Milliseconds> max_run_time;  ///< Then it is ended: failed, timed_out. Absent: for ever.
  bool idempotent = false;                   ///< May safely run twice.
  bool rerun_if_lost = false;                ///< With idempotent: run again when its worker died.
  std::uint32_t max_running = 0;             ///< At once, of this tool; 0 = only the manager's limits.
  std::optional<std::uint64_t> max_result_bytes;  ///< In place of the manager's.
};

}  // namespace meantime
