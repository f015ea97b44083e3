// SPDX-License-Identifier: MIT
#include "store/memory/deliveries.hpp"

#include <algorithm>

#include "store/delivery_rules.hpp"
#include "store/messages.hpp"

namespace meantime::store {

MemoryDeliveries::Entry* MemoryDeliveries::look_up(const DeliveryId& id) {
  const auto at = numbers_.find(id);
  return at == numbers_.end() ? nullptr : &entries_.at(at->second);
}

Result<MemoryDeliveries::Entry*> MemoryDeliveries::held(const ClaimToken& claim, std::string_view worker,
                                                        const char* op) {
  Entry* entry = look_up(claim.id);
  if (entry == nullptr) return no_such_delivery(op, claim.id);
  const Delivery& it = entry->delivery;
  if (it.state != DeliveryState::sending || it.claim != claim.claim || it.worker != worker) {
    return claim_is_over(op, claim.id);
  }
  return entry;
}

// Among the open ones of its channel, and in the way of the others there while it is held or half sent.
void MemoryDeliveries::file(std::uint64_t number, Entry& entry, SteadyTime due) {
  entry.due = due;
  const Delivery& it = entry.delivery;
  Lane& lane = open_[it.redirect.destination].lanes[it.redirect.channel_id];
  lane.open.emplace(due, number);
  // One that is replayed from its middle waits for the one that is held.
  const bool free = lane.busy == 0;
  if (it.state == DeliveryState::sending || (free && is_half_sent(it))) lane.busy = number;
}

void MemoryDeliveries::unfile(std::uint64_t number, const Entry& entry) {
  const Redirect& to = entry.delivery.redirect;
  const auto destination = open_.find(to.destination);
  const auto lane = destination->second.lanes.find(to.channel_id);
  lane->second.open.erase({entry.due, number});
  if (lane->second.busy == number) lane->second.busy = 0;
  if (!lane->second.open.empty()) return;
  destination->second.lanes.erase(lane);
  if (destination->second.lanes.empty()) open_.erase(destination);
}

void MemoryDeliveries::open(DeliveryId id, const Delivery& like) {
  const SteadyTime now = clock_.now();
  const Milliseconds grace = like.redirect.suppress_if_read ? read_grace : Milliseconds(0);
  if (const auto at = numbers_.find(id); at != numbers_.end()) {
    Entry& entry = entries_.at(at->second);
    if (is_open(entry.delivery.state)) {
      entry.delivery.redirect = like.redirect;
      return;
    }
    entry.delivery.redirect = like.redirect;
    begin_again(entry.delivery, Again::from_the_beginning, clock_.wall_now());
    entry.chunks.clear();
    if (++open_of_task_[id.task_id] == 1) on_open_(id.task_id, true);
    file(at->second, entry, now + grace);
    return;
  }
  const std::uint64_t number = ++last_number_;
  numbers_.emplace(id, number);
  Entry& entry = entries_[number];
  entry.delivery = like;
  entry.delivery.id = id;
  if (++open_of_task_[id.task_id] == 1) on_open_(id.task_id, true);
  file(number, entry, now + grace);
}

void MemoryDeliveries::forget(const TaskId& task) {
  for (auto at = numbers_.lower_bound({task, 0}); at != numbers_.end() && at->first.task_id == task;) {
    Entry& entry = entries_.at(at->second);
    if (is_open(entry.delivery.state)) unfile(at->second, entry);
    entries_.erase(at->second);
    at = numbers_.erase(at);
  }
  open_of_task_.erase(task);
}

Claimed MemoryDeliveries::claim(const ClaimQuery& query, std::string_view worker) {
  Claimed out;
  const SteadyTime now = clock_.now();
  const auto not_before = [&](SteadyTime time) {
    const auto left = std::max(std::chrono::ceil<Milliseconds>(time - now), Milliseconds(1));
    out.next_in = std::min(out.next_in.value_or(left), left);
  };
  std::vector<std::pair<SteadyTime, std::uint64_t>> chosen;
  for (const std::string& name : query.destinations) {
    const auto found = open_.find(name);
    if (found == open_.end()) continue;
    if (const auto pause = pauses_.find(name); pause != pauses_.end()) {
      if (pause->second.until > now) {
        not_before(pause->second.until);
        continue;
      }
      pauses_.erase(pause);
    }
    Destination& destination = found->second;
    std::uint32_t taken = 0;
    // Each channel has its turn, however many deliveries wait in another.
    auto at = destination.lanes.upper_bound(destination.last_claimed);
    for (std::size_t looked = 0; looked < destination.lanes.size(); ++looked, ++at) {
      if (at == destination.lanes.end()) at = destination.lanes.begin();
      const Lane& lane = at->second;
      const auto next = lane.busy != 0 ? std::pair(entries_.at(lane.busy).due, lane.busy) : *lane.open.begin();
      if (next.first > now) {
        not_before(next.first);
        continue;
      }
      if (taken == query.of_one_destination || chosen.size() == query.limit) {
        out.next_in = Milliseconds(0);
        break;
      }
      chosen.push_back(next);
      destination.last_claimed = at->first;
      ++taken;
    }
  }
  std::ranges::sort(chosen);
  for (const auto& [due, number] : chosen) {
    Entry& entry = entries_.at(number);
    unfile(number, entry);
    Delivery& it = entry.delivery;
    take(it, worker);
    file(number, entry, now + query.hold);
    out.deliveries.push_back(show(entry));
  }
  return out;
}

Result<void> MemoryDeliveries::plan(const ClaimToken& claim, std::string_view worker, std::vector<std::string> chunks) {
  const auto entry = held(claim, worker, "outbox.plan");
  if (!entry) return std::unexpected(entry.error());
  (*entry)->delivery.chunks = static_cast<std::uint32_t>(chunks.size());
  (*entry)->chunks = std::move(chunks);
  (*entry)->delivery.stepped_at = clock_.wall_now();
  return {};
}

Result<std::vector<std::string>> MemoryDeliveries::chunks(const DeliveryId& id) {
  const Entry* entry = look_up(id);
  if (entry == nullptr) return no_such_delivery("outbox.chunks", id);
  return entry->chunks;
}

void MemoryDeliveries::end(Entry& entry, DeliveryState state) {
  entry.delivery.state = state;
  entry.delivery.ended_at = clock_.wall_now();
  if (state == DeliveryState::delivered || state == DeliveryState::suppressed) entry.chunks.clear();
  const TaskId task = entry.delivery.id.task_id;
  if (--open_of_task_.at(task) == 0) {
    open_of_task_.erase(task);
    on_open_(task, false);
  }
}

Result<void> MemoryDeliveries::step(const ClaimToken& claim, std::string_view worker, const DeliveryStep& step) {
  const auto found = held(claim, worker, "outbox.step");
  if (!found) return std::unexpected(found.error());
  Entry& entry = **found;
  const std::uint64_t number = numbers_.at(claim.id);
  unfile(number, entry);
  apply(step, entry.delivery);
  entry.delivery.stepped_at = clock_.wall_now();
  if (is_open(step.state)) {
    file(number, entry, clock_.now() + (step.state == DeliveryState::sending ? step.hold : step.again_in));
  } else {
    end(entry, step.state);
  }
  return {};
}

Delivery MemoryDeliveries::show(const Entry& entry) const {
  Delivery out = entry.delivery;
  out.due_at = clock_.wall_now() + std::chrono::duration_cast<Milliseconds>(entry.due - clock_.now());
  return out;
}

Result<Delivery> MemoryDeliveries::find(const DeliveryId& id) {
  const Entry* entry = look_up(id);
  if (entry == nullptr) return no_such_delivery("outbox.find_delivery", id);
  return show(*entry);
}

Result<DeliveryList> MemoryDeliveries::list(const DeliveryQuery& query) {
  const auto before = check_delivery_query(query);
  if (!before) return std::unexpected(before.error());
  DeliveryList page;
  for (auto at = *before == 0 ? entries_.end() : entries_.lower_bound(*before); at != entries_.begin();) {
    --at;
    if (!matches(query, at->second.delivery)) continue;
    if (page.deliveries.size() == query.limit) {
      page.next_cursor = std::to_string(std::next(at)->first);
      break;
    }
    page.deliveries.push_back(show(at->second));
  }
  return page;
}

Result<void> MemoryDeliveries::replay(const DeliveryId& id) {
  Entry* entry = look_up(id);
  if (entry == nullptr) return no_such_delivery("outbox.replay", id);
  Delivery& it = entry->delivery;
  if (is_open(it.state)) return still_open(id);
  const Again again = it.state == DeliveryState::partial ? Again::from_what_is_left : Again::from_the_beginning;
  begin_again(it, again, clock_.wall_now());
  if (again == Again::from_the_beginning) entry->chunks.clear();
  if (++open_of_task_[id.task_id] == 1) on_open_(id.task_id, true);
  file(numbers_.at(id), *entry, clock_.now());
  return {};
}

std::uint32_t MemoryDeliveries::suppress_read(const TaskId& task) {
  std::uint32_t suppressed = 0;
  for (auto at = numbers_.lower_bound({task, 0}); at != numbers_.end() && at->first.task_id == task; ++at) {
    Entry& entry = entries_.at(at->second);
    if (!may_suppress(entry.delivery)) continue;
    unfile(at->second, entry);
    end(entry, DeliveryState::suppressed);
    ++suppressed;
  }
  return suppressed;
}

void MemoryDeliveries::pause(const std::string& destination, Milliseconds time, std::string why) {
  if (time <= Milliseconds(0)) {
    pauses_.erase(destination);
  } else {
    pauses_[destination] = {clock_.now() + time, std::move(why)};
  }
}

std::vector<DestinationLoad> MemoryDeliveries::destinations() {
  std::map<std::string, DestinationLoad> loads;
  for (const auto& [number, entry] : entries_) {
    count(entry.delivery, loads[entry.delivery.redirect.destination]);
  }
  const SteadyTime now = clock_.now();
  for (const auto& [name, pause] : pauses_) {
    if (pause.until <= now) continue;
    DestinationLoad& load = loads[name];
    load.paused_until = clock_.wall_now() + std::chrono::duration_cast<Milliseconds>(pause.until - now);
    load.why = pause.why;
  }
  std::vector<DestinationLoad> out;
  for (auto& [name, load] : loads) {
    load.name = name;
    out.push_back(std::move(load));
  }
  return out;
}

}  // namespace meantime::store
