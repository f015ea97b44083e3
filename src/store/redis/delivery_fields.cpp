// SPDX-License-Identifier: MIT
#include "store/redis/delivery_fields.hpp"

#include <algorithm>
#include <charconv>

namespace meantime::store::redis {
namespace {

constexpr std::int64_t most_ms = 1'000'000'000'000'000;  // no time of ours; further ones would overflow sums
constexpr std::uint32_t most_messages = 1'000'000;       // nor a count of messages

template <class Number>
Number number(std::string_view text) {
  Number out{};
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

void set_field(NumberedDelivery& out, std::string_view name, std::string_view value, const ServerClock& clock) {
  Delivery& it = out.delivery;
  const auto time = [&] { return clock.ours(number<std::int64_t>(value)); };
  const auto count = [&] { return number<std::uint32_t>(value); };
  if (name == "n") {
    out.number = number<std::uint64_t>(value);
  } else if (name == "state") {
    it.state = parse_delivery_state(value).value_or(DeliveryState::dead);
  } else if (name == "created") {
    it.created_at = time();
  } else if (name == "due") {
    it.due_at = time();
  } else if (name == "ended") {
    it.ended_at = time();
  } else if (name == "stepped") {
    it.stepped_at = time();
  } else if (name == "owner") {
    it.owner = value;
  } else if (name == "tool") {
    it.tool_name = value;
  } else if (name == "destination") {
    it.redirect.destination = value;
  } else if (name == "platform") {
    it.redirect.platform = value;
  } else if (name == "channel") {
    it.redirect.channel_id = value;
  } else if (name == "max") {
    it.redirect.max_chars = count();
  } else if (name == "on") {
    it.redirect.on = parse_redirect_on(value).value_or(RedirectOn::always);
  } else if (name == "quiet") {
    it.redirect.suppress_if_read = value == "1";
  } else if (name == "worker") {
    it.worker = value;
  } else if (name == "claim") {
    it.claim = count();
  } else if (name == "round") {
    it.round = count();
  } else if (name == "attempts") {
    it.attempts = count();
  } else if (name == "failures") {
    it.failures = count();
  } else if (name == "chunks") {
    it.chunks = count();
  } else if (name == "sent") {
    it.sent = std::min(count(), most_messages);
  } else if (name == "repeated") {
    it.repeated = count();
  } else if (name == "doubt") {
    it.in_doubt = true;
  } else if (name == "error") {
    it.error = value;
  }
}

// "m12": what the platform calls message 12. 0: another field.
std::uint32_t message_of(std::string_view name) {
  if (name.size() < 2 || name.front() != 'm' || name[1] < '1' || name[1] > '9') return 0;
  return number<std::uint32_t>(name.substr(1));
}

}  // namespace

ServerClock::ServerClock(WallTime theirs, WallTime ours) noexcept {
  const auto apart = std::chrono::duration_cast<Milliseconds>(ours - theirs);
  if (apart >= std::chrono::seconds(1) || apart <= -std::chrono::seconds(1)) ahead_ = apart;
}

WallTime ServerClock::ours(std::int64_t their_ms) const noexcept {
  return WallTime(Milliseconds(std::clamp(their_ms, -most_ms, most_ms))) + ahead_;
}

WallTime read_time(ReplyView time) noexcept {
  constexpr std::int64_t most_seconds = most_ms / 1'000;
  const std::int64_t seconds = std::clamp<std::int64_t>(time[0].integer(), 0, most_seconds);
  return WallTime(Milliseconds(seconds * 1'000 + std::clamp<std::int64_t>(time[1].integer(), 0, 999'999) / 1'000));
}

std::optional<NumberedDelivery> read_delivery(const DeliveryId& id, ReplyView hash, const ServerClock& clock) {
  NumberedDelivery out;
  out.delivery.id = id;
  std::string_view name;
  bool is_name = true;
  bool has_state = false;
  for (const ReplyView each : hash) {
    if (is_name) {
      name = each.text();
    } else {
      has_state = has_state || name == "state";
      set_field(out, name, each.text(), clock);
    }
    is_name = !is_name;
  }
  if (!has_state || out.number == 0) return std::nullopt;
  std::vector<std::string>& ids = out.delivery.remote_ids;
  ids.resize(out.delivery.sent);
  is_name = true;
  for (const ReplyView each : hash) {
    if (is_name) {
      name = each.text();
    } else if (const std::uint32_t message = message_of(name); message > 0 && message <= ids.size()) {
      ids[message - 1] = each.text();
    }
    is_name = !is_name;
  }
  return out;
}

}  // namespace meantime::store::redis
