// SPDX-License-Identifier: MIT
// redis_server.hpp: a real Redis or Valkey for tests: on a free port and a unix socket, in a folder of its own, gone
// with the test. Thread: it dies with the thread that made it, so make it on the test's own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "support/certificates.hpp"
#include "support/child.hpp"
#include "support/raw_redis.hpp"
#include "support/temp_folder.hpp"

namespace meantime::test {

/// One of the server programs of this machine.
struct RedisKind {
  std::string name;     ///< "redis" or "valkey".
  std::string program;  ///< Its file.

  friend void PrintTo(const RedisKind& kind, std::ostream* to) { *to << kind.program; }
};

struct RedisServerOptions {
  std::string program;                      ///< Empty: the first of RedisServer::kinds().
  bool append_only = false;                 ///< What was answered is on disk: survives stop() and start(Data::kept).
  std::string password;                     ///< Of the user "default".
  std::vector<std::string> users;           ///< ACL rules, as "bot on >secret ~sg:* &* +@all".
  bool tls = false;                         ///< Speak TLS on tls_port(), beside the plain port.
  bool tls_clients = false;                 ///< With tls: ask clients for a certificate of the same authority.
  std::string max_memory;                   ///< As "20mb"; nothing is evicted, writes answer OOM.
  std::optional<std::uint16_t> replica_of;  ///< The port of its master, on this machine.
  bool cluster = false;                     ///< cluster-enabled yes, and all slots are its own. Takes 2 s to start.
  std::vector<std::string> config;          ///< More lines of redis.conf; they overrule all above.
};

class RedisServer {
 public:
  enum class Data : std::uint8_t { kept, lost };

  /// Every server program on PATH; only that of MEANTIME_REDIS_SERVER when it is set.
  [[nodiscard]] static std::vector<RedisKind> kinds();
  /// One server for all tests of this program, started when it is first asked for, and started again when a test
  /// stopped it. Empty of keys, scripts and further users, and awake: call it at each test's begin.
  static RedisServer& shared(const std::string& program = "");

  /// Returns when it takes commands. Errors: throws std::runtime_error with the server's log.
  explicit RedisServer(RedisServerOptions options = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::uint16_t tls_port() const noexcept { return tls_port_; }
  [[nodiscard]] std::string socket_path() const { return (folder_.path() / "redis.sock").string(); }
  /// redis://127.0.0.1:<port>; with the password of "default" when it has one.
  [[nodiscard]] std::string url() const;
  /// rediss://localhost:<port>, without certificates.
  [[nodiscard]] std::string tls_url() const;
  /// unix://<path>, without user.
  [[nodiscard]] std::string socket_url() const { return "unix://" + socket_path(); }
  /// Only with tls.
  [[nodiscard]] const Certificates& certificates() const { return *certificates_; }

  /// A connection over the unix socket, logged in as "default".
  [[nodiscard]] RawRedis connect() const;
  /// Takes every key and script away.
  void flush() const;

  /// SIGKILL: no goodbye, nothing is written.
  void stop();
  /// SIGTERM: what it holds is written to disk (see Data::kept), connections are closed.
  void terminate();
  /// Runs again on the same ports. Kept: what is on disk is loaded; lost: it is empty.
  void start(Data data);
  /// Kept: terminate() and start(Data::kept). Lost: stop() and start(Data::lost).
  void restart(Data data);
  /// Stands still (SIGSTOP): connections stay open and nobody answers.
  void pause();
  void resume();
  [[nodiscard]] bool running() const noexcept { return static_cast<bool>(child_); }
  [[nodiscard]] pid_t pid() const noexcept { return child_.pid(); }
  /// What it has logged since it was started last.
  [[nodiscard]] std::string log() const;

 private:
  enum class Started : std::uint8_t { yes, port_taken };
  Started try_start();
  /// False: it ended, or did not say so in time.
  [[nodiscard]] bool wait_for_log(std::string_view line) const;
  void write_config() const;
  void choose_ports();

  RedisServerOptions options_;
  TempFolder folder_;
  Descriptor claim_;
  std::unique_ptr<Certificates> certificates_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::uint16_t bus_port_ = 0;
  Descriptor log_changes_;
  Child child_;
};

}  // namespace meantime::test
