// SPDX-License-Identifier: MIT
// compile.cpp: JSON text to a graph of nodes. A reference is compiled once, where it points, so cycles are natural.
#include <algorithm>
#include <charconv>

#include "core/json_writer.hpp"
#include "schema/node.hpp"
#include "schema/schema.hpp"

namespace meantime {
namespace schema {
namespace {

namespace json = boost::json;

constexpr std::size_t max_depth = 200;
constexpr std::size_t max_chain = 500;  // each costs stack while it is compiled
constexpr std::size_t max_nodes = 100'000;
constexpr std::size_t shown_values = 20;

// Thrown inside this file only; Schema::compile makes it an Error.
struct Fault {
  std::string place;
  std::string what;
};

std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

class Compiler {
 public:
  Compiler(Compiled& out, const json::value& document) : out_(out), document_(document) { find_names(document, ""); }

  const Node* run() {
    const Node* root = node_at(document_, "");
    refuse_endless();
    return root;
  }

 private:
  // What an $id, $anchor or $dynamicAnchor names, with its place.
  struct Named {
    const json::value* value;
    std::string place;
  };

  void find_names(const json::value& value, const std::string& place) {
    if (const auto* object = value.if_object()) {
      const auto note = [&](const char* keyword, const char* before) {
        const json::value* name = object->if_contains(keyword);
        if (name != nullptr && name->is_string()) {
          names_.try_emplace(before + std::string(name->get_string()), Named{&value, place});
        }
      };
      note("$id", "");
      note("$anchor", "#");
      note("$dynamicAnchor", "#");
      for (const auto& [key, child] : *object) {
        if (key != "enum" && key != "const") find_names(child, place + "/" + escaped(key));
      }
    } else if (const auto* array = value.if_array()) {
      for (std::size_t i = 0; i < array->size(); ++i) find_names((*array)[i], place + "/" + std::to_string(i));
    }
  }

  const Node* node_at(const json::value& value, const std::string& place) {
    if (const auto known = by_place_.find(place); known != by_place_.end()) return known->second;
    if (out_.nodes.size() >= max_nodes) throw Fault{place, "has too many parts (more than 100000)"};
    Node& node = out_.nodes.emplace_back();
    node.place = place;
    by_place_.emplace(place, &node);
    if (const bool* flag = value.if_bool()) {
      node.never = !*flag;
      return &node;
    }
    const json::object* object = value.if_object();
    if (object == nullptr) throw Fault{place, "must be a schema: an object, true or false"};
    if (++depth_ > max_chain)
      throw Fault{place, "is reached through a chain of more than 500 schemas: make it shorter"};
    fill(node, *object, place);
    --depth_;
    return &node;
  }

  // Keywords are read in groups; each reader names its keyword in what it throws.
  void fill(Node& node, const json::object& object, const std::string& place) {
    fill_values(node, object, place);
    fill_numbers(node, object, place);
    fill_arrays(node, object, place);
    fill_objects(node, object, place);
    node.all_of = list(object, place, "allOf");
    node.any_of = list(object, place, "anyOf");
    node.one_of = list(object, place, "oneOf");
    node.negated = one(object, place, "not");
    node.condition = one(object, place, "if");
    if (node.condition != nullptr) {
      node.then = one(object, place, "then");
      node.otherwise = one(object, place, "else");
    }
    node.ref = reference(object, place, "$ref");
    node.dynamic_ref = reference(object, place, "$dynamicRef");
    for (const char* keyword : {"unevaluatedProperties", "unevaluatedItems"}) {
      if (object.contains(keyword)) out_.ignored.push_back(place + "/" + keyword);
    }
  }

