// SPDX-License-Identifier: MIT
// delivery_judge.hpp: holds what arrived at the hook against what the outbox says in the end. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "chaos/hook.hpp"
#include "meantime/outbox.hpp"

namespace meantime::test {

struct DeliveryCase {
  std::vector<TaskRecord> ended;
  std::vector<Delivery> deliveries;
  Arrivals arrivals;
};

/// Tells what is wrong, and counts.
void judge_deliveries(const DeliveryCase& all, const std::function<void(std::string)>& wrong,
                      std::map<std::string, std::uint64_t>& counts);

}  // namespace meantime::test
