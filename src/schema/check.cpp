// SPDX-License-Identifier: MIT
// check.cpp: walks a value along the compiled nodes and says in words what does not fit.
#include <algorithm>
#include <cmath>
#include <ranges>

#include "core/json_writer.hpp"
#include "core/utf8.hpp"
#include "schema/node.hpp"
#include "schema/schema.hpp"

namespace meantime {
namespace schema {
namespace {

namespace json = boost::json;

constexpr std::size_t max_faults = 5;
constexpr std::size_t max_nesting = 200;      // of arguments
constexpr std::size_t max_walk = 600;         // schemas entered inside one another
constexpr std::size_t max_steps = 1'000'000;  // schemas entered in one check
constexpr std::size_t shown_bytes = 100;
constexpr std::size_t shown_names = 20;

using Faults = std::vector<std::string>;

std::string shown(const json::value& value) {
  std::string text;
  append_canonical(text, value);
  if (text.size() > shown_bytes) {
    text.resize(utf8::cut_length(text, shown_bytes));
    text += "...";
  }
  return text;
}

std::string number_text(Number number) {
  std::string out;
  if (number == std::floor(number) && std::fabs(number) < 1e18L) {
    out = std::to_string(static_cast<std::int64_t>(number));
  } else {
    JsonWriter(out).value(static_cast<double>(number));
  }
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text.substr(0, utf8::cut_length(text, shown_bytes)));
  return out;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names | std::views::take(shown_names))
    out += (out.empty() ? "" : ", ") + in_quotes(name);
  return names.size() > shown_names ? out + ", ..." : out;
}

std::string units(std::uint64_t count, const char* one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : one[0] == 'p' ? "" : "s");
}

class Checker {
 public:
  // Null `faults`: only whether it fits is asked, and the first fault ends the walk.
  bool check(const Node& node, const json::value& value, Faults* faults) {
    if (++steps_ > max_steps || depth_ >= max_walk) {
      out_of_bounds_ = true;
      return false;
    }
    ++depth_;
    const bool fits = check_all(node, value, faults);
    --depth_;
    return fits;
  }
  [[nodiscard]] bool out_of_bounds() const noexcept { return out_of_bounds_; }

 private:
  // Adds one fault; true when the walk should go on to find more.
  bool say(Faults* faults, const std::string& what) {
    if (faults == nullptr) return false;
    if (faults->size() < max_faults) faults->push_back(path_.empty() ? "the value " + what : path_ + " " + what);
    return faults->size() < max_faults;
  }

  // Runs `body` with the path one step longer.
  template <class Body>
  bool inside(const std::string& step, Body body) {
    const std::size_t before = path_.size();
    path_ += step;
    const bool fits = body();
    path_.resize(before);
    return fits;
  }
  [[nodiscard]] std::string member_step(std::string_view name) const {
    return (path_.empty() ? "" : ".") + std::string(name.substr(0, utf8::cut_length(name, shown_bytes)));
  }

  bool check_all(const Node& node, const json::value& value, Faults* faults) {
    if (node.never) {
      say(faults, "is not allowed here");
      return false;
    }
    if (node.kinds != 0 && (kinds_of(value) & node.kinds) == 0) {
      say(faults,
          "must be " + kinds_text(node.kinds) + ", not " + kinds_text(kinds_of(value)) + " (" + shown(value) + ")");
      return false;  // the other rules would only repeat it
    }
    bool fits = true;
    const auto rule = [&](bool holds) {
      fits = fits && holds;
      return fits || (faults != nullptr && faults->size() < max_faults && !out_of_bounds_);
    };
    if (!rule(check_values(node, value, faults))) return false;
    if (value.is_number() && !rule(check_number(node, value, faults))) return false;
    if (value.is_string() && !rule(check_string(node, value.get_string(), faults))) return false;
    if (value.is_array() && !rule(check_array(node, value.get_array(), faults))) return false;
    if (value.is_object() && !rule(check_object(node, value, faults))) return false;
    rule(check_combined(node, value, faults));
    return fits;
  }

  bool check_values(const Node& node, const json::value& value, Faults* faults) {
    if (!node.has_values && !node.only) return true;
    std::string canonical;
    append_canonical(canonical, value);
    if (node.has_values && !node.values.contains(canonical)) {
      say(faults, "must be one of " + node.values_text + ", not " + shown(value));
      return false;
    }
    if (node.only && canonical != *node.only) {
      say(faults,
          "must be " + node.only->substr(0, utf8::cut_length(*node.only, shown_bytes)) + ", not " + shown(value));
      return false;
    }
    return true;
  }

