// SPDX-License-Identifier: MIT
#include "tools/argv_template.hpp"

#include <algorithm>
#include <optional>

namespace meantime {
namespace {

namespace json = boost::json;

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

// Null stands for absent: models write it for arguments they do not mean to give.
const json::value* value_of(const std::string& name, const json::object& arguments, const json::object& defaults) {
  for (const json::object* from : {&arguments, &defaults}) {
    const json::value* value = from->if_contains(name);
    if (value != nullptr && !value->is_null()) return value;
  }
  return nullptr;
}

std::unexpected<Error> refused(std::string what) {
  return fail(errc::invalid_argument, "tools.arguments", std::move(what));
}

}  // namespace

std::string argument_text(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

Result<TextTemplate> TextTemplate::parse(std::string_view text) {
  TextTemplate out;
  Piece piece;
  bool literal_before = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c) {
      piece.literal += c;
      literal_before = true;
      ++i;
    } else if (c == '{') {
      const std::size_t end = text.find('}', i);
      if (end == std::string_view::npos)
        return refused("'" + std::string(text) + "' has a { without }: write {{ for a brace");
      std::string_view inside = text.substr(i + 1, end - i - 1);
      Hole hole;
      if (inside.starts_with('?')) {
        hole.flag = true;
        inside.remove_prefix(1);
      } else if (inside.ends_with('?')) {
        hole.optional = true;
        inside.remove_suffix(1);
      }
      if (!is_name(inside)) {
        return refused("'" + std::string(text) + "' has {" + std::string(text.substr(i + 1, end - i - 1)) +
                       "}, which names no argument: write {name}, {name?} or {?name}, and {{ for a brace");
      }
      hole.name = inside;
      hole.at_start = !literal_before;
      piece.hole = std::move(hole);
      out.pieces_.push_back(std::exchange(piece, {}));
      i = end;
    } else if (c == '}') {
      return refused("'" + std::string(text) + "' has a } without {: write }} for a brace");
    } else {
      piece.literal += c;
      literal_before = true;
    }
  }
  if (!piece.literal.empty() || out.pieces_.empty()) out.pieces_.push_back(std::move(piece));
  return out;
}

Result<std::optional<std::string>> TextTemplate::fill(const json::object& arguments,
                                                      const json::object& defaults) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    out += piece.literal;
    if (!piece.hole) continue;
    const json::value* value = value_of(piece.hole->name, arguments, defaults);
    if (piece.hole->flag) {
      if (value == nullptr || (value->is_bool() && !value->get_bool())) return std::optional<std::string>();
      continue;
    }
    if (value == nullptr) {
      if (piece.hole->optional) return std::optional<std::string>();
      return refused("the argument '" + piece.hole->name + "' is missing: the command needs it");
    }
    out += argument_text(*value);
  }
  if (out.find('\0') != std::string::npos) {
    return refused("an argument holds a zero byte (\\u0000), which no program's argument can");
  }
  return std::optional(std::move(out));
}

std::vector<TextTemplate::Hole> TextTemplate::holes() const {
  std::vector<Hole> out;
  for (const Piece& piece : pieces_) {
    if (piece.hole) out.push_back(*piece.hole);
  }
  return out;
}

Result<ArgvTemplate> ArgvTemplate::parse(const std::vector<Group>& groups, std::vector<std::string> dash_allowed) {
  ArgvTemplate out;
  out.dash_allowed_ = std::move(dash_allowed);
  for (const Group& group : groups) {
    auto& elements = out.groups_.emplace_back();
    for (const std::string& text : group) {
      Result<TextTemplate> parsed = TextTemplate::parse(text);
      if (!parsed) return std::unexpected(std::move(parsed).error());
      elements.push_back({std::move(*parsed), text == "--"});
    }
  }
  return out;
}

Result<std::vector<std::string>> ArgvTemplate::fill(const json::object& arguments, const json::object& defaults) const {
  std::vector<std::string> argv;
  bool options_ended = false;
  for (const auto& group : groups_) {
    std::vector<std::string> filled;
    bool complete = true;
    for (const Element& element : group) {
      auto text = element.text.fill(arguments, defaults);
      if (!text) return std::unexpected(std::move(text).error());
      if (!*text) {
        complete = false;
        break;
      }
      if (!options_ended && (*text)->starts_with('-')) {
        for (const TextTemplate::Hole& hole : element.text.holes()) {
          if (hole.flag || !hole.at_start || std::ranges::count(dash_allowed_, hole.name) > 0) continue;
          return refused(
              "the argument '" + hole.name +
              "' begins with '-', which the command would take for an option: write the value another way (a "
              "path as ./-name); the owner of this tool can allow it (allow_dash)");
        }
      }
      filled.push_back(std::move(**text));
    }
    if (!complete) continue;
    for (const Element& element : group) options_ended = options_ended || element.ends_options;
    std::ranges::move(filled, std::back_inserter(argv));
  }
  return argv;
}

std::vector<TextTemplate::Hole> ArgvTemplate::holes() const {
  std::vector<TextTemplate::Hole> out;
  for (const auto& group : groups_) {
    for (const Element& element : group) std::ranges::move(element.text.holes(), std::back_inserter(out));
  }
  return out;
}

}  // namespace meantime
