// SPDX-License-Identifier: MIT
// ending.cpp: what became of a background task: made once, stored before anyone is told, and told to all who wait.
#include "core/utf8.hpp"
#include "executor/manager_impl.hpp"

namespace meantime {
namespace {

// Above this, repairing and cutting text would hold the loop for a noticeable time (F28).
constexpr std::size_t off_loop_bytes = 256UL << 10;
constexpr Milliseconds look_again{5'000};
constexpr std::string_view cancelled_error = "Task was cancelled.";

struct TextLimits {
  std::uint64_t result_bytes;
  std::uint64_t error_bytes;
};

std::string capped(std::string text, std::uint64_t max_bytes, bool& cut) {
  if (max_bytes != 0) text = utf8::head_and_tail(std::move(text), max_bytes, cut);
  return utf8::repaired(std::move(text));
}

void put_output(TaskEnd& end, ToolOutput output, const TextLimits& limits) {
  end.result_cut = output.cut;
  end.media_type = output.media_type;
  end.exit_code = output.exit_code;
  // Cutting the middle out of JSON would leave no JSON: what is too long goes on as the text that it is.
  const bool too_long = limits.result_bytes != 0 && output.text.size() > limits.result_bytes;
  if (too_long) end.media_type = MediaType::text;
  end.result = capped(std::move(output.text), limits.result_bytes, end.result_cut);
}

TaskEnd end_of(ToolReturn returned, const TextLimits& limits) {
  TaskEnd end;
  if (returned) {
    put_output(end, std::move(*returned), limits);
    return end;
  }
  ToolFailure& failure = returned.error();
  end.status = TaskStatus::failed;
  end.reason = failure.reason;
  bool cut = false;
  end.error = failure.reason == EndReason::cancelled ? std::string(cancelled_error)
                                                     : capped(failure.error(), limits.error_bytes, cut);
  if (failure.output) put_output(end, std::move(*failure.output), limits);
  return end;
}

std::size_t size_of(const ToolReturn& returned) {
  if (returned) return returned->text.size();
  return returned.error().message.size() + (returned.error().output ? returned.error().output->text.size() : 0);
}

TextLimits limits_of(const LiveTask& task, const ManagerOptions& options) {
  return {task.entry.tool.max_result_bytes.value_or(options.limits.result_bytes), options.limits.error_bytes};
}

}  // namespace

std::optional<TaskEnd> TaskManager::Impl::make_small_end(LiveTask& task, ToolReturn& returned) {
  if (size_of(returned) > off_loop_bytes) return std::nullopt;
  return end_of(std::move(returned), limits_of(task, options));
}

Task<TaskEnd> TaskManager::Impl::make_large_end(LiveTask& task, ToolReturn returned) {
  auto work = [held = std::make_shared<ToolReturn>(std::move(returned)), limits = limits_of(task, options)] {
    return end_of(std::move(*held), limits);
  };
  return pool.run(task.account->caller.user_id, std::move(work));
}

TaskRecord TaskManager::Impl::record_of(const LiveTask& task) const {
  TaskRecord record;
  record.task_id = task.id;
  record.tool_name = task.entry.tool.name;
  record.created_at = task.created_at;
  record.caller = task.account->caller;
  record.worker = store.worker();
  record.attempt = task.attempt;
  if (!task.extras) return record;
  const LiveTask::Extras& more = *task.extras;
  record.progress = more.progress;
  record.output_bytes = more.output_total;
  record.cancel_requested = more.ending == EndReason::cancelled;
  record.idempotency_key = more.idempotency_key;
  record.redirects = more.redirects;
  if (more.asks) record.input_requests = more.asks->open();
  return record;
}

Task<void> TaskManager::Impl::record_end(LiveTask& task) {
  if (std::exchange(task.recording, true)) co_return;
  if (task.extras) {
    task.extras->grace.disarm();
    task.extras->run_time.disarm();
    task.extras->drop.unlink();
  }
  TaskEnd end;
  {
    ToolReturn returned = task.take_return();
    if (auto small = make_small_end(task, returned)) {
      end = std::move(*small);
    } else {
      end = co_await make_large_end(task, std::move(returned));
    }
  }
  end.ended_at = task.created_at + age(task);
  task.body.reset();  // the tool's frame is not needed while the store writes
  while (task.start == LiveTask::Start::pending || task.telling) {
    Wait wait(task.start_waiters, loop_, deadlines_, look_again);
    co_await wait;
  }
  if (task.start == LiveTask::Start::elsewhere) {
    forget_key(task);
    remove(task);
    co_return;
  }
  if (task.extras && task.start == LiveTask::Start::stored) co_await flush_rest(task);

  const TaskStatus status = end.status;
  std::string error = telemetry != nullptr ? end.error : std::string();
  const auto record_with = [&] {
    auto record = std::make_shared<TaskRecord>(record_of(task));
    put_end(*record, end);
    return record;
  };
  std::shared_ptr<TaskRecord> record;
  bool unknown = false;  // how it was decided
  Result<FinishVerdict> stored = std::unexpected(Error{errc::unavailable});
  // Behind those that wait already: outcomes are written in the order in which they came.
  const bool in_turn = journal.size() == stuck.size();
  if (in_turn && task.start == LiveTask::Start::stored) stored = co_await store.finish({task.id, task.attempt}, end);
  // The store never had it, or has lost its data.
  const bool anew = task.start != LiveTask::Start::stored || (!stored && stored.error().code == errc::not_found);
  if (in_turn && anew) stored = co_await save_anew(task, end);
  const bool gone = !stored && stored.error().code == errc::not_found;
  if (gone) {
    fault("store.finish", stored.error().detail);
  } else if (!stored) {
    // S24: kept here and written once the store is back; whoever asks this process is answered from the journal.
    if (in_turn) store_fault("store.finish", stored.error());
    record = record_with();
    co_await keep_unsaved(task, std::move(end));
    record->unsaved = journal.find(task.id) != nullptr;
  } else if (!stored->stored) {  // decided by another while we were thought dead: theirs stands
    fault("store.finish", "task " + task.id.text() + " was decided elsewhere; this result is kept beside as late");
    if (auto theirs = co_await store.find(task.id)) {
      error = theirs->error;
      record = std::make_shared<TaskRecord>(std::move(*theirs));
    } else {
      unknown = true;
    }
  }
  const bool awaited = !task.waiters.empty() || (task.extras && !task.extras->changes.empty());
  if (!unknown && awaited && !record) record = record_with();
  // Unknown: the store is asked again for each of them, and may say that it is away.
  const Woken why = unknown ? Woken::look : Woken::ended;
  task.waiters.wake_all(why, record);
  if (task.extras) task.extras->changes.wake_all(why, record);
  tell_end(task, status, error);
  if (stored || gone) forget_key(task);  // else calls with its key find the outcome that waits
  remove(task);
}

Task<Result<FinishVerdict>> TaskManager::Impl::save_anew(LiveTask& task, const TaskEnd& end) {
  JournalEntry entry = entry_of(task);
  entry.start_stored = false;
  entry.end = end;
  return save(std::make_shared<const JournalEntry>(std::move(entry)));
}

void TaskManager::Impl::tell_end(const LiveTask& task, TaskStatus status, const std::string& error) {
  if (telemetry == nullptr) return;
  if (status == TaskStatus::completed) {
    tell(TaskEvent::Phase::completed, "ok", task, nullptr);
    return;
  }
  ToolFailure failure;
  const auto colon = error.find(": ");
  failure.type = error.substr(0, colon);
  failure.message = colon == std::string::npos ? error : error.substr(colon + 2);
  tell(TaskEvent::Phase::failed, "error", task, &failure);
}

void TaskManager::Impl::remove(LiveTask& task) {
  uncount(task);
  asking.erase(task.id);
  registry.take(task).reset();
}

Error given_up() {
  return {errc::cancelled, "tool.ask", "The call was cancelled before its caller answered."};
}

void TaskManager::Impl::request_end(LiveTask& task, EndReason reason) {
  LiveTask::Extras& more = task.more();
  if (more.ending != EndReason::none || task.recording) return;  // the first to ask says why
  more.ending = reason;
  if (more.stop && task.body && !task.body.done()) {
    deadlines_.arm(more.grace, options.cancel_grace);
    more.stop->request_stop();
    if (more.asks) more.asks->fail_all(given_up());  // nobody will answer: it may tidy up
    return;
  }
  loop_.post(more.drop);  // not now: the one who asks may be the tool itself, and its frame is in use
}

void TaskManager::Impl::grace_over(LiveTask& task) {
  end_by_force(task, task.more().ending);
}

void TaskManager::Impl::run_time_over(LiveTask& task) {
  request_end(task, EndReason::timed_out);
}

void TaskManager::Impl::end_by_force(LiveTask& task, EndReason reason) {
  if (task.recording || (task.body && task.body.done())) return;
  ToolFailure failure;
  failure.reason = reason;
  switch (reason) {
    case EndReason::timed_out:
      failure.type = "TimedOut";
      failure.message = LiveTask::over_run_time(task.entry.tool);
      break;
    case EndReason::interrupted:
      failure.type = "Interrupted";
      failure.message = "meantime shut down before the tool was done";
      break;
    default:
      failure.type = "Cancelled";
      failure.message = cancelled_error;
  }
  task.body.reset();
  task.more().forced = std::move(failure);
  const auto next = body_ended(task);
  next.resume();
}

}  // namespace meantime
