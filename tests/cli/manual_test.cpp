// SPDX-License-Identifier: MIT
// manual_test.cpp: the manual page and the command line are one.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "cli/arguments.hpp"

namespace meantime::cli {
namespace {

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Manual, NamesEveryCommandAndOption) {
  std::ifstream file(MEANTIME_MANUAL);
  const std::string manual(std::istreambuf_iterator<char>(file), {});
  for (const auto& command : describe_commands()) {
    EXPECT_TRUE(mentions(manual, ".Ss " + command.name)) << command.name;
    for (const auto& option : command.options) {
      if (option.name == "-h" || option.name == "--help") continue;
      const std::string flag = option.name.substr(1);  // mdoc writes the first dash itself
      EXPECT_TRUE(mentions(manual, "Fl " + flag + " ") || mentions(manual, "Fl " + flag + "\n") ||
                  mentions(manual, " " + flag + " ") || mentions(manual, " " + flag + "\n"))
          << command.name << " " << option.name;
    }
  }
}

}  // namespace
}  // namespace meantime::cli
