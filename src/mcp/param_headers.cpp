// SPDX-License-Identifier: MIT
#include "mcp/param_headers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "mcp/header_value.hpp"

namespace meantime::mcp {
namespace {

constexpr std::string_view annotation_key = "x-mcp-header";
constexpr std::string_view field_prefix = "Mcp-Param-";
constexpr double safe_integer = 9007199254740991.0;  // 2^53 - 1: what every JSON reader keeps exactly

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Members of these are not schemas.
bool holds_data(JsonSpan key) {
  return key.is("default") || key.is("const") || key.is("enum") || key.is("examples");
}

// The names of these objects' members are names of properties or definitions.
bool holds_names(JsonSpan key) {
  return key.is("properties") || key.is("patternProperties") || key.is("$defs") || key.is("definitions") ||
         key.is("dependentSchemas");
}

bool is_annotated(JsonSpan schema);

bool has_annotated_member(JsonSpan names) {
  bool found = false;
  for_each_member(names, [&](JsonSpan, JsonSpan each) { found = found || is_annotated(each); });
  return found;
}

// An annotation anywhere in a schema: where we look for it, there may be none.
bool is_annotated(JsonSpan schema) {
  bool found = false;
  if (schema.is_array()) {
    for_each_element(schema, [&](JsonSpan each) { found = found || is_annotated(each); });
    return found;
  }
  for_each_member(schema, [&](JsonSpan key, JsonSpan value) {
    if (found || holds_data(key)) return;
    found = key.is(annotation_key) || (holds_names(key) ? has_annotated_member(value) : is_annotated(value));
  });
  return found;
}

std::optional<ParamHeader::Kind> kind_named(JsonSpan type) {
  if (type.is("string")) return ParamHeader::Kind::string;
  if (type.is("integer")) return ParamHeader::Kind::integer;
  if (type.is("boolean")) return ParamHeader::Kind::boolean;
  return std::nullopt;
}

// One of the three, alone or beside null.
std::optional<ParamHeader::Kind> kind_of(JsonSpan type) {
  if (!type.is_array()) return kind_named(type);
  std::optional<ParamHeader::Kind> kind;
  bool several = false;
  for_each_element(type, [&](JsonSpan each) {
    if (each.is("null")) return;
    several = several || kind.has_value();
    kind = kind_named(each);
  });
  return several ? std::nullopt : kind;
}

class Reader {
 public:
  void schema(JsonSpan schema) {
    for_each_member(schema, [&](JsonSpan key, JsonSpan value) {
      if (!fault_.empty() || holds_data(key) || key.is(annotation_key)) return;
      if (key.is("properties")) return properties(value);
      if (holds_names(key) ? has_annotated_member(value) : is_annotated(value)) {
        fault_ = "x-mcp-header stands below '" + key.text().substr(0, 60) +
                 "', where no header can be made of it; only plain properties may have it";
      }
    });
  }

  void root(JsonSpan root) {
    if (member(root, annotation_key)) fault_ = "x-mcp-header stands at the root; only properties may have it";
    schema(root);
  }

  [[nodiscard]] std::expected<std::vector<ParamHeader>, std::string> take() {
    if (!fault_.empty()) return std::unexpected(std::move(fault_));
    return std::move(headers_);
  }

 private:
  void properties(JsonSpan names) {
    for_each_member(names, [&](JsonSpan name, JsonSpan property) {
      if (!fault_.empty()) return;
      path_.push_back(name.text());
      if (const JsonSpan annotation = member(property, annotation_key)) add(annotation, property);
      if (fault_.empty()) schema(property);
      path_.pop_back();
    });
  }

  void add(JsonSpan annotation, JsonSpan property) {
    const std::string where = "x-mcp-header of '" + path_.back().substr(0, 60) + "' ";
    const auto kind = kind_of(member(property, "type"));
    ParamHeader header;
    header.field = std::string(field_prefix) + annotation.text();
    header.lower_case_field = lower(header.field);
    if (!annotation.is_string() || header.field.size() == field_prefix.size()) {
      fault_ = where + "must be the name of a header, and not empty";
    } else if (!is_token(header.field)) {
      fault_ = where + "has characters that no header name may have";
    } else if (!kind) {
      fault_ = where + "is allowed on properties of type string, integer and boolean only";
    } else if (!seen_.insert(header.lower_case_field).second) {
      fault_ = where + "is used twice; names of headers ignore case";
    } else {
      header.path = path_;
      header.kind = *kind;
      headers_.push_back(std::move(header));
    }
  }

