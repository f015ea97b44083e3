// SPDX-License-Identifier: MIT
// workers.cpp: the lease of this worker, the look for dead ones, and the end.
#include "store/delivery_rules.hpp"
#include "store/messages.hpp"
#include "store/redis/redis_store.hpp"

namespace meantime::store::redis {
namespace {

constexpr std::int64_t renewed_at_once = 200;
constexpr std::uint64_t reaped_at_once = 100;

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
  call.key(keys_.workers()).key(keys_.doubted()).key(keys_.running(worker_)).key(keys_.counter());
  call.arg(worker_).arg(options_.lease.count()).arg(renew_at_).arg(renewed_at_once);
  call.arg(std::chrono::ceil<std::chrono::seconds>(running_expiry).count()).arg(index_expiry_s());
  call.arg(keys_.tasks()).arg(keys_.ours()).arg(running_.size());
  auto reply = co_await run(call, "store.heartbeat");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  if (renew_at_ >= 0) {
    const std::int64_t renewed = reply->view()[1].integer();
    renew_at_ = renewed < renewed_at_once ? -1 : renew_at_ + renewed;
  }
  registered_ = true;
  if (reply->view()[0].integer() != 1) {
    running_.clear();  // told once: those that are begun anew count again
    notice_forgotten();
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
    call.arg(std::chrono::ceil<std::chrono::seconds>(running_expiry).count()).arg(stay);
    call.arg(open_expiry_s()).arg(read_grace.count()).arg(policy.tools.size());
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
    std::vector<ReplyView> taken;
    for (const ReplyView value : answer[3]) taken.push_back(value);
    constexpr std::size_t parts = 8;
    for (std::size_t at = 0; at + parts <= taken.size(); at += parts) {
      const auto id = TaskId::parse(taken[at].text());
      if (!id) continue;
      ReclaimedTask task;
      task.task_id = *id;
      task.attempt = static_cast<std::uint32_t>(taken[at + 1].integer());
      task.tool_name = taken[at + 2].text();
      task.arguments = taken[at + 3].text();
      task.caller.user_id = taken[at + 4].text();
      task.caller.channel_id = taken[at + 5].text();
      task.caller.platform = taken[at + 6].text();
      task.created_at = parse_seconds(taken[at + 7].text()).value_or(WallTime());
      registered_ = true;
      output_totals_.erase(*id);                                     // others may have added to it
      if (!claims_.try_emplace(*id, task.attempt).second) continue;  // it was told before
      running_.insert(*id);
      report.reclaimed.push_back(std::move(task));
    }
    stay += static_cast<std::uint64_t>(answer[1].integer());
    if (static_cast<std::uint64_t>(answer[0].integer()) < reaped_at_once) co_return report;
  }
}

Task<void> RedisStore::close() {
  closing_ = true;
  co_await Settled(*this);
  if (!registered_ || !commands_.up()) co_return;
  ScriptCall call(Script::leave);
  call.key(keys_.workers()).key(keys_.doubted()).key(keys_.running(worker_)).key(keys_.took(worker_));
  call.arg(worker_).arg(keys_.workers());
  // Nothing is lost if this does not arrive: the lease ends by itself.
  [[maybe_unused]] const auto left = co_await run(call, "store.close");
}

}  // namespace meantime::store::redis
