// SPDX-License-Identifier: MIT
#include "core/redirects.hpp"

#include "core/utf8.hpp"

namespace meantime {
namespace {

constexpr std::size_t max_name_bytes = 512;

}  // namespace

bool same_place(const Redirect& a, const Redirect& b) noexcept {
  return a.destination == b.destination && a.platform == b.platform && a.channel_id == b.channel_id;
}

std::optional<std::size_t> put_redirect(std::vector<Redirect>& redirects, Redirect redirect) {
  const auto same = std::ranges::find_if(redirects, [&](const Redirect& each) { return same_place(each, redirect); });
  if (same != redirects.end()) {
    *same = std::move(redirect);
    return static_cast<std::size_t>(same - redirects.begin());
  }
  if (redirects.size() >= max_redirects) return std::nullopt;
  redirects.push_back(std::move(redirect));
  return redirects.size() - 1;
}

Result<void> check_redirect(const Redirect& redirect) {
  constexpr auto op = "manager.redirect";
  if (redirect.destination.empty()) {
    return fail(errc::invalid_argument, op, "A redirect names a destination: give the name of a configured one.");
  }
  for (const std::string* name : {&redirect.destination, &redirect.channel_id, &redirect.platform}) {
    if (name->size() > max_name_bytes || !utf8::valid(*name)) {
      return fail(errc::invalid_argument, op,
                  "Destination, channel and platform of a redirect are UTF-8 text of at most " +
                      std::to_string(max_name_bytes) + " bytes each.");
    }
  }
  return {};
}

}  // namespace meantime
