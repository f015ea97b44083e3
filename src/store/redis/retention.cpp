// SPDX-License-Identifier: MIT
// retention.cpp: forgets what ended long ago, from the oldest on, with its places in the indexes.
#include "store/redis/redis_store.hpp"
#include "store/redis/server_errors.hpp"

namespace meantime::store::redis {
namespace {

constexpr std::uint64_t trimmed_at_once = 1'000;
constexpr std::uint64_t walked_again = 20'000;  // few enough to look at each time
constexpr std::chrono::hours between_full_walks{1};

// For SCAN's patterns.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

Task<Result<std::uint64_t>> RedisStore::forget_ended(WallTime ended_before) {
  auto known = co_await extent();
  if (!known) co_return std::unexpected(std::move(known.error()));
  const Extent all = *known;
  if (all.newest == 0) co_return std::uint64_t{0};
  // What outlives the others by far is not walked over each time.
  std::uint64_t from = all.oldest;
  const SteadyTime now = clock_.coarse_now();
  const bool whole = swept_to_ < from || swept_to_ - from <= walked_again || now - swept_all_ >= between_full_walks;
  if (whole) {
    swept_all_ = now;
  } else {
    from = swept_to_;
  }
  // Nothing ends before it is made, so only what was made before is asked for. Behind an id of a clock that is ahead
  // may stand others that are due: the walk goes a little farther than to the first that is not.
  const WallTime newest_due = ended_before + all.behind + all.ahead;
  std::uint64_t forgotten = 0;
  std::uint64_t expired = 0;
  std::optional<std::uint64_t> first_left;
  std::optional<std::uint64_t> first_young;
  std::uint64_t at = from;
  for (bool more = true; more && at <= all.newest;) {
    const std::uint64_t block = at / ids_in_block;
    auto ids = co_await ids_of_block(block);
    if (!ids) co_return std::unexpected(std::move(ids.error()));
    std::vector<Numbered> due;
    for (const Numbered& each : *ids) {
      if (each.number < at) continue;
      const auto made = each.id.made_at();
      if (made && *made > newest_due) {
        more = false;  // and so was all that follows
        first_left = first_left.value_or(each.number);
        first_young = first_young.value_or(each.number);
        break;
      }
      if (made && *made >= ended_before) {
        first_left = first_left.value_or(each.number);
        first_young = first_young.value_or(each.number);
        continue;
      }
      due.push_back(each);
    }
    std::vector<Link::Answer> answers;
    answers.reserve(due.size());
    for (const Numbered& each : due) {
      ScriptCall call(Script::forget);
      call.key(keys_.task(each.id)).key(keys_.failed()).key(keys_.block(block)).arg(each.id.text()).arg(keys_.ours());
      call.arg(ended_before.time_since_epoch().count()).arg(each.number).arg(options_.legacy_results ? "1" : "0");
      call.arg(max_redirects);
      answers.push_back(commands_.ask(call.request()));
    }
    bool again = false;
    for (std::size_t i = 0; i < due.size(); ++i) {
      auto reply = co_await std::move(answers[i]);
      if (!reply) co_return std::unexpected(unavailable_of(reply.error(), "store.forget_ended", options_.place()));
      const ReplyView verdict = reply->front().view();
      if (verdict.is_error() && kind_of_refusal(verdict.text()) == "NOSCRIPT") {
        if (auto loaded = co_await load_scripts("store.forget_ended"); !loaded) {
          co_return std::unexpected(std::move(loaded.error()));
        }
        again = true;
        break;
      }
      if (verdict.is_error()) co_return std::unexpected(refused(verdict.text(), "store.forget_ended"));
      if (verdict.kind() != Reply::Kind::integer) co_return std::unexpected(out_of_step("store.forget_ended"));
      if (verdict.integer() == 1) ++forgotten;
      if (verdict.integer() == 2) ++expired;
      if (verdict.integer() == 0) first_left = std::min(first_left.value_or(due[i].number), due[i].number);
    }
    if (again) {
      more = true;
      continue;  // with the same block
    }
    if (more) at = (block + 1) * ids_in_block;
    if (more && !due.empty()) {
      ScriptCall drop(Script::drop_block);
      drop.key(keys_.block(block)).key(keys_.counter()).arg(block);
      if (auto dropped = co_await run(drop, "store.forget_ended"); !dropped) {
        co_return std::unexpected(std::move(dropped.error()));
      }
    }
  }
  swept_to_ = std::min(first_young.value_or(at), all.newest + 1);
  if (whole) {
    const std::uint64_t oldest = std::min(first_left.value_or(swept_to_), swept_to_);
    if (oldest > all.oldest) {
      Request request;
      request.push("SET", keys_.oldest(), std::to_string(oldest), "EX", std::to_string(index_expiry_s()));
      if (auto set = co_await ask(std::move(request), "store.forget_ended", "T"); !set) {
        co_return std::unexpected(std::move(set.error()));
      }
    }
    if (expired > 0) {
      if (auto trimmed = co_await trim_lists(oldest); !trimmed) co_return std::unexpected(std::move(trimmed.error()));
    }
  }
  co_return forgotten;
}

// Tasks expired while no meantime process ran: whose they were is forgotten, so every list is looked at.
Task<Result<void>> RedisStore::trim_lists(std::uint64_t oldest) {
  for (const std::string& pattern : {escaped(keys_.owner("")) + "*", escaped(keys_.tool("")) + "*"}) {
    std::string cursor = "0";
    do {
      Request scan;
      scan.push("SCAN", cursor, "MATCH", pattern, "COUNT", "500");
      auto page = co_await ask(std::move(scan), "store.forget_ended", "L");
      if (!page) co_return std::unexpected(std::move(page.error()));
      cursor = page->front().view()[0].text();
      for (const ReplyView key : page->front().view()[1]) {
        for (bool more = true; more;) {
          ScriptCall call(Script::trim);
          call.key(std::string(key.text())).arg(oldest).arg(trimmed_at_once);
          auto cut = co_await run(call, "store.forget_ended");
          if (!cut) co_return std::unexpected(std::move(cut.error()));
          more = static_cast<std::uint64_t>(cut->view().integer()) >= trimmed_at_once;
        }
      }
    } while (cursor != "0");
  }
  co_return Result<void>{};
}

}  // namespace meantime::store::redis
