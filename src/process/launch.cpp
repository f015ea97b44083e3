// SPDX-License-Identifier: MIT
// launch.cpp: clone with shared memory, as posix_spawn does it, because posix_spawn can set neither resource limits nor
// the parent-death signal, and tells a missing folder from a missing program by one errno.
#include "process/launch.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <system_error>

// The child runs on this process's memory until it execs: nothing in it may touch a sanitizer's books.
#if defined(__clang__) || defined(__GNUC__)
#define MEANTIME_IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined"), noinline))
#else
#define MEANTIME_IN_CHILD
#endif

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define MEANTIME_THREAD_SANITIZER 1
extern "C" int __clone(int (*run)(void*), void* stack, int flags, void* argument, ...) noexcept;  // NOLINT: libc's
#endif
#endif

namespace meantime::process {
namespace {

#ifdef MEANTIME_THREAD_SANITIZER
// The sanitizer's own clone() does not know children that share memory; libc's second name for it passes by.
constexpr auto start_sharing = &__clone;
#else
constexpr auto start_sharing = &::clone;
#endif

enum class Stage : int { none, group, parent, folder, streams, limits, privileges, exec };

constexpr std::size_t limit_count = 6;
constexpr std::size_t stack_bytes = 64UL * 1024;
constexpr std::size_t signal_set_bytes = 8;  // the kernel's sigset

struct Limit {
  int resource;
  struct {
    std::uint64_t soft;
    std::uint64_t hard;
  } value;  // as prlimit64 wants it
};

struct InChild {
  const char* program;
  char* const* argv;
  char* const* environment;
  const char* folder;  // null: none
  int standard[3];
  bool new_session;
  bool die_with_parent;
  bool no_new_privileges;
  pid_t parent;
  std::array<Limit, limit_count> limits;
  std::size_t limits_used;
  volatile Stage failed;  // written by the child, read after it has gone or runs another program
  volatile int error;
};

MEANTIME_IN_CHILD long call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  return ::syscall(number, a, b, c, d, 0L);
}

[[noreturn]] MEANTIME_IN_CHILD void give_up(InChild& what, Stage stage) {
  what.error = errno;
  what.failed = stage;
  for (;;) call(SYS_exit_group, 127);
}

// Handlers of this process must never run in the child; what the user chose to ignore (nohup) stays ignored, but
// SIGPIPE and SIGXFSZ, which meantime ignores for itself, do not.
MEANTIME_IN_CHILD void reset_signals() {
  for (int signal = 1; signal < 65; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    std::array<unsigned long, 8> action{};  // larger than any kernel's sigaction; its first word is the handler
    if (call(SYS_rt_sigaction, signal, 0, reinterpret_cast<long>(action.data()), signal_set_bytes) != 0) continue;
    const bool ignored = action[0] == reinterpret_cast<unsigned long>(SIG_IGN);
    if (action[0] == 0 || (ignored && signal != SIGPIPE && signal != SIGXFSZ)) continue;
    action = {};
    call(SYS_rt_sigaction, signal, reinterpret_cast<long>(action.data()), 0, signal_set_bytes);
  }
}

MEANTIME_IN_CHILD int run_in_child(void* argument) {
  InChild& what = *static_cast<InChild*>(argument);
  const long grouped = what.new_session ? call(SYS_setsid) : call(SYS_setpgid, 0, 0);
  if (grouped < 0) give_up(what, Stage::group);
  if (what.die_with_parent) {
    if (call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL) != 0 || call(SYS_getppid) != what.parent)
      give_up(what, Stage::parent);
  }
  reset_signals();
  if (what.folder != nullptr && call(SYS_chdir, reinterpret_cast<long>(what.folder)) != 0) give_up(what, Stage::folder);
  for (int target = 0; target < 3; ++target) {  // the sources are all above 2
    if (call(SYS_dup3, what.standard[target], target, 0) < 0) give_up(what, Stage::streams);
  }
  if (call(SYS_close_range, 3, ~0U, 0) != 0) give_up(what, Stage::streams);
  for (std::size_t i = 0; i < what.limits_used; ++i) {
    if (call(SYS_prlimit64, 0, what.limits[i].resource, reinterpret_cast<long>(&what.limits[i].value), 0) != 0) {
      give_up(what, Stage::limits);
    }
  }
  if (what.no_new_privileges && call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1) != 0) give_up(what, Stage::privileges);
  const unsigned long nothing_blocked = 0;
  call(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&nothing_blocked), 0, signal_set_bytes);
  call(SYS_execve, reinterpret_cast<long>(what.program), reinterpret_cast<long>(what.argv),
       reinterpret_cast<long>(what.environment));
  give_up(what, Stage::exec);
}

