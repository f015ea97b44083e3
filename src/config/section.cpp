// SPDX-License-Identifier: MIT
#include "config/section.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "auth/url.hpp"
#include "config/size.hpp"
#include "core/duration.hpp"
#include "core/json_writer.hpp"
#include "core/suggest.hpp"
#include "core/utf8.hpp"
#include "mcp/json_span.hpp"

namespace meantime::config {
namespace {
constexpr std::size_t most_problems = 100;
constexpr std::size_t most_bytes = 1'000;  // of one problem
}  // namespace

bool Problems::full() const noexcept {
  return problems_.size() >= most_problems;
}

Problem Problems::at(Place place, std::string what) const {
  if (what.size() > most_bytes) what = what.substr(0, utf8::cut_length(what, most_bytes)) + "...";
  return {file_.string(), place.line, place.column, std::move(what)};
}

void Problems::say(Place place, std::string what) {
  if (full()) {
    ++untold_;
    return;
  }
  const auto position = std::ranges::upper_bound(problems_, std::pair(place.line, place.column), {},
                                                 [](const Problem& p) { return std::pair(p.line, p.column); });
  problems_.insert(position, at(place, std::move(what)));
}

std::filesystem::path Problems::resolve(std::string_view path) const {
  if (path == "~" || path.starts_with("~/")) {
    if (const char* home = std::getenv("HOME"))
      return std::filesystem::path(home) / path.substr(std::min<std::size_t>(2, path.size()));
  }
  std::filesystem::path given(path);
  if (given.is_absolute()) return given;
  return (std::filesystem::absolute(file_).parent_path() / given).lexically_normal();
}

void Problems::adopt(std::vector<Problem> others) {
  std::ranges::move(others, std::back_inserter(others_));
}

std::vector<Problem> Problems::take() {
  if (untold_ > 0) {
    problems_.push_back({file_.string(), 0, 0, "and " + std::to_string(untold_) + " more problems: mend these first"});
  }
  std::ranges::move(others_, std::back_inserter(problems_));
  return std::move(problems_);
}

Section::~Section() {
  for (const Member& each : table_) {
    if (std::ranges::find(known_, each.key) != known_.end()) continue;
    std::string what = "unknown key " + named(each.key);
    // When there are too many to tell, there is no need to guess for each what it meant.
    const std::string_view meant = problems_.full() ? std::string_view() : nearest(each.key, known_);
    if (!meant.empty()) {
      what += "; did you mean '" + std::string(meant) + "'?";
    } else {
      what += "; known here are: ";
      for (std::size_t i = 0; i < known_.size(); ++i) what += (i > 0 ? ", " : "") + known_[i];
    }
    say(each.place, std::move(what));
  }
}

std::string Section::named(std::string_view key) const {
  return "'" + std::string(key) + "'" + (name_.empty() ? "" : " in [" + name_ + "]");
}

const Member* Section::member(std::string_view key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
  const auto at = std::ranges::find(table_, key, &Member::key);
  return at == table_.end() ? nullptr : &*at;
}

const Value* Section::value(std::string_view key) {
  const Member* found = member(key);
  return found == nullptr ? nullptr : &found->value;
}

Place Section::place_of(std::string_view key) const {
  const auto at = std::ranges::find(table_, key, &Member::key);
  return at == table_.end() ? place_ : at->value.place;
}

void Section::wrong_kind(std::string_view key, const Value& value, std::string_view expected) {
  say(value.place, named(key) + " must be " + std::string(expected) + ", not " + std::string(kind_of(value)));
}

std::optional<std::string> Section::text(std::string_view key) {
  const Value* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (const auto* text = found->as<std::string>()) return *text;
  wrong_kind(key, *found, "a string in quotes");
  return std::nullopt;
}

std::optional<bool> Section::flag(std::string_view key) {
  const Value* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (const auto* flag = found->as<bool>()) return *flag;
  wrong_kind(key, *found, "true or false");
  return std::nullopt;
}

std::optional<std::int64_t> Section::number(std::string_view key, std::int64_t least, std::int64_t most) {
  const Value* found = value(key);
  if (found == nullptr) return std::nullopt;
  const auto* number = found->as<std::int64_t>();
  if (number == nullptr) {
    wrong_kind(key, *found, "a whole number");
    return std::nullopt;
  }
  if (*number < least || *number > most) {
    say(found->place, named(key) + " must be from " + std::to_string(least) + " to " + std::to_string(most) + ", is " +
                          std::to_string(*number));
    return std::nullopt;
  }
  return *number;
}

std::optional<Milliseconds> Section::duration(std::string_view key, Milliseconds least) {
  const Value* found = value(key);
  if (found == nullptr) return std::nullopt;
  const auto* text = found->as<std::string>();
  if (text == nullptr) {
    wrong_kind(key, *found, "a duration in quotes, such as \"10s\"");
    return std::nullopt;
  }
  const Result<Milliseconds> duration = parse_duration(*text);
  if (!duration) {
    say(found->place, named(key) + ": " + duration.error().detail);
    return std::nullopt;
  }
  if (*duration < least) {
    say(found->place, named(key) + " must be at least " + format_duration(least) + ", is " + *text);
    return std::nullopt;
  }
  return *duration;
}

std::optional<std::uint64_t> Section::size(std::string_view key, std::uint64_t least) {
  const Value* found = value(key);
  if (found == nullptr) return std::nullopt;
  const auto enough = [&](std::uint64_t bytes) -> std::optional<std::uint64_t> {
    if (bytes >= least) return bytes;
    say(found->place, named(key) + " must be at least " + std::to_string(least) + " bytes");
    return std::nullopt;
  };
  if (const auto* number = found->as<std::int64_t>(); number != nullptr && *number >= 0) {
    return enough(static_cast<std::uint64_t>(*number));
  }
  const auto* text = found->as<std::string>();
  if (text == nullptr) {
    wrong_kind(key, *found, "a size in quotes, such as \"16MB\", or a number of bytes");
    return std::nullopt;
  }
  const Result<std::uint64_t> size = parse_size(*text);
  if (!size) {
    say(found->place, named(key) + ": " + size.error().detail);
    return std::nullopt;
  }
  return enough(*size);
}

std::optional<std::vector<std::string>> Section::texts(std::string_view key) {
  const Value* found = value(key);
  if (found == nullptr) return std::nullopt;
  const auto* items = found->as<Array>();
  if (items == nullptr) {
    wrong_kind(key, *found, "a list of strings");
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (const Value& item : *items) {
    if (const auto* text = item.as<std::string>()) {
      out.push_back(*text);
    } else {
      wrong_kind(key, item, "a list of strings");
      return std::nullopt;
    }
  }
  return out;
}

std::optional<std::vector<std::string>> Section::text_or_texts(std::string_view key) {
  const Value* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (const auto* one = found->as<std::string>()) return std::vector{*one};
  return texts(key);
}

std::optional<std::filesystem::path> Section::file(std::string_view key) {
  const auto given = text(key);
  if (!given) return std::nullopt;
  auto path = problems_.resolve(*given);
  std::error_code ec;
  if (!std::filesystem::is_regular_file(path, ec)) {
    say(place_of(key), named(key) + ": there is no file '" + path.string() + "': create it or correct the path");
    return std::nullopt;
  }
  if (::access(path.c_str(), R_OK) != 0) {
    say(place_of(key), named(key) + ": '" + path.string() + "' cannot be read: check its permissions");
    return std::nullopt;
  }
  return path;
}

std::optional<std::string> Section::url(std::string_view key) {
  auto given = text(key);
  if (!given) return std::nullopt;
  const auto parsed = auth::parse_url(*given);
  if (parsed && !parsed->has_fragment) return given;
  say(place_of(key),
      named(key) + ": " + (parsed ? "a URL with a fragment (#...) cannot be used" : parsed.error().detail));
  return std::nullopt;
}

std::optional<std::string> Section::json_object(std::string_view key) {
  const Value* found = value(key);
  if (found == nullptr) return std::nullopt;
  std::string out;
  if (found->as<Table>() != nullptr) {
    append_json(out, key, *found);
    return out;
  }
  const auto* text = found->as<std::string>();
  if (text == nullptr) {
    wrong_kind(key, *found, "a table, or a string of JSON");
    return std::nullopt;
  }
  mcp::JsonScanner scanner(*text);
  mcp::JsonSpan span;
  if (scanner.value(span) && scanner.at_end() && span.is_object()) return std::string(span.raw());
  const std::string fault = scanner.fault();
  say(found->place, named(key) + " must be an object of JSON" + (fault.empty() ? "" : ": " + fault));
  return std::nullopt;
}

void Section::append_json(std::string& out, std::string_view key, const Value& value) {
  JsonWriter json(out);
  if (const auto* table = value.as<Table>()) {
    json.begin_object();
    for (const Member& each : *table) {
      std::string inner;
      append_json(inner, key, each.value);
      json.key(each.key).raw(inner);
    }
    json.end_object();
  } else if (const auto* array = value.as<Array>()) {
    json.begin_array();
    for (const Value& each : *array) {
      std::string inner;
      append_json(inner, key, each);
      json.raw(inner);
    }
    json.end_array();
  } else if (const auto* text = value.as<std::string>()) {
    json.value(*text);
  } else if (const auto* flag = value.as<bool>()) {
    json.value(*flag);
  } else if (const auto* whole = value.as<std::int64_t>()) {
    json.value(*whole);
  } else if (const auto* real = value.as<double>(); real != nullptr && std::isfinite(*real)) {
    json.value(*real);
  } else {
    if (value.as<Null>() == nullptr) {
      say(value.place, named(key) + " holds a value that JSON does not have: write it as a string");
    }
    json.null();
  }
}

std::optional<std::map<std::string, std::string>> Section::named_texts(std::string_view key) {
  const Member* found = table(key);
  if (found == nullptr) return std::nullopt;
  std::map<std::string, std::string> out;
  for (const Member& each : *found->value.as<Table>()) {
    if (const auto* text = each.value.as<std::string>()) {
      out[each.key] = *text;
    } else {
      say(each.value.place, "'" + each.key + "' of " + named(key) + " must be a string in quotes, not " +
                                std::string(kind_of(each.value)));
    }
  }
  return out;
}

std::optional<std::size_t> Section::choice(std::string_view key, const std::vector<std::string>& words) {
  const Value* found = value(key);
  if (found == nullptr) return std::nullopt;
  const auto* text = found->as<std::string>();
  if (text != nullptr) {
    const auto at = std::ranges::find(words, *text);
    if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
  }
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "\"" : ", \"") + word + "\"";
  say(found->place,
      named(key) + " must be one of " + list + (text != nullptr ? ", not \"" + text->substr(0, 64) + "\"" : ""));
  return std::nullopt;
}

const Member* Section::table(std::string_view key) {
  const Member* found = member(key);
  if (found == nullptr) return nullptr;
  if (found->value.as<Table>() != nullptr) return found;
  wrong_kind(key, found->value, "a table");
  return nullptr;
}

std::vector<const Member*> Section::tables(std::string_view key) {
  std::vector<const Member*> out;
  const Member* found = table(key);
  if (found == nullptr) return out;
  for (const Member& each : *found->value.as<Table>()) {
    if (each.value.as<Table>() != nullptr) {
      out.push_back(&each);
    } else {
      say(each.place, "'" + each.key + "' in [" + std::string(key) + "] must be a table: write [" + std::string(key) +
                          "." + each.key + "]");
    }
  }
  return out;
}

}  // namespace meantime::config
