// SPDX-License-Identifier: MIT
// rows.hpp: every change to the tables, each within the transaction that the writer has opened.
// Threads: the writer's.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <string>
#include <vector>

#include "meantime/store.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/delivery_rows.hpp"
#include "store/sqlite/run_folder.hpp"

namespace meantime::store {

inline constexpr std::size_t inline_result_bytes = 64UL << 10U;
inline constexpr std::size_t piece_bytes = 64UL << 10U;

/// A start that owns its texts.
struct OwnedStart {
  TaskId task_id;
  std::string tool_name;
  Caller caller;
  WallTime created_at{};
  std::string idempotency_key;
  bool rerun_if_lost = false;
  std::string arguments;
  std::uint32_t attempt = 1;
  std::vector<Redirect> redirects;
};

/// Progress and output on their way to disk, merged.
struct LiveUpdate {
  RunToken run;
  std::optional<Progress> progress;
  std::string output;
  std::uint64_t skipped = 0;  ///< Bytes before `output` that came faster than they could be written.
};

/// What others want to know of a transaction once it is committed.
struct Notices {
  std::vector<TaskId> ended;
  std::vector<TaskId> changed;
  std::vector<std::pair<std::string, TaskId>> cancels;  ///< Worker, task.
  std::vector<std::pair<std::string, TaskId>> redirects;
  std::vector<std::pair<std::string, TaskId>> answers;
  bool worker_gone = false;  ///< This worker left running tasks behind.
  bool due = false;          ///< There may be something to deliver.
  void clear() {
    worker_gone = false;
    due = false;
    ended.clear();
    changed.clear();
    cancels.clear();
    redirects.clear();
    answers.clear();
  }
};

struct DeadWorker {
  std::string name;
  Milliseconds since_lease{0};  ///< Below zero: the operating system says that it died before.
};

class Rows {
 public:
  Rows(Database& db, const RunFolder& folder, Milliseconds lease);

  Result<StartVerdict> start(const OwnedStart& start);
  /// A task whose start and end wait for the same transaction: one row, written once. Unset: not possible here, start
  /// it and end it.
  std::optional<Result<StartVerdict>> start_ended(const OwnedStart& start, const TaskEnd& end);
  Result<FinishVerdict> finish(const RunToken& run, const TaskEnd& end);
  void update_live(const LiveUpdate& update);
  Result<void> request_cancel(const TaskId& task);
  Result<void> add_redirect(const TaskId& task, const Redirect& redirect, WallTime now);
  Result<void> ask_input(const RunToken& run, std::vector<InputRequest> requests);
  Result<std::uint32_t> answer_input(const TaskId& task, const std::vector<InputResponse>& responses);
  Result<LostReport> reap_lost(const ReclaimPolicy& policy, SteadyTime now, WallTime wall_now);
  /// At most `at_most` tasks at a time, so that others' commits are not held up.
  Result<std::uint64_t> forget_ended(WallTime ended_before, std::uint64_t at_most);

  /// Renews this worker's lease.
  void renew_lease(SteadyTime now);
  /// The same, when half of it is over.
  void hold_lease(SteadyTime now);
  void leave();
  void probe();

  [[nodiscard]] Database& db() noexcept { return db_; }
  [[nodiscard]] DeliveryRows& deliveries() noexcept { return deliveries_; }
  [[nodiscard]] Notices& notices() noexcept { return notices_; }
  /// The transaction is on disk / was undone.
  void committed() noexcept {
    lease_until_ = lease_until_uncommitted_;
    for (const TaskId& task : asked_and_ended_) asked_.erase(task);
    asked_and_ended_.clear();
  }
  void undone() noexcept {
    lease_until_uncommitted_ = lease_until_;
    asked_and_ended_.clear();
    notices_.clear();
  }

 private:
  std::optional<TaskId> held_key(const OwnedStart& start);
  Result<StartVerdict> insert(const OwnedStart& start, const TaskEnd* end);
  void ended(const TaskId& task, TaskStatus status, WallTime at);
  void insert_redirect(std::int64_t n, std::int64_t place, const Redirect& redirect);
  std::uint64_t piece_at(std::int64_t n, std::uint64_t at);
  void write_pieces(std::int64_t n, std::string_view text);
  [[nodiscard]] std::string_view worker_of(const RunToken& run) const {
    return run.worker.empty() ? std::string_view(worker_) : run.worker;
  }
  std::int64_t number_of(const TaskId& task);
  void end_inputs(const TaskId& task);
  Result<FinishVerdict> finish_late(const RunToken& run, const TaskEnd& end);
  std::vector<DeadWorker> dead_workers(SteadyTime now);

  Database& db_;
  const RunFolder& folder_;
  const std::string& worker_;
  const Milliseconds lease_;
  Notices notices_;
  SteadyTime lease_until_{};  // as the table has it
  SteadyTime lease_until_uncommitted_{};
  /// Tasks that asked something: an end looks for it only there.
  boost::unordered_flat_set<TaskId, std::hash<TaskId>> asked_;
  std::vector<TaskId> asked_and_ended_;
  DeliveryRows deliveries_;

  Statement insert_;
  Statement insert_ended_;
  Statement by_key_;
  Statement number_;
  Statement end_;
  Statement outcome_;
  Statement insert_piece_;
  Statement insert_late_;
  Statement mark_late_;
  Statement current_run_;
  Statement set_progress_;
  Statement output_place_;
  Statement add_output_;
  Statement set_output_;
  Statement output_piece_;
  Statement trim_output_;
  Statement cancel_;
  Statement renew_;
  Statement running_where_;
  Statement replace_redirect_;
  Statement redirect_place_;
  Statement count_redirects_;
  Statement insert_redirect_;
  Statement inputs_;
  Statement insert_input_;
  Statement answer_;
  Statement forget_inputs_;
};

}  // namespace meantime::store
