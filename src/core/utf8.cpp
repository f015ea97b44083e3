// SPDX-License-Identifier: MIT
#include "core/utf8.hpp"

#include <utf8.h>

#include <cstring>
#include <iterator>

namespace meantime::utf8 {
namespace {
constexpr bool continues(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}
}  // namespace

std::uint64_t count(std::string_view text) noexcept {
  std::uint64_t characters = 0;
  for (const char c : text) characters += static_cast<std::uint64_t>(!continues(c));
  return characters;
}

std::size_t byte_offset(std::string_view text, std::uint64_t index) noexcept {
  std::uint64_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (continues(text[i])) continue;
    if (characters == index) return i;
    ++characters;
  }
  return text.size();
}

std::size_t cut_length(std::string_view text, std::size_t at_most) noexcept {
  if (text.size() <= at_most) return text.size();
  while (at_most > 0 && continues(text[at_most])) --at_most;
  return at_most;
}

bool valid(std::string_view text) noexcept {
  // Most text is ASCII, which needs no decoder: eight bytes at a time, as far as it goes.
  std::size_t ascii = 0;
  for (std::uint64_t word = 0; ascii + sizeof word <= text.size(); ascii += sizeof word) {
    std::memcpy(&word, text.data() + ascii, sizeof word);
    if ((word & 0x8080808080808080ULL) != 0) break;
  }
  while (ascii < text.size() && static_cast<unsigned char>(text[ascii]) < 0x80U) ++ascii;
  return ascii == text.size() || ::utf8::is_valid(text.begin() + static_cast<std::ptrdiff_t>(ascii), text.end());
}

std::string repaired(std::string text) {
  if (valid(text)) return text;
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  ::utf8::replace_invalid(text.begin(), text.end(), std::back_inserter(out));
  return out;
}

std::string head_and_tail(std::string text, std::uint64_t max_bytes, bool& cut) {
  if (text.size() <= max_bytes) return text;
  cut = true;
  const std::size_t head = cut_length(text, max_bytes / 2);
  std::size_t tail = text.size() - max_bytes / 2;
  while (tail < text.size() && continues(text[tail])) ++tail;
  std::string out = text.substr(0, head);
  out += "\n[... " + std::to_string(tail - head) + " bytes left out ...]\n";
  out.append(text, tail, std::string::npos);
  return out;
}

}  // namespace meantime::utf8
