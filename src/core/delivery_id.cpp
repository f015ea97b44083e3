// SPDX-License-Identifier: MIT
#include <charconv>

#include "meantime/outbox.hpp"

namespace meantime {

std::string DeliveryId::text() const {
  return task_id.text() + '-' + std::to_string(place);
}

Result<DeliveryId> DeliveryId::parse(std::string_view text) {
  constexpr const char* what = "A delivery's id is its task's id, a dash and a number, as in '<task id>-1'.";
  const auto dash = text.rfind('-');
  if (dash == std::string_view::npos) return fail(errc::invalid_argument, "delivery_id.parse", what);
  auto task = TaskId::parse(text.substr(0, dash));
  if (!task) return std::unexpected(std::move(task.error()));
  DeliveryId id{*task, 0};
  const std::string_view number = text.substr(dash + 1);
  const auto read = std::from_chars(number.data(), number.data() + number.size(), id.place);
  const bool whole = read.ec == std::errc() && read.ptr == number.data() + number.size();
  if (!whole || id.place == 0 || id.place > max_redirects)
    return fail(errc::invalid_argument, "delivery_id.parse", what);
  return id;
}

}  // namespace meantime
