// SPDX-License-Identifier: MIT
// run_folder.hpp: the folder beside the database where each process that takes part has a lock, which the operating
// system lets go when it dies, and a socket for notices.
// Threads: the loop's, where not said otherwise.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/error.hpp"

namespace meantime::store {

class RunFolder {
 public:
  RunFolder(std::filesystem::path folder, std::string worker)
      : folder_(std::move(folder)), worker_(std::move(worker)) {}
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  ~RunFolder() { leave(); }

  /// Makes the folder, this worker's lock and its socket, once. Errors: unavailable.
  Result<void> join();
  /// Takes lock and socket away again.
  void leave() noexcept;
  [[nodiscard]] bool joined() const noexcept { return lock_ >= 0; }
  /// The socket, non-blocking; -1 before join().
  [[nodiscard]] int socket() const noexcept { return socket_; }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return folder_; }
  [[nodiscard]] const std::string& worker() const noexcept { return worker_; }

  /// True when the operating system knows that `worker`, of the machine's run `boot`, is gone. Any thread.
  [[nodiscard]] bool is_dead(const std::string& worker, std::string_view boot) const;
  /// True when `worker` died without leaving: its lock is there, and nobody holds it. Any thread.
  [[nodiscard]] bool was_killed(const std::string& worker) const;
  /// Removes what a gone worker left; false when it is not gone. Any thread.
  [[nodiscard]] bool remove_if_gone(const std::string& worker) const;

  [[nodiscard]] static std::int64_t pid() noexcept;
  /// Tells one run of the machine from the next: times and process ids mean nothing across them.
  [[nodiscard]] static const std::string& boot_id();

 private:
  enum class Lock : unsigned char { held, free, missing };
  [[nodiscard]] Lock lock_state(const std::string& worker) const;
  [[nodiscard]] bool holds_lock(const std::string& worker) const;

  const std::filesystem::path folder_;
  const std::string worker_;
  int lock_ = -1;
  int socket_ = -1;
};

/// The sockets of the other processes, from the sender's side. Threads: one.
class Peers {
 public:
  explicit Peers(const RunFolder& folder) : folder_(folder.path()), worker_(folder.worker()) {}
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;
  ~Peers();

  /// Those who listen now; looked up again only when the folder has changed.
  [[nodiscard]] const std::vector<std::string>& others();
  /// Sends one datagram, or gives the errno; never blocks.
  [[nodiscard]] int send(const std::string& worker, std::string_view message) const;
  /// After ECONNREFUSED: nobody listens there any more.
  void remove_socket(const std::string& worker) const;

 private:
  bool open();

  const std::filesystem::path folder_;
  const std::string worker_;
  int folder_fd_ = -1;
  int socket_ = -1;
  std::vector<std::string> others_;
  std::int64_t listed_ = -1;  // the folder's time of change when it was listed
};

}  // namespace meantime::store
