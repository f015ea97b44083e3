// SPDX-License-Identifier: MIT
#include "auth/rate_limiter.hpp"

#include <cmath>
#include <list>
#include <string>
#include <unordered_map>

namespace meantime::auth {
namespace {

struct Bucket {
  std::string owner;
  double left;
  SteadyTime seen;
};

Milliseconds until_one(const RateLimit& limit, double left) {
  if (limit.per_second <= 0) return std::chrono::hours(1);
  return Milliseconds(std::max<std::int64_t>(1, std::llround(std::ceil((1 - left) / limit.per_second * 1000))));
}

}  // namespace

struct RateLimiter::State {
  RateLimit limit;
  Clock& clock;
  std::list<Bucket> buckets;  // seen last: first
  std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_owner;
};

RateLimiter::RateLimiter(RateLimit limit, Clock& clock) : state_(new State{.limit = limit, .clock = clock}) {}
RateLimiter::~RateLimiter() = default;
std::size_t RateLimiter::size() const noexcept {
  return state_->buckets.size();
}

Milliseconds RateLimiter::take(std::string_view owner) {
  State& state = *state_;
  const auto now = state.clock.coarse_now();
  auto found = state.by_owner.find(owner);
  if (found == state.by_owner.end()) {
    if (state.buckets.size() >= std::max<std::size_t>(1, state.limit.callers)) {
      state.by_owner.erase(state.buckets.back().owner);
      state.buckets.pop_back();
    }
    state.buckets.push_front({.owner = std::string(owner), .left = state.limit.burst, .seen = now});
    found = state.by_owner.emplace(state.buckets.front().owner, state.buckets.begin()).first;
  } else {
    state.buckets.splice(state.buckets.begin(), state.buckets, found->second);
  }
  Bucket& bucket = *found->second;
  const std::chrono::duration<double> passed = now - bucket.seen;
  bucket.seen = now;
  bucket.left = std::min(state.limit.burst, bucket.left + std::max(0.0, passed.count()) * state.limit.per_second);
  if (bucket.left >= 1) {
    bucket.left -= 1;
    return Milliseconds(0);
  }
  return until_one(state.limit, bucket.left);
}

Milliseconds RateLimiter::wait(std::string_view owner) const {
  const auto found = state_->by_owner.find(owner);
  if (found == state_->by_owner.end()) return Milliseconds(0);
  const Bucket& bucket = *found->second;
  const std::chrono::duration<double> passed = state_->clock.coarse_now() - bucket.seen;
  const double left =
      std::min(state_->limit.burst, bucket.left + std::max(0.0, passed.count()) * state_->limit.per_second);
  return left >= 1 ? Milliseconds(0) : until_one(state_->limit, left);
}

}  // namespace meantime::auth
