// SPDX-License-Identifier: MIT
// workers.cpp: the lease of this worker, the look for dead ones, retention, and the end.
#include "store/messages.hpp"
#include "store/redis/redis_store.hpp"

namespace meantime::store::redis {
namespace {

constexpr std::int64_t renewed_at_once = 200;
constexpr std::uint64_t reaped_at_once = 100;
constexpr std::uint64_t swept_at_once = 200;
constexpr std::uint64_t trimmed_at_once = 1'000;

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

class RedisStore::Settled {
 public:
  explicit Settled(RedisStore& store)
      : store_(store), ready_([](void* self) { static_cast<Settled*>(self)->waiter_.resume(); }, this) {}
  Settled(const Settled&) = delete;
  Settled& operator=(const Settled&) = delete;
  ~Settled() { store_.commands_.on_idle({}); }

  [[nodiscard]] bool await_ready() const noexcept { return store_.commands_.idle() || !store_.commands_.up(); }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    store_.commands_.on_idle([this] { store_.loop_.post(ready_); });
  }
  static void await_resume() noexcept {}

 private:
  RedisStore& store_;
  std::coroutine_handle<> waiter_;
  Ready ready_;
};

Task<Result<void>> RedisStore::heartbeat() {
  // All running tasks have their expiry renewed four times within it, a slice with each heartbeat.
  if (renew_at_ < 0 && clock_.coarse_now() - renewed_ >= running_expiry / 4) {
    renewed_ = clock_.coarse_now();
    renew_at_ = 0;
  }
  ScriptCall call(Script::heartbeat);
  call.key(keys_.workers()).key(keys_.doubted()).key(keys_.running(worker_)).key(keys_.all());
  call.arg(worker_).arg(options_.lease.count()).arg(renew_at_).arg(renewed_at_once);
  call.arg(std::chrono::ceil<std::chrono::seconds>(running_expiry).count()).arg(index_expiry_s());
  call.arg(keys_.tasks()).arg(keys_.ours());
  auto reply = co_await run(call, "store.heartbeat");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  if (renew_at_ >= 0) {
    const std::int64_t renewed = reply->view()[1].integer();
    renew_at_ = renewed < renewed_at_once ? -1 : renew_at_ + renewed;
  }
  const bool known = reply->view()[0].integer() == 1;
  if (std::exchange(registered_, true) && !known && listener_ != nullptr) {
    // Declared dead meanwhile, or the server lost its data.
    loop_.post_from_anywhere([this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired() && listener_ != nullptr) listener_->on_forgotten();
    });
  }
  co_return Result<void>{};
}

Task<Result<LostReport>> RedisStore::reap_lost(ReclaimPolicy policy) {
  LostReport report;
  std::uint64_t stay = 0;
  for (;;) {
    ScriptCall call(Script::reap);
    call.key(keys_.workers()).key(keys_.doubted()).key(keys_.claims(worker_)).key(keys_.running(worker_));
    call.key(keys_.failed());
    call.arg(worker_).arg(keys_.tasks()).arg(keys_.ours()).arg((options_.lease / 2).count()).arg(reaped_at_once);
    call.arg(finished_expiry_s()).arg(lost_error).arg(clock_.wall_now().time_since_epoch().count());
    call.arg(options_.lease.count()).arg(policy.max_attempts).arg(policy.leave_to_others.count());
    call.arg(std::chrono::ceil<std::chrono::seconds>(running_expiry).count()).arg(stay).arg(policy.tools.size());
    for (const std::string& tool : policy.tools) call.arg(tool);
    for (const auto& [id, attempt] : claims_) call.arg(id.text()).arg(attempt);
    const auto confirmed = claims_;
    auto reply = co_await run(call, "store.reap_lost");
    if (!reply) {
      if (report.lost.empty() && report.reclaimed.empty()) co_return std::unexpected(std::move(reply.error()));
      co_return report;  // what was done is told; the rest is done by the next look
    }
    for (const auto& [id, attempt] : confirmed) {
      const auto at = claims_.find(id);
      if (at != claims_.end() && at->second == attempt) claims_.erase(at);
    }
    const ReplyView answer = reply->view();
    for (const ReplyView each : answer[2]) {
      if (auto id = TaskId::parse(each.text())) report.lost.push_back(*id);
    }
    ReclaimedTask task;
    std::size_t part = 0;
    for (const ReplyView value : answer[3]) {
      switch (part++ % 8) {
        case 0:
          task = {};
          if (auto id = TaskId::parse(value.text())) task.task_id = *id;
          break;
        case 1:
          task.attempt = static_cast<std::uint32_t>(value.integer());
          break;
        case 2:
          task.tool_name = value.text();
          break;
        case 3:
          task.arguments = value.text();
          break;
        case 4:
          task.caller.user_id = value.text();
          break;
        case 5:
          task.caller.channel_id = value.text();
          break;
        case 6:
          task.caller.platform = value.text();
          break;
        default:
          task.created_at = parse_seconds(value.text()).value_or(WallTime());
          registered_ = true;
          if (claims_.try_emplace(task.task_id, task.attempt).second) report.reclaimed.push_back(std::move(task));
      }
    }
    stay += static_cast<std::uint64_t>(answer[1].integer());
    if (static_cast<std::uint64_t>(answer[0].integer()) < reaped_at_once) co_return report;
  }
}

