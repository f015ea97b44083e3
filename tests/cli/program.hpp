// SPDX-License-Identifier: MIT
// program.hpp: runs the real program, in a state folder of the test's own, and waits for what it prints and does.
// Every wait ends by an event; the limit is for tests that fail.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meantime::test {

/// What a program came to.
struct Ended {
  int code = -1;  ///< As a shell says it: 128 + n for signal n.
  std::string out;
  std::string err;
};

/// A program with pipes at its standard streams, or a terminal of its own.
class Program {
 public:
  struct Options {
    bool terminal = false;                 ///< One pseudo-terminal for all three streams, and a session of its own.
    bool no_input = true;                  ///< Standard input is /dev/null; else a pipe that is held open.
    std::vector<std::string> environment;  ///< Besides the test's own.
  };
  Program(const std::vector<std::string>& argv, const Options& options);
  Program(Program&&) noexcept;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  Program& operator=(Program&&) = delete;
  /// Kills it, where a failed test left it.
  ~Program();

  /// Reads standard output (with a terminal: all) until it holds `text`; answers all of it so far.
  const std::string& read_until(std::string_view text);
  /// The same of standard error.
  const std::string& read_error_until(std::string_view text);
  /// Types, or writes to the pipe.
  void write(std::string_view bytes) const;
  void close_input();
  /// Closes the terminal, as closing its window does.
  void hang_up();
  void signal(int signal) const;
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Waits for its end.
  Ended wait();

 private:
  bool read_some(std::chrono::steady_clock::time_point until);

  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
  bool terminal_ = false;
  std::string out_text_;
  std::string err_text_;
};

/// A pipe with a name: a command opens it to wait for the test.
class Gate {
 public:
  explicit Gate(std::filesystem::path path);
  /// Lets one `read x < gate` go on. Waits until somebody reads.
  void open() const;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// Has a state folder for each test, and checks after it that no process of it is left.
class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest();
  ~ProgramTest() override;
  void TearDown() override;

  /// Starts `meantime` with these arguments.
  Program start(std::vector<std::string> arguments, Program::Options options = {});
  /// Runs it to its end.
  Ended meantime(std::vector<std::string> arguments);
  /// Runs a line of shell with $MEANTIME set to the program.
  Ended shell(const std::string& line);

  /// `meantime run --budget 0 -- sh -c script`; answers the task's id.
  std::string background(const std::string& script, std::vector<std::string> options = {});
  [[nodiscard]] Gate gate(const std::string& name) const;
  [[nodiscard]] boost::json::object record(const std::string& id);
  /// The process that runs a task.
  [[nodiscard]] pid_t supervisor_of(const std::string& script_word) const;
  /// Every process that lives in this test's state folder.
  [[nodiscard]] std::vector<pid_t> processes() const;
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

/// Without its line's end.
[[nodiscard]] std::string last_line(std::string_view text);

/// Waits until this process, any, has ended.
void wait_for_end(pid_t pid);

}  // namespace meantime::test
