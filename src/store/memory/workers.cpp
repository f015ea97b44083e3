// SPDX-License-Identifier: MIT
// workers.cpp: who is alive, what becomes of the tasks of those who are not, and notices from one worker to another.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "store/memory/backend.hpp"
#include "store/messages.hpp"

namespace meantime {

namespace {

// Each notice is posted, so that no listener is called from inside a call to a store, and goes nowhere when its
// receiver left meanwhile.
template <class Tell>
void post_notice(const MemoryBackend::WorkerPtr& worker, Tell tell) {
  if (worker->loop == nullptr || worker->listener == nullptr) return;
  boost::asio::post(*worker->loop, [worker, tell] {
    if (worker->listener != nullptr) tell(*worker);
  });
}

}  // namespace

MemoryBackend::WorkerPtr MemoryBackend::join(boost::asio::io_context& loop) {
  auto worker = std::make_shared<Worker>();
  worker->index = static_cast<std::uint32_t>(workers_.size());
  worker->name = "memory-" + std::to_string(worker->index + 1);
  worker->loop = &loop;
  workers_.push_back(worker);
  return worker;
}

void MemoryBackend::leave(Worker& worker) {
  if (worker.loop == nullptr) return;
  worker.loop = nullptr;
  worker.listener = nullptr;
  worker.outbox_listener = nullptr;
  worker.watches.clear();
  if (worker.running > 0) tell_worker_died(worker);
}

void MemoryBackend::heartbeat(Worker& worker) {
  worker.lease_until = clock_.coarse_now() + lease;
}

bool MemoryBackend::is_dead(const Worker& worker) const {
  return worker.loop == nullptr || worker.lease_until < clock_.now();
}

Milliseconds MemoryBackend::since_lease(const Worker& worker) const {
  return std::chrono::duration_cast<Milliseconds>(clock_.now() - worker.lease_until);
}

LostReport MemoryBackend::reap_lost(Worker& worker, const ReclaimPolicy& policy) {
  LostReport report;
  const bool any_dead = std::ranges::any_of(
      workers_, [&](const WorkerPtr& each) { return each.get() != &worker && each->running > 0 && is_dead(*each); });
  if (!any_dead) return report;
  for (Record* record = all_.oldest(); record != nullptr;) {
    Record* next = record->of_all.newer;
    Worker& was = *workers_[record->worker];
    if (record->status == TaskStatus::running && &was != &worker && is_dead(was)) {
      if (record->rerun_if_lost && !record->cancel_requested &&
          store::may_reclaim(policy, record->tool->text, record->attempt)) {
        record->worker = worker.index;
        ++record->attempt;
        record->rare->inputs.clear();  // the new run asks anew
        --was.running;
        if (worker.running++ == 0) heartbeat(worker);
        const TaskRecord now = describe(*record);
        report.reclaimed.push_back(
            {now.task_id, now.attempt, now.tool_name, record->rare->arguments, now.caller, now.created_at});
      } else if (!record->rerun_if_lost || record->cancel_requested ||
                 !store::leave_to_others(policy, record->tool->text, record->attempt, since_lease(was))) {
        end(*record, TaskEnd{.status = TaskStatus::failed,
                             .reason = EndReason::lost,
                             .error = store::lost_error_of(record->attempt),
                             .ended_at = clock_.wall_now()});
        report.lost.push_back(record->id);
        tell_ended(nullptr, record->id);
      }
    }
    record = next;
  }
  evict();
  return report;
}

void MemoryBackend::tell_ended(const Worker* except, const TaskId& task) {
  for (const WorkerPtr& worker : workers_) {
    if (worker.get() == except || !worker->watches.contains(task)) continue;
    post_notice(worker, [task](const Worker& to) {
      if (to.watches.contains(task)) to.listener->on_ended(task);
    });
  }
}

void MemoryBackend::tell_changed(const Worker& except, const TaskId& task) {
  for (const WorkerPtr& worker : workers_) {
    if (worker.get() == &except) continue;
    const auto watch = worker->watches.find(task);
    if (watch == worker->watches.end() || std::exchange(watch->second.change_told, true)) continue;
    post_notice(worker, [task](Worker& to) {
      const auto still = to.watches.find(task);
      if (still == to.watches.end()) return;
      still->second.change_told = false;
      to.listener->on_changed(task);
    });
  }
}

void MemoryBackend::tell_cancel(const WorkerPtr& worker, const TaskId& task) {
  post_notice(worker, [task](const Worker& to) {
    if (to.cancels.contains(task)) to.listener->on_cancel_requested(task);
  });
}

void MemoryBackend::tell_redirect(const WorkerPtr& worker, const TaskId& task) {
  post_notice(worker, [task](const Worker& to) { to.listener->on_redirected(task); });
}

void MemoryBackend::tell_answered(const WorkerPtr& worker, const TaskId& task) {
  post_notice(worker, [task](const Worker& to) { to.listener->on_input_answered(task); });
}

void MemoryBackend::tell_due() {
  for (const WorkerPtr& worker : workers_) {
    if (worker->loop == nullptr || worker->outbox_listener == nullptr || std::exchange(worker->due_told, true))
      continue;
    boost::asio::post(*worker->loop, [worker] {
      worker->due_told = false;
      if (worker->outbox_listener != nullptr) worker->outbox_listener->on_due();
    });
  }
}

void MemoryBackend::tell_worker_died(const Worker& except) {
  for (const WorkerPtr& worker : workers_) {
    if (worker.get() != &except) post_notice(worker, [](const Worker& to) { to.listener->on_worker_died(); });
  }
}

}  // namespace meantime
