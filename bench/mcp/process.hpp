// SPDX-License-Identifier: MIT
// process.hpp: a server in a process of its own, which ends with its object, and what it costs.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace meantime::bench {

class Process {
 public:
  /// Forks; `serve` writes its port (two bytes) to the descriptor it gets, and serves until it is killed.
  explicit Process(const std::function<void(int)>& serve);
  /// Starts a program. `variables` are added to the environment; `wait_for`: what its output has before the address,
  /// which is read up to white space (both streams are looked at; empty: nothing is read, and the output is dropped).
  explicit Process(std::vector<std::string> command, const std::vector<std::string>& variables = {},
                   const std::string& wait_for = {});
  /// Starts a program that is spoken to over its standard streams.
  struct Piped {};
  Process(Piped, std::vector<std::string> command);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Asks it to end, and those below it, and kills what is left.
  ~Process();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] int input() const noexcept { return input_; }    ///< Only of a piped one.
  [[nodiscard]] int output() const noexcept { return output_; }  ///< The same.
  /// Seconds of processor time so far: all threads, without its children.
  [[nodiscard]] double cpu() const;
  [[nodiscard]] double resident_mb() const;
  /// The same with all processes below it.
  [[nodiscard]] double tree_mb() const;

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::uint16_t port_ = 0;
};

/// A port that nobody listens on at the moment.
[[nodiscard]] std::uint16_t free_port();

/// While it lives: this process has the machine's first processor for itself, and servers started meanwhile the others.
/// Where the kernel's scheduler puts two processes decides much else. With one processor it does nothing.
class Apart {
 public:
  Apart();
  Apart(const Apart&) = delete;
  Apart& operator=(const Apart&) = delete;
  ~Apart();

 private:
  cpu_set_t before_{};
};

/// Seconds of processor time of this process.
[[nodiscard]] double own_cpu();

/// The program of that name on PATH; empty: there is none.
[[nodiscard]] std::string on_path(const std::string& name);

/// A folder that goes with its object. Beside the working folder and not in /tmp, which may be memory.
class Folder {
 public:
  Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace meantime::bench
