// SPDX-License-Identifier: MIT
// toml_tree.hpp: a TOML or JSON document as plain values with their places. toml_tree.cpp alone knows toml++.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace meantime::config {

struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Value;
struct Member;
using Array = std::vector<Value>;
using Table = std::vector<Member>;

/// A date or time: no key takes one, so its text is all that is kept.
struct Date {
  std::string text;
};

/// Of JSON: TOML has none.
struct Null {};

struct Value {
  Place place;
  std::variant<bool, std::int64_t, double, std::string, Date, Array, Table, Null> data;

  template <class T>
  [[nodiscard]] const T* as() const noexcept {
    return std::get_if<T>(&data);
  }
};

struct Member {
  std::string key;
  Place place;
  Value value;
};

struct SyntaxFault {
  Place place;
  std::string what;
};

/// The document's table. Nesting is bounded (by toml++, 256).
[[nodiscard]] std::expected<Value, SyntaxFault> parse_toml(std::string_view text);

/// The same for JSON with comments and trailing commas, as editors keep it. A key that stands twice is a fault.
/// Nesting is bounded (100).
[[nodiscard]] std::expected<Value, SyntaxFault> parse_json(std::string_view text);

/// "a string", "a list": what a value is, for messages.
[[nodiscard]] std::string_view kind_of(const Value& value) noexcept;

}  // namespace meantime::config