  bool check_number(const Node& node, const json::value& value, Faults* faults) {
    const Number number = number_of(value);
    const auto must_be = [&](const char* how, Number limit) {
      say(faults, std::string("must be ") + how + number_text(limit) + ", is " + shown(value));
      return false;
    };
    if (node.minimum && number < *node.minimum) return must_be("at least ", *node.minimum);
    if (node.maximum && number > *node.maximum) return must_be("at most ", *node.maximum);
    if (node.above && number <= *node.above) return must_be("greater than ", *node.above);
    if (node.below && number >= *node.below) return must_be("less than ", *node.below);
    if (node.multiple_of && !is_multiple(number, *node.multiple_of))
      return must_be("a multiple of ", *node.multiple_of);
    return true;
  }

  // 0.3 is a multiple of 0.1 for people, though not for doubles: the quotient may miss a whole number by rounding.
  static bool is_multiple(Number number, Number of) {
    const auto nearly_whole = [](Number n) {
      return std::fabs(n - std::round(n)) <= 1e-9L * std::max<Number>(1, std::fabs(n));
    };
    const bool whole = number == std::floor(number);
    if (whole && of == std::floor(of)) return std::fmod(number, of) == 0;
    if (whole && nearly_whole(1 / of)) return true;  // any whole number is a multiple of 0.01
    const Number quotient = number / of;
    return std::fabs(quotient) < 1e15L && nearly_whole(quotient);
  }

  bool check_string(const Node& node, std::string_view text, Faults* faults) {
    bool fits = true;
    if (node.min_length > 0 || node.max_length != Node::no_maximum) {
      const std::uint64_t length = utf8::count(text);
      if (length < node.min_length) {
        fits = false;
        say(faults, "must have at least " + units(node.min_length, "character") + ", has " + std::to_string(length));
      }
      if (length > node.max_length) {
        fits = false;
        say(faults, "must have at most " + units(node.max_length, "character") + ", has " + std::to_string(length));
      }
    }
    if (node.pattern && !node.pattern->matches(text)) {
      fits = false;
      say(faults, "must match the pattern " + node.pattern->text() + ", is " + in_quotes(text));
    }
    return fits;
  }

  bool check_array(const Node& node, const json::array& array, Faults* faults) {
    bool fits = true;
    if (array.size() < node.min_items) {
      fits = false;
      say(faults, "must have at least " + units(node.min_items, "item") + ", has " + std::to_string(array.size()));
    }
    if (array.size() > node.max_items) {
      fits = false;
      say(faults, "must have at most " + units(node.max_items, "item") + ", has " + std::to_string(array.size()));
    }
    if (node.unique_items) {
      std::unordered_map<std::string, std::size_t> seen;
      for (std::size_t i = 0; i < array.size(); ++i) {
        std::string canonical;
        append_canonical(canonical, array[i]);
        const auto [first, is_new] = seen.try_emplace(std::move(canonical), i);
        if (is_new) continue;
        fits = false;
        say(faults, "must not hold a value twice: items " + std::to_string(first->second) + " and " +
                        std::to_string(i) + " are equal");
        break;
      }
    }
    for (std::size_t i = 0; i < array.size() && goes_on(fits, faults); ++i) {
      const Node* item = i < node.prefix_items.size() ? node.prefix_items[i] : node.items;
      if (item == nullptr) continue;
      fits = inside("[" + std::to_string(i) + "]", [&] { return check(*item, array[i], faults); }) && fits;
    }
    if (node.contains != nullptr) {
      std::uint64_t found = 0;
      for (const json::value& item : array) found += static_cast<std::uint64_t>(check(*node.contains, item, nullptr));
      if (found < node.min_contains || found > node.max_contains) {
        fits = false;
        say(faults, "must hold " + std::string(found < node.min_contains ? "at least " : "at most ") +
                        units(found < node.min_contains ? node.min_contains : node.max_contains, "item") + " that fit" +
                        " 'contains' (" + node.contains->place + "), holds " + std::to_string(found));
      }
    }
    return fits;
  }

