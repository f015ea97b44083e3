// SPDX-License-Identifier: MIT
// bare_curl.hpp: the limit: libcurl's multi interface that posts the same body again and again, and does nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace meantime::bench {

struct BarePosts {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::int64_t posts = 0;
  int at_once = 1;
};

/// Posts a second. Handles and connections are used again. Errors: throws std::runtime_error.
[[nodiscard]] double bare_posts_per_second(const BarePosts& what);

}  // namespace meantime::bench
