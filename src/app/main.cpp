// SPDX-License-Identifier: MIT
// main.cpp: the program `meantime`.
#include <span>

#include "cli/commands.hpp"

int main(int argc, char** argv) {
  const std::span<const char* const> all(argv, static_cast<std::size_t>(argc));
  return meantime::cli::run_program(all.empty() ? all : all.subspan(1), MEANTIME_VERSION);
}
