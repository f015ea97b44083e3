// SPDX-License-Identifier: MIT
#include "cli/show/live_line.hpp"

#include <unistd.h>

namespace meantime::cli {
namespace {
constexpr std::string_view line_start = "\r\x1b[K";  // and erase what stands there
}

LiveLine::LiveLine(bool wanted) : on_(wanted && is_terminal(STDERR_FILENO)) {}
LiveLine::~LiveLine() {
  clear();
}

void LiveLine::show(const std::string& line) {
  if (!on_) return;
  there_ = write_all(STDERR_FILENO, std::string(line_start) + line);
}

void LiveLine::clear() {
  if (there_) static_cast<void>(write_all(STDERR_FILENO, line_start));
  there_ = false;
}

}  // namespace meantime::cli
