// SPDX-License-Identifier: MIT
// http_fetch.hpp: this layer's Fetch over the HTTP client.
#pragma once

#include "auth/web.hpp"
#include "http/client.hpp"

namespace meantime::auth {

struct FetchOptions {
  std::string ca_file;  ///< PEM; empty: the system's authorities.
  http::Addresses addresses = http::Addresses::any;
};

/// `client` outlives what is returned.
[[nodiscard]] Fetch fetch_over(http::Client& client, FetchOptions options = {});

}  // namespace meantime::auth