  void fill_values(Node& node, const json::object& object, const std::string& place) {
    if (const json::value* type = object.if_contains("type")) {
      if (type->is_string()) {
        node.kinds = kind(*type, place + "/type");
      } else if (type->is_array() && !type->get_array().empty()) {
        for (const json::value& each : type->get_array()) node.kinds |= kind(each, place + "/type");
      } else {
        throw Fault{place + "/type", "must be the name of a type or a list of such names"};
      }
    }
    if (const json::value* values = object.if_contains("enum")) {
      if (!values->is_array()) throw Fault{place + "/enum", "must be a list of values"};
      node.has_values = true;
      std::size_t count = 0;
      for (const json::value& each : values->get_array()) {
        std::string canonical;
        append_canonical(canonical, each);
        if (count++ < shown_values) node.values_text += (count > 1 ? ", " : "") + canonical;
        node.values.insert(std::move(canonical));
      }
      if (count > shown_values) node.values_text += ", ...";
    }
    if (const json::value* value = object.if_contains("const")) {
      node.only.emplace();
      append_canonical(*node.only, *value);
    }
    if (const json::value* pattern = object.if_contains("pattern")) {
      node.pattern.emplace(compiled_pattern(*pattern, place + "/pattern"));
    }
    node.min_length = count(object, place, "minLength", 0);
    node.max_length = count(object, place, "maxLength", Node::no_maximum);
  }

  void fill_numbers(Node& node, const json::object& object, const std::string& place) {
    node.minimum = limit(object, place, "minimum");
    node.maximum = limit(object, place, "maximum");
    // Draft 4 wrote `exclusiveMinimum: true` beside `minimum`.
    const auto exclusive = [&](const char* keyword, std::optional<Number>& beside, std::optional<Number>& into) {
      const json::value* value = object.if_contains(keyword);
      if (value == nullptr) return;
      if (const bool* flag = value->if_bool()) {
        if (*flag) into = std::exchange(beside, std::nullopt);
      } else {
        into = limit(object, place, keyword);
      }
    };
    exclusive("exclusiveMinimum", node.minimum, node.above);
    exclusive("exclusiveMaximum", node.maximum, node.below);
    node.multiple_of = limit(object, place, "multipleOf");
    if (node.multiple_of && !(*node.multiple_of > 0)) throw Fault{place + "/multipleOf", "must be greater than 0"};
  }

  void fill_arrays(Node& node, const json::object& object, const std::string& place) {
    node.prefix_items = list(object, place, "prefixItems");
    if (const json::value* items = object.if_contains("items"); items != nullptr && items->is_array()) {
      node.prefix_items = list(object, place, "items", true);  // up to draft 2019-09
      node.items = one(object, place, "additionalItems");
    } else {
      node.items = one(object, place, "items");
    }
    node.contains = one(object, place, "contains");
    node.min_contains = count(object, place, "minContains", 1);
    node.max_contains = count(object, place, "maxContains", Node::no_maximum);
    node.min_items = count(object, place, "minItems", 0);
    node.max_items = count(object, place, "maxItems", Node::no_maximum);
    if (const json::value* unique = object.if_contains("uniqueItems")) {
      if (!unique->is_bool()) throw Fault{place + "/uniqueItems", "must be true or false"};
      node.unique_items = unique->get_bool();
    }
  }

  void fill_objects(Node& node, const json::object& object, const std::string& place) {
    each_member(object, place, "properties", [&](const std::string& name, const json::value& value, std::string at) {
      node.properties.emplace(name, node_at(value, at));
      node.property_names_text.push_back(name);
    });
    each_member(object, place, "patternProperties",
                [&](const std::string& name, const json::value& value, std::string at) {
                  Pattern pattern = compiled_pattern(json::value(name), at);
                  node.pattern_properties.emplace_back(std::move(pattern), node_at(value, at));
                });
    node.additional = one(object, place, "additionalProperties");
    node.property_names = one(object, place, "propertyNames");
    if (const json::value* required = object.if_contains("required"); required != nullptr && !required->is_bool()) {
      node.required = names(*required, place + "/required");  // a boolean here is draft 3's, long gone
    }
    each_member(object, place, "dependentRequired",
                [&](const std::string& name, const json::value& value, const std::string& at) {
                  node.dependent_required.emplace_back(name, names(value, at));
                });
    each_member(object, place, "dependentSchemas",
                [&](const std::string& name, const json::value& value, const std::string& at) {
                  node.dependent_schemas.emplace_back(name, node_at(value, at));
                });
    each_member(object, place, "dependencies",
                [&](const std::string& name, const json::value& value, const std::string& at) {
                  if (value.is_array()) {
                    node.dependent_required.emplace_back(name, names(value, at));
                  } else {
                    node.dependent_schemas.emplace_back(name, node_at(value, at));
                  }
                });
    node.min_properties = count(object, place, "minProperties", 0);
    node.max_properties = count(object, place, "maxProperties", Node::no_maximum);
    // Never reached, but a fault in them should be told now and not when something starts to refer to them.
    for (const char* keyword : {"$defs", "definitions"}) {
      each_member(object, place, keyword,
                  [&](const std::string&, const json::value& value, const std::string& at) { node_at(value, at); });
    }
  }

