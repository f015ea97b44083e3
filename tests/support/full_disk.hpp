// SPDX-License-Identifier: MIT
// full_disk.hpp: files that may grow no further, as a full disk has it. Applies to the whole process: only for a
// test's own length.
#pragma once

#include <signal.h>
#include <sys/resource.h>

namespace meantime::test {

class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() { free_space(); }
  void free_space() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace meantime::test
