// SPDX-License-Identifier: MIT
#include "chaos/delivery_judge.hpp"

#include <set>

namespace meantime::test {
namespace {

using Place = std::pair<std::string, std::string>;  // task, channel

// The parts of one delivery follow each other, and nothing else of its channel comes between.
void judge_order(const std::vector<Received>& parts, const std::function<void(std::string)>& wrong) {
  std::map<std::string, Received> last;
  for (const Received& each : parts) {
    const auto [at, first] = last.try_emplace(each.channel, Received{.part = parts_of_a_result});
    const Received& before = at->second;
    const bool fine = before.part == parts_of_a_result ? each.part == 1
                                                       : each.part == before.part + 1 && each.task_id == before.task_id;
    if (!fine) {
      wrong("in channel " + each.channel + " part " + std::to_string(each.part) + " of " + each.task_id +
            " follows part " + std::to_string(before.part) + " of " + before.task_id);
    }
    at->second = each;
  }
}

}  // namespace

void judge_deliveries(const DeliveryCase& all, const std::function<void(std::string)>& wrong,
                      std::map<std::string, std::uint64_t>& counts) {
  std::map<Place, std::set<int>> arrived;
  for (const Received& each : all.arrivals.parts) arrived[{each.task_id, each.channel}].insert(each.part);
  std::set<Place> delivered;
  for (const Delivery& each : all.deliveries) {
    const Place place(each.id.task_id.text(), each.redirect.channel_id);
    const std::string name = "delivery " + each.id.text();
    if (each.state != DeliveryState::delivered) {
      wrong(name + " is " + std::string(name_of(each.state)) + ": " + each.error);
    } else if (arrived[place].size() != parts_of_a_result) {
      wrong(name + " counts as delivered, and " + std::to_string(arrived[place].size()) + " of its parts arrived");
    }
    if (!delivered.insert(place).second) wrong(name + " stands in the outbox twice");
    if (each.round > 1) ++counts["deliveries that were asked for again"];
    if (each.claim > 1) ++counts["deliveries that were claimed again"];
  }
  for (const TaskRecord& record : all.ended) {
    for (const Redirect& redirect : record.redirects) {
      if (!delivered.contains({record.task_id.text(), redirect.channel_id})) {
        wrong(record.task_id.text() + " has ended, and nothing was delivered to channel " + redirect.channel_id);
      }
    }
  }
  for (const auto& [place, parts] : arrived) {
    if (!delivered.contains(place)) wrong("the hook heard of " + place.first + ", and the outbox knows nothing of it");
  }
  judge_order(all.arrivals.parts, wrong);
  for (const std::string& each : all.arrivals.complaints) wrong("the hook was asked wrongly: " + each);
  counts["deliveries"] += all.deliveries.size();
  counts["messages at the hook"] += all.arrivals.parts.size();
  counts["messages that came again and were noticed there"] += all.arrivals.came_again;
}

}  // namespace meantime::test
