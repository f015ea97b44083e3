// SPDX-License-Identifier: MIT
// deadlines.hpp: many deadlines behind one alarm. Equal durations expire in the order they were armed, so each duration
// has a list of its own and arming and disarming cost O(1); durations beyond the first few dozen share an ordered set.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "meantime/clock.hpp"

namespace meantime {

class Deadlines;

/// One armed deadline; lives inside what waits for it. Destroying it disarms it.
class Deadline {
 public:
  using Fire = void (*)(void* owner);
  Deadline(Fire fire, void* owner) noexcept : fire_(fire), owner_(owner) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() { disarm(); }

  [[nodiscard]] bool armed() const noexcept { return list_ != nullptr || odd_ != nullptr; }
  void disarm() noexcept;

 private:
  friend class Deadlines;
  struct List;
  Deadline* previous_ = nullptr;
  Deadline* next_ = nullptr;
  List* list_ = nullptr;
  Deadlines* odd_ = nullptr;  // set in place of list_ for those in the ordered set
  SteadyTime when_{};
  Fire fire_;
  void* owner_;
};

/// All deadlines of one loop. Deadlines fire on the loop, earliest first; one that fires is disarmed before.
class Deadlines {
 public:
  explicit Deadlines(Clock& clock);
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;
  ~Deadlines();

  /// Arms `deadline` for `after` from `now`. Zero or less fires on the loop's next turn.
  void arm(Deadline& deadline, Milliseconds after, SteadyTime now);
  void arm(Deadline& deadline, Milliseconds after) { arm(deadline, after, clock_.now()); }
  [[nodiscard]] Clock& clock() const noexcept { return clock_; }

 private:
  friend class Deadline;
  struct Earlier {
    bool operator()(const Deadline* a, const Deadline* b) const noexcept {
      return a->when_ != b->when_ ? a->when_ < b->when_ : std::less<>()(a, b);
    }
  };
  Deadline::List* list_for(Milliseconds after);
  [[nodiscard]] Deadline* earliest() const noexcept;
  void fire_due();
  void set_alarm();

  Clock& clock_;
  std::map<Milliseconds, std::unique_ptr<Deadline::List>> lists_;
  Deadline::List* last_used_ = nullptr;
  std::set<Deadline*, Earlier> odd_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  SteadyTime alarm_at_ = SteadyTime::max();
  bool firing_ = false;
  SteadyTime firing_at_{};
  std::unique_ptr<Alarm> alarm_;
};

}  // namespace meantime
