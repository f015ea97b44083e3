// SPDX-License-Identifier: MIT
// deliveries.hpp: the deliveries of one process's tasks, and the steps that change them. Threads: as backend.hpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "meantime/clock.hpp"
#include "meantime/outbox.hpp"

namespace meantime::store {

class MemoryDeliveries {
 public:
  /// `on_open` is told when a task has its first open delivery (true), and when its last one is over.
  MemoryDeliveries(Clock& clock, std::function<void(const TaskId&, bool open)> on_open)
      : clock_(clock), on_open_(std::move(on_open)) {}

  /// What the end of a task, or a redirect of one that has ended, brings into being; of one that is over a new round.
  void open(DeliveryId id, const Delivery& like);
  void forget(const TaskId& task);

  Claimed claim(const ClaimQuery& query, std::string_view worker);
  Result<void> plan(const ClaimToken& claim, std::string_view worker, std::vector<std::string> chunks);
  Result<std::vector<std::string>> chunks(const DeliveryId& id);
  Result<void> step(const ClaimToken& claim, std::string_view worker, const DeliveryStep& step);
  Result<Delivery> find(const DeliveryId& id);
  Result<DeliveryList> list(const DeliveryQuery& query);
  Result<void> replay(const DeliveryId& id);
  std::uint32_t suppress_read(const TaskId& task);
  void pause(const std::string& destination, Milliseconds time, std::string why);
  std::vector<DestinationLoad> destinations();

 private:
  struct Entry {
    Delivery delivery;
    std::vector<std::string> chunks;
    SteadyTime due{};
  };
  /// One channel of a destination: never empty.
  struct Lane {
    std::set<std::pair<SteadyTime, std::uint64_t>> open;
    std::uint64_t busy = 0;  // which one is held, or half sent; 0: none
  };
  struct Destination {
    std::map<std::string, Lane, std::less<>> lanes;
    std::string last_claimed;  // the next claim begins behind it
  };
  struct Pause {
    SteadyTime until{};
    std::string why;
  };

  [[nodiscard]] Entry* look_up(const DeliveryId& id);
  [[nodiscard]] Result<Entry*> held(const ClaimToken& claim, std::string_view worker, const char* op);
  void file(std::uint64_t number, Entry& entry, SteadyTime due);
  void unfile(std::uint64_t number, const Entry& entry);
  void end(Entry& entry, DeliveryState state);
  [[nodiscard]] Delivery show(const Entry& entry) const;

  Clock& clock_;
  std::function<void(const TaskId&, bool open)> on_open_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, Entry> entries_;  // by the order in which they came
  std::map<DeliveryId, std::uint64_t> numbers_;
  std::map<std::string, Destination, std::less<>> open_;
  std::map<TaskId, std::uint32_t> open_of_task_;
  std::map<std::string, Pause> pauses_;
};

}  // namespace meantime::store
