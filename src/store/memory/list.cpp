// SPDX-License-Identifier: MIT
// list.cpp: pages of tasks, newest first, without a look at the tasks that are on other pages.
#include <limits>

#include "store/memory/backend.hpp"
#include "store/messages.hpp"

namespace meantime {

/// One query under way.
class MemoryList {
 public:
  using Record = store::Record;

  MemoryList(MemoryBackend& backend, const ListQuery& query, const store::Owner* owner)
      : backend_(backend), query_(query), owner_(owner) {}

  TaskList page() {
    if (query_.tool_name) tool_name_ = *query_.tool_name;
    place_cursor();
    if (query_.status == TaskStatus::running && owner_ != nullptr) {
      walk<&Record::of_state>(running_start());
    } else if (query_.status && query_.status != TaskStatus::running &&
               backend_.ended_count_ < all_count() / ended_are_few) {
      walk_ended();
    } else if (owner_ != nullptr) {
      walk<&Record::of_owner>(cursor_ != nullptr ? cursor_->of_owner.older : owner_->tasks.newest());
    } else {
      walk<&Record::of_all>(cursor_ != nullptr ? cursor_->of_all.older : backend_.all_.newest());
    }
    return std::move(page_);
  }

 private:
  // Where tasks that ended are rarer than this among all, they are picked out and sorted.
  static constexpr std::uint64_t ended_are_few = 4;

  [[nodiscard]] std::uint64_t all_count() const { return owner_ != nullptr ? owner_->count : backend_.records_.size(); }

  void place_cursor() {
    if (!query_.after) return;
    cursor_ = backend_.look_up(*query_.after);
    if (cursor_ == nullptr) {
      older_than_id_ = query_.after;  // retention took it away meanwhile; ids sort by time, so its place can be found
    } else {
      older_than_ = cursor_->number;
      if (owner_ != nullptr && cursor_->owner != owner_) cursor_ = nullptr;  // another's: only its place in time counts
    }
  }

  // The cursor may have ended since the page before and left the list of running tasks: its neighbours there are
  // found through the owner's list.
  [[nodiscard]] const Record* running_start() const {
    if (cursor_ == nullptr) return owner_->running.newest();
    const Record* record = cursor_;
    if (record->status == TaskStatus::running) return record->of_state.older;
    do {
      record = record->of_owner.older;
    } while (record != nullptr && record->status != TaskStatus::running);
    return record;
  }

  [[nodiscard]] bool wanted(const Record& record) const {
    if (record.number >= older_than_ || (older_than_id_ && record.id >= *older_than_id_)) return false;
    if (query_.status && record.status != *query_.status) return false;
    if (query_.created_after && record.created_at < *query_.created_after) return false;
    if (query_.created_before && record.created_at >= *query_.created_before) return false;
    return !query_.tool_name || record.tool->text == tool_name_;
  }

  // False: the page is full.
  bool add(const Record& record) {
    if (page_.tasks.size() == query_.limit) {
      page_.next = page_.tasks.back().task_id;
      return false;
    }
    page_.tasks.push_back(backend_.describe(record));
    return true;
  }

  template <store::Link Record::* Member>
  void walk(const Record* record) {
    for (; record != nullptr; record = (record->*Member).older) {
      if (wanted(*record) && !add(*record)) return;
    }
  }

  void walk_ended() {
    std::vector<const Record*> found;
    for (const Record* record = backend_.ended_.newest(); record != nullptr; record = record->of_state.older) {
      if (owner_ != nullptr && record->owner != owner_) continue;
      if (wanted(*record)) found.push_back(record);
    }
    std::ranges::sort(found, std::greater{}, &Record::number);
    for (const Record* record : found) {
      if (!add(*record)) return;
    }
  }

  MemoryBackend& backend_;
  const ListQuery& query_;
  const store::Owner* owner_;
  std::string_view tool_name_;
  const Record* cursor_ = nullptr;
  std::uint64_t older_than_ = std::numeric_limits<std::uint64_t>::max();
  std::optional<TaskId> older_than_id_;
  TaskList page_;
};

Result<TaskList> MemoryBackend::list(const ListQuery& query) {
  if (auto ok = store::check_list_limit(query); !ok) return std::unexpected(ok.error());
  evict();
  const Owner* owner = nullptr;
  if (query.user_id) {
    const auto found = owners_.find(std::string_view(*query.user_id));
    if (found == owners_.end()) return TaskList{};
    owner = found->second.get();
  }
  return MemoryList(*this, query, owner).page();
}

}  // namespace meantime