  // --- readers of one keyword ---

  static unsigned kind(const json::value& value, const std::string& place) {
    static constexpr std::pair<std::string_view, Kind> kinds[] = {
        {"null", null},     {"boolean", boolean}, {"integer", integer}, {"number", number},
        {"string", string}, {"array", array},     {"object", object}};
    if (value.is_string()) {
      for (const auto& [name, bit] : kinds) {
        if (value.get_string() == name) return bit;
      }
    }
    throw Fault{place, "is " + json::serialize(value).substr(0, 100) +
                           ": must be one of null, boolean, integer, number, string, array, object"};
  }

  static std::optional<Number> limit(const json::object& object, const std::string& place, const char* keyword) {
    const json::value* value = object.if_contains(keyword);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) throw Fault{place + "/" + keyword, "must be a number"};
    return number_of(*value);
  }

  static std::uint64_t count(const json::object& object, const std::string& place, const char* keyword,
                             std::uint64_t otherwise) {
    const std::optional<Number> value = limit(object, place, keyword);
    if (!value) return otherwise;
    if (*value < 0 || *value != static_cast<Number>(static_cast<std::uint64_t>(std::min<Number>(*value, 1e18L)))) {
      throw Fault{place + "/" + keyword, "must be a whole number, 0 or more"};
    }
    return static_cast<std::uint64_t>(*value);
  }

  static std::vector<std::string> names(const json::value& value, const std::string& place) {
    std::vector<std::string> out;
    if (!value.is_array()) throw Fault{place, "must be a list of property names"};
    for (const json::value& each : value.get_array()) {
      if (!each.is_string()) throw Fault{place, "must be a list of property names"};
      out.emplace_back(each.get_string());
    }
    return out;
  }

  static Pattern compiled_pattern(const json::value& value, const std::string& place) {
    if (!value.is_string()) throw Fault{place, "must be a regular expression in a string"};
    Result<Pattern> pattern = Pattern::compile(value.get_string());
    if (!pattern) throw Fault{place, pattern.error().detail};
    return std::move(*pattern);
  }

  template <class Each>
  static void each_member(const json::object& object, const std::string& place, const char* keyword, Each each) {
    const json::value* members = object.if_contains(keyword);
    if (members == nullptr) return;
    const std::string at = place + "/" + keyword;
    if (!members->is_object()) throw Fault{at, "must be an object"};
    for (const auto& [name, value] : members->get_object()) each(std::string(name), value, at + "/" + escaped(name));
  }

  const Node* one(const json::object& object, const std::string& place, const char* keyword) {
    const json::value* value = object.if_contains(keyword);
    return value == nullptr ? nullptr : node_at(*value, place + "/" + keyword);
  }

  std::vector<const Node*> list(const json::object& object, const std::string& place, const char* keyword,
                                bool may_be_empty = false) {
    std::vector<const Node*> out;
    const json::value* value = object.if_contains(keyword);
    if (value == nullptr) return out;
    const std::string at = place + "/" + keyword;
    if (!value->is_array() || (value->get_array().empty() && !may_be_empty)) {
      throw Fault{at, "must be a list of at least one schema"};
    }
    for (std::size_t i = 0; i < value->get_array().size(); ++i) {
      out.push_back(node_at(value->get_array()[i], at + "/" + std::to_string(i)));
    }
    return out;
  }

