// SPDX-License-Identifier: MIT
// child.hpp: a running program: its streams, its end, and the end of all it started.
// Threads: everything on the thread that runs the io_context. No SIGCHLD handler: lives inside any host program.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/clock.hpp"
#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"
#include "process/launch.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime::process {

/// Where one of a child's standard streams leads.
struct Stream {
  enum class Kind : std::uint8_t { null, pipe, fd, text, with_stdout };
  Kind kind = Kind::null;
  int fd = -1;
  std::string text;

  /// /dev/null.
  static Stream null() { return {}; }
  /// A pipe to this process: Child::write, or Child::read_out and read_err.
  static Stream pipe() { return {Kind::pipe, -1, {}}; }
  /// A descriptor of this process, copied; the caller keeps its own. `Stream::inherit(2)`: our stderr.
  static Stream inherit(int fd) { return {Kind::fd, fd, {}}; }
  /// Standard input only: reads `text`, then the end. Needs no writer: it is a file in memory.
  static Stream given(std::string text) { return {Kind::text, -1, std::move(text)}; }
  /// Standard error only: goes where standard output goes.
  static Stream with_stdout() { return {Kind::with_stdout, -1, {}}; }
};

/// How to start a child. Only `argv` must be filled.
struct ChildOptions {
  /// The program, then its arguments. A program without a slash is looked up in this process's PATH.
  std::vector<std::string> argv;
  /// The file to run in place of argv[0], looked up before (find_program). Empty: argv[0].
  std::string program;
  /// "NAME=value", all of it. Absent: this process's own.
  std::optional<std::vector<std::string>> environment;
  std::string folder;  ///< Working folder; empty: this process's own.
  Stream in;
  Stream out = Stream::pipe();
  Stream err = Stream::pipe();
  /// A session of its own, without a terminal (setsid); else only a process group of its own.
  bool new_session = false;
  /// The kernel kills the child, not what it started, when the *thread* that started it ends, however it ends.
  /// For a thread that lives as long as the child is wanted: the loop's.
  bool die_with_parent = false;
  bool no_new_privileges = false;  ///< set-uid programs gain nothing.
  ResourceLimits limits;
  /// This process ignores SIGPIPE, so that writes need not keep it off: three system calls less for each.
  bool sigpipe_is_ignored = false;
};

/// How a program ended.
struct ExitStatus {
  std::optional<int> code;  ///< 0 to 255, when it exited by itself.
  int signal = 0;           ///< When a signal ended it. Neither: another part of this process reaped it.
  bool core_dumped = false;

  [[nodiscard]] bool ok() const noexcept { return code == 0; }
  /// "exit code 3", "killed by signal 9 (KILL)".
  [[nodiscard]] std::string text() const;
};

/// A running program, with all the processes of its group.
/// Destroying it kills the whole group at once and ends every pending read, write and wait; the remains are reaped
/// behind the scenes. A process that made a group or session of its own has left and is not reached.
class Child {
 public:
  /// Starts the program. `loop` and `clock` outlive the child. Suspends this thread until the program runs (100 us).
  /// Errors: not_found (program), invalid_argument (not executable, no such folder), unavailable; see launch.hpp.
  [[nodiscard]] static Result<Child> start(boost::asio::io_context& loop, Clock& clock, ChildOptions options);

  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();

  [[nodiscard]] pid_t pid() const noexcept;

  /// The next bytes of standard output; empty at its end, and when it is not a pipe. One read at a time.
  /// The view is valid until the next read. Dropping a read loses nothing.
  [[nodiscard]] Task<std::string_view> read_out();
  /// The same of standard error.
  [[nodiscard]] Task<std::string_view> read_err();

  /// Writes all of `bytes`, which stay alive meanwhile; suspends while the child does not read. One write at a time.
  /// Errors: unavailable when the child closed its input or has ended. Never raises SIGPIPE.
  [[nodiscard]] Task<Result<void>> write(std::string_view bytes);
  void close_in();

  /// Suspends until the program has ended; its group may live on. Any number of waiters.
  [[nodiscard]] Task<ExitStatus> wait();
  /// How it ended; absent while it runs.
  [[nodiscard]] std::optional<ExitStatus> status() const noexcept;

  /// Sends `signal` to the whole group.
  void signal(int signal) noexcept;

  /// Ends the program the polite way: closes its input and waits `after_close` (0: skips this step), sends SIGTERM to
  /// the group and waits `after_term`, then SIGKILL. When it answers the program has ended, and what was left of its
  /// group was killed. Dropping it leaves things as far as they are.
  [[nodiscard]] Task<ExitStatus> terminate(Milliseconds after_term, Milliseconds after_close = Milliseconds(0));

  /// Lets go: nothing is killed when this object is destroyed, and the program outlives it. No call may follow.
  void release() noexcept;

 private:
  struct State;
  explicit Child(std::shared_ptr<State> state) noexcept;
  std::shared_ptr<State> state_;
};

}  // namespace meantime::process
