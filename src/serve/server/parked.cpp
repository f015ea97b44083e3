// SPDX-License-Identifier: MIT
#include "serve/server/parked.hpp"

#include "auth/digest.hpp"

namespace meantime::serve {
namespace {

constexpr std::size_t id_bytes = 16;
constexpr std::string_view cannot_resume =
    "Invalid params: this 'requestState' was used, or its call is over: repeat the request without 'requestState' and "
    "'inputResponses'";

}  // namespace

Parked::Kept::Kept(Parked& its_parked, std::string its_id, std::unique_ptr<Work> its_work)
    : parked(its_parked),
      id(std::move(its_id)),
      work(std::move(its_work)),
      expiry(
          [](void* self) {
            auto& kept = *static_cast<Kept*>(self);
            auto& all = kept.parked.kept_;
            const std::unique_ptr<Kept> gone = std::move(all.extract(kept.id).mapped());
          },
          this) {}

Parked::Parked(Deadlines& deadlines, Random& random, Milliseconds kept_for, std::size_t most)
    : deadlines_(deadlines), random_(random), kept_for_(kept_for), most_(most), key_(auth::random_text(random, 32)) {}

Parked::~Parked() = default;

std::string Parked::mac(std::string_view bytes) const {
  return auth::hmac_sha256(key_, bytes);
}

std::string Parked::keep(std::unique_ptr<Work> work) {
  const std::string id = auth::random_text(random_, id_bytes);
  const WallTime expires = deadlines_.clock().wall_now() + kept_for_;
  std::string state = mcp::seal_state(*this, id, work->binding, expires);
  auto kept = std::make_unique<Kept>(*this, id, std::move(work));
  deadlines_.arm(kept->expiry, kept_for_);
  kept_.emplace(id, std::move(kept));
  return state;
}

std::expected<std::unique_ptr<Work>, std::string> Parked::take(std::string_view state, std::string_view binding) {
  const auto id = mcp::open_state(*this, state, binding, deadlines_.clock().wall_now());
  if (!id) return std::unexpected("Invalid params: " + id.error());
  const auto found = kept_.find(*id);
  if (found == kept_.end()) return std::unexpected(std::string(cannot_resume));
  std::unique_ptr<Work> work = std::move(found->second->work);
  kept_.erase(found);
  return work;
}

}  // namespace meantime::serve
