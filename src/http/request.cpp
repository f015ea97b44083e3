// SPDX-License-Identifier: MIT
#include "http/request.hpp"

namespace meantime::http {
namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool is_name(std::string_view name, std::string_view lower_case) noexcept {
  if (name.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (lower(name[i]) != lower_case[i]) return false;
  }
  return true;
}

}  // namespace

bool equal_names(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::optional<std::string_view> Request::header(std::string_view lower_case_name) const noexcept {
  for (const Header& header : headers) {
    if (is_name(header.name, lower_case_name)) return header.value;
  }
  return std::nullopt;
}

std::size_t Request::count(std::string_view lower_case_name) const noexcept {
  std::size_t found = 0;
  for (const Header& header : headers) found += is_name(header.name, lower_case_name) ? 1 : 0;
  return found;
}

std::string Request::take_body() {
  std::string taken = owned_body_ != nullptr ? std::move(*owned_body_) : std::string(body);
  owned_body_ = nullptr;
  body = {};
  return taken;
}

}  // namespace meantime::http