  bool check_object(const Node& node, const json::value& value, Faults* faults) {
    const json::object& object = value.get_object();
    bool fits = true;
    if (object.size() < node.min_properties || object.size() > node.max_properties) {
      fits = false;
      say(faults, object.size() < node.min_properties ? "must have at least " + std::to_string(node.min_properties) +
                                                            " properties, has " + std::to_string(object.size())
                                                      : "must have at most " + std::to_string(node.max_properties) +
                                                            " properties, has " + std::to_string(object.size()));
    }
    for (const std::string& name : node.required) {
      if (object.contains(name)) continue;
      fits = false;
      if (!inside(member_step(name), [&] { return say(faults, "is required and missing"); })) break;
    }
    for (const auto& [name, others] : node.dependent_required) {
      if (!object.contains(name)) continue;
      for (const std::string& other : others) {
        if (object.contains(other)) continue;
        fits = false;
        inside(member_step(other),
               [&] { return say(faults, "is required beside " + in_quotes(name) + " and missing"); });
      }
    }
    for (const auto& member : object) {
      if (!goes_on(fits, faults)) return false;
      fits = check_member(node, member.key(), member.value(), faults) && fits;
    }
    for (const auto& [name, schema] : node.dependent_schemas) {
      if (goes_on(fits, faults) && object.contains(name)) fits = check(*schema, value, faults) && fits;
    }
    return fits;
  }

  bool check_member(const Node& node, std::string_view name, const json::value& value, Faults* faults) {
    bool fits = true;
    bool known = false;
    if (const auto property = node.properties.find(name); property != node.properties.end()) {
      known = true;
      fits = inside(member_step(name), [&] { return check(*property->second, value, faults); });
    }
    for (const auto& [pattern, schema] : node.pattern_properties) {
      if (!pattern.matches(name)) continue;
      known = true;
      fits = inside(member_step(name), [&, s = schema] { return check(*s, value, faults); }) && fits;
    }
    if (!known && node.additional != nullptr) {
      if (node.additional->never) {
        fits = false;
        say(faults, "has an unknown property " + in_quotes(name) +
                        (node.property_names_text.empty() ? "; none is allowed"
                                                          : "; allowed are " + listed(node.property_names_text)));
      } else {
        fits = inside(member_step(name), [&] { return check(*node.additional, value, faults); }) && fits;
      }
    }
    if (node.property_names != nullptr && !check(*node.property_names, json::value(name), nullptr)) {
      fits = false;
      say(faults,
          "has a property whose name " + in_quotes(name) + " is not allowed (" + node.property_names->place + ")");
    }
    return fits;
  }

  bool check_combined(const Node& node, const json::value& value, Faults* faults) {
    bool fits = true;
    for (const Node* ref : {node.ref, node.dynamic_ref}) {
      if (ref != nullptr && goes_on(fits, faults)) fits = check(*ref, value, faults) && fits;
    }
    for (const Node* part : node.all_of) {
      if (goes_on(fits, faults)) fits = check(*part, value, faults) && fits;
    }
    if (!node.any_of.empty() && goes_on(fits, faults)) {
      const bool any = std::ranges::any_of(node.any_of, [&](const Node* part) { return check(*part, value, nullptr); });
      if (!any) say_nearest(node.any_of, value, faults);
      fits = fits && any;
    }
    if (!node.one_of.empty() && goes_on(fits, faults)) {
      const auto count =
          std::ranges::count_if(node.one_of, [&](const Node* part) { return check(*part, value, nullptr); });
      if (count == 0) say_nearest(node.one_of, value, faults);
      if (count > 1)
        say(faults,
            "fits " + std::to_string(count) + " of the forms in " + node.place + "/oneOf, must fit exactly one");
      fits = fits && count == 1;
    }
    if (node.negated != nullptr && goes_on(fits, faults) && check(*node.negated, value, nullptr)) {
      say(faults, "must not fit " + node.negated->place + ", but does");
      fits = false;
    }
    if (node.condition != nullptr && goes_on(fits, faults)) {
      const Node* branch = check(*node.condition, value, nullptr) ? node.then : node.otherwise;
      if (branch != nullptr) fits = check(*branch, value, faults) && fits;
    }
    return fits;
  }

  // Of several forms, none of which fits, the one with the fewest faults is likely the one that was meant.
  void say_nearest(const std::vector<const Node*>& forms, const json::value& value, Faults* faults) {
    if (faults == nullptr || out_of_bounds_) return;
    Faults nearest;
    for (const Node* form : forms) {
      if (form->kinds != 0 && (kinds_of(value) & form->kinds) == 0) continue;
      Faults here;
      check(*form, value, &here);
      if (nearest.empty() || here.size() < nearest.size()) nearest = std::move(here);
    }
    if (nearest.empty()) {
      unsigned kinds = 0;
      for (const Node* form : forms) kinds |= form->kinds;
      say(faults, "must be " + kinds_text(kinds) + ", not " + kinds_text(kinds_of(value)) + " (" + shown(value) + ")");
      return;
    }
    if (forms.size() > 1) {
      say(faults,
          "fits none of the " + std::to_string(forms.size()) + " allowed forms; of the nearest: " + nearest.front());
      return;
    }
    say(faults, "does not fit: " + nearest.front());
  }

