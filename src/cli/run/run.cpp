// SPDX-License-Identifier: MIT
// run.cpp: `meantime run`. At its very start it becomes two: a front at the terminal, and a supervisor behind it in a
// session of its own that owns the command and can go on alone.
#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <system_error>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/machine.hpp"
#include "cli/run/front.hpp"
#include "cli/run/supervisor.hpp"
#include "cli/terminal.hpp"

namespace meantime::cli {
namespace {

[[nodiscard]] int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

sigset_t terminal_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

bool is_name(std::string_view name) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./";
  return name.size() <= 128 && name.find_first_not_of(allowed) == std::string_view::npos;
}

// Leaves everything that belongs to the terminal, but for the command's standard input.
void leave_terminal(int front_fd, const sigset_t& before) {
  static_cast<void>(setsid());
  // A Ctrl-C from before this line waits for both of us; the front alone passes it on.
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action{};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler == SIG_IGN) continue;  // the user's choice, which the command inherits
    std::signal(signal, SIG_IGN);
    std::signal(signal, SIG_DFL);
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  const int nothing = checked(open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
  static_cast<void>(checked(dup2(nothing, STDOUT_FILENO), "dup2"));
  static_cast<void>(checked(dup2(nothing, STDERR_FILENO), "dup2"));
  // Pipes that we were handed by accident would keep their readers waiting for as long as the command runs.
  if (front_fd > 3) close_range(3, static_cast<unsigned>(front_fd) - 1, 0);
  close_range(static_cast<unsigned>(front_fd) + 1, ~0U, 0);
}

[[noreturn]] void become_supervisor(const RunArguments& arguments, int front_fd, const sigset_t& before) {
  int code = exit_code::failure;
  try {
    leave_terminal(front_fd, before);
    code = supervise(arguments, front_fd);
  } catch (const std::exception&) {
    code = exit_code::failure;  // the front sees the line break and says so
  }
  _exit(code);  // what the front has registered for its own exit is not ours to run
}

}  // namespace

int run_command(RunArguments arguments) {
  if (!is_name(arguments.name)) {
    complain("'" + arguments.name + "' is no task name: use up to 128 of A-Z a-z 0-9 _ - . /");
    return exit_code::usage;
  }
  // Before the command runs: a store that was named wrongly is no matter for later.
  if (const auto store = choose_store(arguments.store); !store) {
    complain(store.error().detail);
    return exit_code::of(store.error());
  }

  std::array<int, 2> line{};
  static_cast<void>(checked(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line.data()), "socketpair"));
  const sigset_t passed_on = terminal_signals();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &passed_on, &before);
  const pid_t supervisor = checked(fork(), "fork");
  if (supervisor == 0) become_supervisor(arguments, line[1], before);

  close(line[1]);
  std::signal(SIGPIPE, SIG_IGN);
  const int signal_fd = checked(signalfd(-1, &passed_on, SFD_CLOEXEC), "signalfd");
  return stay_in_front(arguments, line[0], signal_fd);
}

}  // namespace meantime::cli
