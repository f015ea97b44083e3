// SPDX-License-Identifier: MIT
// watched_process.hpp: any process of this machine, held by a number that stays its own, so that its end can be waited
// for.
#pragma once

#include <poll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace meantime::test {

class WatchedProcess {
 public:
  explicit WatchedProcess(pid_t pid) : pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  WatchedProcess(const WatchedProcess&) = delete;
  WatchedProcess& operator=(const WatchedProcess&) = delete;
  ~WatchedProcess() {
    if (pidfd_ >= 0) close(pidfd_);
  }
  [[nodiscard]] bool exists() const { return pidfd_ >= 0; }
  /// Waits for its end, up to half a minute.
  [[nodiscard]] bool ends() const { return ended_within(30'000); }
  [[nodiscard]] bool has_ended() const { return ended_within(0); }

 private:
  [[nodiscard]] bool ended_within(int limit_ms) const {
    pollfd waited{pidfd_, POLLIN, 0};
    return pidfd_ >= 0 && poll(&waited, 1, limit_ms) == 1;
  }
  int pidfd_;
};

/// True when this process has no child, running or waiting to be reaped.
inline bool no_child_is_left() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) != 0 && errno == ECHILD;
}

}  // namespace meantime::test
