// SPDX-License-Identifier: MIT
#include "registry/wait_list.hpp"

namespace meantime {

Wait::Wait(WaitList& list, Loop& loop, Deadlines& deadlines, Milliseconds timeout)
    : list_(&list),
      loop_(loop),
      deadlines_(deadlines),
      timeout_(timeout),
      ready_([](void* self) { static_cast<Wait*>(self)->waiter_.resume(); }, this),
      deadline_([](void* self) { static_cast<Wait*>(self)->wake(Woken::timed_out, nullptr); }, this) {
  next_ = list.first_;
  if (next_ != nullptr) next_->previous_ = this;
  list.first_ = this;
}

void Wait::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  if (list_ == nullptr) {  // woken between the making and the waiting
    loop_.post(ready_);
  } else {
    deadlines_.arm(deadline_, timeout_);
  }
}

void Wait::leave() noexcept {
  if (list_ == nullptr) return;
  (previous_ != nullptr ? previous_->next_ : list_->first_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  list_ = nullptr;
}

void Wait::wake(Woken why, std::shared_ptr<const TaskRecord> record) {
  leave();
  deadline_.disarm();
  woken_ = why;
  record_ = std::move(record);
  if (waiter_) loop_.post(ready_);
}

void WaitList::wake_all(Woken why, const std::shared_ptr<const TaskRecord>& record) {
  while (first_ != nullptr) first_->wake(why, record);
}

}  // namespace meantime
