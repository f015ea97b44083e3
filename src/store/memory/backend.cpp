// SPDX-License-Identifier: MIT
// backend.cpp: start, finish and what else changes a task. Lists: list.cpp; workers and notices: workers.cpp.
#include "store/memory/backend.hpp"

#include "core/redirects.hpp"
#include "store/delivery_rules.hpp"
#include "store/messages.hpp"

namespace meantime {

using store::no_such_task;
using store::Rare;

MemoryBackend::MemoryBackend(Clock& clock, MemoryRetention retention)
    : clock_(clock),
      retention_(retention),
      deliveries_(clock, [this](const TaskId& task, bool open) { keep(task, open); }) {}

MemoryBackend::~MemoryBackend() {
  while (all_.newest() != nullptr) forget(*all_.newest());
}

store::Record* MemoryBackend::look_up(const TaskId& task) {
  const auto found = records_.find(task);
  return found == records_.end() ? nullptr : *found;
}

store::Owner& MemoryBackend::owner_of(std::string_view user_id) {
  if (last_owner_ != nullptr && last_owner_->user_id == user_id) return *last_owner_;
  auto found = owners_.find(user_id);
  if (found == owners_.end()) {
    auto made = std::make_unique<Owner>();
    made->user_id = user_id;
    const std::string_view name = made->user_id;
    found = owners_.emplace(name, std::move(made)).first;
  }
  last_owner_ = found->second.get();
  return *last_owner_;
}

Result<StartVerdict> MemoryBackend::start(Worker& worker, const TaskStart& start) {
  if (!start.idempotency_key.empty()) {
    if (const auto owner = owners_.find(std::string_view(start.caller->user_id)); owner != owners_.end()) {
      const auto held = keys_.find(OwnerKey(owner->second.get(), start.idempotency_key));
      if (held != keys_.end()) return StartVerdict{held->second->id};
    }
  }
  Record* record = pool_.take();
  record->id = start.task_id;
  if (!records_.insert(record).second) {
    pool_.give_back(record);
    return store::id_taken(start.task_id);
  }
  record->number = ++last_number_;
  record->worker = worker.index;
  record->attempt = start.attempt;
  record->created_at = start.created_at;
  record->tool = texts_.take(start.tool_name);
  record->origin = texts_.take(start.caller->channel_id, start.caller->platform);
  record->owner = &owner_of(start.caller->user_id);
  record->rerun_if_lost = start.rerun_if_lost;
  if (start.rerun_if_lost) record->with_rare().arguments = start.arguments;
  if (!start.idempotency_key.empty()) {
    record->with_rare().key = start.idempotency_key;
    keys_.emplace(OwnerKey(record->owner, record->rare->key), record);
  }
  if (!start.redirects.empty()) {
    record->with_rare().redirects.assign(start.redirects.begin(), start.redirects.end());
  }
  ++record->owner->count;
  all_.push_newest(*record);
  record->owner->tasks.push_newest(*record);
  record->owner->running.push_newest(*record);
  if (worker.running++ == 0) heartbeat(worker);
  return StartVerdict{};
}

bool MemoryBackend::speaks_for(const Worker& worker, RunToken run, const Record& record) const {
  if (record.attempt != run.attempt) return false;
  return run.worker.empty() ? record.worker == worker.index : workers_[record.worker]->name == run.worker;
}

Result<FinishVerdict> MemoryBackend::finish(Worker& worker, RunToken run, TaskEnd end) {
  Record* record = look_up(run.task_id);
  if (record == nullptr) return no_such_task("store.finish", run.task_id);
  const bool same_run = speaks_for(worker, run, *record);
  if (record->status == TaskStatus::running && same_run) {
    this->end(*record, std::move(end));
    tell_ended(&worker, run.task_id);
    evict();
    return FinishVerdict{};
  }
  // The same end once more, because its first answer did not arrive, is no second outcome.
  const bool again = record->status != TaskStatus::running && same_run && record->status == end.status &&
                     record->reason == end.reason && record->rare->ended_at == end.ended_at;
  if (again) return FinishVerdict{};
  keep_late(*record, std::move(end));
  return FinishVerdict{.stored = false};
}

void MemoryBackend::end(Record& record, TaskEnd end) {
  Worker& worker = *workers_[record.worker];
  record.owner->running.remove(record);
  --worker.running;
  if (record.cancel_requested) worker.cancels.erase(record.id);
  record.status = end.status;
  record.reason = end.reason;
  record.result_cut = end.result_cut;
  Rare& rare = record.with_rare();
  rare.ended_at = end.ended_at;
  rare.ended_steady = clock_.coarse_now();
  rare.result.assign(std::move(end.result));
  rare.error = std::move(end.error);
  rare.media_type = end.media_type;
  rare.exit_code = end.exit_code;
  rare.arguments = {};
  rare.inputs = {};
  ended_.push_newest(record);
  ++ended_count_;
  ended_bytes_ += rare.bytes();
  for (std::size_t place = 0; place < rare.redirects.size(); ++place) open_delivery(record, place);
}

void MemoryBackend::open_delivery(const Record& record, std::size_t place) {
  const Redirect& redirect = record.rare->redirects[place];
  if (!store::is_for(redirect, record.status)) return;
  deliveries_.open({record.id, static_cast<std::uint32_t>(place + 1)}, Delivery{.owner = record.owner->user_id,
                                                                                .tool_name = record.tool->text,
                                                                                .redirect = redirect,
                                                                                .created_at = clock_.wall_now()});
  tell_due();
}

void MemoryBackend::keep(const TaskId& task, bool to_deliver) {
  if (Record* record = look_up(task)) record->with_rare().to_deliver = to_deliver;
}

void MemoryBackend::keep_late(Record& record, TaskEnd end) {
  Rare& rare = record.with_rare();
  if (rare.late) return;  // the first one stays: what bounds this is one late result for each task
  const bool ended = record.status != TaskStatus::running;
  if (ended) ended_bytes_ -= rare.bytes();
  rare.late = std::make_unique<TaskEnd>(std::move(end));
  if (ended) ended_bytes_ += rare.bytes();
}

void MemoryBackend::forget(Record& record) {
  if (record.status == TaskStatus::running) {
    record.owner->running.remove(record);
  } else {
    ended_.remove(record);
    --ended_count_;
    ended_bytes_ -= record.rare->bytes();
  }
  if (record.rare && !record.rare->redirects.empty()) deliveries_.forget(record.id);
  all_.remove(record);
  record.owner->tasks.remove(record);
  if (record.rare && !record.rare->key.empty()) keys_.erase(OwnerKey(record.owner, record.rare->key));
  if (--record.owner->count == 0) {
    if (last_owner_ == record.owner) last_owner_ = nullptr;
    owners_.erase(owners_.find(std::string_view(record.owner->user_id)));
  }
  texts_.give_back(record.tool);
  texts_.give_back(record.origin);
  records_.erase(records_.find(record.id));
  pool_.give_back(&record);
}

void MemoryBackend::evict() {
  // Oldest end first; each pass forgets one record, so the cost of a finish does not grow with what is kept.
  int kept = 0;
  while (ended_count_ > 1) {
    Record& oldest = *ended_.oldest();
    const auto age = clock_.coarse_now() - oldest.rare->ended_steady;
    const bool too_many = ended_count_ > retention_.max_finished && age >= retention_.keep_at_least;
    const bool too_old = retention_.max_age.count() > 0 && age > retention_.max_age;
    if (!too_many && !too_old && ended_bytes_ <= retention_.max_bytes) return;
    if (!oldest.rare->to_deliver) {
      forget(oldest);
      continue;
    }
    // It stays until it is delivered: its turn comes again.
    constexpr int enough = 8;
    if (++kept > enough) return;
    ended_.remove(oldest);
    ended_.push_newest(oldest);
  }
}

Result<store::Record*> MemoryBackend::own_running(const Worker& worker, RunToken run, const char* op) {
  Record* record = look_up(run.task_id);
  if (record == nullptr) return no_such_task(op, run.task_id);
  const bool current = record->status == TaskStatus::running && speaks_for(worker, run, *record);
  return current ? record : nullptr;
}

Result<void> MemoryBackend::set_progress(Worker& worker, RunToken run, Progress progress) {
  const auto record = own_running(worker, run, "store.set_progress");
  if (!record) return std::unexpected(record.error());
  if (*record == nullptr) return {};  // came after the end, or from a worker that was replaced: no longer of interest
  (*record)->with_rare().progress = std::move(progress);
  tell_changed(worker, run.task_id);
  return {};
}

Result<void> MemoryBackend::append_output(Worker& worker, RunToken run, std::string_view bytes) {
  const auto record = own_running(worker, run, "store.append_output");
  if (!record) return std::unexpected(record.error());
  if (*record == nullptr || bytes.empty()) return {};
  Rare& rare = (*record)->with_rare();
  rare.output += bytes;
  // Cut back only when twice the cap is there, so that many small pieces do not each move all of it.
  if (rare.output.size() > 2 * store::max_output_bytes) {
    const std::size_t surplus = rare.output.size() - store::max_output_bytes;
    rare.output.erase(0, surplus);
    rare.output_start += surplus;
  }
  tell_changed(worker, run.task_id);
  return {};
}

Result<void> MemoryBackend::request_cancel(Worker& worker, const TaskId& task) {
  Record* record = look_up(task);
  if (record == nullptr) return no_such_task("store.request_cancel", task);
  if (record->status != TaskStatus::running) return store::already_ended(task);
  record->cancel_requested = true;
  const WorkerPtr& runs_it = workers_[record->worker];
  if (!runs_it->cancels.insert(task).second || runs_it.get() == &worker || runs_it->loop == nullptr) return {};
  tell_cancel(runs_it, task);
  return {};
}

Result<void> MemoryBackend::add_redirect(Worker& worker, const TaskId& task, Redirect redirect) {
  Record* record = look_up(task);
  if (record == nullptr) return no_such_task("store.add_redirect", task);
  const bool ended = record->status != TaskStatus::running;
  Rare& rare = record->with_rare();
  if (ended) ended_bytes_ -= rare.bytes();
  const auto put = put_redirect(rare.redirects, std::move(redirect));
  if (ended) ended_bytes_ += rare.bytes();
  if (!put) return store::too_many_redirects(task);
  if (ended) open_delivery(*record, *put);
  const WorkerPtr& runs_it = workers_[record->worker];
  if (!ended && runs_it.get() != &worker) tell_redirect(runs_it, task);
  return {};
}

Result<void> MemoryBackend::ask_input(Worker& worker, RunToken run, std::vector<InputRequest> requests) {
  const auto record = own_running(worker, run, "store.ask_input");
  if (!record) return std::unexpected(record.error());
  if (*record == nullptr) return store::run_is_over(run.task_id);
  if (auto added = add_inputs((*record)->with_rare().inputs, std::move(requests)); !added) return added;
  tell_changed(worker, run.task_id);
  return {};
}

Result<std::uint32_t> MemoryBackend::answer_input(Worker& worker, const TaskId& task,
                                                  std::vector<InputResponse> responses) {
  Record* record = look_up(task);
  if (record == nullptr) return no_such_task("store.answer_input", task);
  if (record->status != TaskStatus::running || !record->rare) return 0;
  const std::uint32_t answered = answer_inputs(record->rare->inputs, std::move(responses));
  if (answered == 0) return 0;
  const WorkerPtr& runs_it = workers_[record->worker];
  if (runs_it.get() != &worker) tell_answered(runs_it, task);
  tell_changed(worker, task);
  return answered;
}

Result<std::vector<InputResponse>> MemoryBackend::input_responses(const TaskId& task) {
  const Record* record = look_up(task);
  if (record == nullptr) return no_such_task("store.input_responses", task);
  if (!record->rare) return std::vector<InputResponse>();
  return responses_of(record->rare->inputs);
}

Result<TaskRecord> MemoryBackend::find(const TaskId& task) {
  evict();
  const Record* record = look_up(task);
  if (record == nullptr) return no_such_task("store.find", task);
  return describe(*record);
}

Result<TextPage> MemoryBackend::read_result(const TaskId& task, std::uint64_t offset_chars, std::uint64_t limit_chars) {
  evict();
  const Record* record = look_up(task);
  if (record == nullptr) return no_such_task("store.read_result", task);
  if (!record->rare) return TextPage{.offset = offset_chars};
  return record->rare->result.page(offset_chars, limit_chars);
}

Result<std::string> MemoryBackend::read_output(const TaskId& task, std::uint64_t offset_bytes,
                                               std::uint64_t limit_bytes) {
  const Record* record = look_up(task);
  if (record == nullptr) return no_such_task("store.read_output", task);
  if (!record->rare) return std::string();
  const Rare& rare = *record->rare;
  const std::uint64_t from = offset_bytes > rare.output_start ? offset_bytes - rare.output_start : 0;
  if (from >= rare.output.size()) return std::string();
  return rare.output.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(limit_bytes));
}

