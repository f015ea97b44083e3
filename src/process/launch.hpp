// SPDX-License-Identifier: MIT
// launch.hpp: starts one program with everything set before its first instruction. Linux 5.9 or newer. No Asio.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/error.hpp"

namespace meantime::process {

/// What a program may use. Absent: as this process may. Never raises a limit that is set already.
/// All are in force before the program's first instruction, and every process it starts inherits them.
struct ResourceLimits {
  std::optional<std::uint64_t> cpu_seconds;          ///< SIGXCPU at the limit, SIGKILL a second later.
  std::optional<std::uint64_t> address_space_bytes;  ///< Of each process; allocations beyond fail.
  std::optional<std::uint64_t> processes;            ///< Of the user in all, on this machine: the kernel's rule.
  std::optional<std::uint64_t> open_files;
  std::optional<std::uint64_t> file_size_bytes;  ///< Of each file written; SIGXFSZ beyond.
  std::optional<std::uint64_t> core_bytes;

  friend bool operator==(const ResourceLimits&, const ResourceLimits&) = default;
};

/// What a launch needs, all resolved: see child.hpp for the comfortable form.
struct Launch {
  std::string program;                   ///< Path of the file.
  std::vector<std::string> argv;         ///< With argv[0].
  std::vector<std::string> environment;  ///< "NAME=value", all of it.
  std::string folder;                    ///< Working folder; empty: this process's own.
  int standard[3] = {-1, -1, -1};        ///< Become 0, 1 and 2. All others are closed.
  bool new_session = false;              ///< setsid; else a process group of its own.
  bool die_with_parent = false;
  bool no_new_privileges = false;
  ResourceLimits limits;
};

struct Launched {
  pid_t pid = -1;
  int pidfd = -1;  ///< The caller's to close.
};

/// Starts it. Suspends this thread, and no other, until the new program runs (some 100 us).
/// Errors: not_found, invalid_argument (not a program, no such folder), unavailable (out of processes or memory);
///         each names the program and the remedy.
[[nodiscard]] Result<Launched> launch(const Launch& what);

/// The file that `name` means: itself when it has a slash (then relative to `folder`), else the first match in the
/// PATH given. Errors: not_found, invalid_argument (not executable), with the remedy.
[[nodiscard]] Result<std::string> find_program(std::string_view name, std::string_view search_path,
                                               std::string_view folder = {});
/// The same with this process's PATH.
[[nodiscard]] Result<std::string> find_program(std::string_view name);

/// This process's environment as "NAME=value".
[[nodiscard]] std::vector<std::string> own_environment();

/// An environment by allow-list: of this process's own the names in `from`, where a trailing * stands for any rest,
/// and then all of `set`, which wins.
[[nodiscard]] std::vector<std::string> chosen_environment(const std::vector<std::string>& from,
                                                          const std::map<std::string, std::string>& set);

}  // namespace meantime::process
