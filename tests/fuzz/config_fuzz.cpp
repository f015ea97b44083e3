// SPDX-License-Identifier: MIT
// config_fuzz.cpp: any bytes as a configuration: a Config or problems with places inside the text, never a crash.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = meantime::config::read_config(text, "/nowhere/fuzz.toml");
  const auto lines = static_cast<std::uint32_t>(std::ranges::count(text, '\n')) + 1;
  for (const auto& problem : loaded.problems) {
    const bool of_this_file = problem.file == "/nowhere/fuzz.toml";  // an imported one has lines of its own
    if (problem.what.empty() || (of_this_file && problem.line > lines)) std::abort();
  }
  return 0;
}
