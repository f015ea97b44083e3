// SPDX-License-Identifier: MIT
#include "auth/web.hpp"

#include <algorithm>

namespace meantime::auth {

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::optional<std::string_view> WebAnswer::header(std::string_view name) const {
  for (const auto& each : headers) {
    if (same_ignoring_case(each.name, name)) return each.value;
  }
  return std::nullopt;
}

std::vector<std::string_view> WebAnswer::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& each : headers) {
    if (same_ignoring_case(each.name, name)) values.emplace_back(each.value);
  }
  return values;
}

}  // namespace meantime::auth
