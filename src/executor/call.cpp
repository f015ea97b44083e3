// SPDX-License-Identifier: MIT
// call.cpp: one call from its first check to its answer: inline, failed, or the id of a task that goes on.
#include "core/duration.hpp"
#include "executor/manager_impl.hpp"

namespace meantime {
namespace {

using Verdict = InlineCaller::Verdict;
constexpr auto op = "manager.call";
constexpr Milliseconds retry_soon{1'000};

// Suspends the call until its tool has ended or its budget is over; resumed by body_ended or budget_over.
struct FirstOfTheTwo {
  InlineCaller& here;
  [[nodiscard]] bool await_ready() const noexcept { return here.verdict != Verdict::none; }
  void await_suspend(std::coroutine_handle<> waiter) const noexcept { here.waiter = waiter; }
  void await_resume() const noexcept { here.waiter = {}; }
};

// Suspends a call with a key until what it joined has ended (true), or its task asks something: set by save_asks.
struct EndsOrAsks {
  Task<Result<Outcome>>& joined;
  InlineCaller& here;
  EndsOrAsks(Task<Result<Outcome>>& task, InlineCaller& caller) : joined(task), here(caller) {}
  EndsOrAsks(const EndsOrAsks&) = delete;
  EndsOrAsks& operator=(const EndsOrAsks&) = delete;
  ~EndsOrAsks() {
    here.waiter = {};
    if (!joined.done()) joined.on_done(nullptr, nullptr);
  }
  [[nodiscard]] bool await_ready() const noexcept { return joined.done() || here.verdict != Verdict::none; }
  void await_suspend(std::coroutine_handle<> waiter) const noexcept {
    here.waiter = waiter;
    joined.on_done([](void* caller) noexcept { return std::exchange(static_cast<InlineCaller*>(caller)->waiter, {}); },
                   &here);
  }
  [[nodiscard]] bool await_resume() const noexcept { return joined.done(); }
};

Task<Result<Outcome>> answer_error(Error error) {
  co_return std::unexpected(std::move(error));
}

std::string limit_text(const std::string& who, std::uint32_t count, std::string_view option) {
  return who + " has " + std::to_string(count) + " calls and tasks running already (limit " + std::string(option) +
         "): wait for one to end, or cancel one, then call again";
}

}  // namespace

std::optional<Error> TaskManager::Impl::refuse(const ToolEntry& entry, const CallerAccount& account,
                                               const ToolCall& call) const {
  if (draining) {
    return Error{errc::draining, op, "this meantime is shutting down and takes no new calls: call again in a moment",
                 retry_soon};
  }
  const Limits& limits = options.limits;
  if (limits.running != 0 && running >= limits.running) {
    return Error{errc::overloaded, op, limit_text("this meantime", running, "limits.running"), retry_soon};
  }
  if (limits.running_per_owner != 0 && account.owner->running >= limits.running_per_owner) {
    return Error{
        errc::overloaded, op,
        limit_text("owner '" + account.caller.user_id + "'", account.owner->running, "limits.running_per_owner"),
        retry_soon};
  }
  if (entry.tool.max_running != 0 && entry.running >= entry.tool.max_running) {
    return Error{errc::overloaded, op,
                 limit_text("tool '" + entry.tool.name + "'", entry.running, "max_running of the tool"), retry_soon};
  }
  if (!entry.tool.no_background || !call.idempotency_key.empty()) {
    if (auto full = journal_full()) return full;
  }
  if (call.budget && *call.budget < Milliseconds(0)) {
    return Error{errc::invalid_argument, op, "a budget is 0 (to the background at once) or more"};
  }
  if (entry.check_arguments) {
    if (auto fits = entry.check_arguments(call.arguments); !fits) {
      return Error{errc::invalid_argument, op, "arguments of '" + entry.tool.name + "': " + fits.error().detail};
    }
  }
  return std::nullopt;
}

void TaskManager::Impl::count(LiveTask& task) noexcept {
  task.counted = true;
  ++running;
  ++task.account->owner->running;
  ++task.entry.running;
  registry.link(task);
}

void TaskManager::Impl::uncount(LiveTask& task) noexcept {
  if (!task.counted) return;
  task.counted = false;
  --running;
  --task.account->owner->running;
  --task.entry.running;
  registry.unlink(task);
  if (registry.live() == 0) idle_waiters.wake_all(Woken::look);
}

// No coroutine itself: a tool that ends before it suspends costs one small frame, its context, and no hop.
Task<Result<Outcome>> TaskManager::Impl::call(ToolEntry& entry, ToolCall&& call) {
  CallerAccount& account = callers.account(call.caller);
  // Who calls again for what runs already adds nothing: no limit turns away those whom the key is there for.
  const bool joins =
      !call.idempotency_key.empty() && keys.contains(account.caller.user_id + '\0' + call.idempotency_key);
  if (!joins) {
    if (auto refused = refuse(entry, account, call)) return answer_error(std::move(*refused));
  }

  const Tool& tool = entry.tool;
  const Milliseconds budget = tool.always_background ? Milliseconds(0)
                              : call.budget          ? *call.budget
                                                     : tool.budget.value_or(options.budget);
  if (!call.redirects.empty()) {
    auto resolved = resolve(std::move(call.redirects), account.caller);
    if (!resolved) return answer_error(std::move(resolved.error()));
    call.redirects = std::move(*resolved);
  }
  if (!call.idempotency_key.empty()) return keyed_call(entry, account, std::move(call), budget);

  auto task = std::unique_ptr<LiveTask>(
      new LiveTask(*this, entry, account, std::move(call.arguments), call.began ? *call.began : now()));
  task->askable_ = call.askable;
  task->log_level_ = call.log_level;
  if (!call.redirects.empty()) task->more().redirects = std::move(call.redirects);
  // One that asks inline first is a task as soon as it has what it asked for.
  if (budget <= Milliseconds(0) && !tool.no_background && !tool.asks_inline) {
    count(*task);
    return to_background(std::move(task));
  }
  CallerEars ears{std::move(call.on_progress), std::move(call.on_log), std::move(call.on_input),
                  std::move(call.background)};
  if (ears.on_progress || ears.on_log) {
    InlineCaller here;  // for what the tool says before it suspends first
    here.ears = &ears;
    task->inline_caller = &here;
    task->begin();
    task->inline_caller = nullptr;
  } else {
    task->begin();
  }
  if (task->ended()) return answer(std::move(task));
  return first_of_the_two(std::move(task), std::move(ears), budget);
}

Task<Result<Outcome>> TaskManager::Impl::answer(std::unique_ptr<LiveTask> task) {
  // The common case without a detour: a text, moved once from the tool's frame into this one.
  if (telemetry == nullptr && task->body && !task->body.failed()) {
    ToolReturn& returned = task->body.get();
    if (returned && utf8::valid(returned->text)) co_return Finished{std::move(*returned), std::nullopt};
  }
  co_return inline_outcome(*task);
}

// The way to the background that a caller may take before its budget is over, while it waits.
struct TaskManager::Impl::Switched {
  Switched(Impl& impl, LiveTask& task, std::shared_ptr<BackgroundSwitch> its_way) : way(std::move(its_way)) {
    if (!way) return;
    way->go_ = [&impl, &task] {
      task.disarm_budget();
      impl.budget_over(task);
    };
  }
  Switched(const Switched&) = delete;
  Switched& operator=(const Switched&) = delete;
  ~Switched() {
    if (way) way->go_ = nullptr;
  }
  std::shared_ptr<BackgroundSwitch> way;
};

Task<Result<Outcome>> TaskManager::Impl::first_of_the_two(std::unique_ptr<LiveTask> owned, CallerEars ears,
                                                          Milliseconds budget) {
  // Dropped before the budget, the call takes its tool with it (F17).
  struct Calling {
    Impl& impl;
    std::unique_ptr<LiveTask> task;
    ~Calling() {
      if (task) impl.give_up(std::move(task));
    }
  };
  Calling calling{*this, std::move(owned)};
  LiveTask& task = *calling.task;
  const Tool& tool = task.entry.tool;
  InlineCaller here;
  here.ears = &ears;
  here.budget = budget;
  task.inline_caller = &here;
  count(task);
  if (tool.max_run_time) deadlines_.arm(task.more().run_time, *tool.max_run_time, task.started);
  if (!tool.no_background) task.arm_budget(budget);
  const Switched switched(*this, task, tool.no_background ? nullptr : ears.background);
  co_await FirstOfTheTwo{here};
  task.inline_caller = nullptr;
  if (here.verdict == Verdict::over_budget) co_return co_await to_background(std::move(calling.task));
  auto outcome = inline_outcome(task);
  uncount(task);
  calling.task.reset();
  co_return outcome;
}

Result<Outcome> TaskManager::Impl::inline_outcome(LiveTask& task) {
  ToolReturn returned = task.take_return();
  if (returned) {
    if (returned->media_type == MediaType::text && !utf8::valid(returned->text)) {
      returned->text = utf8::repaired(std::move(returned->text));
    }
    tell(TaskEvent::Phase::inline_, "ok", task, nullptr);
    return Finished{std::move(*returned), std::nullopt};
  }
  returned.error().message = utf8::repaired(std::move(returned.error().message));
  tell(TaskEvent::Phase::inline_, "error", task, &returned.error());
  return Failed{std::move(returned.error()), std::nullopt};
}

void TaskManager::Impl::give_up(std::unique_ptr<LiveTask> task) noexcept {
  task->inline_caller = nullptr;
  task->disarm_budget();
  if (task->counted && task->listens() && !task->ended()) {
    // It listens and may tidy up; body_ended or the end of the grace deletes it.
    LiveTask& abandoned = *task.release();
    abandoned.stage = LiveTask::Stage::abandoned;
    request_end(abandoned, EndReason::cancelled);
    return;
  }
  uncount(*task);
}

std::coroutine_handle<> TaskManager::Impl::body_ended(LiveTask& task) noexcept {
  task.disarm_budget();
  switch (task.stage) {
    case LiveTask::Stage::calling:
      if (task.inline_caller == nullptr) break;
      task.inline_caller->verdict = Verdict::ended;
      if (auto waiter = std::exchange(task.inline_caller->waiter, {})) return waiter;
      break;
    case LiveTask::Stage::background:
      group.spawn(record_end(task));
      break;
    case LiveTask::Stage::abandoned:
      uncount(task);
      delete &task;
      break;
  }
  return std::noop_coroutine();
}

void TaskManager::Impl::budget_over(LiveTask& task) noexcept {
  if (task.inline_caller == nullptr) return;
  task.inline_caller->verdict = Verdict::over_budget;
  if (auto waiter = std::exchange(task.inline_caller->waiter, {})) waiter.resume();
}

// From here on the task is known by its id and only cancel() ends it.
void TaskManager::Impl::adopt(std::unique_ptr<LiveTask> owned, std::string_view idempotency_key) {
  LiveTask& task = *owned;
  const WallTime wall = clock.wall_now();
  task.created_at = wall - age(task);  // F32: time runs from the call
  if (task.id.empty()) task.id = ids.make(wall);
  task.stage = LiveTask::Stage::background;
  if (!idempotency_key.empty()) task.more().idempotency_key = idempotency_key;
  task.start = LiveTask::Start::pending;
  registry.add(std::move(owned));
}

Task<Result<Outcome>> TaskManager::Impl::to_background(std::unique_ptr<LiveTask> owned) {
  LiveTask& task = *owned;
  if (delivery != nullptr) add_default_redirects(task);
  adopt(std::move(owned), {});
  const TaskId id = task.id;
  Backgrounded backgrounded{id, task.entry.tool.name, true};
  InlineCaller here;
  tell(TaskEvent::Phase::backgrounded, "backgrounded", task, nullptr);
  task.inline_caller = &here;
  group.spawn(store_start(task));
  if (here.verdict != Verdict::none) task.inline_caller = nullptr;
  begin_now(task);  // `task` may be gone after this
  if (here.verdict == Verdict::none) co_await stored_or_too_long(id, here);
  backgrounded.stored = here.verdict == Verdict::stored;
  co_return std::move(backgrounded);
}

// The envelope leaves when the store has the task (F04), or when waiting longer would hold the caller up.
Task<void> TaskManager::Impl::stored_or_too_long(TaskId id, InlineCaller& here) {
  struct Forget {
    Impl& impl;
    TaskId id;
    ~Forget() {
      if (LiveTask* still = impl.registry.find(id)) still->inline_caller = nullptr;
    }
  } forget{*this, id};
  Deadline too_long(
      [](void* caller) {
        auto& waiting = *static_cast<InlineCaller*>(caller);
        waiting.verdict = Verdict::unsaved;
        if (auto waiter = std::exchange(waiting.waiter, {})) waiter.resume();
      },
      &here);
  deadlines_.arm(too_long, options.store_wait);
  co_await FirstOfTheTwo{here};
}

void TaskManager::Impl::begin_now(LiveTask& task) {
  if (task.body || task.ended()) return;
  // From now: a second run of a lost task has the whole time again.
  if (task.entry.tool.max_run_time) deadlines_.arm(task.more().run_time, *task.entry.tool.max_run_time);
  task.begin();
  if (task.ended()) group.spawn(record_end(task));
}

Task<void> TaskManager::Impl::begin_next_turn(TaskId id) {
  co_await loop_.turn();
  if (LiveTask* task = registry.find(id)) begin_now(*task);  // none: cancelled before it began
}

Task<void> TaskManager::Impl::store_start(LiveTask& task) {
  const TaskId id = task.id;
  auto stored = co_await store.start(start_of(task));
  // The task stands in the registry until its end is recorded, and that waits for this answer, and for `telling`.
  task.start = stored ? LiveTask::Start::stored : LiveTask::Start::failed;
  if (!stored) {
    starts_failed = true;
    store_fault("store.start", stored.error());
  } else if (Asks* asks = task.asks(); asks != nullptr && asks->any_open()) {
    // What made it a task is in its record before anybody is told of it.
    task.telling = true;
    co_await save_asks(id);
    task.telling = false;
  }
  if (task.inline_caller != nullptr) {
    InlineCaller& here = *std::exchange(task.inline_caller, nullptr);
    here.verdict = stored ? Verdict::stored : Verdict::unsaved;
    if (auto waiter = std::exchange(here.waiter, {})) waiter.resume();
  }
  // `task` may be gone now: whoever was resumed may have ended it.
  if (LiveTask* still = registry.find(id); still != nullptr) {
    still->start_waiters.wake_all(Woken::look);
    if (still->extras) group.spawn(flush(*still));
  }
}

// Recorded before it runs, so that any process that is asked again with this key finds it.
Task<Result<Outcome>> TaskManager::Impl::keyed_call(ToolEntry& entry, CallerAccount& account, ToolCall call,
                                                    Milliseconds budget) {
  const std::string tool_name = entry.tool.name;
  const bool no_background = entry.tool.no_background;
  std::string key = account.caller.user_id + '\0' + call.idempotency_key;
  if (const auto at = keys.find(key); at != keys.end()) {
    const std::shared_ptr<KeyedStart> first = at->second;
    co_await key_answered(*first);
    co_return co_await join_keyed(first, tool_name, budget, no_background);
  }
  auto owned = std::unique_ptr<LiveTask>(
      new LiveTask(*this, entry, account, std::move(call.arguments), call.began.value_or(clock.coarse_now())));
  LiveTask& task = *owned;
  task.askable_ = call.askable;
  task.log_level_ = call.log_level;
  if (!call.redirects.empty()) task.more().redirects = std::move(call.redirects);
  count(task);
  adopt(std::move(owned), call.idempotency_key);
  auto keyed = std::make_shared<KeyedStart>();
  keyed->joined = task.id;
  keys.emplace(std::move(key), keyed);
  // The caller may go while the store answers; what it asked for still happens, for it will ask again.
  group.spawn(keyed_start(task, keyed));
  co_await key_answered(*keyed);
  // What the tool says reaches the caller that began the task, for as long as it waits.
  const CallerEars ears{std::move(call.on_progress), std::move(call.on_log), nullptr};
  InlineCaller here;
  here.ears = &ears;
  here.keyed = true;
  struct Hearing {
    Impl& impl;
    TaskId id;
    ~Hearing() {
      if (LiveTask* live = impl.registry.find(id)) live->inline_caller = nullptr;
    }
  } hearing{*this, keyed->joined};
  if (LiveTask* live = registry.find(keyed->joined)) live->inline_caller = &here;
  auto joined = join_keyed(keyed, tool_name, budget, no_background);
  const bool ended = co_await EndsOrAsks{joined, here};
  auto outcome = ended ? std::optional(joined.take()) : std::nullopt;
  const bool goes_on = !outcome || (*outcome && std::holds_alternative<Backgrounded>(**outcome));
  if (delivery != nullptr && goes_on) co_await store_default_redirects(keyed->joined);
  if (outcome) co_return std::move(*outcome);
  // What it asks stands in its record: whoever is to answer must know the task.
  co_return Backgrounded{keyed->joined, tool_name, true};
}

// Which task has the key is for the store to say: nobody is told of this one before, unless that takes too long.
Task<void> TaskManager::Impl::key_answered(KeyedStart& keyed) {
  if (keyed.answered) co_return;
  Wait wait(keyed.waiters, loop_, deadlines_, options.store_wait);
  co_await wait;
}

Task<void> TaskManager::Impl::keyed_start(LiveTask& task, std::shared_ptr<KeyedStart> keyed) {
  const TaskId id = task.id;
  auto stored = co_await store.start(start_of(task));
  if (stored && stored->joined && keyed->told) {
    // It took too long: somebody knows this task by its id and may ask any process for it. So it is, without the key.
    TaskStart start = start_of(task);
    start.idempotency_key = {};
    stored = co_await store.start(start);
  }
  keyed->answered = true;
  if (stored && stored->joined) {  // another call has the key: this one never runs
    keyed->joined = *stored->joined;
    task.start = LiveTask::Start::elsewhere;
    if (!task.recording) {
      forget_key(task);
      remove(task);
    } else {
      task.start_waiters.wake_all(Woken::look);  // cancelled meanwhile: its end sees that there is nothing to record
    }
    keyed->waiters.wake_all(Woken::look);
    co_return;
  }
  task.start = stored ? LiveTask::Start::stored : LiveTask::Start::failed;
  if (!stored) {
    starts_failed = true;
    store_fault("store.start", stored.error());
  }
  keyed->waiters.wake_all(Woken::look);
  task.start_waiters.wake_all(Woken::look);
  co_await begin_next_turn(id);
}

TaskStart TaskManager::Impl::start_of(const LiveTask& task) {
  const Tool& tool = task.entry.tool;
  return TaskStart{
      .task_id = task.id,
      .tool_name = tool.name,
      .caller = &task.account->caller,
      .created_at = task.created_at,
      .idempotency_key = task.extras ? std::string_view(task.extras->idempotency_key) : "",
      .rerun_if_lost = tool.rerun_if_lost,
      .arguments = tool.rerun_if_lost ? task.arguments() : std::string_view(),
      .attempt = task.attempt,
      .redirects = task.extras ? std::span<const Redirect>(task.extras->redirects) : std::span<const Redirect>()};
}

void TaskManager::Impl::forget_key(const LiveTask& task) {
  if (task.extras && !task.extras->idempotency_key.empty()) {
    keys.erase(task.account->caller.user_id + '\0' + task.extras->idempotency_key);
  }
}

Task<Result<Outcome>> TaskManager::Impl::join_keyed(std::shared_ptr<KeyedStart> keyed, std::string tool_name,
                                                    Milliseconds budget, bool no_background) {
  const SteadyTime until = clock.now() + budget;
  for (;;) {
    const TaskId id = keyed->joined;
    const auto left = std::max(std::chrono::ceil<Milliseconds>(until - clock.now()), Milliseconds(0));
    auto outcome = co_await join(id, tool_name, left, no_background);
    // The store has said meanwhile that another task has the key: that is the one to wait for.
    if (!outcome && outcome.error().code == errc::not_found && keyed->joined != id) continue;
    if (outcome && !keyed->answered && std::holds_alternative<Backgrounded>(*outcome)) keyed->told = true;
    co_return outcome;
  }
}

Task<Result<Outcome>> TaskManager::Impl::join(TaskId id, std::string tool_name, Milliseconds budget,
                                              bool no_background) {
  const Milliseconds wait = no_background ? std::chrono::duration_cast<Milliseconds>(std::chrono::years(1)) : budget;
  auto awaited = co_await await_task(id, wait, std::nullopt);
  if (!awaited) co_return std::unexpected(std::move(awaited.error()));
  TaskRecord& record = awaited->record;
  if (record.status == TaskStatus::running) {
    const LiveTask* live = registry.find(id);
    co_return Backgrounded{id, std::move(tool_name), live == nullptr || live->start == LiveTask::Start::stored};
  }
  ToolOutput output;
  output.media_type = record.media_type;
  output.exit_code = record.exit_code;
  output.cut = record.result_cut;
  if (record.result_bytes != 0) {
    auto text = co_await read_result(id, 0, 0);
    if (!text) co_return std::unexpected(std::move(text.error()));
    output.text = std::move(text->text);
  }
  if (record.status == TaskStatus::completed) co_return Finished{std::move(output), id};
  ToolFailure failure;
  failure.reason = record.reason;
  const auto colon = record.error.find(": ");
  failure.type = colon == std::string::npos ? std::string(name_of(record.reason)) : record.error.substr(0, colon);
  failure.message = colon == std::string::npos ? record.error : record.error.substr(colon + 2);
  if (!output.text.empty()) failure.output = std::move(output);
  co_return Failed{std::move(failure), id};
}

}  // namespace meantime
