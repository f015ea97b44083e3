// SPDX-License-Identifier: MIT
#include "serve/server/parked.hpp"

#include "auth/digest.hpp"

namespace meantime::serve {
namespace {

constexpr std::size_t state_bytes = 24;  // of randomness: nobody guesses a state, and a changed one is unknown
constexpr std::string_view cannot_resume =
    "Invalid params: this 'requestState' is unknown, was used, has expired, or belongs to another request: repeat the "
    "request without 'requestState' and 'inputResponses'";

}  // namespace

Parked::Kept::Kept(Parked& its_parked, std::string its_state, std::unique_ptr<Work> its_work)
    : parked(its_parked),
      state(std::move(its_state)),
      work(std::move(its_work)),
      expiry(
          [](void* self) {
            auto& kept = *static_cast<Kept*>(self);
            auto& all = kept.parked.kept_;
            const std::unique_ptr<Kept> gone = std::move(all.extract(kept.state).mapped());
          },
          this) {}

Parked::Parked(Deadlines& deadlines, Random& random, Milliseconds kept_for, std::size_t most)
    : deadlines_(deadlines), random_(random), kept_for_(kept_for), most_(most) {}

Parked::~Parked() = default;

std::string Parked::keep(std::unique_ptr<Work> work) {
  std::string state = auth::random_text(random_, state_bytes);
  auto kept = std::make_unique<Kept>(*this, state, std::move(work));
  deadlines_.arm(kept->expiry, kept_for_);
  kept_.emplace(state, std::move(kept));
  return state;
}

std::expected<std::unique_ptr<Work>, std::string> Parked::take(std::string_view state, std::string_view owner,
                                                               std::string_view digest) {
  const auto found = kept_.find(std::string(state));
  if (found == kept_.end() || found->second->work->info.who->owner != owner || found->second->work->digest != digest) {
    return std::unexpected(std::string(cannot_resume));
  }
  std::unique_ptr<Work> work = std::move(found->second->work);
  kept_.erase(found);
  return work;
}

}  // namespace meantime::serve
