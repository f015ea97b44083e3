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
// Lists of durations nobody uses any more are swept when there are more than this.
constexpr std::size_t lists_before_sweep = 64;
}  // namespace

void Deadline::disarm() noexcept {
  // The alarm may now be early; it then finds nothing due and is set again. That is cheaper than moving it each time.
  if (list_ != nullptr) list_->remove(*this);
}

Deadlines::Deadlines(Clock& clock) : clock_(clock), alarm_(clock.make_alarm([this] { fire_due(); })) {}

Deadlines::~Deadlines() {
  for (auto& [after, list] : lists_) {
    while (list->first != nullptr) list->first->disarm();
  }
}

void Deadlines::arm(Deadline& deadline, Milliseconds after, SteadyTime now) {
  deadline.disarm();
  // Far enough for anyone, and short of where the sum with `now` would overflow.
  after = std::clamp(after, Milliseconds(0), std::chrono::duration_cast<Milliseconds>(std::chrono::years(100)));
  deadline.when_ = now + after;
  // Armed while others fire: at the earliest on the next turn, or a sleep of nothing in a loop would hold the thread.
  if (firing_) deadline.when_ = std::max(deadline.when_, firing_at_ + SteadyTime::duration(1));
  if (last_used_ == nullptr || last_used_->after != after) {
    if (lists_.size() > lists_before_sweep && !firing_) {
      std::erase_if(lists_, [](const auto& entry) { return entry.second->first == nullptr; });
    }
    auto& list = lists_[after];
    if (!list) {
      list = std::make_unique<Deadline::List>();
      list->after = after;
    }
    last_used_ = list.get();
  }
  if (last_used_->last == nullptr || last_used_->last->when_ <= deadline.when_) {
    last_used_->append(deadline);
  } else {
    last_used_->insert_in_order(deadline);
  }
  if (deadline.when_ < alarm_at_ && !firing_) {
    alarm_at_ = deadline.when_;
    alarm_->set(alarm_at_);
  }
}

void Deadlines::fire_due() {
  const SteadyTime now = clock_.now();
  firing_ = true;
  firing_at_ = now;
  for (;;) {
    Deadline* due = nullptr;
    for (auto& [after, list] : lists_) {
      if (list->first != nullptr && list->first->when_ <= now && (due == nullptr || list->first->when_ < due->when_)) {
        due = list->first;
      }
    }
    if (due == nullptr) break;
    due->disarm();
    due->fire_(due->owner_);
  }
  firing_ = false;
  set_alarm();
}

void Deadlines::set_alarm() {
  alarm_at_ = SteadyTime::max();
  for (const auto& [after, list] : lists_) {
    if (list->first != nullptr) alarm_at_ = std::min(alarm_at_, list->first->when_);
  }
  if (alarm_at_ != SteadyTime::max()) alarm_->set(alarm_at_);
}

}  // namespace meantime
