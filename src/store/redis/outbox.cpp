// SPDX-License-Identifier: MIT
#include "store/redis/outbox.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "store/delivery_rules.hpp"
#include "store/redis/redis_store.hpp"

namespace meantime::store::redis {
namespace {

constexpr std::size_t most_unsure = 10'000;
constexpr std::uint32_t looked_at_once = 200;
constexpr int most_rounds = 100;  // a page looks at no more, and goes on at its cursor: a rare match holds nobody up
constexpr std::uint32_t counted_at_once = 2'000;

std::uint64_t natural(std::string_view text) {
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::string below_text(std::uint64_t below) {
  return below == std::numeric_limits<std::uint64_t>::max() ? "+inf" : "(" + std::to_string(below);
}

// All that a step says, as its script takes it.
std::vector<std::string> words_of(const DeliveryStep& step) {
  Milliseconds due_in{0};
  if (step.state == DeliveryState::sending) due_in = step.hold;
  if (step.state == DeliveryState::waiting) due_in = step.again_in;
  return {std::string(name_of(step.state)),
          std::to_string(step.sent),
          step.remote_id ? "1" : "0",
          step.remote_id.value_or(""),
          std::to_string(step.attempts),
          std::to_string(step.repeated),
          step.failed ? "1" : "0",
          step.in_doubt ? "1" : "0",
          std::to_string(std::max<std::int64_t>(due_in.count(), 0)),
          step.error};
}

}  // namespace

void RedisOutbox::listen(OutboxListener* listener) {
  listener_ = listener;
  store_.watches_.hear_due(listener != nullptr);
}

void RedisOutbox::tell_due() {
  if (listener_ != nullptr) listener_->on_due();
}

Task<Result<Claimed>> RedisOutbox::claim(ClaimQuery query) {
  Claimed out;
  if (query.destinations.empty() || query.limit == 0) co_return out;
  ScriptCall call(Script::claim);
  call.key(store_.keys_.due()).key(store_.keys_.took(store_.worker_)).key(store_.keys_.pauses());
  call.arg(store_.keys_.ours()).arg(store_.worker_).arg(std::max<std::int64_t>(query.hold.count(), 1));
  call.arg(query.limit).arg(query.of_one_destination).arg(store_.open_expiry_s()).arg(store_.name_call());
  for (std::string& name : query.destinations) call.arg(std::move(name));
  auto reply = co_await store_.run(call, "outbox.claim");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  const ReplyView answer = reply->view();
  if (answer.size() != 3 || answer[2].kind() != Reply::Kind::list) {
    co_return std::unexpected(store_.out_of_step("outbox.claim"));
  }
  const ServerClock clock(WallTime(Milliseconds(answer[0].integer())), store_.clock_.wall_now());
  if (const std::int64_t next = answer[1].integer(); next >= 0) out.next_in = Milliseconds(next);
  for (const ReplyView each : answer[2]) {
    const auto id = DeliveryId::parse(each[0].text());
    auto read = id ? read_delivery(*id, each[1], clock) : std::nullopt;
    if (!read) co_return std::unexpected(store_.out_of_step("outbox.claim"));
    out.deliveries.push_back(std::move(read->delivery));
  }
  co_return out;
}

Task<Result<void>> RedisOutbox::plan(ClaimToken claim, std::vector<std::string> chunks) {
  const DeliveryId id = claim.id;
  ScriptCall call(Script::plan);
  call.key(store_.keys_.delivery(id)).key(store_.keys_.messages(id));
  call.arg(store_.worker_).arg(claim.claim).arg(store_.open_expiry_s());
  for (std::string& chunk : chunks) call.arg(std::move(chunk));
  auto reply = co_await store_.run(call, "outbox.plan");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  const std::string_view word = reply->view().text();
  if (word == "gone") co_return no_such_delivery("outbox.plan", id);
  if (word == "over") co_return claim_is_over("outbox.plan", id);
  if (word != "ok") co_return std::unexpected(store_.out_of_step("outbox.plan"));
  co_return Result<void>{};
}

Task<Result<std::vector<std::string>>> RedisOutbox::chunks(DeliveryId id) {
  Request request;
  request.push("HGET", store_.keys_.delivery(id), "state");
  request.push("HGETALL", store_.keys_.messages(id));
  auto replies = co_await store_.ask(std::move(request), "outbox.chunks", "TL");
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  if ((*replies)[0].view().is_null()) co_return no_such_delivery("outbox.chunks", id);
  const ReplyView hash = (*replies)[1].view();
  std::vector<std::string> out(hash.size() / 2);
  std::uint64_t place = 0;
  bool is_place = true;
  for (const ReplyView each : hash) {
    if (is_place) {
      place = natural(each.text());
      if (place == 0 || place > out.size()) co_return std::unexpected(store_.out_of_step("outbox.chunks"));
    } else {
      out[place - 1] = each.text();
    }
    is_place = !is_place;
  }
  co_return out;
}

// The same step of the same claim, said again because its answer never came, is done once.
std::string RedisOutbox::call_of(const ClaimToken& claim, const std::string& what) {
  const auto known = unsure_.find(claim.id);
  if (known != unsure_.end() && known->second.claim == claim.claim && known->second.what == what) {
    return known->second.call;
  }
  return store_.name_call();
}

Task<Result<void>> RedisOutbox::step(ClaimToken claim, DeliveryStep step) {
  const DeliveryId id = claim.id;
  std::string what;
  std::vector<std::string> words = words_of(step);
  for (const std::string& word : words) what.append(word).push_back('\0');
  const std::string name = call_of(claim, what);
  ScriptCall call(Script::step);
  call.key(store_.keys_.delivery(id)).arg(store_.keys_.ours()).arg(store_.keys_.tasks()).arg(store_.open_expiry_s());
  call.arg(store_.finished_expiry_s()).arg(store_.worker_).arg(claim.claim).arg(name).arg(id.text());
  call.arg(id.task_id.text());
  for (std::string& word : words) call.arg(std::move(word));
  auto reply = co_await store_.run(call, "outbox.step");
  if (!reply) {
    if (unsure_.size() >= most_unsure) unsure_.clear();
    unsure_[id] = {.claim = claim.claim, .what = std::move(what), .call = name};
    co_return std::unexpected(std::move(reply.error()));
  }
  unsure_.erase(id);
  const std::string_view word = reply->view().text();
  if (word == "gone") co_return no_such_delivery("outbox.step", id);
  if (word == "over") co_return claim_is_over("outbox.step", id);
  if (word != "ok") co_return std::unexpected(store_.out_of_step("outbox.step"));
  co_return Result<void>{};
}

Task<Result<void>> RedisOutbox::replay(DeliveryId id) {
  ScriptCall call(Script::replay);
  call.key(store_.keys_.delivery(id)).arg(store_.keys_.ours()).arg(store_.keys_.tasks()).arg(store_.open_expiry_s());
  call.arg(store_.name_call()).arg(id.text()).arg(id.task_id.text());
  auto reply = co_await store_.run(call, "outbox.replay");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  const std::string_view word = reply->view().text();
  if (word == "gone") co_return no_such_delivery("outbox.replay", id);
  if (word == "open") co_return still_open(id);
  if (word != "ok") co_return std::unexpected(store_.out_of_step("outbox.replay"));
  co_return Result<void>{};
}

Task<Result<std::uint32_t>> RedisOutbox::suppress_read(TaskId task) {
  ScriptCall call(Script::suppress);
  call.key(store_.keys_.task(task)).arg(store_.keys_.ours()).arg(store_.keys_.tasks()).arg(store_.open_expiry_s());
  call.arg(store_.finished_expiry_s()).arg(task.text());
  auto reply = co_await store_.run(call, "outbox.suppress_read");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  co_return static_cast<std::uint32_t>(std::max<std::int64_t>(reply->view().integer(), 0));
}

Task<Result<void>> RedisOutbox::pause(std::string destination, Milliseconds time, std::string why) {
  ScriptCall call(Script::pause);
  call.key(store_.keys_.pauses()).arg(store_.keys_.ours()).arg(std::move(destination)).arg(time.count());
  call.arg(std::move(why)).arg(store_.index_expiry_s());
  auto reply = co_await store_.run(call, "outbox.pause");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  co_return Result<void>{};
}

Task<Result<std::vector<NumberedDelivery>>> RedisOutbox::read(std::vector<DeliveryId> ids) {
  Request request;
  request.push("TIME");
  for (const DeliveryId& id : ids) request.push("HGETALL", store_.keys_.delivery(id));
  auto replies = co_await store_.ask(std::move(request), "outbox.list_deliveries", "L");
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  const ServerClock clock(read_time(replies->front().view()), store_.clock_.wall_now());
  std::vector<NumberedDelivery> out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (auto each = read_delivery(ids[i], replies->at(i + 1).view(), clock)) out.push_back(std::move(*each));
  }
  co_return out;
}

Task<Result<Delivery>> RedisOutbox::find_delivery(DeliveryId id) {
  auto found = co_await read({id});
  if (!found) {
    found.error().op = "outbox.find_delivery";
    co_return std::unexpected(std::move(found.error()));
  }
  if (found->empty()) co_return no_such_delivery("outbox.find_delivery", id);
  co_return std::move(found->front().delivery);
}

Task<Result<RedisOutbox::Slice>> RedisOutbox::slice_below(std::uint64_t below) {
  Request request;
  request.push("ZREVRANGEBYSCORE", store_.keys_.deliveries(), below_text(below), "-inf", "WITHSCORES", "LIMIT", "0",
               std::to_string(looked_at_once));
  auto page = co_await store_.ask(std::move(request), "outbox.list_deliveries", "L");
  if (!page) co_return std::unexpected(std::move(page.error()));
  Slice out;
  std::vector<DeliveryId> ids;
  std::uint64_t last = 0;
  for (const ReplyView pair : page->front().view()) {
    last = natural(pair[1].text());
    if (auto id = DeliveryId::parse(pair[0].text())) ids.push_back(*id);
  }
  if (page->front().view().size() >= looked_at_once) out.more_below = last;
  auto found = co_await read(std::move(ids));
  if (!found) co_return std::unexpected(std::move(found.error()));
  out.deliveries = std::move(*found);
  co_return out;
}

Task<Result<RedisOutbox::Slice>> RedisOutbox::slice_of(TaskId task, std::uint64_t below) {
  Request request;
  request.push("HGET", store_.keys_.task(task), "dp");
  auto last = co_await store_.ask(std::move(request), "outbox.list_deliveries", "T");
  if (!last) co_return std::unexpected(std::move(last.error()));
  std::vector<DeliveryId> ids;
  const auto places = std::min<std::uint64_t>(natural(last->front().view().text()), max_redirects);
  for (std::uint32_t place = 1; place <= places; ++place) ids.push_back({task, place});
  auto found = co_await read(std::move(ids));
  if (!found) co_return std::unexpected(std::move(found.error()));
  std::erase_if(*found, [below](const NumberedDelivery& each) { return each.number >= below; });
  std::ranges::sort(*found, std::greater(), &NumberedDelivery::number);
  co_return Slice{.deliveries = std::move(*found)};
}

Task<Result<DeliveryList>> RedisOutbox::list_deliveries(DeliveryQuery query) {
  const auto before = check_delivery_query(query);
  if (!before) co_return std::unexpected(before.error());
  std::uint64_t below = *before == 0 ? std::numeric_limits<std::uint64_t>::max() : *before;
  DeliveryList page;
  for (int round = 0; round < most_rounds; ++round) {
    auto slice = query.task_id ? co_await slice_of(*query.task_id, below) : co_await slice_below(below);
    if (!slice) co_return std::unexpected(std::move(slice.error()));
    for (NumberedDelivery& each : slice->deliveries) {
      if (!matches(query, each.delivery)) continue;
      if (page.deliveries.size() == query.limit) {
        page.next_cursor = std::to_string(below);
        co_return page;
      }
      below = each.number;
      page.deliveries.push_back(std::move(each.delivery));
    }
    if (!slice->more_below) co_return page;
    below = *slice->more_below;
  }
  page.next_cursor = std::to_string(below);
  co_return page;
}

Task<Result<std::vector<DestinationLoad>>> RedisOutbox::destinations() {
  std::map<std::string, DestinationLoad, std::less<>> loads;
  Request request;
  request.push("TIME");
  request.push("HGETALL", store_.keys_.pauses());
  auto pauses = co_await store_.ask(std::move(request), "outbox.destinations", "L");
  if (!pauses) co_return std::unexpected(std::move(pauses.error()));
  const WallTime now = read_time((*pauses)[0].view());
  const ServerClock clock(now, store_.clock_.wall_now());
  std::string_view name;
  bool is_name = true;
  for (const ReplyView each : (*pauses)[1].view()) {
    if (is_name) {
      name = each.text();
    } else {
      const std::string_view text = each.text();
      const auto space = std::min(text.find(' '), text.size());
      const auto until = static_cast<std::int64_t>(natural(text.substr(0, space)));
      if (until > now.time_since_epoch().count()) {
        DestinationLoad& load = loads[std::string(name)];
        load.paused_until = clock.ours(until);
        load.why = text.substr(std::min(space + 1, text.size()));
      }
    }
    is_name = !is_name;
  }
  for (std::string above = "0"; !above.empty();) {
    ScriptCall call(Script::loads);
    call.key(store_.keys_.deliveries()).arg(store_.keys_.ours()).arg(above).arg(counted_at_once);
    auto reply = co_await store_.run(call, "outbox.destinations");
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    std::vector<ReplyView> counts;
    for (const ReplyView each : reply->view()) counts.push_back(each);
    if (counts.size() % 3 != 1) co_return std::unexpected(store_.out_of_step("outbox.destinations"));
    above = counts.front().text();
    for (std::size_t i = 1; i < counts.size(); i += 3) {
      DestinationLoad& load = loads[std::string(counts[i].text())];
      const auto state = parse_delivery_state(counts[i + 1].text());
      const auto many = static_cast<std::uint64_t>(std::max<std::int64_t>(counts[i + 2].integer(), 0));
      if (state == DeliveryState::waiting) load.waiting += many;
      if (state == DeliveryState::sending) load.sending += many;
      if (state == DeliveryState::partial || state == DeliveryState::dead) load.failed += many;
    }
  }
  std::vector<DestinationLoad> out;
  for (auto& [each, load] : loads) {
    load.name = each;
    out.push_back(std::move(load));
  }
  co_return out;
}

}  // namespace meantime::store::redis
