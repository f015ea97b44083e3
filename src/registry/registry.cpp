// SPDX-License-Identifier: MIT
#include "registry/registry.hpp"

namespace meantime {

Registry::~Registry() {
  while (!tasks_.empty()) {
    LiveTask* task = *tasks_.begin();
    tasks_.erase(tasks_.begin());
    delete task;
  }
}

void Registry::link(LiveTask& task) noexcept {
  task.next = first_;
  if (first_ != nullptr) first_->previous = &task;
  first_ = &task;
  ++live_;
}

void Registry::unlink(LiveTask& task) noexcept {
  if (cursor_ == &task) cursor_ = task.next;
  (task.previous != nullptr ? task.previous->next : first_) = task.next;
  if (task.next != nullptr) task.next->previous = task.previous;
  task.previous = task.next = nullptr;
  --live_;
}

void Registry::add(std::unique_ptr<LiveTask> task) {
  tasks_.insert(task.release());
}

LiveTask* Registry::find(const TaskId& id) const noexcept {
  const auto at = tasks_.find(id);
  return at == tasks_.end() ? nullptr : *at;
}

std::unique_ptr<LiveTask> Registry::take(LiveTask& task) noexcept {
  tasks_.erase(&task);
  return std::unique_ptr<LiveTask>(&task);
}

Registry::Remote* Registry::find_remote(const TaskId& id) noexcept {
  const auto at = remote_.find(id);
  return at == remote_.end() ? nullptr : &at->second;
}

void Registry::wake_all_remote() {
  for (auto& [id, remote] : remote_) remote.waiters.wake_all(Woken::look);
}

}  // namespace meantime
