// SPDX-License-Identifier: MIT
// lists.cpp: pages over the tasks of all processes. A page walks the shortest index that holds all it can show, a
// bounded step at a time, and reads the tasks themselves with plain commands: nothing holds the server.
#include <charconv>
#include <limits>
#include <ranges>

#include "store/messages.hpp"
#include "store/redis/redis_store.hpp"

namespace meantime::store::redis {
namespace {

// A page looks at no more tasks than this, and goes on at its cursor: a rare match holds nobody up.
constexpr int most_rounds = 20;
constexpr std::uint32_t looked_at_once = 500;
constexpr std::uint64_t blocks_at_once = 64;

std::uint64_t natural(std::string_view text) {
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

Milliseconds skew_of(std::string_view text) {
  constexpr std::uint64_t most = 100ULL * 365 * 86'400'000;
  return Milliseconds(std::min(natural(text), most));
}

bool shows(const ListQuery& query, const TaskRecord& record) {
  return (!query.user_id || record.caller.user_id == *query.user_id) &&
         (!query.status || record.status == *query.status) &&
         (!query.tool_name || record.tool_name == *query.tool_name) &&
         (!query.created_after || record.created_at >= *query.created_after) &&
         (!query.created_before || record.created_at < *query.created_before);
}

TaskRecord read_row(const TaskId& id, ReplyView values, ReplyView result_length) {
  TaskRecord record;
  record.task_id = id;
  std::size_t field = 0;
  for (const ReplyView value : values) {
    if (!value.is_null()) set_field(record, listed_fields.at(field), value.text());
    if (++field == listed_fields.size()) break;
  }
  complete_record(record, static_cast<std::uint64_t>(result_length.integer()));
  return record;
}

std::string below_text(std::uint64_t below) {
  return below == std::numeric_limits<std::uint64_t>::max() ? "+inf" : "(" + std::to_string(below);
}

}  // namespace

Task<Result<RedisStore::Extent>> RedisStore::extent() {
  Request request;
  request.push("GET", keys_.counter());
  request.push("GET", keys_.oldest());
  request.push("HMGET", keys_.skew(), "behind", "ahead");
  auto replies = co_await ask(std::move(request), "store.list", "TTL");
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  Extent out;
  out.newest = natural((*replies)[0].view().text());
  out.oldest = std::max<std::uint64_t>(natural((*replies)[1].view().text()), 1);
  if (out.oldest > out.newest + 1) out.oldest = 1;  // nothing ran for days and the counter expired first: it began anew
  out.behind = std::max(usual_behind, skew_of((*replies)[2].view()[0].text()));
  out.ahead = std::max(usual_ahead, skew_of((*replies)[2].view()[1].text()));
  co_return out;
}

Task<Result<std::vector<RedisStore::Numbered>>> RedisStore::ids_of_block(std::uint64_t block) {
  Request request;
  request.push("GET", keys_.block(block));
  auto reply = co_await ask(std::move(request), "store.list", "T");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  const std::string_view ids = reply->front().view().text();
  std::vector<Numbered> out;
  for (std::size_t i = 0; (i + 1) * TaskId::bytes <= ids.size(); ++i) {
    const TaskId id = TaskId::from_bytes(ids.substr(i * TaskId::bytes, TaskId::bytes));
    if (!id.empty()) out.push_back({block * ids_in_block + i, id});
  }
  co_return out;
}

// The first block that begins with an id that has `reached` a point; ids ascend with few exceptions, so halving finds
// it. Blocks that are gone lie before all others.
Task<Result<std::uint64_t>> RedisStore::first_block_from(Extent extent, std::function<bool(const TaskId&)> reached) {
  std::uint64_t low = extent.oldest / ids_in_block;
  std::uint64_t high = extent.newest / ids_in_block + 1;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    auto ids = co_await ids_of_block(middle);
    if (!ids) co_return std::unexpected(std::move(ids.error()));
    if (ids->empty() || !reached(ids->front().id)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  co_return low;
}

// The number below which a list goes on after `cursor`.
Task<Result<std::uint64_t>> RedisStore::place_of(TaskId cursor) {
  Request request;
  request.push("HGET", keys_.task(cursor), "n");
  auto reply = co_await ask(std::move(request), "store.list", "T");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  if (const auto number = natural(reply->front().view().text()); number != 0) co_return number;
  // It is forgotten. Ids begin with their time, so its place lies between two that are still there.
  auto all = co_await extent();
  if (!all) co_return std::unexpected(std::move(all.error()));
  auto block = co_await first_block_from(*all, [cursor](const TaskId& id) { return id >= cursor; });
  if (!block) co_return block;
  if (*block == 0) co_return 1;
  auto ids = co_await ids_of_block(*block - 1);
  if (!ids) co_return std::unexpected(std::move(ids.error()));
  std::uint64_t place = (*block - 1) * ids_in_block;
  for (const Numbered& each : *ids) {
    if (each.id >= cursor) break;
    place = each.number + 1;
  }
  co_return place;
}

Task<Result<RedisStore::Candidates>> RedisStore::running_below(std::uint64_t below, std::uint32_t count) {
  Candidates out;
  Request who;
  who.push("ZRANGE", keys_.workers(), "0", "-1");
  auto workers = co_await ask(std::move(who), "store.list", "L");
  if (!workers) co_return std::unexpected(std::move(workers.error()));
  if (workers->front().view().size() == 0) co_return out;
  Request request;
  for (const ReplyView worker : workers->front().view()) {
    request.push("ZREVRANGEBYSCORE", keys_.running(worker.text()), below_text(below), "-inf", "WITHSCORES", "LIMIT",
                 "0", std::to_string(count));
  }
  auto replies = co_await ask(std::move(request), "store.list", "L");
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  for (const Reply& reply : *replies) {
    std::uint32_t of_worker = 0;
    for (const ReplyView pair : reply.view()) {
      const auto id = TaskId::parse(pair[0].text());
      if (id) out.tasks.push_back({natural(pair[1].text()), *id});
      ++of_worker;
    }
    // This worker may have more below its last: what others have there would come too early.
    if (of_worker == count && !out.tasks.empty()) {
      out.more_below = std::max(out.more_below.value_or(0), out.tasks.back().number);
    }
  }
  std::ranges::sort(out.tasks, std::greater(), &Numbered::number);
  if (out.more_below) std::erase_if(out.tasks, [&](const Numbered& each) { return each.number < *out.more_below; });
  co_return out;
}

// From an index that holds numbers: their ids stand in the blocks.
Task<Result<RedisStore::Candidates>> RedisStore::listed_below(Reply numbers, std::uint32_t count) {
  Candidates out;
  Request ids;
  for (const ReplyView each : numbers.view()) {
    const std::uint64_t number = natural(each.text());
    out.tasks.push_back({number, {}});
    const std::uint64_t at = number % ids_in_block * TaskId::bytes;
    ids.push("GETRANGE", keys_.block(number / ids_in_block), std::to_string(at),
             std::to_string(at + TaskId::bytes - 1));
  }
  if (out.tasks.empty()) co_return out;
  if (out.tasks.size() >= count) out.more_below = out.tasks.back().number;
  auto texts = co_await ask(std::move(ids), "store.list", "T");
  if (!texts) co_return std::unexpected(std::move(texts.error()));
  for (std::size_t i = 0; i < out.tasks.size(); ++i) {
    const std::string_view raw = texts->at(i).view().text();
    if (raw.size() == TaskId::bytes) out.tasks[i].id = TaskId::from_bytes(raw);
  }
  std::erase_if(out.tasks, [](const Numbered& each) { return each.id.empty(); });
  co_return out;
}

Task<Result<RedisStore::Candidates>> RedisStore::all_below(std::uint64_t below, std::uint32_t count) {
  Candidates out;
  auto all = co_await extent();
  if (!all) co_return std::unexpected(std::move(all.error()));
  if (all->newest == 0 || below <= all->oldest) co_return out;
  const std::uint64_t newest = std::min(below - 1, all->newest);
  const std::uint64_t last_block = all->oldest / ids_in_block;
  std::uint64_t looked = 0;
  for (std::uint64_t block = newest / ids_in_block;; --block) {
    auto ids = co_await ids_of_block(block);
    if (!ids) co_return std::unexpected(std::move(ids.error()));
    for (const Numbered& each : std::views::reverse(*ids)) {
      if (each.number > newest) continue;
      out.tasks.push_back(each);
      if (out.tasks.size() == count) {
        out.more_below = each.number;
        co_return out;
      }
    }
    if (block <= last_block) co_return out;
    if (++looked == blocks_at_once) {
      out.more_below = block * ids_in_block;
      co_return out;
    }
  }
}

Task<Result<RedisStore::Candidates>> RedisStore::candidates(const ListQuery& query, std::uint64_t below,
                                                            std::uint32_t count) {
  if (query.status == TaskStatus::running) co_return co_await running_below(below, count);
  if (query.user_id || query.tool_name) {
    ScriptCall call(Script::slice);
    if (query.user_id) call.key(keys_.owner(*query.user_id));
    if (query.tool_name) call.key(keys_.tool(*query.tool_name));
    call.arg(below == std::numeric_limits<std::uint64_t>::max() ? std::string() : std::to_string(below)).arg(count);
    auto numbers = co_await run(call, "store.list");
    if (!numbers) co_return std::unexpected(std::move(numbers.error()));
    co_return co_await listed_below(std::move(*numbers), count);
  }
  if (query.status == TaskStatus::failed) {
    Request request;
    request.push("ZREVRANGEBYSCORE", keys_.failed(), below_text(below), "-inf", "LIMIT", "0", std::to_string(count));
    auto numbers = co_await ask(std::move(request), "store.list", "L");
    if (!numbers) co_return std::unexpected(std::move(numbers.error()));
    co_return co_await listed_below(std::move(numbers->front()), count);
  }
  co_return co_await all_below(below, count);
}

Task<Result<TaskList>> RedisStore::list(ListQuery query) {
  Asking asking;
  auto page = co_await list_page(std::move(query), asking);
  if (!page || asking.empty()) co_return page;
  std::vector<TaskRecord*> records;
  for (TaskRecord& record : page->tasks) {
    if (asking.contains(record.task_id)) records.push_back(&record);
  }
  if (auto added = co_await add_open_inputs(std::move(records)); !added) {
    co_return std::unexpected(std::move(added.error()));
  }
  co_return page;
}

Task<Result<TaskList>> RedisStore::list_page(ListQuery query, Asking& asking) {
  if (auto fine = check_list_limit(query); !fine) co_return std::unexpected(std::move(fine.error()));
  std::uint64_t below = std::numeric_limits<std::uint64_t>::max();
  if (query.after) {
    auto place = co_await place_of(*query.after);
    if (!place) co_return std::unexpected(std::move(place.error()));
    below = *place;
  }
  Extent all;
  if (query.created_after || query.created_before) {
    auto known = co_await extent();
    if (!known) co_return std::unexpected(std::move(known.error()));
    all = *known;
  }
  if (query.created_before) {
    // Whatever was recorded later than that was called too late to be shown.
    const WallTime edge = *query.created_before + all.behind + all.ahead;
    auto block = co_await first_block_from(all, [edge](const TaskId& id) { return id.made_at() >= edge; });
    if (!block) co_return std::unexpected(std::move(block.error()));
    below = std::min(below, *block * ids_in_block + 1);
  }
  // With one filter that has an index of its own, nearly all that is looked at is shown.
  const int filters = (query.user_id ? 1 : 0) + (query.status ? 1 : 0) + (query.tool_name ? 1 : 0);
  const bool by_age = query.created_after || query.created_before;
  const bool filtered = by_age || filters > 1 || query.status == TaskStatus::completed;
  TaskList out;
  for (int round = 0; round < most_rounds; ++round) {
    const std::uint32_t want = query.limit - static_cast<std::uint32_t>(out.tasks.size());
    auto found = co_await candidates(query, below, filtered ? std::max(looked_at_once, want + 1) : want + 1);
    if (!found) co_return std::unexpected(std::move(found.error()));
    Request request;
    for (const Numbered& each : found->tasks) {
      const std::string key = keys_.task(each.id);
      request.push_range("HMGET", key, listed_fields);
      request.push("HSTRLEN", key, "result");
    }
    Replies rows;
    if (!found->tasks.empty()) {
      auto read = co_await ask(std::move(request), "store.list", "LI");
      if (!read) co_return std::unexpected(std::move(read.error()));
      rows = std::move(*read);
    }
    for (std::size_t i = 0; i < found->tasks.size(); ++i) {
      const Numbered& each = found->tasks[i];
      if (query.created_after) {
        // All that is left was called before.
        const auto made = each.id.made_at();
        if (made && *made + all.behind + all.ahead < *query.created_after) co_return out;
      }
      const ReplyView values = rows[2 * i].view();
      if (values[0].is_null()) continue;  // expired, or forgotten just now
      TaskRecord record = read_row(each.id, values, rows[2 * i + 1].view());
      if (!shows(query, record)) continue;
      if (out.tasks.size() == query.limit) {
        out.next = out.tasks.back().task_id;
        co_return out;
      }
      const std::string_view open = values[listed_fields.size() - 1].text();
      if (record.status == TaskStatus::running && !open.empty() && open != "0") asking.insert(each.id);
      out.tasks.push_back(std::move(record));
    }
    if (!found->more_below) co_return out;
    below = *found->more_below;
    if (!found->tasks.empty()) out.next = found->tasks.back().id;
    if (round + 1 == most_rounds && out.next) co_return out;
    out.next.reset();
  }
  co_return out;
}

}  // namespace meantime::store::redis
