// SPDX-License-Identifier: MIT
// web.hpp: one HTTP exchange as values, and the port through which this layer makes them, so that every rule of it is
// tested without a socket.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"

namespace meantime::auth {

struct WebHeader {
  std::string name;
  std::string value;

  friend bool operator==(const WebHeader&, const WebHeader&) = default;
};

struct WebRequest {
  std::string method = "GET";
  std::string url;
  std::vector<WebHeader> headers;
  std::string body;
};

struct WebAnswer {
  int status = 0;
  std::vector<WebHeader> headers;
  std::string body;

  /// The first header of that name, however it is spelt.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  /// All of that name, in order: a server may send several challenges.
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
};

/// Sends a request and gives the whole answer. Follows no redirects, checks certificates, holds a body to 1 MiB and a
/// request to half a minute. Errors: unavailable (no answer), overloaded (a body that is too long).
/// Cancel: dropping the Task ends the exchange.
using Fetch = std::function<Task<Result<WebAnswer>>(WebRequest)>;

/// True when `a` and `b` are the same but for the case of ASCII letters.
[[nodiscard]] bool same_ignoring_case(std::string_view a, std::string_view b) noexcept;

}  // namespace meantime::auth
