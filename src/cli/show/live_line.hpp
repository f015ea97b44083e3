// SPDX-License-Identifier: MIT
// live_line.hpp: one line on standard error that is written over again; nothing when that is no terminal.
#pragma once

#include <string>

#include "cli/terminal.hpp"

namespace meantime::cli {

class LiveLine {
 public:
  explicit LiveLine(bool wanted);
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;
  /// Takes the line away.
  ~LiveLine();

  [[nodiscard]] bool shown() const noexcept { return on_; }
  void show(const std::string& line);
  void clear();

 private:
  bool on_;
  bool there_ = false;
};

}  // namespace meantime::cli
