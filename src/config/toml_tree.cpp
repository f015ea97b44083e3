// SPDX-License-Identifier: MIT
#include "config/toml_tree.hpp"

#include <stdexcept>

namespace meantime::config {
// toml++ 3.3 takes some broken files ("[[[") for granted by an assertion, or by undefined behaviour without one.
struct BrokenToml : std::runtime_error {
  using std::runtime_error::runtime_error;
};
}  // namespace meantime::config

#undef NDEBUG
#define TOML_ASSERT(expr) ((expr) ? void() : throw ::meantime::config::BrokenToml("not TOML"))
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>
#include <tuple>

namespace meantime::config {
namespace {

// Where such a file is most likely broken: the first heading whose name begins with what no name begins with.
Place broken_heading(std::string_view text) {
  std::uint32_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view heading = text.substr(at, end - at);
    const std::size_t bracket = heading.find_first_not_of(" \t");
    if (bracket != heading.npos && heading[bracket] == '[') {
      const std::size_t name = heading.find_first_not_of(" \t", bracket + (heading.substr(bracket, 2) == "[[" ? 2 : 1));
      const auto c = name == heading.npos ? '\0' : heading[name];
      const bool begins_name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                               c == '-' || c == '"' || c == '\'';
      if (!begins_name) return {line, static_cast<std::uint32_t>(bracket) + 1};
    }
    at = end + 1;
  }
  return {};
}

Place place_of(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

Value value_of(const toml::node& node) {
  Value out;
  out.place = place_of(node.source());
  if (const auto* table = node.as_table()) {
    Table members;
    for (const auto& [key, child] : *table) {
      Member member{std::string(key.str()), place_of(key.source()), value_of(child)};
      members.push_back(std::move(member));
    }
    // toml++ sorts by name; people read from top to bottom.
    std::ranges::sort(members, {}, [](const Member& m) { return std::tie(m.place.line, m.place.column, m.key); });
    out.data = std::move(members);
  } else if (const auto* array = node.as_array()) {
    Array items;
    items.reserve(array->size());
    for (const toml::node& child : *array) items.push_back(value_of(child));
    out.data = std::move(items);
  } else if (const auto* text = node.as_string()) {
    out.data = text->get();
  } else if (const auto* whole = node.as_integer()) {
    out.data = whole->get();
  } else if (const auto* real = node.as_floating_point()) {
    out.data = real->get();
  } else if (const auto* flag = node.as_boolean()) {
    out.data = flag->get();
  } else {
    std::ostringstream date;
    node.visit([&date](const auto& it) {
      if constexpr (toml::is_chronological<decltype(it)>) date << it.get();
    });
    out.data = Date{std::move(date).str()};
  }
  return out;
}

}  // namespace

std::expected<Value, SyntaxFault> parse_toml(std::string_view text) try {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return std::unexpected(SyntaxFault{place_of(parsed.error().source()), std::string(parsed.error().description())});
  }
  return value_of(parsed.table());
} catch (const BrokenToml&) {
  return std::unexpected(SyntaxFault{broken_heading(text), "a heading is [name] or [[name]]"});
}

std::string_view kind_of(const Value& value) noexcept {
  constexpr std::string_view kinds[] = {"true or false", "a whole number", "a number", "a string",
                                        "a date",        "a list",         "a table"};
  return kinds[value.data.index()];
}

}  // namespace meantime::config