std::uint64_t MemoryBackend::forget_ended(WallTime ended_before) {
  std::uint64_t forgotten = 0;
  for (Record* record = ended_.oldest(); record != nullptr;) {
    Record* next = record->of_state.newer;
    if (record->rare->ended_at < ended_before && !record->rare->to_deliver) {
      forget(*record);
      ++forgotten;
    }
    record = next;
  }
  return forgotten;
}

TaskRecord MemoryBackend::describe(const Record& record) const {
  TaskRecord out{.task_id = record.id,
                 .tool_name = record.tool->text,
                 .status = record.status,
                 .reason = record.reason,
                 .created_at = record.created_at,
                 .caller = {record.owner->user_id, record.origin->text, record.origin->second},
                 .result_cut = record.result_cut,
                 .worker = workers_[record.worker]->name,
                 .attempt = record.attempt,
                 .cancel_requested = record.cancel_requested};
  if (!record.rare) return out;
  const Rare& rare = *record.rare;
  out.idempotency_key = rare.key;
  out.progress = rare.progress;
  out.output_bytes = rare.output_start + rare.output.size();
  out.output_start = rare.output_start;
  out.late_result = rare.late != nullptr;
  out.redirects = rare.redirects;
  out.input_requests = open_inputs(rare.inputs);
  if (record.status == TaskStatus::running) return out;
  out.ended_at = rare.ended_at;
  out.error = rare.error;
  out.media_type = rare.media_type;
  out.exit_code = rare.exit_code;
  out.result_bytes = rare.result.text().size();
  out.result_chars = rare.result.chars();
  return out;
}

}  // namespace meantime
