// SPDX-License-Identifier: MIT
#include "core/suggest.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace meantime {
namespace {

constexpr std::size_t longest_word = 64;  // nobody means a longer one, and the work grows with its square

// Edits with neighbours swapped counted as one: the commonest slip of all.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::vector<std::size_t> next(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = row[j - 1] + static_cast<std::size_t>(a[i - 1] != b[j - 1]);
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        next[j] = std::min(next[j], before[j - 2] + 1);
    }
    std::swap(before, row);
    std::swap(row, next);
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string> known) {
  if (word.size() > longest_word) return {};
  std::string_view best;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const std::string& each : known) {
    const std::size_t edits = distance(word, each);
    if (edits < least) {
      least = edits;
      best = each;
    }
  }
  return least <= std::max<std::size_t>(1, word.size() / 3) ? best : std::string_view{};
}

}  // namespace meantime
