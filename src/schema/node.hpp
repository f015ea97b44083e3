// SPDX-License-Identifier: MIT
// node.hpp: a compiled schema as a graph of nodes; compile.cpp makes it, check.cpp walks it. Private to this folder.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "meantime/error.hpp"

namespace meantime::schema {

/// Holds all 64-bit integers and all doubles exactly.
using Number = long double;

enum Kind : unsigned { null = 1, boolean = 2, integer = 4, number = 8, string = 16, array = 32, object = 64 };

/// Which kinds `value` is: an integer is a number as well, and so is 1.0 an integer.
[[nodiscard]] unsigned kinds_of(const boost::json::value& value) noexcept;
/// "a string", "an integer or null".
[[nodiscard]] std::string kinds_text(unsigned kinds);
[[nodiscard]] Number number_of(const boost::json::value& value) noexcept;

/// One text for all values that JSON Schema holds equal: members sorted, 1.0 as 1. `depth` is the parser's concern.
void append_canonical(std::string& out, const boost::json::value& value);

/// A regular expression; matching takes time linear in the text.
class Pattern {
 public:
  /// Errors: invalid_argument.
  [[nodiscard]] static Result<Pattern> compile(std::string_view text);
  Pattern(Pattern&&) noexcept;
  ~Pattern();
  /// True when some part of `text` matches.
  [[nodiscard]] bool matches(std::string_view text) const;
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  struct Impl;
  Pattern(std::string text, std::unique_ptr<Impl> impl) noexcept;
  std::string text_;
  std::unique_ptr<Impl> impl_;
};

struct Node;

struct TextHash : std::hash<std::string_view> {
  using is_transparent = void;
};
using NodesByName = std::unordered_map<std::string, const Node*, TextHash, std::equal_to<>>;

/// One schema. Absent: anything goes.
struct Node {
  static constexpr std::uint64_t no_maximum = std::numeric_limits<std::uint64_t>::max();

  std::string place;                       // JSON Pointer
  bool never = false;                      // the schema `false`
  unsigned kinds = 0;                      // 0: any
  std::unordered_set<std::string> values;  // enum and const, canonical
  std::string values_text;                 // the same for people
  bool has_values = false;
  std::optional<std::string> only;  // const, canonical

  std::optional<Number> minimum, maximum, above, below, multiple_of;
  std::uint64_t min_length = 0, max_length = no_maximum;
  std::optional<Pattern> pattern;

  std::vector<const Node*> prefix_items;
  const Node* items = nullptr;
  const Node* contains = nullptr;
  std::uint64_t min_contains = 1, max_contains = no_maximum;
  std::uint64_t min_items = 0, max_items = no_maximum;
  bool unique_items = false;

  NodesByName properties;
  std::vector<std::string> property_names_text;  // as written, for messages
  std::vector<std::pair<Pattern, const Node*>> pattern_properties;
  const Node* additional = nullptr;
  const Node* property_names = nullptr;
  std::vector<std::string> required;
  std::vector<std::pair<std::string, std::vector<std::string>>> dependent_required;
  std::vector<std::pair<std::string, const Node*>> dependent_schemas;
  std::uint64_t min_properties = 0, max_properties = no_maximum;

  std::vector<const Node*> all_of, any_of, one_of;
  const Node* negated = nullptr;
  const Node* condition = nullptr;
  const Node* then = nullptr;
  const Node* otherwise = nullptr;
  const Node* ref = nullptr;
  const Node* dynamic_ref = nullptr;

  /// The schemas that look at the same value as this one.
  template <class Visit>
  void in_place(Visit&& visit) const {
    for (const auto* list : {&all_of, &any_of, &one_of}) {
      for (const Node* node : *list) visit(node);
    }
    for (const Node* node : {negated, condition, then, otherwise, ref, dynamic_ref}) {
      if (node != nullptr) visit(node);
    }
    for (const auto& [name, node] : dependent_schemas) visit(node);
  }
};

struct Compiled {
  std::deque<Node> nodes;
  const Node* root = nullptr;
  std::vector<std::string> ignored;
};

/// Up to `max` faults of `value`, each "path: what is wrong, what is expected". Empty: it fits.
[[nodiscard]] std::vector<std::string> faults_of(const Compiled& compiled, const boost::json::value& value);

}  // namespace meantime::schema
