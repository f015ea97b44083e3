// SPDX-License-Identifier: MIT
// redis_store.hpp: tasks in a Redis or Valkey that any number of processes and machines share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "meantime/store.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime {

/// How TLS is spoken (rediss://). Certificates are PEM files.
struct RedisTls {
  bool on = false;
  std::string ca_file;           ///< Empty: the system's authorities.
  std::string certificate_file;  ///< Of this client; empty: none.
  std::string key_file;          ///< Of this client's certificate.
  std::string server_name;       ///< Expected in the server's certificate; empty: the host.
};

/// Which Redis or Valkey, and how. Redis 6.2 or later, or any Valkey.
struct RedisOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  std::string unix_socket;  ///< Path, in place of host and port.
  RedisTls tls;
  std::string username;  ///< Of the ACL user; empty: "default" when there is a password.
  std::string password;
  std::uint32_t database = 0;
  /// Before every key. With a hash tag, as "{sg}:", all keys share one slot of a cluster.
  std::string key_prefix = "sg:";
  bool legacy_results = false;                    ///< Also write the original's older form, task_result:<id> (S22).
  Milliseconds retention{86'400'000};             ///< Expiry of finished tasks, from their end.
  Milliseconds lease{12'000};                     ///< A worker silent for longer is doubted, then dead.
  Milliseconds command_timeout{2'000};            ///< A command without an answer for longer is `unavailable`.
  std::uint64_t max_result_bytes = 512ULL << 20;  ///< The one cap for results in chunks.

  /// The place, without secrets: as "redis://bot@10.0.0.5:6379/2".
  [[nodiscard]] std::string place() const;
};

/// Reads redis://[user[:password]@]host[:port][/database], rediss://... (TLS), or unix:///path?db=2 and
/// redis+unix:///path. Percent-escapes are undone. Query: prefix, db, ca, cert, key, server_name, legacy_results.
/// Errors: invalid_argument, which never shows the password.
[[nodiscard]] Result<RedisOptions> parse_redis_url(std::string_view url);

/// Makes the store and begins to connect; a server that is away is tried again for as long as the store lives, and
/// until then calls answer `unavailable`. One connection for commands, one for notices.
/// Errors: invalid_argument (options that make no sense, certificates that cannot be read).
[[nodiscard]] Result<std::unique_ptr<Store>> open_redis_store(boost::asio::io_context& loop, Clock& clock,
                                                              Random& random, RedisOptions options);

/// What stands in the way of a good service: found at the server, each with its remedy.
struct RedisAdvice {
  std::string finding;
  std::string remedy;
  bool serious = false;  ///< Tasks could be lost or wrong; else it only costs memory or speed.
};

/// What a server is and how it is set up, for `meantime doctor`.
struct RedisReport {
  std::string version;  ///< As "redis 7.0.15" or "valkey 8.0.2".
  Milliseconds round_trip{0};
  std::vector<RedisAdvice> advice;
};

/// Connects once, looks and leaves. Errors: unavailable (why, and the remedy).
[[nodiscard]] Task<Result<RedisReport>> inspect_redis(boost::asio::io_context& loop, Clock& clock,
                                                      RedisOptions options);

}  // namespace meantime
