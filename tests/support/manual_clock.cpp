// SPDX-License-Identifier: MIT
#include "support/manual_clock.hpp"

#include <boost/asio/io_context.hpp>

namespace meantime::test {

class ManualClock::ManualAlarm final : public Alarm {
 public:
  ManualAlarm(ManualClock& clock, std::function<void()> fire) : clock_(clock), fire_(std::move(fire)) {
    clock_.alarms_.insert(this);
  }
  ~ManualAlarm() override { clock_.alarms_.erase(this); }
  void set(SteadyTime when) override { when_ = when; }
  void clear() override { when_ = SteadyTime::max(); }

  SteadyTime when_ = SteadyTime::max();
  ManualClock& clock_;
  std::function<void()> fire_;
};

ManualClock::ManualClock(boost::asio::io_context& loop) : loop_(loop) {}
ManualClock::~ManualClock() = default;

std::unique_ptr<Alarm> ManualClock::make_alarm(std::function<void()> fire) {
  return std::make_unique<ManualAlarm>(*this, std::move(fire));
}

void ManualClock::advance(Milliseconds by) {
  const SteadyTime end = now_ + by;
  const auto settle = [this] {
    loop_.restart();
    while (loop_.poll() != 0) loop_.restart();
  };
  settle();
  for (;;) {
    ManualAlarm* next = nullptr;
    for (ManualAlarm* alarm : alarms_) {
      if (alarm->when_ <= end && (next == nullptr || alarm->when_ < next->when_)) next = alarm;
    }
    if (next == nullptr) break;
    if (next->when_ > now_) {
      wall_ += std::chrono::duration_cast<Milliseconds>(next->when_ - now_);
      now_ = next->when_;
    }
    next->when_ = SteadyTime::max();
    next->fire_();
    settle();
  }
  wall_ += std::chrono::duration_cast<Milliseconds>(end - now_);
  now_ = end;
  settle();
}

}  // namespace meantime::test
