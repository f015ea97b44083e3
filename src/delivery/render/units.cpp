// SPDX-License-Identifier: MIT
#include "delivery/render/units.hpp"

#include <algorithm>

namespace meantime::render {
namespace {

constexpr std::size_t block = 32;  // bytes that are looked at together

constexpr bool continues(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

// The first loop has no branch, so that compilers make a few vector instructions of it.
std::size_t Measure::of_block(const char* text) const noexcept {
  const auto special = special_;
  const unsigned char controls_end = controls_end_;
  unsigned char found = 0;
  for (std::size_t i = 0; i < block; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    found |= static_cast<unsigned char>(c & 0x80U) | static_cast<unsigned char>(c < controls_end) |
             static_cast<unsigned char>(c == special[0]) | static_cast<unsigned char>(c == special[1]) |
             static_cast<unsigned char>(c == special[2]) | static_cast<unsigned char>(c == special[3]) |
             static_cast<unsigned char>(c == special[4]);
  }
  if (found == 0) return block * plain_;
  std::size_t total = 0;
  for (std::size_t i = 0; i < block; ++i) total += cost_[static_cast<unsigned char>(text[i])];
  return total;
}

std::size_t Measure::of(std::string_view text) const noexcept {
  std::size_t units = 0;
  std::size_t at = 0;
  for (; at + block <= text.size(); at += block) units += of_block(text.data() + at);
  for (; at < text.size(); ++at) units += cost_[static_cast<unsigned char>(text[at])];
  return units;
}

Prefix Measure::prefix(std::string_view text, std::size_t budget) const noexcept {
  Prefix found;
  while (found.bytes + block <= text.size()) {
    const std::size_t more = of_block(text.data() + found.bytes);
    if (found.units + more > budget) break;
    found.units += more;
    found.bytes += block;
  }
  // A block may have ended inside a character, which is then finished or given back with the next ones.
  while (found.bytes > 0 && found.bytes < text.size() && continues(text[found.bytes])) {
    --found.bytes;
    found.units -= cost_[static_cast<unsigned char>(text[found.bytes])];
  }
  while (found.bytes < text.size()) {
    std::size_t units = cost_[static_cast<unsigned char>(text[found.bytes])];
    std::size_t end = found.bytes + 1;
    for (; end < text.size() && continues(text[end]); ++end) units += cost_[static_cast<unsigned char>(text[end])];
    if (found.units + units > budget) break;
    found.units += units;
    found.bytes = end;
  }
  return found;
}

namespace {

// Characters, or UTF-16 units. Sums of bytes within a block of bytes: what compilers make vector instructions of.
std::size_t characters(std::string_view text, bool utf16) noexcept {
  constexpr std::size_t most = 64;  // twice that fits into a byte
  const unsigned char wide_from = utf16 ? 0xF0 : 0xFF;
  std::size_t total = 0;
  for (std::size_t at = 0; at < text.size(); at += most) {
    const std::size_t n = std::min(most, text.size() - at);
    unsigned char some = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const auto c = static_cast<unsigned char>(text[at + i]);
      some = static_cast<unsigned char>(some + static_cast<unsigned char>(!continues(text[at + i])) +
                                        static_cast<unsigned char>(c >= wide_from));
    }
    total += some;
  }
  return total;
}

}  // namespace

std::size_t length(std::string_view text, Unit unit) noexcept {
  static constexpr Measure json(Unit::json_bytes);
  switch (unit) {
    case Unit::bytes:
      return text.size();
    case Unit::json_bytes:
      return json.of(text);
    default:
      return characters(text, unit == Unit::utf16);
  }
}

}  // namespace meantime::render
