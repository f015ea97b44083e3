// SPDX-License-Identifier: MIT
// json_tree.cpp: JSON as editors keep it, with comments and trailing commas, as plain values with their places.
#include <unordered_set>

#include "config/toml_tree.hpp"
#include "mcp/json_span.hpp"

namespace meantime::config {
namespace {

constexpr unsigned most_deep = 100;

// The text with blanks in place of what JSON does not have; every other character stays where it is.
std::string plain_json(std::string_view text) {
  std::string out(text);
  const auto blank = [&out](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (out[i] != '\n') out[i] = ' ';
    }
  };
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) blank(0, byte_order_mark.size());
  std::size_t comma = std::string_view::npos;  // the last one, while only blanks and comments follow it
  for (std::size_t i = 0; i < text.size();) {
    const char c = out[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i) {
        if (text[i] == '\\') ++i;
      }
      comma = std::string_view::npos;
      ++i;
    } else if (text.substr(i).starts_with("//")) {
      const std::size_t end = std::min(text.find('\n', i), text.size());
      blank(i, end);
      i = end;
    } else if (text.substr(i).starts_with("/*")) {
      const std::size_t close = text.find("*/", i + 2);
      if (close == std::string_view::npos) break;  // the scanner stumbles over it, at the right place
      blank(i, close + 2);
      i = close + 2;
    } else {
      if (comma != std::string_view::npos && (c == '}' || c == ']')) blank(comma, comma + 1);
      if (c == ',') {
        comma = i;
      } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
        comma = std::string_view::npos;
      }
      ++i;
    }
  }
  return out;
}

// Line and column of a text's bytes, asked for from front to back.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  Place at(std::size_t offset) {
    for (; at_ < offset && at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') {
        ++place_.line;
        place_.column = 1;
      } else if ((static_cast<unsigned char>(text_[at_]) & 0xC0U) != 0x80U) {
        ++place_.column;
      }
    }
    return place_;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  Place place_{1, 1};
};

class Converter {
 public:
  Converter(std::string_view plain, std::string_view original) : plain_(plain), cursor_(original) {}

  Value value_of(mcp::JsonSpan span, unsigned depth) {
    Value out;
    out.place = place_of(span);
    if (depth > most_deep && (span.is_object() || span.is_array())) {
      say(out.place, "values are nested more than " + std::to_string(most_deep) + " deep");
      return out;
    }
    using Kind = mcp::JsonSpan::Kind;
    switch (span.kind()) {
      case Kind::object:
        out.data = table_of(span, depth);
        break;
      case Kind::array: {
        Array items;
        mcp::for_each_element(span, [&](mcp::JsonSpan each) { items.push_back(value_of(each, depth + 1)); });
        out.data = std::move(items);
        break;
      }
      case Kind::string:
        out.data = span.text();
        break;
      case Kind::number:
        if (const auto whole = span.integer()) {
          out.data = *whole;
        } else {
          out.data = span.number().value_or(0);
        }
        break;
      case Kind::boolean:
        out.data = span.boolean().value_or(false);
        break;
      case Kind::null:
      case Kind::none:
        out.data = Null{};
        break;
    }
    return out;
  }
  [[nodiscard]] std::optional<SyntaxFault>& fault() noexcept { return fault_; }

 private:
  Table table_of(mcp::JsonSpan span, unsigned depth) {
    Table members;
    std::unordered_set<std::string> seen;
    mcp::for_each_member(span, [&](mcp::JsonSpan key, mcp::JsonSpan value) {
      Member member{key.text(), place_of(key), {}};
      if (!seen.insert(member.key).second) say(member.place, "'" + member.key + "' stands here twice: remove one");
      member.value = value_of(value, depth + 1);
      members.push_back(std::move(member));
    });
    return members;
  }
  Place place_of(mcp::JsonSpan span) { return cursor_.at(static_cast<std::size_t>(span.raw().data() - plain_.data())); }
  void say(Place place, std::string what) {
    if (!fault_) fault_ = SyntaxFault{place, std::move(what)};
  }

  std::string_view plain_;
  Cursor cursor_;
  std::optional<SyntaxFault> fault_;
};

}  // namespace

std::expected<Value, SyntaxFault> parse_json(std::string_view text) {
  const std::string plain = plain_json(text);
  mcp::JsonScanner scanner(plain);
  mcp::JsonSpan document;
  if (!scanner.value(document) || !scanner.at_end()) {
    std::string what = scanner.fault();
    const Place place = Cursor(text).at(scanner.fault_offset());
    return std::unexpected(SyntaxFault{place, what.substr(0, what.rfind(": byte "))});
  }
  if (!document.is_object()) {
    return std::unexpected(SyntaxFault{Place{1, 1}, "the document must be an object: { ... }"});
  }
  Converter converter(plain, text);
  Value out = converter.value_of(document, 1);
  if (converter.fault()) return std::unexpected(std::move(*converter.fault()));
  return out;
}

}  // namespace meantime::config
