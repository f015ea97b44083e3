// SPDX-License-Identifier: MIT
#include "fakes/strict.hpp"

#include <algorithm>

namespace meantime::test {

namespace json = boost::json;

std::optional<json::object> json_of(const FakeRequest& request) {
  if (!request.header("content-type").starts_with("application/json")) return std::nullopt;
  boost::system::error_code wrong;
  json::value value = json::parse(request.body, wrong);
  if (wrong || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::string unknown_field(const json::object& object, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : object) {
    if (std::ranges::find(known, std::string_view(name)) == known.end()) return std::string(name);
  }
  return {};
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string{};
}

bool is_false(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && !value->get_bool();
}

bool is_true(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace meantime::test
