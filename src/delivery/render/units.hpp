// SPDX-License-Identifier: MIT
// units.hpp: how long a text is as a platform counts it, and how much of it fits. Pure; one pass; no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace meantime::render {

/// In what a platform counts a message.
enum class Unit : std::uint8_t {
  bytes,        ///< Of UTF-8.
  code_points,  ///< Unicode characters.
  utf16,        ///< UTF-16 code units: two for what lies outside the first plane.
  json_bytes,   ///< Bytes between the quotes of a JSON string (core/json_writer.hpp).
};

/// What is written in place of some characters before the platform counts.
enum class Escape : std::uint8_t {
  none,
  angle,  ///< `&`, `<` and `>` become `&amp;`, `&lt;` and `&gt;`: Slack.
  html,   ///< The same, and a line end becomes `<br>`.
};

/// The longest beginning of a text within a budget.
struct Prefix {
  std::size_t bytes = 0;  ///< Ends between characters.
  std::size_t units = 0;  ///< What these cost.
};

/// What a text costs of a message's budget: a table with the cost of each byte, so that escaping, JSON and units are
/// one question and texts are cut unescaped. Texts are valid UTF-8.
class Measure {
 public:
  explicit constexpr Measure(Unit unit, Escape escape = Escape::none);

  /// The same text stands in the message twice, counted in each way: Matrix's two bodies.
  [[nodiscard]] constexpr Measure with(const Measure& other) const;

  [[nodiscard]] std::size_t of(std::string_view text) const noexcept;
  [[nodiscard]] Prefix prefix(std::string_view text, std::size_t budget) const noexcept;
  /// The most that one character costs.
  [[nodiscard]] constexpr std::size_t of_widest() const noexcept;

 private:
  constexpr void find_plain();
  template <std::size_t Bytes>
  [[nodiscard]] std::size_t of_block(const char* text) const noexcept;
  template <std::size_t Bytes>
  void add_blocks(std::string_view text, std::size_t budget, Prefix& found) const noexcept;
  [[nodiscard]] std::size_t by_table(std::string_view text) const noexcept;

  std::array<std::uint8_t, 256> cost_{};
  // Most text costs the same for each byte: ASCII without a few specials. Looked at many at a time.
  bool bytes_ = false;  // each byte costs 1
  bool any_special_ = false;
  bool controls_ = false;  // those but the line end cost something else
  std::uint8_t plain_ = 1;
  std::uint8_t line_extra_ = 0;            // of a line end
  std::array<std::uint8_t, 5> special_{};  // `"`, `\`, `&`, `<`, `>`: those that cost...
  std::array<std::uint8_t, 5> extra_{};    // ...so much more than others. 0: there is none in this place
};

/// Length of valid UTF-8 in `unit`.
[[nodiscard]] std::size_t length(std::string_view text, Unit unit) noexcept;

constexpr Measure::Measure(Unit unit, Escape escape) {
  const bool in_bytes = unit == Unit::bytes || unit == Unit::json_bytes;
  for (unsigned byte = 0; byte < cost_.size(); ++byte) {
    const bool continues = (byte & 0xC0U) == 0x80U;
    std::uint8_t cost = continues && !in_bytes ? 0 : 1;
    if (unit == Unit::utf16 && byte >= 0xF0U) cost = 2;
    if (unit == Unit::json_bytes) {
      if (byte < 0x20U) cost = 6;
      if (byte == '"' || byte == '\\' || byte == '\n' || byte == '\r' || byte == '\t' || byte == '\b' || byte == '\f')
        cost = 2;
    }
    if (escape != Escape::none) {
      if (byte == '&') cost = 5;
      if (byte == '<' || byte == '>' || (byte == '\n' && escape == Escape::html)) cost = 4;
    }
    cost_[byte] = cost;
  }
  find_plain();
}

constexpr void Measure::find_plain() {
  plain_ = cost_['a'];
  bytes_ = true;
  for (const std::uint8_t cost : cost_) bytes_ = bytes_ && cost == 1;
  special_.fill(0x80);
  extra_.fill(0);
  controls_ = false;
  line_extra_ = static_cast<std::uint8_t>(cost_['\n'] - plain_);  // it never costs less
  std::size_t found = 0;
  for (unsigned byte = 0; byte < 0x80U; ++byte) {
    if (cost_[byte] == plain_) continue;
    if (byte == '\n') continue;
    if (byte < 0x20U) {
      controls_ = true;
    } else {
      special_[found] = static_cast<std::uint8_t>(byte);
      extra_[found++] = static_cast<std::uint8_t>(cost_[byte] - plain_);
    }
  }
  any_special_ = found > 0 || controls_ || line_extra_ > 0;
}

constexpr Measure Measure::with(const Measure& other) const {
  Measure both = *this;
  for (std::size_t byte = 0; byte < cost_.size(); ++byte) {
    both.cost_[byte] = static_cast<std::uint8_t>(cost_[byte] + other.cost_[byte]);
  }
  both.find_plain();
  return both;
}

constexpr std::size_t Measure::of_widest() const noexcept {
  std::size_t widest = 0;
  for (std::size_t byte = 0; byte < cost_.size(); ++byte) {
    const bool lead = byte >= 0xC0U;
    const std::size_t all = cost_[byte] + (lead ? std::size_t{3} * cost_[0x80] : 0);
    widest = all > widest ? all : widest;
  }
  return widest;
}

}  // namespace meantime::render
