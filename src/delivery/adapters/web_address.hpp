// SPDX-License-Identifier: MIT
// web_address.hpp: the address of a webhook, which often is a secret itself.
#pragma once

#include <optional>

#include "delivery/adapters/secret.hpp"
#include "delivery/adapters/web.hpp"

namespace meantime::delivery {

/// A place whose address stands in the configuration (base_url), or in a file or variable.
class WebAddress {
 public:
  WebAddress(WebPlace place, std::optional<Secret> url) : place_(std::move(place)), url_(std::move(url)) {}

  /// The place with its whole address. Errors: invalid_argument: there is none, it is no URL, or it would go
  /// unencrypted to the internet. Never says the address.
  [[nodiscard]] Result<WebPlace> place();
  /// It does not count any more: the next place() reads it anew.
  void refused();

 private:
  WebPlace place_;
  std::optional<Secret> url_;
};

/// http:// is for this machine and its network only. Errors: invalid_argument.
[[nodiscard]] Result<void> check_address(const WebPlace& place);

}  // namespace meantime::delivery