void add_limit(InChild& what, int resource, const std::optional<std::uint64_t>& wanted, std::uint64_t hard_above = 0) {
  if (!wanted) return;
  rlimit64 now{};
  if (getrlimit64(static_cast<__rlimit_resource_t>(resource), &now) != 0) now.rlim_max = RLIM64_INFINITY;
  Limit& limit = what.limits[what.limits_used++];
  limit.resource = resource;
  limit.value.soft = std::min<std::uint64_t>(*wanted, now.rlim_max);
  limit.value.hard = std::min<std::uint64_t>(*wanted + hard_above, now.rlim_max);
}

std::string message_of(int error) {
  return std::generic_category().message(error);
}

std::unexpected<Error> launch_error(const Launch& what, Stage stage, int error) {
  const std::string program = "'" + what.program + "'";
  switch (stage) {
    case Stage::folder:
      return fail(errc::invalid_argument, "process.start",
                  "the working folder '" + what.folder + "' of " + program + " cannot be entered (" +
                      message_of(error) + "): create it or correct the path");
    case Stage::exec:
      if (error == ENOENT) {
        if (access(what.program.c_str(), F_OK) == 0) {
          return fail(errc::not_found, "process.start",
                      program + " exists, but what runs it does not: check its first line (#!), or its architecture");
        }
        return fail(errc::not_found, "process.start",
                    "there is no program " + program + ": install it or correct the path");
      }
      if (error == EACCES) {
        return fail(errc::invalid_argument, "process.start",
                    program + " may not be executed: make it executable (chmod +x), or check its folder's permissions");
      }
      if (error == ENOEXEC) {
        return fail(errc::invalid_argument, "process.start",
                    program + " is not a program: a script needs a first line such as #!/bin/sh");
      }
      if (error == E2BIG) {
        return fail(errc::invalid_argument, "process.start",
                    "the arguments and environment of " + program +
                        " are too long for the system: pass long values through stdin");
      }
      return fail(errc::unavailable, "process.start", program + " cannot be started: " + message_of(error));
    case Stage::parent:
      return fail(errc::unavailable, "process.start", program + " was not started: its parent is ending");
    case Stage::limits:
      return fail(errc::invalid_argument, "process.start",
                  "the resource limits of " + program + " cannot be set: " + message_of(error));
    default:
      return fail(errc::unavailable, "process.start",
                  program + " cannot be started: " + message_of(error) +
                      (error == EAGAIN ? " (too many processes: end some, or raise the limit)" : ""));
  }
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

bool is_program(const std::string& path) {
  struct stat file{};
  return stat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode) && access(path.c_str(), X_OK) == 0;
}

}  // namespace

