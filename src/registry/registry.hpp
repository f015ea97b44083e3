// SPDX-License-Identifier: MIT
// registry.hpp: the tasks that run in this process, by id, and those who wait for tasks of other processes.
// Threads: the loop's only.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <boost/unordered/unordered_node_map.hpp>
#include <memory>

#include "registry/live_task.hpp"

namespace meantime {

class Registry {
 public:
  Registry() = default;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry();

  /// Every live task is linked from its making to its end; background ones are found by id besides.
  void link(LiveTask& task) noexcept;
  void unlink(LiveTask& task) noexcept;
  /// Takes over a background task.
  void add(std::unique_ptr<LiveTask> task);
  [[nodiscard]] LiveTask* find(const TaskId& id) const noexcept;
  /// Lets go of a background task.
  [[nodiscard]] std::unique_ptr<LiveTask> take(LiveTask& task) noexcept;

  [[nodiscard]] std::size_t live() const noexcept { return live_; }
  [[nodiscard]] std::size_t background() const noexcept { return tasks_.size(); }

  /// `visit` may end and remove any task. Not for use inside `visit`.
  template <class Visit>
  void for_each_live(Visit visit) {
    for (cursor_ = first_; cursor_ != nullptr;) {
      LiveTask& current = *std::exchange(cursor_, cursor_->next);
      visit(current);
    }
  }

  /// Waiters for a task of another process.
  struct Remote {
    WaitList waiters;
    std::size_t users = 0;
  };
  [[nodiscard]] Remote& remote(const TaskId& id) { return remote_[id]; }
  [[nodiscard]] Remote* find_remote(const TaskId& id) noexcept;
  void forget_remote(const TaskId& id) noexcept { remote_.erase(id); }
  void wake_all_remote();
  [[nodiscard]] bool anyone_waits_remotely() const noexcept { return !remote_.empty(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const LiveTask* task) const noexcept { return task->id.hash(); }
    std::size_t operator()(const TaskId& id) const noexcept { return id.hash(); }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(const LiveTask* a, const LiveTask* b) const noexcept { return a == b; }
    bool operator()(const LiveTask* a, const TaskId& b) const noexcept { return a->id == b; }
    bool operator()(const TaskId& a, const LiveTask* b) const noexcept { return a == b->id; }
  };

  boost::unordered_flat_set<LiveTask*, Hash, Same> tasks_;
  boost::unordered_node_map<TaskId, Remote, std::hash<TaskId>> remote_;
  LiveTask* first_ = nullptr;
  LiveTask* cursor_ = nullptr;  // the next one of for_each_live
  std::size_t live_ = 0;
};

}  // namespace meantime
