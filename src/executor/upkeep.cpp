// SPDX-License-Identifier: MIT
// upkeep.cpp: what goes on beside the calls: the lease, the look for dead workers and missed notices, retention, drain.
#include "executor/manager_impl.hpp"

namespace meantime {
namespace {
constexpr int beats_between_sweeps = 15;
}  // namespace

Task<void> TaskManager::Impl::upkeep() {
  for (int beat = 0;; ++beat) {
    co_await pause(options.heartbeat);
    // Tasks whose outcome waits for the store are still this worker's: without its lease they would be lost.
    if (registry.background() != 0 || journal.size() != 0) {
      if (auto renewed = co_await store.heartbeat(); !renewed) {
        store_fault("store.heartbeat", renewed.error());
      } else {
        store_answers();
        group.spawn(start_all_again(false));
      }
      co_await look_for_cancels();
      look_for_answers();
    }
    // Beside: however much there is to look at, the next heartbeat is not late.
    group.spawn(look_for_lost());
    if (beat % beats_between_sweeps == 0) group.spawn(forget_ended());
  }
}

Task<void> TaskManager::Impl::forget_ended() {
  if (std::exchange(forgetting, true)) co_return;
  auto forgotten = co_await store.forget_ended(clock.wall_now() - options.retention);
  if (!forgotten) store_fault("store.forget_ended", forgotten.error());
  forgetting = false;
}

Task<void> TaskManager::Impl::look_for_cancels() {
  auto wanted = co_await store.cancel_requests();
  if (!wanted) {
    store_fault("store.cancel_requests", wanted.error());
    co_return;
  }
  for (const TaskId& id : *wanted) on_cancel_requested(id);
}

Task<void> TaskManager::Impl::look_for_lost() {
  look_again_for_lost = true;
  if (former_left > 0) co_return;  // what a dead process has left in the journal is not lost: that is written first
  if (std::exchange(looking_for_lost, true)) co_return;
  while (std::exchange(look_again_for_lost, false)) co_await reap_lost();
  looking_for_lost = false;
}

Task<void> TaskManager::Impl::reap_lost() {
  ReclaimPolicy policy{
      .tools = {}, .max_attempts = options.rerun_max_attempts, .leave_to_others = options.rerun_leave_to_others};
  if (!draining) {
    for (const auto& [name, entry] : tools) {
      if (entry->tool.rerun_if_lost) policy.tools.push_back(name);
    }
  }
  auto report = co_await store.reap_lost(std::move(policy));
  if (!report) {
    store_fault("store.reap_lost", report.error());
    co_return;
  }
  store_answers();
  for (const TaskId& id : report->lost) on_ended(id);
  for (ReclaimedTask& task : report->reclaimed) rerun(std::move(task));
}

void TaskManager::Impl::rerun(ReclaimedTask reclaimed) {
  // It may still run here: this process was thought dead, and the one that took the task over has died since. Then
  // what runs is its run again, under the new number; one whose end is being written ends as late first.
  if (LiveTask* here = registry.find(reclaimed.task_id)) {
    if (here->recording) {
      group.spawn(rerun_when_recorded(std::move(reclaimed)));
    } else {
      here->attempt = reclaimed.attempt;
      if (Asks* asks = here->asks()) {  // the store has dropped those of the run before
        asks->unsave_all();
        save_asks_soon(*here);
      }
    }
    return;
  }
  ToolEntry* entry = find_tool(reclaimed.tool_name);
  if (entry == nullptr) {  // removed while the store answered; the lease tells the next one
    fault("manager.rerun", "tool '" + reclaimed.tool_name + "' is gone");
    return;
  }
  auto owned = std::unique_ptr<LiveTask>(
      new LiveTask(*this, *entry, callers.account(reclaimed.caller), std::move(reclaimed.arguments), clock.now()));
  LiveTask& task = *owned;
  task.id = reclaimed.task_id;
  task.attempt = reclaimed.attempt;
  count(task);
  adopt(std::move(owned), {});
  task.created_at = reclaimed.created_at;
  task.started = clock.now() - (clock.wall_now() - reclaimed.created_at);
  task.start = LiveTask::Start::stored;
  group.spawn(load_redirects(task.id));  // those that were set before it was lost
  group.spawn(begin_next_turn(task.id));
}

Task<void> TaskManager::Impl::rerun_when_recorded(ReclaimedTask reclaimed) {
  constexpr Milliseconds look_again{1'000};
  while (LiveTask* here = registry.find(reclaimed.task_id)) {
    Wait wait(here->waiters, loop_, deadlines_, look_again);
    co_await wait;
  }
  rerun(std::move(reclaimed));
}

void TaskManager::Impl::on_ended(const TaskId& task) {
  if (auto* remote = registry.find_remote(task)) remote->waiters.wake_all(Woken::look);
}

void TaskManager::Impl::on_changed(const TaskId& task) {
  on_ended(task);
}

void TaskManager::Impl::on_cancel_requested(const TaskId& task) {
  if (LiveTask* live = registry.find(task)) request_end(*live, EndReason::cancelled);
}

void TaskManager::Impl::on_worker_died() {
  group.spawn(look_for_lost());
}

void TaskManager::Impl::on_redirected(const TaskId& task) {
  if (registry.find(task) != nullptr) group.spawn(load_redirects(task));
}

void TaskManager::Impl::on_input_answered(const TaskId& task) {
  if (asking.contains(task)) group.spawn(load_answers(task));
}

Task<DrainReport> TaskManager::Impl::drain(Milliseconds grace) {
  if (std::exchange(draining, true) && grace <= Milliseconds(0)) {
    // Asked twice: those that were told to end and tidy up have no more time for it.
    registry.for_each_live([this](LiveTask& task) {
      if (task.extras && task.extras->ending != EndReason::none) loop_.post(task.extras->drop);
    });
  }
  const SteadyTime until = clock.now() + grace;
  drain_until = drain_until == SteadyTime{} ? until : std::min(drain_until, until);
  idle_waiters.wake_all(Woken::look);  // a drain under way looks at its shorter time
  DrainReport report;
  const std::size_t before = registry.live();
  // What a later process finds in the journal need not be waited for.
  const auto busy = [this] { return registry.live() != 0 || journal.size() > journal.durable(); };
  while (busy() && clock.now() < drain_until) {
    Wait wait(idle_waiters, loop_, deadlines_, std::chrono::ceil<Milliseconds>(drain_until - clock.now()));
    co_await wait;
  }
  std::size_t interrupted = 0;
  registry.for_each_live([&](LiveTask& task) {
    if (task.recording || task.ended()) return;
    ++interrupted;
    request_end(task, EndReason::interrupted);
  });
  // Those that listen have their own grace; then what became of each is on its way to the store.
  const SteadyTime last = clock.now() + options.cancel_grace + options.store_wait;
  const SteadyTime a_moment = clock.now() + options.store_wait;
  while (clock.now() < (busy() ? last : a_moment) && (busy() || journal.size() != 0)) {
    const SteadyTime then = busy() ? last : a_moment;
    Wait wait(idle_waiters, loop_, deadlines_, std::chrono::ceil<Milliseconds>(then - clock.now()));
    co_await wait;
  }
  report.interrupted = interrupted;
  report.unsaved = registry.live() + journal.size();
  report.journaled = journal.durable();
  report.finished = before - std::min(before, interrupted);
  co_return report;
}

}  // namespace meantime
