// SPDX-License-Identifier: MIT
// questions.cpp: check, await, read, list and cancel, for tasks of this process and of all that share the store.
#include "core/redirects.hpp"
#include "core/text_page.hpp"
#include "core/utf8.hpp"
#include "executor/manager_impl.hpp"

namespace meantime {
namespace {

// One text for unknown and for foreign tasks (S31).
std::unexpected<Error> not_found(std::string_view op, const TaskId& id) {
  return fail(errc::not_found, std::string(op), "Task '" + id.text() + "' not found.");
}

bool may_see(const TaskRecord& record, const std::optional<std::string>& user_id) {
  return !user_id || record.caller.user_id == *user_id;
}

// A notice from another process can get lost; after this long a waiter looks by itself.
constexpr Milliseconds look_again{5'000};
// Progress and output go to the store at most this often for each task.
constexpr Milliseconds between_flushes{50};
constexpr std::size_t flush_at_once_bytes = 64UL << 10;
// A wait ends on time (F14), also while the store does not answer: its last look may take this much longer...
constexpr Milliseconds last_look{5};
// ...and the first, without which nothing can be said, this long at least.
constexpr Milliseconds first_look{500};
// A store that lost its data hears of running tasks from their processes again: who waits for one gives it this long.
constexpr Milliseconds told_anew_within{5'000};
constexpr Milliseconds between_looks_for_lost{250};

// In what a client is told.
bool differ(const TaskRecord& a, const TaskRecord& b) {
  return a.status != b.status || a.reason != b.reason || a.progress != b.progress ||
         a.input_requests != b.input_requests;
}

/// `co_await` it: goes on when `task` has ended (true), or after `limit` without it.
template <class T>
class EndsWithin {
 public:
  EndsWithin(Task<T>& task, Deadlines& deadlines, Milliseconds limit)
      : task_(task),
        deadlines_(deadlines),
        after_(limit),
        limit_(
            [](void* self) {
              auto& me = *static_cast<EndsWithin*>(self);
              me.task_.on_done(nullptr, nullptr);
              me.waiter_.resume();
            },
            this) {}
  EndsWithin(const EndsWithin&) = delete;
  EndsWithin& operator=(const EndsWithin&) = delete;
  ~EndsWithin() { task_.on_done(nullptr, nullptr); }

  [[nodiscard]] bool await_ready() const noexcept { return task_.done(); }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    deadlines_.arm(limit_, after_);
    task_.on_done(
        [](void* self) noexcept {
          auto& me = *static_cast<EndsWithin*>(self);
          me.limit_.disarm();
          return me.waiter_;
        },
        this);
  }
  [[nodiscard]] bool await_resume() const noexcept { return task_.done(); }

 private:
  Task<T>& task_;
  Deadlines& deadlines_;
  Milliseconds after_;
  std::coroutine_handle<> waiter_;
  Deadline limit_;
};

// One of the waits that limits.waiters counts.
struct Counted {
  std::uint32_t& count;
  explicit Counted(std::uint32_t& c) : count(c) { ++count; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count; }
};

// Longer waits would overflow the clock.
SteadyTime end_of_wait(SteadyTime now, Milliseconds timeout) {
  return now + std::min(timeout, std::chrono::duration_cast<Milliseconds>(std::chrono::years(10)));
}

}  // namespace

Task<Result<TaskRecord>> TaskManager::Impl::find(TaskId id, std::optional<std::string> user_id) {
  if (const LiveTask* live = registry.find(id)) {
    TaskRecord record = record_of(*live);
    if (!may_see(record, user_id)) co_return not_found("manager.find", id);
    co_return record;
  }
  if (const JournalEntryPtr waits = journal.find(id)) {
    if (user_id && waits->caller.user_id != *user_id) co_return not_found("manager.find", id);
    co_return record_of(*waits);
  }
  auto record = co_await store.find(id);
  if (!record) {
    if (record.error().code == errc::not_found) co_return not_found("manager.find", id);
    co_return std::unexpected(std::move(record.error()));
  }
  if (!may_see(*record, user_id)) co_return not_found("manager.find", id);
  co_return record;
}

Task<Result<Awaited>> TaskManager::Impl::await_task(TaskId id, Milliseconds timeout,
                                                    std::optional<std::string> user_id) {
  const Counted counted(waiting);
  LiveTask* live = registry.find(id);
  const SteadyTime until = end_of_wait(clock.now(), timeout);
  if (live == nullptr) co_return co_await await_remote(id, until, std::move(user_id), nullptr);
  if (user_id && live->account->caller.user_id != *user_id) co_return not_found("manager.await_task", id);
  Wait wait(live->waiters, loop_, deadlines_, timeout);
  switch (co_await wait) {
    case Woken::ended:
      co_return Awaited{*wait.record(), false};
    case Woken::timed_out:
      live = registry.find(id);
      if (live != nullptr) co_return Awaited{record_of(*live), true};
      break;
    case Woken::look:
      break;
  }
  auto record = co_await find(id, user_id);
  if (!record) co_return std::unexpected(std::move(record.error()));
  const bool running_still = record->status == TaskStatus::running;
  co_return Awaited{std::move(*record), running_still};
}

// With `seen`: until it differs from that.
Task<Result<Awaited>> TaskManager::Impl::await_remote(TaskId id, SteadyTime until, std::optional<std::string> user_id,
                                                      const TaskRecord* seen) {
  // Watch first, then look: an end between the two is seen by one of them (F03).
  struct Watch {
    Impl& impl;
    TaskId id;
    Watch(Impl& i, const TaskId& task) : impl(i), id(task) {
      ++impl.registry.remote(id).users;
      impl.store.watch(id);
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() {
      impl.store.unwatch(id);
      if (--impl.registry.remote(id).users == 0) impl.registry.forget_remote(id);
    }
  } watch(*this, id);
  std::optional<TaskRecord> last;
  std::optional<SteadyTime> gone_since;
  for (;;) {
    // In the list before the look, for the same reason.
    const auto left = std::max(std::chrono::ceil<Milliseconds>(until - clock.now()), Milliseconds(0));
    Wait wait(registry.remote(id).waiters, loop_, deadlines_,
              std::min(left, gone_since ? between_looks_for_lost : look_again));
    auto look = find(id, user_id);
    if (co_await EndsWithin(look, deadlines_, std::max(left, last ? last_look : first_look))) {
      auto record = look.take();
      const bool gone = !record && record.error().code == errc::not_found;
      if (record) {
        const bool changed = seen != nullptr && differ(*record, *seen);
        if (changed || record->status != TaskStatus::running) co_return Awaited{std::move(*record), false};
        last = std::move(*record);
        gone_since.reset();
      } else if (!last || (!gone && record.error().code != errc::unavailable)) {
        co_return std::unexpected(std::move(record.error()));  // away from the start on; later we go on waiting (F30)
      } else if (gone) {
        if (!gone_since) gone_since = clock.now();
        if (clock.now() - *gone_since >= told_anew_within || clock.now() >= until) {
          co_return std::unexpected(std::move(record.error()));
        }
      }
    } else if (!last) {
      co_return fail(errc::unavailable, "manager.await_task",
                     "store unavailable: it has not answered within the time of this wait; ask again",
                     Milliseconds(1'000));
    }
    if (clock.now() >= until) co_return Awaited{std::move(*last), true};
    co_await wait;
  }
}

Task<Result<TaskRecord>> TaskManager::Impl::await_change(TaskId id, const TaskRecord& seen, SteadyTime until,
                                                         std::optional<std::string> user_id) {
  const Counted counted(waiting);
  for (;;) {
    LiveTask* live = registry.find(id);
    if (live == nullptr) break;
    if (user_id && live->account->caller.user_id != *user_id) co_return not_found("manager.await_change", id);
    TaskRecord now = record_of(*live);
    const auto left = std::chrono::ceil<Milliseconds>(until - clock.now());
    if (differ(now, seen) || left <= Milliseconds(0)) co_return now;
    Wait wait(live->more().changes, loop_, deadlines_, left);
    if (co_await wait == Woken::ended) co_return *wait.record();
  }
  auto changed = co_await await_remote(id, until, std::move(user_id), &seen);
  if (!changed) co_return std::unexpected(std::move(changed.error()));
  co_return std::move(changed->record);
}

void TaskManager::Impl::progressed(LiveTask& task) {
  task.extras->changes.wake_all(Woken::look);
  if (task.stage == LiveTask::Stage::background && task.start == LiveTask::Start::stored) group.spawn(flush(task));
}

void TaskManager::Impl::printed(LiveTask& task) {
  const std::uint64_t keep = options.limits.output_bytes;
  std::string& pending = task.extras->output;
  // Twice the limit before the front is dropped, so that a chatty tool does not move bytes at each line.
  if (keep != 0 && pending.size() > 2 * keep) pending.erase(0, pending.size() - keep);
  if (task.stage == LiveTask::Stage::background && task.start == LiveTask::Start::stored) group.spawn(flush(task));
}

Task<void> TaskManager::Impl::flush(LiveTask& task) {
  LiveTask::Extras& more = task.more();
  if (more.flushing || task.start != LiveTask::Start::stored) co_return;
  more.flushing = true;
  const RunToken run{task.id, task.attempt};
  bool first = true;
  for (;;) {
    // What was found at the last look may be gone with its record.
    LiveTask* live = registry.find(run.task_id);
    if (live == nullptr) co_return;
    LiveTask::Extras& now = *live->extras;
    if (now.output.empty() && !now.progress_pending) {
      now.flushing = false;
      co_return;
    }
    if (!first && now.output.size() < flush_at_once_bytes && !live->recording) {
      co_await pause(between_flushes);
      live = registry.find(run.task_id);
      if (live == nullptr) co_return;
    }
    first = false;
    co_await flush_rest(*live);
  }
}

// What the store has not seen yet, at once; in order after what an earlier flush handed over.
Task<void> TaskManager::Impl::flush_rest(LiveTask& task) {
  const RunToken run{task.id, task.attempt};
  std::string output = std::exchange(task.extras->output, {});
  std::optional<Progress> progress;
  if (std::exchange(task.extras->progress_pending, false)) progress = task.extras->progress;
  if (progress) {
    if (auto stored = co_await store.set_progress(run, std::move(*progress)); !stored) {
      fault("store.set_progress", stored.error().detail);
    }
  }
  if (!output.empty()) {
    if (auto stored = co_await store.append_output(run, std::move(output)); !stored) {
      fault("store.append_output", stored.error().detail);
    }
  }
}

Task<Result<void>> TaskManager::Impl::redirect(TaskId id, Redirect redirect, std::optional<std::string> user_id) {
  if (auto fine = check_redirect(redirect); !fine) co_return fine;
  auto record = co_await find(id, std::move(user_id));
  if (!record) co_return std::unexpected(std::move(record.error()));
  if (delivery != nullptr) {
    auto resolved = delivery->resolve(std::move(redirect), record->caller);
    if (!resolved) co_return std::unexpected(std::move(resolved.error()));
    redirect = std::move(*resolved);
  }
  if (LiveTask* live = registry.find(id); live != nullptr && live->start == LiveTask::Start::pending) {
    Wait wait(live->start_waiters, loop_, deadlines_, options.store_wait);
    co_await wait;
  }
  auto set = co_await store.add_redirect(id, redirect);
  LiveTask* live = registry.find(id);
  if (!set && set.error().code == errc::not_found) {
    if (live == nullptr && !journal.find(id)) co_return not_found("manager.redirect", id);
    co_return fail(errc::unavailable, "manager.redirect",
                   "the store does not have task '" + id.text() + "' yet: ask again when it can be reached",
                   Milliseconds(1'000));
  }
  if (set && live != nullptr) std::ignore = put_redirect(live->more().redirects, std::move(redirect));
  co_return set;
}

Result<std::vector<Redirect>> TaskManager::Impl::resolve(std::vector<Redirect> wanted, const Caller& owner) const {
  std::vector<Redirect> resolved;
  for (Redirect& each : wanted) {
    if (auto fine = check_redirect(each); !fine) return std::unexpected(std::move(fine.error()));
    if (delivery != nullptr) {
      auto allowed = delivery->resolve(std::move(each), owner);
      if (!allowed) return std::unexpected(std::move(allowed.error()));
      each = std::move(*allowed);
    }
    if (!put_redirect(resolved, std::move(each))) {
      return fail(errc::invalid_argument, "manager.call",
                  "a call is redirected to at most " + std::to_string(max_redirects) + " places");
    }
  }
  return resolved;
}

// What its caller asked for goes before what is set by itself.
void TaskManager::Impl::add_default_redirects(LiveTask& task) {
  auto defaults = delivery->defaults(task.entry.tool.name, task.account->caller);
  for (Redirect& each : defaults) {
    std::vector<Redirect>& set = task.more().redirects;
    const bool there = std::ranges::any_of(set, [&](const Redirect& other) { return same_place(each, other); });
    if (!there) std::ignore = put_redirect(set, std::move(each));
  }
}

Task<void> TaskManager::Impl::store_default_redirects(TaskId id) {
  auto record = co_await find(id, std::nullopt);
  if (!record) co_return;  // told by whoever asks for it
  for (Redirect& each : delivery->defaults(record->tool_name, record->caller)) {
    if (std::ranges::any_of(record->redirects, [&](const Redirect& other) { return same_place(each, other); }))
      continue;
    if (auto set = co_await redirect(id, std::move(each), std::nullopt); !set) {
      store_fault("store.add_redirect", set.error());
    }
  }
}

// Its owner has the result: what was to be pushed only otherwise is not pushed any more.
void TaskManager::Impl::note_read(const TaskRecord& record, const std::optional<std::string>& user_id) {
  if (record.redirects.empty() || record.status == TaskStatus::running || !user_id) return;
  if (std::ranges::any_of(record.redirects, &Redirect::suppress_if_read)) group.spawn(suppress_read(record.task_id));
}

Task<void> TaskManager::Impl::suppress_read(TaskId id) {
  if (auto done = co_await store.outbox().suppress_read(id); !done) store_fault("outbox.suppress_read", done.error());
}

Task<void> TaskManager::Impl::load_redirects(TaskId id) {
  auto record = co_await store.find(id);
  if (!record) {
    fault("store.find", record.error().detail);
    co_return;
  }
  if (LiveTask* live = registry.find(id)) live->more().redirects = std::move(record->redirects);
}

Task<Result<TextPage>> TaskManager::Impl::read_result(TaskId id, std::uint64_t offset, std::uint64_t limit) {
  if (const JournalEntryPtr waits = journal.find(id)) co_return page_of(waits->end.result, offset, limit);
  co_return co_await store.read_result(id, offset, limit);
}

Task<Result<TaskRecord>> TaskManager::check(TaskId task, std::optional<std::string> user_id) {
  auto record = co_await impl_->find(task, user_id);
  if (record) impl_->note_read(*record, user_id);
  co_return record;
}

Task<Result<Awaited>> TaskManager::await_task(TaskId task, std::optional<Milliseconds> timeout,
                                              std::optional<std::string> user_id) {
  if (auto full = impl_->no_more_waits("manager.await_task")) co_return std::unexpected(std::move(*full));
  auto awaited = co_await impl_->await_task(
      task, std::max(timeout.value_or(impl_->options.await_timeout), Milliseconds(0)), user_id);
  if (awaited) impl_->note_read(awaited->record, user_id);
  co_return awaited;
}

Task<Result<TaskRecord>> TaskManager::await_change(TaskId task, TaskRecord seen, Milliseconds timeout,
                                                   std::optional<std::string> user_id) {
  if (auto full = impl_->no_more_waits("manager.await_change")) co_return std::unexpected(std::move(*full));
  const SteadyTime until = end_of_wait(impl_->clock.now(), std::max(timeout, Milliseconds(0)));
  co_return co_await impl_->await_change(task, seen, until, std::move(user_id));
}

std::optional<Error> TaskManager::Impl::no_more_waits(std::string op) const {
  const std::uint32_t limit = options.limits.waiters;
  if (limit == 0 || waiting < limit) return std::nullopt;
  return Error{errc::overloaded, std::move(op),
               std::to_string(waiting) + " waits are open already (limit limits.waiters): ask again soon",
               Milliseconds(1'000)};
}

Task<Result<TextPage>> TaskManager::read_result(TaskId task, std::uint64_t offset_chars, std::uint64_t limit_chars,
                                                std::optional<std::string> user_id) {
  if (user_id) {
    auto record = co_await impl_->find(task, user_id);
    if (!record) co_return std::unexpected(std::move(record.error()));
  }
  co_return co_await impl_->read_result(task, offset_chars, limit_chars);
}

Task<Result<std::string>> TaskManager::read_output(TaskId task, std::uint64_t offset_bytes, std::uint64_t limit_bytes,
                                                   std::optional<std::string> user_id) {
  if (user_id) {
    auto record = co_await impl_->find(task, user_id);
    if (!record) co_return std::unexpected(std::move(record.error()));
  }
  if (LiveTask* live = impl_->registry.find(task); live != nullptr && live->extras && !live->extras->flushing) {
    co_await impl_->flush(*live);
  }
  co_return co_await impl_->store.read_output(task, offset_bytes, limit_bytes);
}

Task<Result<void>> TaskManager::redirect(TaskId task, Redirect redirect, std::optional<std::string> user_id) {
  co_return co_await impl_->redirect(task, std::move(redirect), std::move(user_id));
}

// The store's page, with the outcomes that wait for it in place of what it says of those tasks, and where it does not
// know better, at the place of their ids: those sort by time.
void TaskManager::Impl::merge_unsaved(TaskList& listed, const ListQuery& query) const {
  if (journal.size() == 0) return;
  std::vector<TaskRecord>& tasks = listed.tasks;
  const auto wanted = [&](const JournalEntry& entry) {
    return (!query.user_id || *query.user_id == entry.caller.user_id) &&
           (!query.status || *query.status == entry.end.status) &&
           (!query.tool_name || *query.tool_name == entry.tool_name) &&
           (!query.created_after || entry.created_at >= *query.created_after) &&
           (!query.created_before || entry.created_at < *query.created_before);
  };
  boost::unordered_flat_set<TaskId, std::hash<TaskId>> shown;
  std::erase_if(tasks, [&](TaskRecord& each) {
    const JournalEntryPtr entry = journal.find(each.task_id);
    if (!entry) return false;
    each = record_of(*entry);
    shown.insert(each.task_id);
    return !wanted(*entry);
  });
  for (const JournalEntryPtr& entry : journal.front(journal.size())) {
    const TaskId& id = entry->task_id;
    const bool store_lists_it = entry->start_stored && !query.status;
    const bool of_this_page = (!query.after || id < *query.after) && (!listed.next || id >= *listed.next);
    if (store_lists_it || !of_this_page || !wanted(*entry) || journal.find(id) != entry || shown.contains(id)) continue;
    tasks.insert(std::ranges::find_if(tasks, [&](const TaskRecord& each) { return each.task_id < id; }),
                 record_of(*entry));
  }
  if (tasks.size() <= query.limit) return;
  tasks.resize(query.limit);
  listed.next = tasks.back().task_id;
}

Task<Result<TaskList>> TaskManager::list(ListQuery query) {
  auto listed = co_await impl_->store.list(query);
  if (!listed) co_return listed;
  impl_->merge_unsaved(*listed, query);
  for (TaskRecord& record : listed->tasks) {
    const LiveTask* live = impl_->registry.find(record.task_id);
    if (live == nullptr) continue;
    TaskRecord now = impl_->record_of(*live);
    record.progress = std::move(now.progress);
    record.input_requests = std::move(now.input_requests);
  }
  co_return listed;
}

Task<Result<void>> TaskManager::cancel(TaskId task, std::optional<std::string> user_id) {
  auto record = co_await impl_->find(task, user_id);
  if (!record) co_return std::unexpected(std::move(record.error()));
  if (record->status != TaskStatus::running) {
    co_return fail(errc::already_final, "manager.cancel",
                   "Task '" + task.text() + "' has ended already (" + std::string(name_of(record->status)) + ").");
  }
  if (LiveTask* live = impl_->registry.find(task)) {
    impl_->request_end(*live, EndReason::cancelled);
    co_return Result<void>{};
  }
  co_return co_await impl_->store.request_cancel(task);
}

}  // namespace meantime
