// SPDX-License-Identifier: MIT
// work.hpp: what a task is asked to do, and the result that follows from that alone, so that anyone can check it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace meantime::test {

struct Work {
  std::uint64_t n = 0;      ///< Which one it is.
  std::uint64_t bytes = 0;  ///< About that long is its result.
  std::uint64_t ms = 0;     ///< About that long it takes.
  bool fails = false;

  /// As a tool's arguments.
  [[nodiscard]] std::string arguments() const {
    return "[" + std::to_string(n) + "," + std::to_string(bytes) + "," + std::to_string(ms) + "," +
           (fails ? "1" : "0") + "]";
  }
};

/// The same value for the same bytes in every process.
inline std::uint64_t hash_of(std::string_view text) {
  std::uint64_t h = 0xCBF29CE484222325ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return h;
}

inline std::string result_of(const Work& work) {
  std::string out;
  out.reserve(work.bytes + 40);
  for (std::uint64_t line = work.n; out.size() < work.bytes; line = line * 6'364'136'223'846'793'005ULL + 1) {
    out += std::to_string(line);
    out += (line >> 60U) == 0 ? "\xC3\xA9\xF0\x9F\x98\x80\n" : "\n";
  }
  return out;
}

inline std::string error_of(const Work& work) {
  return "ChaosError: as it was told, " + std::to_string(work.n);
}

}  // namespace meantime::test
