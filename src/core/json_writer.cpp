// SPDX-License-Identifier: MIT
#include "core/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace meantime {
namespace {

constexpr std::size_t block = 32;

constexpr bool needs_escape(unsigned char c) noexcept {
  return static_cast<bool>(static_cast<unsigned>(c < 0x20U) | static_cast<unsigned>(c == '"') |
                           static_cast<unsigned>(c == '\\'));
}

// Without a branch inside, so that compilers make a few vector instructions of it.
bool block_needs_escape(const char* text) noexcept {
  unsigned char found = 0;
  for (std::size_t i = 0; i < block; ++i) {
    found |= static_cast<unsigned char>(needs_escape(static_cast<unsigned char>(text[i])));
  }
  return found != 0;
}

std::size_t plain_length(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at + block <= text.size() && !block_needs_escape(text.data() + at)) at += block;
  while (at < text.size() && !needs_escape(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      break;
  }
  out += "\\u00";
  out += hex[static_cast<unsigned char>(c) >> 4U];
  out += hex[static_cast<unsigned char>(c) & 15U];
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (;;) {
    const std::size_t plain = plain_length(text);
    out.append(text.substr(0, plain));
    if (plain == text.size()) break;
    append_escape(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
  out += '"';
}

void JsonWriter::separate() {
  if (need_comma_) out_ += ',';
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_ += ':';
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_json_string(out_, text);
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  const double size = std::fabs(number);
  const bool plain = size == 0 || (size >= 1e-6 && size < 1e17);
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  return raw({text.data(), static_cast<std::size_t>(end - text.data())});
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  need_comma_ = true;
  return *this;
}

}  // namespace meantime