Result<Launched> launch(const Launch& what) {
  const std::vector<char*> argv = pointers(what.argv);
  const std::vector<char*> environment = pointers(what.environment);
  InChild child{};
  child.program = what.program.c_str();
  child.argv = argv.data();
  child.environment = environment.data();
  child.folder = what.folder.empty() ? nullptr : what.folder.c_str();
  child.new_session = what.new_session;
  child.die_with_parent = what.die_with_parent;
  child.no_new_privileges = what.no_new_privileges;
  child.parent = getpid();
  add_limit(child, RLIMIT_CPU, what.limits.cpu_seconds, 1);
  add_limit(child, RLIMIT_AS, what.limits.address_space_bytes);
  add_limit(child, RLIMIT_NPROC, what.limits.processes);
  add_limit(child, RLIMIT_NOFILE, what.limits.open_files);
  add_limit(child, RLIMIT_FSIZE, what.limits.file_size_bytes);
  add_limit(child, RLIMIT_CORE, what.limits.core_bytes);

  // Above 2, so that no dup3 in the child overwrites the source of a later one.
  std::array<int, 3> copies{-1, -1, -1};
  const auto close_copies = [&copies] {
    for (const int copy : copies) {
      if (copy >= 0) ::close(copy);
    }
  };
  for (std::size_t i = 0; i < copies.size(); ++i) {
    copies[i] = fcntl(what.standard[i], F_DUPFD_CLOEXEC, 3);
    if (copies[i] < 0) {
      const int error = errno;
      close_copies();
      return launch_error(what, Stage::streams, error);
    }
    child.standard[i] = copies[i];
  }

  const auto stack = std::make_unique_for_overwrite<std::byte[]>(stack_bytes);
  // No handler of this process may run in the child, not even glibc's own: the raw call blocks those as well.
  const unsigned long everything = ~0UL;
  unsigned long before = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &everything, &before, signal_set_bytes);
  int pidfd = -1;
  const pid_t pid = start_sharing(&run_in_child, stack.get() + stack_bytes,
                                  CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, &pidfd);
  const int clone_error = errno;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, signal_set_bytes);
  close_copies();
  if (pid < 0) return launch_error(what, Stage::none, clone_error);
  if (child.failed != Stage::none) {
    siginfo_t ended{};
    while (waitid(P_PIDFD, static_cast<id_t>(pidfd), &ended, WEXITED) != 0 && errno == EINTR) continue;
    ::close(pidfd);
    return launch_error(what, child.failed, child.error);
  }
  return Launched{pid, pidfd};
}

Result<std::string> find_program(std::string_view name, std::string_view search_path, std::string_view folder) {
  if (name.empty()) return fail(errc::invalid_argument, "process.find_program", "the command has no program: name one");
  if (name.find('/') != std::string_view::npos) {
    std::string path(name);
    std::string seen = path;
    if (!path.starts_with('/') && !folder.empty()) seen = std::string(folder) + "/" + path;
    if (is_program(seen)) return path;
    if (access(seen.c_str(), F_OK) != 0) {
      return fail(errc::not_found, "process.find_program",
                  "there is no program '" + seen + "': install it or correct the path");
    }
    return fail(errc::invalid_argument, "process.find_program",
                "'" + seen + "' is not an executable file: make it executable (chmod +x) or name another");
  }
  std::string refused;
  for (std::size_t from = 0; from <= search_path.size();) {
    const std::size_t to = std::min(search_path.find(':', from), search_path.size());
    const std::string_view part = search_path.substr(from, to - from);
    from = to + 1;
    if (part.empty()) continue;  // "the current folder" of old: a program found there is a trap
    std::string path = std::string(part) + "/" + std::string(name);
    if (is_program(path)) return path;
    struct stat file{};
    if (refused.empty() && stat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode)) refused = path;
  }
  if (!refused.empty()) {
    return fail(errc::invalid_argument, "process.find_program",
                "'" + refused + "' is not executable: make it executable (chmod +x) or write the path of another");
  }
  return fail(
      errc::not_found, "process.find_program",
      "there is no program '" + std::string(name) + "' in the folders of PATH: install it or write its absolute path");
}

Result<std::string> find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  return find_program(name, path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin");
}

std::vector<std::string> own_environment() {
  std::vector<std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) out.emplace_back(*entry);
  return out;
}

std::vector<std::string> chosen_environment(const std::vector<std::string>& from,
                                            const std::map<std::string, std::string>& set) {
  std::vector<std::string> out;
  for (std::string& entry : own_environment()) {
    const std::string_view name = std::string_view(entry).substr(0, entry.find('='));
    const bool wanted = std::ranges::any_of(from, [&](std::string_view pattern) {
      if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
      return name == pattern;
    });
    if (wanted && !set.contains(std::string(name))) out.push_back(std::move(entry));
  }
  for (const auto& [name, value] : set) {
    std::string& entry = out.emplace_back(name);
    entry += '=';
    entry += value;
  }
  return out;
}

}  // namespace meantime::process
