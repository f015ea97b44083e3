// SPDX-License-Identifier: MIT
// store.hpp: the port behind which tasks are kept and shared. One suite (tests/contract) holds for every store.
// Threads: every call, and every call to the listener, on the thread of the store's loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"
#include "meantime/outbox.hpp"
#include "meantime/outcome.hpp"
#include "meantime/task.hpp"

namespace meantime {

/// A task that begins to be remembered. Views: valid until the call's first suspension.
struct TaskStart {
  TaskId task_id;
  std::string_view tool_name;
  const Caller* caller = nullptr;  ///< Never null.
  WallTime created_at{};
  std::string_view idempotency_key;     ///< Empty: none. Unique among the owner's existing records.
  bool rerun_if_lost = false;           ///< Idempotent, and configured to run again when its worker dies.
  std::string_view arguments;           ///< Kept only when rerun_if_lost.
  std::uint32_t attempt = 1;            ///< More: a later run whose record the store has lost begins anew.
  std::span<const Redirect> redirects;  ///< At most max_redirects, no two to the same place.
};

/// What a start found: a fresh record, or the record that already holds the same owner's idempotency key.
struct StartVerdict {
  std::optional<TaskId> joined;
};

/// Which run of a task is speaking: the fencing token. View: valid until the call's first suspension.
struct RunToken {
  TaskId task_id;
  std::uint32_t attempt = 1;
  /// Empty: the store's own worker. Else a former process's, whose journal is being written after its death.
  std::string_view worker;
};

/// What became of a finish. `stored` false: the outcome was decided before; this one is kept beside it as late.
struct FinishVerdict {
  bool stored = true;
};

/// A task whose worker died and that this process has taken over.
struct ReclaimedTask {
  TaskId task_id;
  std::uint32_t attempt = 2;
  std::string tool_name;
  std::string arguments;
  Caller caller;
  WallTime created_at{};
};

/// What a look for dead workers found.
struct LostReport {
  std::vector<TaskId> lost;  ///< Ended by this call, as failed / lost.
  std::vector<ReclaimedTask> reclaimed;
};

/// Which tools this process could run again for a dead worker.
struct ReclaimPolicy {
  std::vector<std::string> tools;
  std::uint32_t max_attempts = 3;
  /// A task that may run again, but not here, is left for this long after its worker's lease to a process that can.
  Milliseconds leave_to_others{0};
};

/// Told of what other processes did. Called on the loop, never from inside a call to the store.
class StoreListener {
 public:
  virtual ~StoreListener() = default;
  virtual void on_ended(const TaskId& task) = 0;             ///< A watched task ended.
  virtual void on_cancel_requested(const TaskId& task) = 0;  ///< A task of this worker should be cancelled.
  virtual void on_changed(const TaskId& task) = 0;           ///< A watched task has new progress, output or inputs.
  virtual void on_worker_died() = 0;                         ///< Call reap_lost soon.
  virtual void on_input_answered(const TaskId& task) = 0;    ///< A task of this worker got input responses.
  virtual void on_redirected(const TaskId& task) = 0;        ///< Another worker redirected a task of this one.
  /// The store went away, or is back. `detail`: why, and what to do; for the log.
  virtual void on_available(bool available, std::string_view detail) = 0;
  /// The store is back without this worker's records (restarted without its data): start() again what runs.
  virtual void on_forgotten() = 0;
};

/// Where tasks live. State changes are single steps; a finished state is final, whatever arrives later.
/// Cancel: dropping a call's Task gives up the wait for its answer; the step itself may still happen.
class Store {
 public:
  virtual ~Store() = default;

  /// Remembers a running task of this worker; answers when it is as durable as the store's policy says.
  /// Errors: unavailable (nothing was stored), invalid_argument (id taken).
  [[nodiscard]] virtual Task<Result<StartVerdict>> start(const TaskStart& start) = 0;

  /// Ends a task of this worker: state, result and end time become visible in one step. Answers when durable.
  /// Errors: unavailable (ask again later with the same end), not_found (never started, or retention removed it).
  [[nodiscard]] virtual Task<Result<FinishVerdict>> finish(RunToken run, TaskEnd end) = 0;

  /// The record, without its result's body. Errors: not_found, unavailable.
  [[nodiscard]] virtual Task<Result<TaskRecord>> find(TaskId task) = 0;

