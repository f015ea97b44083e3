// SPDX-License-Identifier: MIT
// backend.hpp: the tasks of all workers of one process, and the steps that change them.
// Threads: one; the loops of all workers over it run on the same thread.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <memory>
#include <vector>

#include "meantime/memory_store.hpp"
#include "store/memory/deliveries.hpp"
#include "store/memory/record.hpp"
#include "store/memory/shared_texts.hpp"

namespace meantime {

class MemoryBackend {
 public:
  /// One MemoryStore as the others see it. Shared with notices on their way to it, which may come after it is gone.
  struct Worker {
    struct Watch {
      std::uint32_t count = 0;
      bool change_told = false;  // a notice of a change is on its way: later ones join it
    };
    std::string name;
    std::uint32_t index = 0;
    boost::asio::io_context* loop = nullptr;  // null: gone
    StoreListener* listener = nullptr;
    OutboxListener* outbox_listener = nullptr;
    bool due_told = false;  // a notice of something due is on its way
    SteadyTime lease_until{};
    std::uint64_t running = 0;
    boost::unordered_flat_map<TaskId, Watch, std::hash<TaskId>> watches;
    boost::unordered_flat_set<TaskId, std::hash<TaskId>> cancels;
  };
  using WorkerPtr = std::shared_ptr<Worker>;
  /// A worker with running tasks that is silent for longer is dead.
  static constexpr Milliseconds lease{12'000};

  MemoryBackend(Clock& clock, MemoryRetention retention);
  MemoryBackend(const MemoryBackend&) = delete;
  MemoryBackend& operator=(const MemoryBackend&) = delete;
  ~MemoryBackend();

  [[nodiscard]] WorkerPtr join(boost::asio::io_context& loop);
  void leave(Worker& worker);
  void heartbeat(Worker& worker);

  Result<StartVerdict> start(Worker& worker, const TaskStart& start);
  Result<FinishVerdict> finish(Worker& worker, RunToken run, TaskEnd end);
  Result<TaskRecord> find(const TaskId& task);
  Result<TextPage> read_result(const TaskId& task, std::uint64_t offset_chars, std::uint64_t limit_chars);
  Result<TaskList> list(const ListQuery& query);
  Result<void> set_progress(Worker& worker, RunToken run, Progress progress);
  Result<void> append_output(Worker& worker, RunToken run, std::string_view bytes);
  Result<std::string> read_output(const TaskId& task, std::uint64_t offset_bytes, std::uint64_t limit_bytes);
  Result<void> request_cancel(Worker& worker, const TaskId& task);
  Result<void> add_redirect(Worker& worker, const TaskId& task, Redirect redirect);
  Result<void> ask_input(Worker& worker, RunToken run, std::vector<InputRequest> requests);
  Result<std::uint32_t> answer_input(Worker& worker, const TaskId& task, std::vector<InputResponse> responses);
  Result<std::vector<InputResponse>> input_responses(const TaskId& task);
  LostReport reap_lost(Worker& worker, const ReclaimPolicy& policy);
  std::uint64_t forget_ended(WallTime ended_before);

  [[nodiscard]] store::MemoryDeliveries& deliveries() noexcept { return deliveries_; }
  /// Something may be due: tells all workers that deliver.
  void tell_due();

 private:
  using Record = store::Record;
  using Owner = store::Owner;
  struct HashOfId {
    using is_transparent = void;
    std::size_t operator()(const TaskId& id) const noexcept { return id.hash(); }
    std::size_t operator()(const Record* record) const noexcept { return record->id.hash(); }
  };
  struct SameId {
    using is_transparent = void;
    bool operator()(const Record* a, const Record* b) const noexcept { return a->id == b->id; }
    bool operator()(const TaskId& a, const Record* b) const noexcept { return a == b->id; }
    bool operator()(const Record* a, const TaskId& b) const noexcept { return a->id == b; }
  };
  using OwnerKey = std::pair<const Owner*, std::string_view>;  // the text lies in the record's Rare

  [[nodiscard]] Record* look_up(const TaskId& task);
  [[nodiscard]] Result<Record*> own_running(const Worker& worker, RunToken run, const char* op);
  [[nodiscard]] bool speaks_for(const Worker& worker, RunToken run, const Record& record) const;
  [[nodiscard]] Owner& owner_of(std::string_view user_id);
  void end(Record& record, TaskEnd end);
  void open_delivery(const Record& record, std::size_t place);
  void keep(const TaskId& task, bool to_deliver);
  void keep_late(Record& record, TaskEnd end);
  void forget(Record& record);
  void evict();
  [[nodiscard]] bool is_dead(const Worker& worker) const;
  [[nodiscard]] Milliseconds since_lease(const Worker& worker) const;
  [[nodiscard]] TaskRecord describe(const Record& record) const;

  void tell_ended(const Worker* except, const TaskId& task);
  void tell_changed(const Worker& except, const TaskId& task);
  static void tell_cancel(const WorkerPtr& worker, const TaskId& task);
  static void tell_redirect(const WorkerPtr& worker, const TaskId& task);
  static void tell_answered(const WorkerPtr& worker, const TaskId& task);
  void tell_worker_died(const Worker& except);

  Clock& clock_;
  const MemoryRetention retention_;
  std::vector<WorkerPtr> workers_;
  boost::unordered_flat_set<Record*, HashOfId, SameId> records_;
  boost::unordered_flat_map<std::string_view, std::unique_ptr<Owner>> owners_;
  Owner* last_owner_ = nullptr;
  boost::unordered_flat_map<OwnerKey, Record*> keys_;
  store::SharedTexts texts_;
  store::RecordPool pool_;
  store::RecordList<&Record::of_all> all_;
  store::RecordList<&Record::of_state> ended_;
  std::uint64_t ended_count_ = 0;
  std::uint64_t ended_bytes_ = 0;
  std::uint64_t last_number_ = 0;
  store::MemoryDeliveries deliveries_;

  friend class MemoryList;
};

}  // namespace meantime
