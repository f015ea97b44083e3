// SPDX-License-Identifier: MIT
// manager.hpp: TaskManager, the heart of the library: runs tools under a time budget and answers for the tasks.
// Threads: all members on the thread that runs the io_context. Tools' bodies: see tool.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meantime/call_ways.hpp"
#include "meantime/coroutine.hpp"
#include "meantime/delivery.hpp"
#include "meantime/error.hpp"
#include "meantime/journal.hpp"
#include "meantime/outcome.hpp"
#include "meantime/store.hpp"
#include "meantime/telemetry.hpp"
#include "meantime/tool.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime {

/// Limits that keep one owner from starving another (F27). 0 = none.
struct Limits {
  std::uint32_t running = 10'000;            ///< Calls and tasks in flight, in all.
  std::uint32_t running_per_owner = 1'000;   ///< Of one owner.
  std::uint32_t waiters = 100'000;           ///< Waits in flight.
  std::uint64_t result_bytes = 16ULL << 20;  ///< Of one result; the middle of a longer one is left out.
  std::uint64_t error_bytes = 16ULL << 10;   ///< Of one error text (F33).
  std::uint64_t output_bytes = 1ULL << 20;   ///< Of partial output kept while a tool runs: its newest part.
  /// Outcomes that wait for a store that is away. At the limit new calls are refused; what runs is still kept.
  std::uint32_t unsaved = 10'000;
  std::uint64_t unsaved_bytes = 256ULL << 20;  ///< The same, by what they take together.
};

