// SPDX-License-Identifier: MIT
// child.hpp: a child process of a test, started and waited for by blocking calls. It dies with the thread that started
// it, and at the latest with its Child object.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "support/descriptor.hpp"

namespace meantime::test {

/// What the child gets as standard input, output and error; -1: /dev/null.
struct ChildFiles {
  int in = -1;
  int out = -1;
  int err = -1;
};

class Child {
 public:
  Child() noexcept = default;
  /// Starts `arguments[0]`, looked up on PATH. Errors: throws std::runtime_error; a program that cannot be run ends
  /// with exit code 127.
  explicit Child(const std::vector<std::string>& arguments, ChildFiles files = {});
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  /// Kills what still runs.
  ~Child();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// True until its end was waited for.
  [[nodiscard]] explicit operator bool() const noexcept { return pid_ > 0; }
  void signal(int number) const;
  /// Stops it (SIGSTOP) and returns when it stands still.
  void pause();
  void resume();
  /// Kills it and waits for its end.
  void kill();
  /// Waits for its end: its exit code, or 128 + the number of the signal that ended it. Absent: it still runs.
  std::optional<int> wait(std::chrono::milliseconds limit);
  /// Readable (poll) when it has ended.
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

 private:
  pid_t pid_ = -1;
  Descriptor pidfd_;
};

/// Runs a program to its end. Errors: throws std::runtime_error with what it printed when it fails or takes too long.
std::string run_program(const std::vector<std::string>& arguments,
                        std::chrono::milliseconds limit = std::chrono::seconds(30));

/// Where `program` is on PATH; empty when it is not there.
[[nodiscard]] std::string find_program(const std::string& program);

}  // namespace meantime::test
