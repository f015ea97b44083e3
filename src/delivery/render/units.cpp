// SPDX-License-Identifier: MIT
#include "delivery/render/units.hpp"

#include <algorithm>

namespace meantime::render {
namespace {

// So many bytes are looked at together: first many, and then few, where the many do not fit any more.
constexpr std::size_t many = 64;
constexpr std::size_t few = 16;

constexpr bool continues(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

std::size_t Measure::by_table(std::string_view text) const noexcept {
  std::size_t total = 0;
  for (const char c : text) total += cost_[static_cast<unsigned char>(c)];
  return total;
}

// The loops have no branch and sums of a byte, so that compilers make a few vector instructions of each.
template <std::size_t Bytes>
std::size_t Measure::of_block(const char* text) const noexcept {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text);
  if (!any_special_) {
    unsigned char all = 0;
    for (std::size_t i = 0; i < Bytes; ++i) all |= bytes[i];
    return all < 0x80U ? Bytes * plain_ : by_table({text, Bytes});
  }
  const auto special = special_;
  const unsigned char controls_end = controls_ ? 0x20 : 0;
  unsigned char wide = 0;
  unsigned char control = 0;
  unsigned char lines = 0;
  unsigned char found = 0;
  for (std::size_t i = 0; i < Bytes; ++i) {
    const unsigned char c = bytes[i];
    const auto line_end = static_cast<unsigned char>(c == '\n');
    wide |= c;
    control |= static_cast<unsigned char>(c < controls_end) & static_cast<unsigned char>(line_end ^ 1U);
    lines = static_cast<unsigned char>(lines + line_end);
    found |= static_cast<unsigned char>(c == special[0]) | static_cast<unsigned char>(c == special[1]) |
             static_cast<unsigned char>(c == special[2]) | static_cast<unsigned char>(c == special[3]) |
             static_cast<unsigned char>(c == special[4]);
  }
  if (wide >= 0x80U || control != 0) return by_table({text, Bytes});
  std::size_t total = Bytes * plain_ + std::size_t{lines} * line_extra_;
  if (found == 0) return total;
  for (std::size_t which = 0; which < special.size() && extra_[which] != 0; ++which) {
    const unsigned char wanted = special[which];
    unsigned char count = 0;
    for (std::size_t i = 0; i < Bytes; ++i) {
      count = static_cast<unsigned char>(count + static_cast<unsigned char>(bytes[i] == wanted));
    }
    total += std::size_t{count} * extra_[which];
  }
  return total;
}

std::size_t Measure::of(std::string_view text) const noexcept {
  if (bytes_) return text.size();
  std::size_t units = 0;
  std::size_t at = 0;
  for (; at + many <= text.size(); at += many) units += of_block<many>(text.data() + at);
  for (; at + few <= text.size(); at += few) units += of_block<few>(text.data() + at);
  return units + by_table(text.substr(at));
}

template <std::size_t Bytes>
void Measure::add_blocks(std::string_view text, std::size_t budget, Prefix& found) const noexcept {
  while (found.bytes + Bytes <= text.size()) {
    const std::size_t more = of_block<Bytes>(text.data() + found.bytes);
    if (found.units + more > budget) return;
    found.units += more;
    found.bytes += Bytes;
  }
}

Prefix Measure::prefix(std::string_view text, std::size_t budget) const noexcept {
  Prefix found;
  if (bytes_) {
    found.bytes = found.units = std::min(text.size(), budget);
  } else {
    add_blocks<many>(text, budget, found);
    add_blocks<few>(text, budget, found);
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

// Characters, or UTF-16 units; twice `many` fits into a byte. Sums of bytes within a block of bytes: what compilers
// make vector instructions of.
std::size_t characters(std::string_view text, bool utf16) noexcept {
  const unsigned char wide_from = utf16 ? 0xF0 : 0xFF;
  std::size_t total = 0;
  for (std::size_t at = 0; at < text.size(); at += many) {
    const std::size_t n = std::min(many, text.size() - at);
    if (n == many) {
      unsigned char all = 0;
      for (std::size_t i = 0; i < many; ++i) all |= static_cast<unsigned char>(text[at + i]);
      if (all < 0x80U) {
        total += many;
        continue;
      }
    }
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