  const Node* reference(const json::object& object, const std::string& place, const char* keyword) {
    const json::value* value = object.if_contains(keyword);
    if (value == nullptr) return nullptr;
    const std::string at = place + "/" + keyword;
    if (!value->is_string()) throw Fault{at, "must be a string such as \"#/$defs/name\""};
    const std::string text(value->get_string());
    const std::size_t hash = std::min(text.find('#'), text.size());
    const std::string base = text.substr(0, hash);
    const std::string fragment = hash < text.size() ? percent_decoded(std::string_view(text).substr(hash + 1)) : "";
    Named target{&document_, ""};
    if (!base.empty()) {
      const auto named = names_.find(base);
      if (named == names_.end()) {
        throw Fault{at, "refers to another document, '" + base.substr(0, 200) +
                            "', and none is ever fetched: put its schema under $defs"};
      }
      target = named->second;
    }
    if (!fragment.empty() && fragment.front() != '/') {
      const auto named = names_.find("#" + fragment);
      if (named == names_.end()) throw Fault{at, "refers to the anchor '" + fragment + "', which is not there"};
      target = named->second;
    } else if (!fragment.empty()) {
      boost::system::error_code missing;
      const json::value* found = target.value->find_pointer(fragment, missing);
      if (found == nullptr) throw Fault{at, "refers to '" + text.substr(0, 200) + "', which is not there"};
      target = {found, target.place + fragment};
    }
    return node_at(*target.value, target.place);
  }

  // A schema that leads back to itself on the same value would be checked for ever.
  void refuse_endless() {
    enum class Mark : char { open, done };
    std::unordered_map<const Node*, Mark> marks;
    for (const Node& start : out_.nodes) {
      if (marks.contains(&start)) continue;
      std::vector<std::pair<const Node*, bool>> stack{{&start, false}};
      while (!stack.empty()) {
        auto [node, left] = stack.back();
        stack.pop_back();
        if (left) {
          marks[node] = Mark::done;
          continue;
        }
        if (const auto mark = marks.find(node); mark != marks.end()) {
          if (mark->second == Mark::done) continue;
          throw Fault{node->place, "refers to itself without going into the value: this would never end"};
        }
        marks[node] = Mark::open;
        stack.emplace_back(node, true);
        node->in_place([&](const Node* next) {
          const auto mark = marks.find(next);
          if (mark != marks.end() && mark->second == Mark::open) {
            throw Fault{next->place, "refers to itself without going into the value: this would never end"};
          }
          if (mark == marks.end()) stack.emplace_back(next, false);
        });
      }
    }
  }

  Compiled& out_;
  const json::value& document_;
  std::unordered_map<std::string, Named> names_;
  std::unordered_map<std::string, const Node*> by_place_;
  std::size_t depth_ = 0;
};

}  // namespace
}  // namespace schema

Result<Schema> Schema::compile(std::string_view text) {
  namespace json = boost::json;
  const auto refusal = [](std::string what) { return fail(errc::invalid_argument, "schema.compile", std::move(what)); };
  json::parse_options options;
  options.max_depth = schema::max_depth;
  boost::system::error_code ec;
  const json::value document = json::parse(text, ec, {}, options);
  if (ec == json::error::too_deep) return refusal("the schema is nested deeper than 200 levels: make it flatter");
  if (ec) return refusal("the schema is not JSON: " + ec.message());
  auto compiled = std::make_shared<schema::Compiled>();
  try {
    schema::Compiler compiler(*compiled, document);
    compiled->root = compiler.run();
  } catch (const schema::Fault& fault) {
    return refusal("the schema" + (fault.place.empty() ? "" : " at " + fault.place) + " " + fault.what);
  }
  return Schema(std::move(compiled));
}

const std::vector<std::string>& Schema::ignored() const noexcept {
  return compiled_->ignored;
}

}  // namespace meantime