/// Settings of a manager. Every member has a working default.
struct ManagerOptions {
  Milliseconds budget{10'000};           ///< How long a call may take before it goes to the background.
  Milliseconds await_timeout{300'000};   ///< How long an await waits when the caller does not say.
  Milliseconds cancel_grace{5'000};      ///< How long a cancelled tool that listens may take to end.
  Milliseconds store_wait{2'000};        ///< How long an envelope waits for the store (F04).
  Milliseconds retention{86'400'000};    ///< How long a finished task is kept, from its end (F06).
  Milliseconds heartbeat{3'000};         ///< Lease upkeep while tasks run; also the look for missed notices.
  std::uint32_t blocking_threads = 4;    ///< Threads of the pool for blocking tools; started when first needed.
  std::uint32_t rerun_max_attempts = 3;  ///< For lost idempotent tasks.
  /// How long a lost task that may run again, but not in this process, is left to one that can run it.
  Milliseconds rerun_leave_to_others{30'000};
  Limits limits;
};

/// What the manager is built from; all outlive it. Null telemetry: none is sent. Null journal: one in memory.
struct ManagerPorts {
  Clock& clock;
  Random& random;
  Store& store;
  Telemetry* telemetry = nullptr;
  Journal* journal = nullptr;  ///< Where outcomes wait while the store is away. One manager each.
  /// Which redirects may be set, and which are set by themselves. Null: any destination, and none by itself.
  const DeliveryRules* delivery = nullptr;
};

/// One call of a tool.
struct ToolCall {
  std::string tool;
  std::string arguments;  ///< Raw JSON; empty: none.
  Caller caller;
  std::optional<Milliseconds> budget;  ///< In place of the tool's; 0 = to the background at once.
  /// The same key from the same owner while the first call's record exists joins that task: the tool never runs
  /// twice. Calls with a key are recorded before they run and outlive their caller. While the store is away a key
  /// holds within this process only. Empty: none.
  std::string idempotency_key;
  /// Where the result is delivered when the call becomes a task, beside what is set by itself; answered inline it goes
  /// nowhere else. Errors: invalid_argument (an unknown destination), and then the tool does not run.
  std::vector<Redirect> redirects;
  Askable askable;                    ///< What the caller can be asked; told to the tool, which asks or does not.
  std::optional<LogLevel> log_level;  ///< The least that on_log wants to hear; told to the tool, and not enforced.
  /// When the work began, where that was before this call (a command already running that is now handed over).
  std::optional<SteadyTime> began;
  /// Hears progress until the call is answered. On the loop's thread.
  std::function<void(const Progress&)> on_progress;
  std::function<void(const LogLine&)> on_log;  ///< Hears log lines until the call is answered.
  /// Hears what the tool asks until the call is answered; may drop the call. Null: such a call becomes a task at once,
  /// and so does one with an idempotency key, which outlives its caller.
  std::function<void(std::shared_ptr<InputRound>)> on_input;
  std::shared_ptr<BackgroundSwitch> background;  ///< Null: only the budget sends it there.
};

/// The answer to an await: the record as it stood, and whether the task has ended.
struct Awaited {
  TaskRecord record;
  bool timed_out = false;  ///< The wait is over, the task goes on.
};

/// What became of the running tasks when a process shut down.
struct DrainReport {
  std::uint64_t finished = 0;     ///< Ended by themselves within the grace time.
  std::uint64_t interrupted = 0;  ///< Were ended, and are recorded as interrupted.
  std::uint64_t unsaved = 0;      ///< Outcomes the store did not take: lost with this process, except...
  std::uint64_t journaled = 0;    ///< ...these of them, which a later process writes from the journal.
};

/// Refers to a registered tool; cheaper than its name. Valid as long as the manager.
class ToolHandle {
 public:
  ToolHandle() = default;

 private:
  friend class TaskManager;
  explicit ToolHandle(struct ToolEntry* entry) : entry_(entry) {}
  struct ToolEntry* entry_ = nullptr;
};

/// Runs tools under a budget; keeps, finds, awaits, lists and cancels what went to the background.
///
/// `user_id` parameters: when given, a task of another owner is answered exactly as one that does not exist (S31).
class TaskManager {
 public:
  TaskManager(boost::asio::io_context& loop, ManagerPorts ports, ManagerOptions options = {});
  TaskManager(const TaskManager&) = delete;
  TaskManager& operator=(const TaskManager&) = delete;
  /// Drops what still runs without recording it: drain() first.
  ~TaskManager();

  /// Offers `tool` to callers. Errors: invalid_argument (name, bodies, contradicting flags, schema that does not
  /// compile).
  Result<ToolHandle> add_tool(Tool tool);
  /// Takes a tool away; its running tasks go on. Errors: not_found.
  Result<void> remove_tool(std::string_view name);
  [[nodiscard]] std::vector<const Tool*> tools() const;
  /// One tool; null when there is none of that name. Valid until the next add_tool or remove_tool.
  [[nodiscard]] const Tool* tool(std::string_view name) const noexcept;
  /// Called after tools came or went, on the loop's next turn; null takes it away. One listener.
  void on_tools_changed(std::function<void()> tell);

  /// Answers `call` within its budget; longer work goes on and is answered by its task id (S01-S08).
  /// Errors:  invalid_argument (arguments do not fit the schema), not_found (tool), overloaded, draining.
  ///          A tool's own failure is an Outcome, not an Error.
  /// Cancel:  dropping the Task before the budget cancels the tool; after it only cancel() reaches it (F17). The Task
  ///          must not outlive the manager.
  [[nodiscard]] Task<Result<Outcome>> call(ToolCall call);
  [[nodiscard]] Task<Result<Outcome>> call(ToolHandle tool, ToolCall call);

  /// The record of a task, wherever it runs. Errors: not_found, unavailable.
  [[nodiscard]] Task<Result<TaskRecord>> check(TaskId task, std::optional<std::string> user_id = {});

  /// Suspends until the task ends or `timeout` is over; woken by the event. Giving up touches nothing (S34, F16).
  /// Errors: not_found, unavailable, overloaded (waiters).
  [[nodiscard]] Task<Result<Awaited>> await_task(TaskId task, std::optional<Milliseconds> timeout = {},
                                                 std::optional<std::string> user_id = {});

  /// Suspends until the task differs from `seen` in what a client is told (status, reason, progress, open input
  /// requests), or `timeout` is over; answers the record as it stands. Changes that follow each other closely may be
  /// answered as one. A task that has ended is answered at once. Errors: as await_task.
  [[nodiscard]] Task<Result<TaskRecord>> await_change(TaskId task, TaskRecord seen, Milliseconds timeout,
                                                      std::optional<std::string> user_id = {});

  /// Hands a task what it asked for, wherever it runs; answers how many requests this answered. Keys that are unknown
  /// or answered are passed over, and so are all of a task that has ended. Errors: not_found, unavailable,
  /// invalid_argument (a response that is no JSON object).
  [[nodiscard]] Task<Result<std::uint32_t>> answer_input(TaskId task, std::vector<InputResponse> responses,
                                                         std::optional<std::string> user_id = {});

  /// A page of a finished task's result, in characters. Errors: not_found, unavailable.
  [[nodiscard]] Task<Result<TextPage>> read_result(TaskId task, std::uint64_t offset_chars, std::uint64_t limit_chars,
                                                   std::optional<std::string> user_id = {});

  /// Partial output of a task from a byte offset on. Errors: not_found, unavailable.
  [[nodiscard]] Task<Result<std::string>> read_output(TaskId task, std::uint64_t offset_bytes,
                                                      std::uint64_t limit_bytes,
                                                      std::optional<std::string> user_id = {});

  /// Tasks of all processes that share the store, newest first (S36). Errors: unavailable, invalid_argument.
  [[nodiscard]] Task<Result<TaskList>> list(ListQuery query);

  /// Cancels a task wherever it runs; answers when it was asked, not when it has ended: await it for that.
  /// Errors: not_found, already_final, unavailable.
  [[nodiscard]] Task<Result<void>> cancel(TaskId task, std::optional<std::string> user_id = {});

  /// Sets where a task's result is to be delivered, running or ended, from any process (S40, S45, F24); of one that
  /// has ended at once. Errors: not_found, invalid_argument (no such destination), overloaded (max_redirects),
  /// unavailable.
  [[nodiscard]] Task<Result<void>> redirect(TaskId task, Redirect redirect, std::optional<std::string> user_id = {});

  /// Takes no new calls, waits up to `grace` for what runs, ends the rest and records what became of each (F26, F35).
  /// Calling it again with a shorter grace hastens the first.
  [[nodiscard]] Task<DrainReport> drain(Milliseconds grace);

  /// Whether new work is welcome here: not shutting down, and the store not known to be away. For readiness probes.
  [[nodiscard]] bool ready() const noexcept;
  /// Calls and tasks in flight in this process.
  [[nodiscard]] std::size_t running() const noexcept;
  [[nodiscard]] const ManagerOptions& options() const noexcept;
  /// As it was given; may be null.
  [[nodiscard]] const DeliveryRules* delivery() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace meantime