Task<Result<std::uint64_t>> RedisStore::forget_ended(WallTime ended_before) {
  std::uint64_t forgotten = 0;
  std::int64_t expired = 0;
  std::string from = "0";
  while (!from.empty()) {
    ScriptCall call(Script::sweep);
    call.key(keys_.all()).key(keys_.skew()).key(keys_.failed()).arg(keys_.tasks()).arg(keys_.ours());
    call.arg(ended_before.time_since_epoch().count()).arg(from).arg(swept_at_once);
    call.arg(options_.legacy_results ? "1" : "0");
    auto reply = co_await run(call, "store.forget_ended");
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    from = reply->view()[0].text();
    forgotten += static_cast<std::uint64_t>(reply->view()[1].integer());
    expired += reply->view()[2].integer();
  }
  if (expired > 0) {
    if (auto trimmed = co_await trim_indexes(); !trimmed) co_return std::unexpected(std::move(trimmed.error()));
  }
  co_return forgotten;
}

// Tasks expired while no meantime process ran: whose they were is forgotten, so every list is looked at.
Task<Result<void>> RedisStore::trim_indexes() {
  for (const std::string& pattern : {escaped(keys_.owner("")) + "*", escaped(keys_.tool("")) + "*"}) {
    std::string cursor = "0";
    do {
      Request scan;
      scan.push("SCAN", cursor, "MATCH", pattern, "COUNT", "500");
      auto page = co_await ask(std::move(scan), "store.forget_ended");
      if (!page) co_return std::unexpected(std::move(page.error()));
      cursor = page->front().view()[0].text();
      for (const ReplyView key : page->front().view()[1]) {
        for (bool more = true; more;) {
          ScriptCall call(Script::trim);
          call.key(keys_.all()).key(std::string(key.text())).arg(trimmed_at_once);
          auto cut = co_await run(call, "store.forget_ended");
          if (!cut) co_return std::unexpected(std::move(cut.error()));
          more = static_cast<std::uint64_t>(cut->view().integer()) >= trimmed_at_once;
        }
      }
    } while (cursor != "0");
  }
  co_return Result<void>{};
}

Task<void> RedisStore::close() {
  closing_ = true;
  co_await Settled(*this);
  if (!registered_ || !commands_.up()) co_return;
  ScriptCall call(Script::leave);
  call.key(keys_.workers()).key(keys_.doubted()).key(keys_.running(worker_)).arg(worker_).arg(keys_.workers());
  // Nothing is lost if this does not arrive: the lease ends by itself.
  [[maybe_unused]] const auto left = co_await run(call, "store.close");
}

}  // namespace meantime::store::redis
