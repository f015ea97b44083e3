// SPDX-License-Identifier: MIT
#include "engine/deadlines.hpp"

#include <algorithm>
#include <vector>

namespace meantime {

// Armed in time order: `now` never goes back and the duration is one, so the first is always the earliest.
struct Deadline::List {
  Milliseconds after{};
  Deadline* first = nullptr;
  Deadline* last = nullptr;

  void append(Deadline& deadline) noexcept {
    deadline.previous_ = last;
    deadline.next_ = nullptr;
    (last != nullptr ? last->next_ : first) = &deadline;
    last = &deadline;
    deadline.list_ = this;
  }
  // Only where a caller's `now` was older than one before it (a coarse clock beside a precise one).
  void insert_in_order(Deadline& deadline) noexcept {
    Deadline* before = last;
    while (before != nullptr && before->when_ > deadline.when_) before = before->previous_;
    deadline.previous_ = before;
    deadline.next_ = before != nullptr ? before->next_ : first;
    (before != nullptr ? before->next_ : first) = &deadline;
    (deadline.next_ != nullptr ? deadline.next_->previous_ : last) = &deadline;
    deadline.list_ = this;
  }
  void remove(Deadline& deadline) noexcept {
    (deadline.previous_ != nullptr ? deadline.previous_->next_ : first) = deadline.next_;
    (deadline.next_ != nullptr ? deadline.next_->previous_ : last) = deadline.previous_;
    deadline.list_ = nullptr;
  }
};

namespace {
constexpr std::size_t max_lists = 48;
}  // namespace

void Deadline::disarm() noexcept {
  // The alarm may now be early; it then finds nothing due and is set again. That is cheaper than moving it each time.
  if (list_ != nullptr) list_->remove(*this);
  if (odd_ != nullptr) std::exchange(odd_, nullptr)->odd_.erase(this);
}

Deadlines::Deadlines(Clock& clock) : clock_(clock), alarm_(clock.make_alarm([this] { fire_due(); })) {}

Deadlines::~Deadlines() {
  *alive_ = false;
  for (auto& [after, list] : lists_) {
    while (list->first != nullptr) list->first->disarm();
  }
  while (!odd_.empty()) (*odd_.begin())->disarm();
}

// Null when there are too many durations for lists of their own.
Deadline::List* Deadlines::list_for(Milliseconds after) {
  if (last_used_ != nullptr && last_used_->after == after) return last_used_;
  auto at = lists_.find(after);
  if (at == lists_.end()) {
    if (lists_.size() >= max_lists) {
      std::erase_if(lists_, [](const auto& entry) { return entry.second->first == nullptr; });
      last_used_ = nullptr;
      if (lists_.size() >= max_lists) return nullptr;
    }
    at = lists_.emplace(after, std::make_unique<Deadline::List>()).first;
    at->second->after = after;
  }
  last_used_ = at->second.get();
  return last_used_;
}

void Deadlines::arm(Deadline& deadline, Milliseconds after, SteadyTime now) {
  deadline.disarm();
  // Far enough for anyone, and short of where the sum with `now` would overflow.
  after = std::clamp(after, Milliseconds(0), std::chrono::duration_cast<Milliseconds>(std::chrono::years(100)));
  deadline.when_ = now + after;
  // Armed while others fire: at the earliest on the next turn, or a sleep of nothing in a loop would hold the thread.
  if (firing_) deadline.when_ = std::max(deadline.when_, firing_at_ + SteadyTime::duration(1));
  if (Deadline::List* list = list_for(after); list == nullptr) {
    deadline.odd_ = this;
    odd_.insert(&deadline);
  } else if (list->last == nullptr || list->last->when_ <= deadline.when_) {
    list->append(deadline);
  } else {
    list->insert_in_order(deadline);
  }
  if (deadline.when_ < alarm_at_ && !firing_) {
    alarm_at_ = deadline.when_;
    alarm_->set(alarm_at_);
  }
}

Deadline* Deadlines::earliest() const noexcept {
  Deadline* first = odd_.empty() ? nullptr : *odd_.begin();
  for (const auto& [after, list] : lists_) {
    if (list->first != nullptr && (first == nullptr || list->first->when_ < first->when_)) first = list->first;
  }
  return first;
}

void Deadlines::fire_due() {
  const SteadyTime now = clock_.now();
  const std::shared_ptr<bool> alive = alive_;
  firing_ = true;
  firing_at_ = now;
  for (Deadline* due = earliest(); due != nullptr && due->when_ <= now; due = earliest()) {
    due->disarm();
    due->fire_(due->owner_);
    if (!*alive) return;  // what fired destroyed all this
  }
  firing_ = false;
  set_alarm();
}

void Deadlines::set_alarm() {
  const Deadline* first = earliest();
  alarm_at_ = first != nullptr ? first->when_ : SteadyTime::max();
  if (first != nullptr) alarm_->set(alarm_at_);
}

}  // namespace meantime
