// SPDX-License-Identifier: MIT
// web.hpp: what all adapters that speak HTTP share: the exchange, and what a platform's silence or status means where
// the platform says nothing better.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/client.hpp"
#include "meantime/adapter.hpp"

namespace meantime::delivery {

/// Where a platform is reached, and how.
struct WebPlace {
  std::string base_url;  ///< Without a slash at its end. May hold a secret: it never stands in a text.
  http::Addresses addresses = http::Addresses::public_only;
  std::string ca_file;              ///< PEM; empty: the system's authorities.
  Milliseconds time_limit{30'000};  ///< Of one exchange.
  std::size_t longest_answer = 1UL << 20U;
};

/// An answer of any status; or, where there was none, what follows from that.
using WebAnswer = std::expected<http::Response, SendAnswer>;

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One exchange; `path` stands behind the place's base_url. No redirects are followed.
[[nodiscard]] Task<WebAnswer> exchange(http::Client& client, const WebPlace& place, std::string method,
                                       std::string path, Headers headers, std::string body);

/// Retry-After, in seconds or as a date. Absent: there is none that can be read.
[[nodiscard]] std::optional<Milliseconds> retry_after(const http::ResponseHead& head, WallTime now);

/// What a status means by itself: 2xx arrived; 429, 408, 425 later; 504, 524 unknown; other 5xx in trouble; 401, 403
/// auth; 404, 410 target_gone; any other payload. `detail` says the status and the beginning of `said`, cleaned.
[[nodiscard]] SendAnswer by_status(const http::Response& answer, WallTime now, std::string_view said = {});

/// At most 200 characters of what a platform said, on one line, without control characters.
[[nodiscard]] std::string cited(std::string_view said);

}  // namespace meantime::delivery
