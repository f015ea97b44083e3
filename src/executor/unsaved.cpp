// SPDX-License-Identifier: MIT
// unsaved.cpp: what the store does not have: outcomes that wait in the journal while it is away, tasks whose start it
// did not take, and tasks that it forgot. All are written, in order, when it is back (F10).
#include "core/duration.hpp"
#include "core/utf8.hpp"
#include "executor/manager_impl.hpp"

namespace meantime {
namespace {

constexpr Milliseconds first_retry{100};
constexpr Milliseconds last_retry{5'000};
// Written side by side: a store answers many in one round trip, or with one sync of its disk.
constexpr std::size_t written_at_once = 64;

// Whether the store as a whole is away; any other error is about the one entry.
bool means_away(const Error& error) {
  return error.code == errc::unavailable || error.code == errc::overloaded;
}

TaskStart beginning_of(const JournalEntry& entry) {
  return TaskStart{.task_id = entry.task_id,
                   .tool_name = entry.tool_name,
                   .caller = &entry.caller,
                   .created_at = entry.created_at,
                   .idempotency_key = entry.idempotency_key,
                   .rerun_if_lost = entry.rerun_if_lost,
                   .arguments = entry.arguments,
                   .attempt = entry.attempt,
                   .redirects = entry.redirects};
}

}  // namespace

void TaskManager::Impl::put_end(TaskRecord& record, const TaskEnd& end) {
  record.status = end.status;
  record.reason = end.reason;
  record.ended_at = end.ended_at;
  record.error = end.error;
  record.media_type = end.media_type;
  record.exit_code = end.exit_code;
  record.result_bytes = end.result.size();
  record.result_chars = utf8::count(end.result);
  record.result_cut = end.result_cut;
}

TaskRecord TaskManager::Impl::record_of(const JournalEntry& entry) {
  TaskRecord record;
  record.task_id = entry.task_id;
  record.tool_name = entry.tool_name;
  record.created_at = entry.created_at;
  record.caller = entry.caller;
  record.worker = entry.worker;
  record.attempt = entry.attempt;
  record.idempotency_key = entry.idempotency_key;
  record.redirects = entry.redirects;
  record.unsaved = true;
  put_end(record, entry.end);
  return record;
}

JournalEntry TaskManager::Impl::entry_of(const LiveTask& task) const {
  const TaskStart start = start_of(task);
  JournalEntry entry{.task_id = task.id,
                     .tool_name = task.entry.tool.name,
                     .caller = task.account->caller,
                     .created_at = task.created_at,
                     .idempotency_key = std::string(start.idempotency_key),
                     .rerun_if_lost = start.rerun_if_lost,
                     .arguments = std::string(start.arguments),
                     .attempt = task.attempt,
                     .worker = std::string(store.worker()),
                     .start_stored = task.start == LiveTask::Start::stored};
  if (task.extras) entry.redirects = task.extras->redirects;
  return entry;
}

std::string TaskManager::Impl::key_of(const JournalEntry& entry) {
  return entry.caller.user_id + '\0' + entry.idempotency_key;
}

// True: the store has a record of this task now that was not there before, and it is this worker's.
Task<Result<bool>> TaskManager::Impl::start_anew(JournalEntryPtr entry) {
  TaskStart start = beginning_of(*entry);
  auto started = co_await store.start(start);
  if (started && started->joined && *started->joined != entry->task_id) {
    // While the store was away, or had lost its data, another call began with the same key. Both ran; both are kept.
    start.idempotency_key = {};
    started = co_await store.start(start);
  }
  if (!started) {
    if (started.error().code == errc::invalid_argument) co_return false;  // the id is taken: by this very task
    co_return std::unexpected(std::move(started.error()));
  }
  if (started->joined) co_return false;
  co_return true;
}

Task<Result<FinishVerdict>> TaskManager::Impl::save(JournalEntryPtr entry) {
  std::string worker = entry->worker == store.worker() ? std::string() : entry->worker;
  bool begun = entry->start_stored;
  bool anew = false;
  for (;;) {
    if (!begun) {
      auto fresh = co_await start_anew(entry);
      if (!fresh) co_return std::unexpected(std::move(fresh.error()));
      begun = anew = true;
      if (*fresh) {
        worker.clear();
      } else if (auto record = co_await store.find(entry->task_id)) {
        // Somebody who read this entry before began it and came no further, or its start's answer was lost.
        if (record->attempt == entry->attempt) worker = record->worker;
      } else if (record.error().code != errc::not_found) {
        co_return std::unexpected(std::move(record.error()));
      }
    }
    auto verdict = co_await store.finish({entry->task_id, entry->attempt, worker}, entry->end);
    const bool gone = !verdict && verdict.error().code == errc::not_found;
    if (!gone || anew) co_return verdict;
    begun = false;  // it was stored once: the store has lost its data since, and gets it again, with its owner (F05)
  }
}

Task<void> TaskManager::Impl::write_journal(Milliseconds wait_first) {
  if (std::exchange(writing_journal, true)) co_return;
  Milliseconds retry = first_retry;
  bool away = wait_first > Milliseconds(0);
  while (journal.size() != 0) {
    if (away) {
      Wait wait(store_back, loop_, deadlines_, retry);
      co_await wait;
      retry = std::min(retry * 2, last_retry);
    }
    // One alone finds out whether the store is back.
    away = !co_await write_some(away ? 1 : written_at_once);
    if (!away) retry = first_retry;
  }
  writing_journal = false;
}

// False: better wait before the next try.
Task<bool> TaskManager::Impl::write_some(std::size_t at_most) {
  const std::vector<JournalEntryPtr> entries = journal.front(at_most);
  std::vector<Task<Result<FinishVerdict>>> writes;
  writes.reserve(entries.size());
  for (const JournalEntryPtr& entry : entries) writes.push_back(save(entry));
  bool away = false;
  bool any = false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const JournalEntry& entry = *entries[i];
    const auto verdict = co_await std::move(writes[i]);
    if (!verdict && means_away(verdict.error())) {
      store_fault("store.finish", verdict.error());
      away = true;
      continue;
    }
    const bool tried_before = stuck.contains(entry.place);
    if (!tried_before && former_left > 0 && entry.worker != store.worker()) --former_left;
    if (!verdict && verdict.error().code != errc::not_found) {
      if (!tried_before) fault("store.finish", "task " + entry.task_id.text() + ": " + verdict.error().detail);
      stuck.insert(entry.place);
      journal.defer(entry);
      continue;
    }
    any = true;
    stuck.erase(entry.place);
    if (!verdict) {
      fault("store.finish", verdict.error().detail);  // begun anew and gone again: somebody removes what is written
    } else if (!verdict->stored) {
      fault("store.finish",
            "task " + entry.task_id.text() + " was decided elsewhere; this result is kept beside as late");
    }
    if (verdict) store_answers();
    forget_key(entry);
    journal.pop(entry);
  }
  if (any) idle_waiters.wake_all(Woken::look);
  if (former_left == 0 && std::exchange(look_again_for_lost, false)) group.spawn(look_for_lost());
  co_return any && !away;
}

void TaskManager::Impl::forget_key(const JournalEntry& entry) {
  if (entry.idempotency_key.empty()) return;
  const auto at = keys.find(key_of(entry));
  if (at != keys.end() && at->second->joined == entry.task_id) keys.erase(at);
}

// What an earlier process left is this one's to answer for, and to write before anyone is declared lost.
void TaskManager::Impl::take_over_journal() {
  for (const JournalEntryPtr& entry : journal.front(journal.size())) {
    if (entry->worker != store.worker()) ++former_left;
    if (entry->idempotency_key.empty()) continue;
    auto keyed = std::make_shared<KeyedStart>();
    keyed->joined = entry->task_id;
    keyed->answered = true;
    keys.emplace(key_of(*entry), std::move(keyed));
  }
  if (journal.size() != 0) group.spawn(write_journal(Milliseconds(0)));
}

// Both sides of the limit in one place: `limits.unsaved` and `limits.unsaved_bytes`.
std::optional<Error> TaskManager::Impl::journal_full() const {
  const Limits& limits = options.limits;
  const bool many = limits.unsaved != 0 && journal.size() >= limits.unsaved;
  const bool large = limits.unsaved_bytes != 0 && journal.bytes() >= limits.unsaved_bytes;
  if (!many && !large) return std::nullopt;
  const auto away = std::chrono::duration_cast<Milliseconds>(clock.now() - unsaved_since);
  return Error{errc::overloaded, "manager.call",
               "the store has been away for " + format_duration(away) + ", and " + std::to_string(journal.size()) +
                   " outcomes wait for it (limit " + (many ? "limits.unsaved" : "limits.unsaved_bytes") +
                   "): they are kept and written when it is back; until then no new task can begin",
               last_retry};
}

// Kept from now on, whatever becomes of the store; durable when this answers, as far as the journal can.
Task<void> TaskManager::Impl::keep_unsaved(const LiveTask& task, TaskEnd end) {
  if (journal.size() == 0) unsaved_since = clock.now();
  JournalEntry entry = entry_of(task);
  entry.end = std::move(end);
  auto appended = journal.append(std::move(entry));
  group.spawn(write_journal(first_retry));
  if (auto kept = co_await std::move(appended); !kept) fault("journal.append", kept.error().detail);
}

Task<void> TaskManager::Impl::start_again(TaskId id, bool all) {
  LiveTask* task = registry.find(id);
  if (task == nullptr || task->recording) co_return;
  if (task->start != LiveTask::Start::failed && !(all && task->start == LiveTask::Start::stored)) co_return;
  task->start = LiveTask::Start::pending;
  auto fresh = co_await start_anew(std::make_shared<const JournalEntry>(entry_of(*task)));
  // It stands in the registry until its end is recorded, and that waits for this answer.
  task = registry.find(id);
  if (task == nullptr) co_return;
  task->start = fresh ? LiveTask::Start::stored : LiveTask::Start::failed;
  if (!fresh) {
    starts_failed = true;
    store_fault("store.start", fresh.error());
  }
  task->start_waiters.wake_all(Woken::look);
  if (!task->extras) co_return;
  if (Asks* asks = task->asks(); asks != nullptr && fresh) {
    if (*fresh) asks->unsave_all();
    save_asks_soon(*task);
  }
  if (fresh && *fresh && task->extras->progress) task->extras->progress_pending = true;
  group.spawn(flush(*task));
}

// Those whose start the store did not take; `all`: also those that it took and has lost since.
Task<void> TaskManager::Impl::start_all_again(bool all) {
  if (!std::exchange(starts_failed, false) && !all) co_return;
  std::vector<TaskId> unknown;
  registry.for_each_live([&](const LiveTask& task) {
    const bool wanted = task.start == LiveTask::Start::failed || (all && task.start == LiveTask::Start::stored);
    if (task.stage == LiveTask::Stage::background && wanted) unknown.push_back(task.id);
  });
  for (std::size_t first = 0; first < unknown.size(); first += written_at_once) {
    std::vector<Task<void>> some;
    for (std::size_t i = first; i < std::min(unknown.size(), first + written_at_once); ++i) {
      some.push_back(start_again(unknown[i], all));
    }
    for (Task<void>& each : some) co_await std::move(each);
  }
}

void TaskManager::Impl::store_fault(std::string_view where, const Error& error) {
  if (error.code == errc::unavailable && std::exchange(away_told, true)) return;
  fault(where, error.detail);
}

void TaskManager::Impl::on_available(bool available, std::string_view detail) {
  if (!available) {
    if (!std::exchange(away_told, true)) fault("store", detail);
    return;
  }
  store_answers();
  if (!detail.empty()) fault("store", detail);  // who read that it went away reads that it is back
  store_back.wake_all(Woken::look);
  registry.wake_all_remote();
  group.spawn(start_all_again(false));
  // Notices that came while nobody could hear them are found by a look.
  group.spawn(look_for_cancels());
  look_for_answers();
}

void TaskManager::Impl::on_forgotten() {
  fault("store",
        "the store lacks tasks that run here (it lost its data, or this process was thought dead): what is missing is "
        "written anew, with its owners");
  group.spawn(start_all_again(true));
}

}  // namespace meantime
