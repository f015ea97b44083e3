// SPDX-License-Identifier: MIT
#include "mcp/header_value.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace meantime::mcp {
namespace {

constexpr std::string_view mark_start = "=?base64?";
constexpr std::string_view mark_end = "?=";
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> digits = [] {
  std::array<std::int8_t, 256> table{};
  for (auto& each : table) each = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return table;
}();

constexpr bool is_edge_space(char c) noexcept {
  return c == ' ' || c == '\t';
}

bool is_marked(std::string_view value) noexcept {
  return value.size() >= mark_start.size() + mark_end.size() && value.starts_with(mark_start) &&
         value.ends_with(mark_end);
}

bool is_safe(std::string_view text) noexcept {
  if (text.empty()) return true;
  if (is_edge_space(text.front()) || is_edge_space(text.back()) || is_marked(text)) return false;
  return std::ranges::all_of(text, [](char c) { return (c >= 0x20 && c < 0x7F) || c == '\t'; });
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < left ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= left ? alphabet[(group >> (18 - 6 * i)) & 63U] : '=';
    }
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool padded = at >= text.size() - padding;
    const int digit = padded ? 0 : digits[static_cast<unsigned char>(text[at])];
    if (digit < 0) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(digit);
    if (at % 4 != 3) continue;
    const bool last = at + 1 == text.size();
    const std::size_t bytes = last ? 3 - padding : 3;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto byte = static_cast<unsigned char>(group >> (16 - 8 * i));
      if (i < bytes) {
        out += static_cast<char>(byte);
      } else if (byte != 0) {
        return std::nullopt;  // bits that stand for nothing
      }
    }
    group = 0;
  }
  return out;
}

std::string_view trim_header_value(std::string_view value) noexcept {
  while (!value.empty() && is_edge_space(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_edge_space(value.back())) value.remove_suffix(1);
  return value;
}

std::string encode_header_value(std::string_view text) {
  if (is_safe(text)) return std::string(text);
  std::string out(mark_start);
  out += base64_encode(text);
  out += mark_end;
  return out;
}

std::optional<std::string> decode_header_value(std::string_view value) {
  value = trim_header_value(value);
  if (!is_marked(value)) {
    if (!is_safe(value)) return std::nullopt;
    return std::string(value);
  }
  value.remove_prefix(mark_start.size());
  value.remove_suffix(mark_end.size());
  return base64_decode(value);
}

bool header_value_is(std::string_view value, std::string_view text) {
  value = trim_header_value(value);
  if (!is_marked(value)) return value == text && is_safe(value);
  const auto decoded = decode_header_value(value);
  return decoded && *decoded == text;
}

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}

}  // namespace meantime::mcp
