// SPDX-License-Identifier: MIT
// manager_impl.hpp: the parts of the TaskManager. call.cpp runs a call to its answer; ending.cpp records what became
// of a task; unsaved.cpp keeps what the store does not have; questions.cpp answers check, await, list and cancel;
// asking.cpp has what tools ask of their callers; upkeep.cpp keeps the lease, finds the dead, drains.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <boost/unordered/unordered_node_map.hpp>
#include <memory>
#include <string>

#include "core/utf8.hpp"
#include "engine/blocking_pool.hpp"
#include "engine/deadlines.hpp"
#include "engine/loop.hpp"
#include "meantime/manager.hpp"
#include "registry/callers.hpp"
#include "registry/live_task.hpp"
#include "registry/registry.hpp"

namespace meantime {

/// Calls of this process that are recorded before they run.
struct KeyedStart {
  TaskId joined;  ///< The task that has the key: this call's own, or an earlier one's.
  bool answered = false;
  bool told = false;  ///< Somebody was given `joined` while the store had not answered.
  WaitList waiters;
};

/// What an ask gets whose task is to end.
[[nodiscard]] Error given_up();

struct TaskManager::Impl final : LiveTaskHost, StoreListener {
  Impl(boost::asio::io_context& io, ManagerPorts ports, ManagerOptions options);
  ~Impl() override;

  // call.cpp
  struct Switched;
  Task<Result<Outcome>> call(ToolEntry& entry, ToolCall&& call);
  Task<Result<Outcome>> answer(std::unique_ptr<LiveTask> task);
  Task<Result<Outcome>> first_of_the_two(std::unique_ptr<LiveTask> task, CallerEars ears, Milliseconds budget);
  [[nodiscard]] std::optional<Error> refuse(const ToolEntry& entry, const CallerAccount& account,
                                            const ToolCall& call) const;
  Task<Result<Outcome>> to_background(std::unique_ptr<LiveTask> task);
  Task<Result<Outcome>> keyed_call(ToolEntry& entry, CallerAccount& account, ToolCall call, Milliseconds budget);
  Task<Result<Outcome>> join(TaskId id, std::string tool_name, Milliseconds budget, bool no_background);
  Task<Result<Outcome>> join_keyed(std::shared_ptr<KeyedStart> keyed, std::string tool_name, Milliseconds budget,
                                   bool no_background);
  Result<Outcome> inline_outcome(LiveTask& task);
  void give_up(std::unique_ptr<LiveTask> task) noexcept;
  void count(LiveTask& task) noexcept;
  void uncount(LiveTask& task) noexcept;
  void adopt(std::unique_ptr<LiveTask> task, std::string_view idempotency_key);
  Task<void> key_answered(KeyedStart& keyed);
  Task<void> keyed_start(LiveTask& task, std::shared_ptr<KeyedStart> keyed);
  static TaskStart start_of(const LiveTask& task);
  void forget_key(const LiveTask& task);
  Task<void> store_start(LiveTask& task);
  Task<void> stored_or_too_long(TaskId id, InlineCaller& here);
  void begin_now(LiveTask& task);
  Task<void> begin_next_turn(TaskId id);

  // asking.cpp
  void asked(Ask& ask) override;
  void ask_as_task(Ask& ask) override;
  void ask_ended(LiveTask& task) override;
  [[nodiscard]] LiveTask* asker(TaskId id) const noexcept;
  void asks_changed(LiveTask& task);
  void save_asks_soon(LiveTask& task);
  Task<void> save_asks(TaskId id);
  Task<bool> save_some_asks(TaskId id);
  Task<void> load_answers(TaskId id);
  void look_for_answers();
  Task<void> look_for_all_answers(std::vector<TaskId> wanted);
  Task<Result<std::uint32_t>> answer_input(TaskId id, std::vector<InputResponse> responses,
                                           std::optional<std::string> user_id);

  // ending.cpp
  Task<void> record_end(LiveTask& task);
  Task<Result<FinishVerdict>> save_anew(LiveTask& task, const TaskEnd& end);
  void tell_end(const LiveTask& task, TaskStatus status, const std::string& error);
  void remove(LiveTask& task);
  std::optional<TaskEnd> make_small_end(LiveTask& task, ToolReturn& returned);
  Task<TaskEnd> make_large_end(LiveTask& task, ToolReturn returned);
  TaskRecord record_of(const LiveTask& task) const;
  void end_by_force(LiveTask& task, EndReason reason);
  void request_end(LiveTask& task, EndReason reason);

  // unsaved.cpp
  static void put_end(TaskRecord& record, const TaskEnd& end);
  static TaskRecord record_of(const JournalEntry& entry);
  static std::string key_of(const JournalEntry& entry);
  JournalEntry entry_of(const LiveTask& task) const;
  Task<Result<bool>> start_anew(JournalEntryPtr entry);
  Task<Result<FinishVerdict>> save(JournalEntryPtr entry);
  Task<void> keep_unsaved(const LiveTask& task, TaskEnd end);
  Task<void> write_journal(Milliseconds wait_first);
  Task<bool> write_some(std::size_t at_most);
  void forget_key(const JournalEntry& entry);
  void take_over_journal();
  [[nodiscard]] std::optional<Error> journal_full() const;
  Task<void> start_again(TaskId id, bool all);
  Task<void> start_all_again(bool all);
  /// A fault of the store: told once for each time that it is away.
  void store_fault(std::string_view where, const Error& error);
  void store_answers() noexcept { away_told = false; }

