// SPDX-License-Identifier: MIT
#include "delivery/render/units.hpp"

namespace meantime::render {
namespace {

constexpr std::size_t block = 16;  // bytes that are looked at together

constexpr bool continues(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

template <std::size_t n>
std::size_t sum(const std::array<std::uint8_t, 256>& cost, const char* text) noexcept {
  std::size_t total = 0;
  for (std::size_t i = 0; i < n; ++i) total += cost[static_cast<unsigned char>(text[i])];
  return total;
}

}  // namespace

std::size_t Measure::of(std::string_view text) const noexcept {
  std::size_t units = 0;
  std::size_t at = 0;
  for (; at + block <= text.size(); at += block) units += sum<block>(cost_, text.data() + at);
  for (; at < text.size(); ++at) units += cost_[static_cast<unsigned char>(text[at])];
  return units;
}

Prefix Measure::prefix(std::string_view text, std::size_t budget) const noexcept {
  Prefix found;
  while (found.bytes + block <= text.size()) {
    const std::size_t more = sum<block>(cost_, text.data() + found.bytes);
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

std::size_t length(std::string_view text, Unit unit) noexcept {
  if (unit == Unit::bytes) return text.size();
  if (unit == Unit::code_points) {  // without a table, compilers make vector instructions of it
    std::size_t characters = 0;
    for (const char c : text) characters += static_cast<std::size_t>(!continues(c));
    return characters;
  }
  return Measure(unit).of(text);
}

}  // namespace meantime::render
