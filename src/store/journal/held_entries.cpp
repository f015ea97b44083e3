// SPDX-License-Identifier: MIT
#include "store/journal/held_entries.hpp"

namespace meantime {

std::uint64_t JournalEntry::bytes() const noexcept {
  std::uint64_t sum = sizeof(JournalEntry) + tool_name.size() + caller.user_id.size() + caller.channel_id.size() +
                      caller.platform.size() + idempotency_key.size() + arguments.size() + worker.size() +
                      end.result.size() + end.error.size();
  for (const Redirect& each : redirects) {
    sum += sizeof each + each.destination.size() + each.channel_id.size() + each.platform.size();
  }
  return sum;
}

}  // namespace meantime

namespace meantime::store {

void HeldEntries::insert(JournalEntryPtr entry, bool durable) {
  const std::uint64_t place = entry->place;
  bytes_ += entry->bytes();
  durable_ += durable ? 1 : 0;
  newest_[entry->task_id] = place;
  order_.emplace(place, place);
  entries_.emplace(place, Held{std::move(entry), place, durable});
}

JournalEntryPtr HeldEntries::add(JournalEntry entry) {
  entry.place = ++last_;
  auto held = std::make_shared<const JournalEntry>(std::move(entry));
  insert(held, false);
  return held;
}

void HeldEntries::restore(JournalEntry entry) {
  last_ = std::max(last_, entry.place);
  insert(std::make_shared<const JournalEntry>(std::move(entry)), true);
}

void HeldEntries::remove(std::uint64_t place) {
  const auto at = entries_.find(place);
  if (at == entries_.end()) return;
  const Held& held = at->second;
  bytes_ -= held.entry->bytes();
  durable_ -= held.durable ? 1 : 0;
  order_.erase(held.order);
  const TaskId task = held.entry->task_id;
  entries_.erase(at);
  const auto newest = newest_.find(task);
  if (newest != newest_.end() && newest->second == place) newest_.erase(newest);
}

void HeldEntries::defer(std::uint64_t place) {
  const auto at = entries_.find(place);
  if (at == entries_.end()) return;
  order_.erase(at->second.order);
  at->second.order = ++last_;  // from the same numbers as places, so that both stay unique
  order_.emplace(at->second.order, place);
}

void HeldEntries::mark_durable(std::uint64_t place) {
  const auto at = entries_.find(place);
  if (at == entries_.end() || std::exchange(at->second.durable, true)) return;
  ++durable_;
}

std::vector<JournalEntryPtr> HeldEntries::front(std::size_t at_most) const {
  std::vector<JournalEntryPtr> out;
  out.reserve(std::min(at_most, entries_.size()));
  for (const auto& [order, place] : order_) {
    if (out.size() == at_most) break;
    out.push_back(entries_.at(place).entry);
  }
  return out;
}

JournalEntryPtr HeldEntries::find(const TaskId& task) const {
  const auto newest = newest_.find(task);
  return newest == newest_.end() ? nullptr : entries_.at(newest->second).entry;
}

}  // namespace meantime::store