  // questions.cpp
  void merge_unsaved(TaskList& listed, const ListQuery& query) const;
  Task<Result<TaskRecord>> find(TaskId id, std::optional<std::string> user_id);
  Task<Result<Awaited>> await_task(TaskId id, Milliseconds timeout, std::optional<std::string> user_id);
  Task<Result<Awaited>> await_remote(TaskId id, SteadyTime until, std::optional<std::string> user_id,
                                     const TaskRecord* seen);
  Task<Result<TaskRecord>> await_change(TaskId id, const TaskRecord& seen, SteadyTime until,
                                        std::optional<std::string> user_id);
  [[nodiscard]] std::optional<Error> no_more_waits(std::string op) const;
  Task<Result<void>> redirect(TaskId id, Redirect redirect, std::optional<std::string> user_id);
  [[nodiscard]] Result<std::vector<Redirect>> resolve(std::vector<Redirect> wanted, const Caller& owner) const;
  void add_default_redirects(LiveTask& task);
  Task<void> store_default_redirects(TaskId id);
  void note_read(const TaskRecord& record, const std::optional<std::string>& user_id);
  Task<void> suppress_read(TaskId id);
  Task<void> load_redirects(TaskId id);
  Task<Result<TextPage>> read_result(TaskId id, std::uint64_t offset, std::uint64_t limit);
  Task<void> flush(LiveTask& task);
  Task<void> flush_rest(LiveTask& task);

  // upkeep.cpp
  Task<void> upkeep();
  Task<void> look_for_lost();
  Task<void> reap_lost();
  Task<void> look_for_cancels();
  Task<DrainReport> drain(Milliseconds grace);
  void rerun(ReclaimedTask reclaimed);
  Task<void> rerun_when_recorded(ReclaimedTask reclaimed);
  Task<void> forget_ended();

  // LiveTaskHost
  Loop& loop() noexcept override { return loop_; }
  Deadlines& deadlines() noexcept override { return deadlines_; }
  std::coroutine_handle<> body_ended(LiveTask& task) noexcept override;
  void budget_over(LiveTask& task) noexcept override;
  void grace_over(LiveTask& task) override;
  void run_time_over(LiveTask& task) override;
  void progressed(LiveTask& task) override;
  void printed(LiveTask& task) override;

  // StoreListener
  void on_ended(const TaskId& task) override;
  void on_cancel_requested(const TaskId& task) override;
  void on_changed(const TaskId& task) override;
  void on_worker_died() override;
  void on_redirected(const TaskId& task) override;
  void on_input_answered(const TaskId& task) override;
  void on_available(bool available, std::string_view detail) override;
  void on_forgotten() override;

  void tell(TaskEvent::Phase phase, std::string_view status, const LiveTask& task, const ToolFailure* failure);
  void fault(std::string_view where, std::string_view what) noexcept;
  /// Exact to the millisecond where telemetry hears of it; else to a scheduler tick, for a tenth of the price.
  [[nodiscard]] SteadyTime now() const noexcept { return telemetry != nullptr ? clock.now() : clock.coarse_now(); }
  [[nodiscard]] Milliseconds age(const LiveTask& task) const {
    return std::chrono::duration_cast<Milliseconds>(now() - task.started);
  }
  Task<void> pause(Milliseconds duration);
  ToolEntry* find_tool(std::string_view name);
  void tools_changed();

  Clock& clock;
  Store& store;
  Telemetry* telemetry;
  const std::unique_ptr<Journal> own_journal;  ///< When none was given.
  const DeliveryRules* delivery;
  Journal& journal;
  ManagerOptions options;
  Loop loop_;
  Deadlines deadlines_;
  TaskIdSource ids;
  BlockingPool pool;
  Callers callers;
  Registry registry;
  boost::unordered_node_map<std::string, std::unique_ptr<ToolEntry>> tools;
  std::vector<std::unique_ptr<ToolEntry>> removed_tools;  ///< Until the manager goes: handles may still point there.
  boost::unordered_node_map<std::string, std::shared_ptr<KeyedStart>> keys;  ///< By owner and key, while they run.
  std::function<void()> tell_tools_changed;
  Ready tell_tools{[](void* self) { static_cast<Impl*>(self)->tools_changed(); }, this};
  boost::unordered_flat_set<TaskId, std::hash<TaskId>> asking;  ///< Tasks here with open input requests.
  std::uint32_t running = 0;
  std::uint32_t waiting = 0;
  std::size_t former_left = 0;  ///< Outcomes of dead processes that were not tried yet.
  SteadyTime unsaved_since{};   ///< Since when outcomes wait.
  /// Places of those that the store refused for a reason of their own: they hold up nobody.
  boost::unordered_flat_set<std::uint64_t> stuck;
  bool writing_journal = false;
  bool away_told = false;
  bool starts_failed = false;  ///< Some task of this process is unknown to the store.
  std::uint64_t telemetry_faults = 0;
  bool draining = false;
  bool looking_for_lost = false;
  bool looking_for_answers = false;
  bool forgetting = false;
  bool look_again_for_lost = false;
  SteadyTime drain_until{};
  WaitList idle_waiters;  ///< Woken when the last live task has ended.
  WaitList store_back;    ///< Woken when the store can be reached again.
  TaskGroup group;        ///< Last: what it runs uses all of the above.
};

}  // namespace meantime