  /// A page of the result, in characters. `limit_chars` 0 means to the end. Errors: not_found, unavailable.
  [[nodiscard]] virtual Task<Result<TextPage>> read_result(TaskId task, std::uint64_t offset_chars,
                                                           std::uint64_t limit_chars) = 0;

  /// Newest first. Errors: unavailable, invalid_argument (limit).
  [[nodiscard]] virtual Task<Result<TaskList>> list(ListQuery query) = 0;

  /// Says how far a running task is. Best effort: may be merged with later ones, need not be durable.
  [[nodiscard]] virtual Task<Result<void>> set_progress(RunToken run, Progress progress) = 0;

  /// Adds to a running task's partial output. Best effort like progress, in order.
  [[nodiscard]] virtual Task<Result<void>> append_output(RunToken run, std::string bytes) = 0;

  /// Partial output from a byte offset on, at most `limit_bytes`. Only its newest part is kept (TaskRecord's
  /// output_start): an offset before it answers from where the kept part begins. Errors: not_found, unavailable.
  [[nodiscard]] virtual Task<Result<std::string>> read_output(TaskId task, std::uint64_t offset_bytes,
                                                              std::uint64_t limit_bytes) = 0;

  /// Asks the task's worker to cancel it, and wakes that worker. Errors: not_found, already_final, unavailable.
  [[nodiscard]] virtual Task<Result<void>> request_cancel(TaskId task) = 0;

  /// This worker's running tasks that somebody wants cancelled: the look that finds what a notice missed.
  [[nodiscard]] virtual Task<Result<std::vector<TaskId>>> cancel_requests() = 0;

  /// Sets where a task's result is delivered, running or ended, and wakes its worker while it runs (S40, S45).
  /// Errors: not_found, overloaded (max_redirects), unavailable.
  [[nodiscard]] virtual Task<Result<void>> add_redirect(TaskId task, Redirect redirect) = 0;

  /// Adds open input requests to a running task of this worker, all or none; its record shows them, in the order asked,
  /// until they are answered or the task ends. A request that is open already, and the same, changes nothing. Answers
  /// when as durable as start(). A run taken over by another begins without them, and may use their keys again.
  /// Errors: not_found, already_final (ended, or no longer this run's), invalid_argument (a key used before in this
  /// run, max_input_requests open, max_input_keys in all), unavailable.
  [[nodiscard]] virtual Task<Result<void>> ask_input(RunToken run, std::vector<InputRequest> requests) = 0;

  /// Answers open input requests of a running task, from any process, and wakes its worker (unless it is this one) and
  /// those who watch; answers how many. Unknown and answered keys are passed over; a task that has ended takes none.
  /// Durable as start(). Errors: not_found, unavailable.
  [[nodiscard]] virtual Task<Result<std::uint32_t>> answer_input(TaskId task, std::vector<InputResponse> responses) = 0;

  /// The responses that a running task of this worker was given so far, in this run; none once it has ended.
  /// Errors: not_found, unavailable.
  [[nodiscard]] virtual Task<Result<std::vector<InputResponse>>> input_responses(TaskId task) = 0;

  /// What is to be delivered of this store's tasks.
  [[nodiscard]] virtual Outbox& outbox() noexcept = 0;

  /// Renews this worker's lease. Call it more often than lease() / 3 while tasks run.
  [[nodiscard]] virtual Task<Result<void>> heartbeat() = 0;
  [[nodiscard]] virtual Milliseconds lease() const noexcept = 0;

  /// Ends the tasks of dead workers as lost, or takes them over as `policy` allows; exactly one process does each.
  [[nodiscard]] virtual Task<Result<LostReport>> reap_lost(ReclaimPolicy policy) = 0;

  /// Forgets finished tasks that ended before `ended_before`; answers how many. Running ones stay.
  [[nodiscard]] virtual Task<Result<std::uint64_t>> forget_ended(WallTime ended_before) = 0;

  /// One listener for each store object; null takes it away.
  virtual void listen(StoreListener* listener) = 0;
  /// From now on `on_ended` and `on_changed` speak of this task too. Watch first, then look (F03). Counted.
  virtual void watch(const TaskId& task) = 0;
  virtual void unwatch(const TaskId& task) = 0;

  /// Waits until all that was accepted is durable, then lets go of the lease. No call may follow.
  [[nodiscard]] virtual Task<void> close() = 0;

  /// This process's name in the store, as records show it.
  [[nodiscard]] virtual std::string_view worker() const noexcept = 0;
};

}  // namespace meantime
