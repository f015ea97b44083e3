// SPDX-License-Identifier: MIT
#include "store/delivery_rules.hpp"

#include <algorithm>
#include <charconv>

#include "store/messages.hpp"

namespace meantime::store {

bool is_for(const Redirect& redirect, TaskStatus status) noexcept {
  switch (redirect.on) {
    case RedirectOn::completed:
      return status == TaskStatus::completed;
    case RedirectOn::failed:
      return status == TaskStatus::failed;
    case RedirectOn::always:
      return status != TaskStatus::running;
  }
  return false;
}

bool is_half_sent(const Delivery& delivery) noexcept {
  const bool begun = delivery.sent > 0 || (delivery.in_doubt && delivery.chunks > 1);
  return begun && delivery.sent < delivery.chunks;
}

bool may_suppress(const Delivery& delivery) noexcept {
  return delivery.state == DeliveryState::waiting && delivery.redirect.suppress_if_read && delivery.attempts == 0 &&
         delivery.round == 1;
}

void take(Delivery& delivery, std::string_view worker) {
  if (delivery.state == DeliveryState::sending && delivery.chunks > 0) delivery.in_doubt = true;
  delivery.state = DeliveryState::sending;
  delivery.worker = worker;
  ++delivery.claim;
}

void apply(const DeliveryStep& step, Delivery& delivery) {
  const bool more = step.sent > delivery.sent;
  if (more) {
    // One that two processes sent has the id that came first.
    delivery.remote_ids.resize(step.sent);
    if (step.remote_id) delivery.remote_ids.back() = *step.remote_id;
    delivery.sent = step.sent;
  }
  delivery.state = step.state;
  delivery.attempts += step.attempts;
  delivery.repeated += step.repeated;
  delivery.failures = more ? 0 : delivery.failures + (step.failed ? 1 : 0);
  if (!step.error.empty()) delivery.error = step.error;
  delivery.in_doubt = step.in_doubt;
}

void begin_again(Delivery& delivery, Again again, WallTime now) {
  delivery.state = DeliveryState::waiting;
  delivery.created_at = now;
  delivery.ended_at.reset();
  delivery.failures = 0;
  delivery.error.clear();
  if (again == Again::from_what_is_left) return;
  // What never arrived keeps its keys: if it did arrive after all, the platform may still notice.
  if (delivery.sent > 0) ++delivery.round;
  delivery.sent = 0;
  delivery.chunks = 0;
  delivery.in_doubt = false;
  delivery.remote_ids.clear();
}

bool matches(const DeliveryQuery& query, const Delivery& delivery) {
  if (query.task_id && *query.task_id != delivery.id.task_id) return false;
  if (query.owner && *query.owner != delivery.owner) return false;
  if (!query.destination.empty() && query.destination != delivery.redirect.destination) return false;
  return query.states.empty() || std::ranges::find(query.states, delivery.state) != query.states.end();
}

void count(const Delivery& delivery, DestinationLoad& load) {
  switch (delivery.state) {
    case DeliveryState::waiting:
      ++load.waiting;
      return;
    case DeliveryState::sending:
      ++load.sending;
      return;
    case DeliveryState::partial:
    case DeliveryState::dead:
      ++load.failed;
      return;
    case DeliveryState::delivered:
    case DeliveryState::suppressed:
      return;
  }
}

Result<std::uint64_t> check_delivery_query(const DeliveryQuery& query) {
  if (query.limit == 0 || query.limit > max_list_limit) {
    return fail(errc::invalid_argument, "outbox.list_deliveries", "The limit of a list is 1 to 1,000.");
  }
  if (query.cursor.empty()) return 0;
  std::uint64_t before = 0;
  const char* end = query.cursor.data() + query.cursor.size();
  const auto read = std::from_chars(query.cursor.data(), end, before);
  if (read.ec != std::errc() || read.ptr != end || before == 0) {
    return fail(errc::invalid_argument, "outbox.list_deliveries",
                "This is no cursor of a list of deliveries: give next_cursor of the page before as it is.");
  }
  return before;
}

std::unexpected<Error> no_such_delivery(const char* op, const DeliveryId& id) {
  return fail(errc::not_found, op, "Delivery '" + id.text() + "' not found.");
}

std::unexpected<Error> claim_is_over(const char* op, const DeliveryId& id) {
  return fail(errc::already_final, op,
              "Delivery '" + id.text() + "' is not this claim's any more: leave it to whoever holds it.");
}

std::unexpected<Error> still_open(const DeliveryId& id) {
  return fail(errc::invalid_argument, "outbox.replay",
              "Delivery '" + id.text() + "' is still under way: wait until it is over.");
}

}  // namespace meantime::store
