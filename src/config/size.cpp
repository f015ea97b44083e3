// SPDX-License-Identifier: MIT
#include "config/size.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

namespace meantime::config {
namespace {

constexpr double most = 1e18;  // far from the end of the type

std::unexpected<Error> not_a_size(std::string_view text) {
  return fail(errc::invalid_argument, "config.size",
              "'" + std::string(text.substr(0, 64)) +
                  "' is no size: write a number and a unit (B, KB, MB, GB), as 512KB, 16MB or 1.5GB");
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + digits, number, std::chars_format::fixed);
  if (digits == 0 || problem != std::errc{} || end != text.data() + digits) return not_a_size(text);
  std::string unit;
  for (const char c : text.substr(digits)) {
    if (c != ' ') unit += (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  }
  if (unit.size() == 3 && unit[1] == 'I') unit.erase(1, 1);
  static constexpr std::array<std::string_view, 5> units{"B", "KB", "MB", "GB", "TB"};
  double scale = 1;
  if (!unit.empty()) {
    const auto* found = std::find(units.begin(), units.end(), unit);
    if (found == units.end()) return not_a_size(text);
    scale = std::pow(1024.0, static_cast<double>(found - units.begin()));
  }
  if (number * scale > most) return not_a_size(text);
  return static_cast<std::uint64_t>(std::llround(number * scale));
}

}  // namespace meantime::config
