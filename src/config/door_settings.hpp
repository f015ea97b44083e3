// SPDX-License-Identifier: MIT
// door_settings.hpp: what a configuration says about the HTTP door and who may come in. Values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/clock.hpp"
#include "meantime/error.hpp"

namespace meantime::config {

/// One place to listen at: "127.0.0.1:7420", "[::1]:7420", "localhost:7420", "unix:/run/meantime.sock".
struct ListenAddress {
  std::string host;                   ///< An IP address without brackets; "localhost" is 127.0.0.1. Empty: unix_socket.
  std::uint16_t port = 0;             ///< 0: any free one.
  std::filesystem::path unix_socket;  ///< Absolute.

  [[nodiscard]] bool is_unix() const noexcept { return !unix_socket.empty(); }
  /// Only programs of this machine can reach it.
  [[nodiscard]] bool is_local() const noexcept;
  /// It stands for all addresses of the machine: 0.0.0.0 or ::.
  [[nodiscard]] bool is_any() const noexcept;
  /// As it is written: "[::1]:7420".
  [[nodiscard]] std::string text() const;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

/// Reads one of the texts above; a relative path of a socket starts at the working folder.
/// Errors: invalid_argument, with examples.
[[nodiscard]] Result<ListenAddress> parse_listen(std::string_view text);

struct HttpLimits {
  std::uint64_t body_bytes = 64ULL << 20;   ///< Of one request.
  std::uint64_t head_bytes = 16ULL << 10;   ///< Of its head.
  std::uint32_t headers = 100;              ///< Of one request.
  std::uint32_t connections = 10'240;       ///< At once.
  Milliseconds idle{75'000};                ///< A connection without a request is closed after this.
  Milliseconds head_time{10'000};           ///< For the head to come in.
  Milliseconds body_time{60'000};           ///< For the body, which must come on steadily meanwhile; 0: only that.
  std::uint64_t unread_bytes = 8ULL << 20;  ///< Of an answer that the client does not read; then it is cut off.
  Milliseconds write_stall{30'000};         ///< A client that reads nothing for so long is cut off.
};

/// Sessions of the handshake family (2025-03-26 to 2025-11-25). The newer family has none.
struct HttpSessions {
  std::uint32_t most = 10'000;
  std::uint32_t most_per_caller = 1'000;
  Milliseconds idle{3'600'000};             ///< A session without a request or an open stream is forgotten after this.
  std::uint32_t replay_events = 256;        ///< Kept of each stream, for clients that come back.
  std::uint64_t replay_bytes = 1ULL << 20;  ///< The same, by their size.
};

/// The HTTP door. No address: it stays closed.
struct HttpSettings {
  std::vector<ListenAddress> listen;
  std::string path = "/mcp";
  std::filesystem::path tls_certificate;  ///< PEM, the whole chain; with tls_key. Empty: no TLS.
  std::filesystem::path tls_key;
  std::string public_url;  ///< The endpoint as clients know it: "https://mcp.example.com/mcp". Empty: as we listen.
  /// Origins of web pages that may call, as "https://app.example.com", beside those of this machine and public_url's.
  std::vector<std::string> allowed_origins;
  std::vector<std::string> allowed_hosts;  ///< Names in `Host`, without port, beside those that hosts() adds.
  /// How long a connection is kept for one request of a client that comes back for the rest (2025-11-25); 0: to its
  /// end.
  Milliseconds longest_hold{0};
  double look_ups_per_second = 1'000;  ///< Of tasks by their id, for each caller; 0: no limit.
  HttpLimits limits;
  HttpSessions sessions;

  /// Every name under which a client may call, without port, in lower case: allowed_hosts, public_url's, the addresses
  /// we listen at, and while one of them is local those of the local machine.
  [[nodiscard]] std::vector<std::string> hosts() const;
  /// The endpoint's canonical URI: public_url, else made of the first TCP address; empty: only unix sockets.
  [[nodiscard]] std::string resource() const;
};

/// Who may come in by HTTP.
struct AuthSettings {
  enum class Kind : std::uint8_t {
    none,    ///< Whoever reaches us; all tasks belong to one owner.
    tokens,  ///< Who has a token whose hash is in a file.
    oauth,   ///< Who has an access token (JWT) of an authorization server.
  };
  Kind kind = Kind::none;
  std::filesystem::path token_file;          ///< tokens
  std::string issuer;                        ///< oauth: as its tokens say, to the letter.
  std::string jwks_url;                      ///< oauth: empty: the issuer's metadata says it.
  std::vector<std::string> audience;         ///< oauth: one must be the token's; empty: HttpSettings::resource().
  std::vector<std::string> scopes_required;  ///< Of every request.
  std::vector<std::string> scopes_offered;   ///< What the metadata says there is; empty: what is required anywhere.
  Milliseconds leeway{60'000};               ///< oauth: how far clocks may differ.
  std::string resource_name;                 ///< oauth: what people call this server.
  std::string documentation_url;             ///< oauth
};

/// What forbids to open this door, with the remedy; empty: nothing. Asks again what reading the file asked, for the
/// program's options may have changed it.
[[nodiscard]] std::string why_not_open(const HttpSettings& http, const AuthSettings& auth);

}  // namespace meantime::config
