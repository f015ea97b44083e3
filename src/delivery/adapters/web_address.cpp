// SPDX-License-Identifier: MIT
#include "delivery/adapters/web_address.hpp"

namespace meantime::delivery {

Result<void> check_address(const WebPlace& place) {
  if (place.base_url.starts_with("https://")) return {};
  if (!place.base_url.starts_with("http://")) {
    return fail(errc::invalid_argument, "delivery.address", "The address must begin with https://.");
  }
  if (place.addresses == http::Addresses::any) return {};
  return fail(
      errc::invalid_argument, "delivery.address",
      "The address begins with http://, which anybody on the way can read: use https://, or allow_private = true "
      "for a server of your own network.");
}

Result<WebPlace> WebAddress::place() {
  WebPlace place = place_;
  if (url_) {
    auto url = url_->value();
    if (!url) return std::unexpected(std::move(url.error()));
    place.base_url = std::move(*url);
  }
  if (auto fine = check_address(place); !fine) return std::unexpected(std::move(fine.error()));
  return place;
}

void WebAddress::refused() {
  if (url_) url_->refused();
}

}  // namespace meantime::delivery