  std::vector<std::string> path_;
  std::vector<ParamHeader> headers_;
  std::set<std::string> seen_;
  std::string fault_;
};

JsonSpan argument_at(JsonSpan arguments, const std::vector<std::string>& path) {
  JsonSpan at = arguments;
  for (const std::string& name : path) at = member(at, name);
  return at.kind() == JsonSpan::Kind::null ? JsonSpan() : at;
}

bool has_kind(JsonSpan value, ParamHeader::Kind kind) noexcept {
  switch (kind) {
    case ParamHeader::Kind::string:
      return value.is_string();
    case ParamHeader::Kind::boolean:
      return value.kind() == JsonSpan::Kind::boolean;
    case ParamHeader::Kind::integer: {
      const auto number = value.number();
      return number && std::trunc(*number) == *number;
    }
  }
  return false;
}

std::optional<double> decimal(std::string_view text) noexcept {
  double out = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc{} || stopped != text.data() + text.size()) return std::nullopt;
  return out;
}

// 42 and 42.0 are one number; whole numbers beyond what a double holds are compared digit by digit.
bool same_integer(std::string_view header, JsonSpan body) noexcept {
  const auto wanted = body.integer();
  if (const auto own = JsonSpan(header).integer(); own && wanted) return *own == *wanted;
  const auto own = decimal(header);
  return own && body.number() == own;
}

bool says(std::string_view value, JsonSpan body, ParamHeader::Kind kind) {
  if (kind == ParamHeader::Kind::string) return header_value_is(value, body.text());
  const auto text = decode_header_value(value);
  if (!text) return false;
  return kind == ParamHeader::Kind::integer ? same_integer(*text, body) : *text == body.raw();
}

std::string text_of(JsonSpan value, ParamHeader::Kind kind) {
  if (kind == ParamHeader::Kind::string) return encode_header_value(value.text());
  if (kind == ParamHeader::Kind::boolean || value.integer()) return std::string(value.raw());
  const double number = value.number().value_or(0);
  if (std::abs(number) > safe_integer) return std::string(value.raw());
  return std::to_string(static_cast<std::int64_t>(number));
}

}  // namespace

std::expected<std::vector<ParamHeader>, std::string> read_param_headers(JsonSpan input_schema) {
  // Most schemas have none: one search for the word settles it, unless it may hide behind escapes.
  const std::string_view text = input_schema.raw();
  if (text.find(annotation_key) == text.npos && text.find("\\u") == text.npos) return std::vector<ParamHeader>();
  Reader reader;
  reader.root(input_schema);
  return reader.take();
}

std::optional<std::string> param_header_mismatch(const std::vector<ParamHeader>& headers, JsonSpan arguments,
                                                 const HttpHead& head) {
  for (const ParamHeader& each : headers) {
    const auto value = head.header(each.lower_case_field);
    const JsonSpan argument = argument_at(arguments, each.path);
    if (head.repeated(each.lower_case_field)) return "the header " + each.field + " stands there more than once";
    if (argument && !has_kind(argument, each.kind)) continue;  // the schema has the better words for it
    if (!argument && !value) continue;
    if (!argument) return "the header " + each.field + " is there, its argument is not";
    if (!value) return "the header " + each.field + " is missing; list the tools to see which headers a call needs";
    if (!says(*value, argument, each.kind)) {
      return "the header " + each.field + " does not say the same as its argument";
    }
  }
  return std::nullopt;
}

std::optional<Refusal> check_param_headers(const std::vector<ParamHeader>& headers, const ServerRequest& request,
                                           const HttpHead& head) {
  auto fault = param_header_mismatch(headers, request.message->param.arguments, head);
  if (!fault) return std::nullopt;
  return Refusal{400, static_cast<int>(RpcCode::header_mismatch), "Header mismatch: " + *fault,
                 {},  std::string(request.message->id.raw()),     UnknownId::absent};
}

std::vector<std::pair<std::string, std::string>> make_param_headers(const std::vector<ParamHeader>& headers,
                                                                    JsonSpan arguments) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const ParamHeader& each : headers) {
    const JsonSpan argument = argument_at(arguments, each.path);
    if (argument && has_kind(argument, each.kind)) out.emplace_back(each.field, text_of(argument, each.kind));
  }
  return out;
}

}  // namespace meantime::mcp
