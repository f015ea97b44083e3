// SPDX-License-Identifier: MIT
#include "support/random_text.hpp"

#include <array>
#include <random>
#include <string_view>

namespace meantime::test {
namespace {

constexpr std::array<std::string_view, 52> atoms{
    "word ",
    "another ",
    "a",
    "x",
    "\n",
    "\n",
    "\n",
    "\n\n",
    "\r\n",
    "  ",
    "\t",
    ". ",
    "! ",
    "```\n",
    "```cpp\n",
    "~~~\n",
    "````\n",
    "\n```\n",
    "`",
    "``",
    "`code` ",
    "&amp;",
    "&",
    "<",
    ">",
    "<@123456789> ",
    "<#42> ",
    "@everyone ",
    "\\*",
    "\\",
    "[label](https://example.org/a/b?c=d) ",
    "<https://example.org|label> ",
    "\u00E9",
    "e\u0301",
    "\u20AC",
    "\u4E2D\u6587",
    "\U0001F600",
    "\U0001F468\u200D\U0001F469\u200D\U0001F466",
    "\U0001F1EB\U0001F1F7",
    "\u0628\u0631\u0627\u0645\u062C ",
    "\u05E9\u05DC\u05D5\u05DD ",
    "\u0E01\u0E33",
    "\u1100\u1161\u11A8",
    "\u2764\uFE0F",
    "\x1b[31m",
    "\x1b[0m",
    "\x1b]0;title\a",
    "\x01",
    "\u0915\u094D\u0937\u093F",
    "\"quoted\" ",
    "{\"k\": [1, 2]}",
    "--flag=value ",
};

}  // namespace

std::string random_text(std::uint64_t seed, std::size_t bytes) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  std::string out;
  while (out.size() < bytes) {
    const std::string_view atom = atoms[below(atoms.size())];
    switch (below(40)) {
      case 0:  // one line that goes on and on
        for (std::uint64_t n = below(3'000); n > 0; --n) out += static_cast<char>('!' + below(94));
        break;
      case 1:  // the same again and again
        for (std::uint64_t n = below(60); n > 0; --n) out += atom;
        break;
      case 2:  // a heap of accents
        out += 'o';
        for (std::uint64_t n = below(40); n > 0; --n) out += "\u0300";
        break;
      default:
        out += atom;
    }
  }
  return out;
}

}  // namespace meantime::test
