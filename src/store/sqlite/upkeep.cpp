// SPDX-License-Identifier: MIT
// upkeep.cpp: leases, the tasks of dead workers, and retention.
#include "store/messages.hpp"
#include "store/sqlite/rows.hpp"

namespace meantime::store {
namespace {

std::int64_t lease_millis(SteadyTime time) {
  return std::chrono::duration_cast<Milliseconds>(time.time_since_epoch()).count();
}

struct RunningTask {
  std::int64_t n = 0;
  ReclaimedTask task;
  bool rerun = false;
  bool cancel = false;
};

}  // namespace

void Rows::renew_lease(SteadyTime now) {
  lease_until_uncommitted_ = now + lease_;
  renew_.run(worker_, RunFolder::pid(), RunFolder::boot_id(), lease_millis(lease_until_uncommitted_));
}

void Rows::hold_lease(SteadyTime now) {
  if (lease_until_uncommitted_ < now + lease_ / 2) renew_lease(now);
}

void Rows::leave() {
  // What still runs is lost now: the row stays, so that somebody ends it.
  Statement left(db_,
                 "UPDATE workers SET lease_until = -1 WHERE name = ?1 AND EXISTS "
                 "(SELECT 1 FROM tasks WHERE status = 0 AND worker = ?1)");
  left.run(worker_);
  notices_.worker_gone = db_.changes() > 0;
  Statement gone(db_, "DELETE FROM workers WHERE name = ? AND lease_until <> -1");
  gone.run(worker_);
}

void Rows::probe() {
  Statement write(db_, "INSERT INTO probe VALUES(1, 1) ON CONFLICT(n) DO UPDATE SET at = at + 1");
  write.run();
}

std::vector<DeadWorker> Rows::dead_workers(SteadyTime now) {
  std::vector<DeadWorker> dead;
  Statement workers(db_, "SELECT name, boot, lease_until FROM workers WHERE reaped = 0 AND name <> ?");
  workers.open(worker_);
  while (workers.step()) {
    const bool expired = workers.integer(2) < lease_millis(now);
    if (expired || folder_.is_dead(workers.text(0), workers.bytes(1))) {
      dead.push_back({workers.text(0), Milliseconds(lease_millis(now) - workers.integer(2))});
    }
  }
  workers.reset();
  return dead;
}

Result<LostReport> Rows::reap_lost(const ReclaimPolicy& policy, SteadyTime now, WallTime wall_now) {
  LostReport report;
  Statement running(db_,
                    "SELECT n, id, attempt, tool, arguments, owner, channel, platform, created, rerun, cancel "
                    "FROM tasks WHERE status = 0 AND worker = ?");
  Statement end(db_, "UPDATE tasks SET status = ?, reason = ?, ended = ?, error = ?, arguments = NULL WHERE n = ?");
  Statement take_over(db_, "UPDATE tasks SET worker = ?, attempt = ? WHERE n = ?");
  Statement reaped(db_, "UPDATE workers SET reaped = 1 WHERE name = ?");
  Statement removed(db_, "DELETE FROM workers WHERE name = ?");
  for (const auto& [worker, since_lease] : dead_workers(now)) {
    bool left_some = false;
    std::vector<RunningTask> tasks;
    running.open(worker);
    while (running.step()) {
      tasks.push_back({.n = running.integer(0),
                       .task = {.task_id = TaskId::from_bytes(running.bytes(1)),
                                .attempt = static_cast<std::uint32_t>(running.integer(2)),
                                .tool_name = running.text(3),
                                .arguments = running.text(4),
                                .caller = {running.text(5), running.text(6), running.text(7)},
                                .created_at = WallTime(Milliseconds(running.integer(8)))},
                       .rerun = running.integer(9) != 0,
                       .cancel = running.integer(10) != 0});
    }
    running.reset();
    for (RunningTask& each : tasks) {
      if (each.rerun && !each.cancel && may_reclaim(policy, each.task.tool_name, each.task.attempt)) {
        ++each.task.attempt;
        take_over.run(worker_, each.task.attempt, each.n);
        forget_inputs_.run(each.n);  // the new run asks anew
        hold_lease(now);
        report.reclaimed.push_back(std::move(each.task));
      } else if (each.rerun && !each.cancel &&
                 leave_to_others(policy, each.task.tool_name, each.task.attempt, since_lease)) {
        left_some = true;
      } else {
        end.run(static_cast<int>(TaskStatus::failed), static_cast<int>(EndReason::lost),
                wall_now.time_since_epoch().count(), lost_error_of(each.task.attempt), each.n);
        forget_inputs_.run(each.n);
        report.lost.push_back(each.task.task_id);
        ended(each.task.task_id, TaskStatus::failed, wall_now);
      }
    }
    if (left_some) continue;
    if (folder_.was_killed(worker) && deliveries_.let_go(worker, wall_now)) notices_.due = true;
    // One that is only hung may come back, and then renews its lease; one that is gone cannot.
    if (folder_.remove_if_gone(worker)) {
      removed.run(worker);
    } else {
      reaped.run(worker);
    }
  }
  return report;
}

Result<std::uint64_t> Rows::forget_ended(WallTime ended_before, std::uint64_t at_most) {
  std::vector<std::int64_t> numbers;
  Statement old(db_,
                "SELECT n FROM tasks WHERE ended IS NOT NULL AND ended < ? AND NOT EXISTS "
                "(SELECT 1 FROM deliveries d WHERE d.n = tasks.n AND d.state <= 1) ORDER BY ended LIMIT ?");
  old.open(ended_before.time_since_epoch().count(), at_most);
  while (old.step()) numbers.push_back(old.integer(0));
  old.reset();
  Statement task(db_, "DELETE FROM tasks WHERE n = ?");
  Statement pieces(db_, "DELETE FROM pieces WHERE n = ?");
  Statement live(db_, "DELETE FROM live WHERE n = ?");
  Statement output(db_, "DELETE FROM output WHERE n = ?");
  Statement late(db_, "DELETE FROM late WHERE n = ?");
  Statement redirects(db_, "DELETE FROM redirects WHERE n = ?");
  for (const std::int64_t n : numbers) {
    for (Statement* each : {&task, &pieces, &live, &output, &late, &redirects, &forget_inputs_}) each->run(n);
    deliveries_.forget(n);
  }
  return numbers.size();
}

}  // namespace meantime::store
