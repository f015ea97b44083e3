// SPDX-License-Identifier: MIT
#include "registry/callers.hpp"

#include <boost/container_hash/hash.hpp>

namespace meantime {

std::size_t Callers::Hash::operator()(const Caller& caller) const noexcept {
  std::size_t seed = 0;
  boost::hash_combine(seed, caller.user_id);
  boost::hash_combine(seed, caller.channel_id);
  boost::hash_combine(seed, caller.platform);
  return seed;
}

CallerAccount& Callers::account(const Caller& caller) {
  // Most calls come from the caller of the call before.
  if (last_ != nullptr && last_->caller == caller) return *last_;
  if (callers_.size() >= sweep_at_) sweep();
  auto [at, fresh] = callers_.try_emplace(caller);
  if (fresh) {
    at->second.caller = caller;
    at->second.owner = &owners_[caller.user_id];
    ++at->second.owner->callers;
  }
  last_ = &at->second;
  return *last_;
}

void Callers::sweep() {
  last_ = nullptr;
  boost::unordered::erase_if(callers_, [](auto& entry) {
    if (entry.second.uses != 0) return false;
    --entry.second.owner->callers;
    return true;
  });
  boost::unordered::erase_if(owners_, [](const auto& entry) { return entry.second.callers == 0; });
  sweep_at_ = std::max<std::size_t>(1024, callers_.size() * 2);
}

}  // namespace meantime