  [[nodiscard]] bool goes_on(bool fits, const Faults* faults) const {
    if (out_of_bounds_) return false;
    return fits || (faults != nullptr && faults->size() < max_faults);
  }

  std::string path_;
  std::size_t depth_ = 0;
  std::size_t steps_ = 0;
  bool out_of_bounds_ = false;
};

}  // namespace

unsigned kinds_of(const json::value& value) noexcept {
  switch (value.kind()) {
    case json::kind::null:
      return null;
    case json::kind::bool_:
      return boolean;
    case json::kind::int64:
    case json::kind::uint64:
      return integer | number;
    case json::kind::double_:
      return value.get_double() == std::floor(value.get_double()) ? integer | number : number;
    case json::kind::string:
      return string;
    case json::kind::array:
      return array;
    case json::kind::object:
      return object;
  }
  return 0;
}

std::string kinds_text(unsigned kinds) {
  if ((kinds & integer) != 0 && (kinds & number) != 0) kinds &= ~static_cast<unsigned>(number);
  static constexpr std::pair<unsigned, std::string_view> names[] = {
      {string, "a string"}, {integer, "an integer"}, {number, "a number"}, {boolean, "true or false"},
      {array, "a list"},    {object, "an object"},   {null, "null"}};
  std::string out;
  for (const auto& [bit, name] : names) {
    if ((kinds & bit) != 0) (out += out.empty() ? "" : " or ") += name;
  }
  return out;
}

Number number_of(const json::value& value) noexcept {
  if (value.is_int64()) return static_cast<Number>(value.get_int64());
  if (value.is_uint64()) return static_cast<Number>(value.get_uint64());
  return static_cast<Number>(value.get_double());
}

void append_canonical(std::string& out, const json::value& value) {
  if (const auto* array = value.if_array()) {
    out += '[';
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (i > 0) out += ',';
      append_canonical(out, (*array)[i]);
    }
    out += ']';
  } else if (const auto* object = value.if_object()) {
    std::vector<const json::key_value_pair*> members;
    members.reserve(object->size());
    for (const auto& member : *object) members.push_back(&member);
    std::ranges::sort(members, {}, [](const auto* member) { return member->key(); });
    out += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out += ',';
      append_json_string(out, members[i]->key());
      out += ':';
      append_canonical(out, members[i]->value());
    }
    out += '}';
  } else if (const auto* text = value.if_string()) {
    append_json_string(out, *text);
  } else if (value.is_number() && (kinds_of(value) & integer) != 0 && std::fabs(number_of(value)) < 1e18L) {
    out += std::to_string(static_cast<std::int64_t>(number_of(value)));
  } else {
    out += json::serialize(value);
  }
}

std::vector<std::string> faults_of(const Compiled& compiled, const json::value& value) {
  Checker quick;
  if (quick.check(*compiled.root, value, nullptr) && !quick.out_of_bounds()) return {};
  Checker checker;
  Faults faults;
  checker.check(*compiled.root, value, &faults);
  if (checker.out_of_bounds() || quick.out_of_bounds()) {
    faults.assign(1, "the value takes too long to check against this schema: make it smaller");
  }
  return faults;
}

}  // namespace schema

Result<void> Schema::check(std::string_view arguments) const {
  namespace json = boost::json;
  const auto refusal = [](std::string what) { return fail(errc::invalid_argument, "schema.check", std::move(what)); };
  json::parse_options options;
  options.max_depth = schema::max_nesting;
  std::array<unsigned char, 4096> buffer;
  json::monotonic_resource memory(buffer.data(), buffer.size());
  boost::system::error_code ec;
  const json::value value = json::parse(arguments.empty() ? "{}" : arguments, ec, &memory, options);
  if (ec == json::error::too_deep) {
    return refusal("the arguments are nested deeper than 200 levels: make them flatter");
  }
  if (ec) return refusal("the arguments are not JSON: " + ec.message());
  const std::vector<std::string> faults = schema::faults_of(*compiled_, value);
  if (faults.empty()) return {};
  std::string what;
  for (std::size_t i = 0; i < faults.size(); ++i) what += (i > 0 ? "; " : "") + faults[i];
  return refusal(std::move(what));
}

}  // namespace meantime
