// SPDX-License-Identifier: MIT
// server.hpp: an HTTP/1.1 server: TCP, TLS and unix sockets, kept-alive connections, limits on everything a client
// decides. Knows nothing of what is served. Threads: the loop's only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/deadlines.hpp"
#include "engine/loop.hpp"
#include "http/exchange.hpp"
#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"

namespace meantime::http {

struct ServerOptions {
  std::size_t max_head = 16UL << 10U;    ///< Bytes of request line and headers (431; 414 for the line alone).
  std::size_t max_headers = 100;         ///< 431.
  std::size_t max_body = 64UL << 20U;    ///< Bytes (413), by Content-Length before anything of it is read.
  std::size_t max_unread = 8UL << 20U;   ///< Bytes of a stream that wait for a client that does not read.
  std::size_t max_connections = 10'240;  ///< One more gets 503 and is closed.
  Milliseconds idle{75'000};             ///< A connection with no request under way is closed after this.
  Milliseconds head{10'000};             ///< From a request's first byte to the end of its head (408).
  Milliseconds handshake{10'000};        ///< TLS.
  Milliseconds body_check{15'000};       ///< In each such span a body brings min_body_rate bytes a second (408).
  std::size_t min_body_rate = 256;       ///< Bytes a second.
  Milliseconds body{0};                  ///< For the whole body (408); 0: as long as it comes on.
  Milliseconds write_stall{30'000};      ///< A client that takes nothing of what waits for it is dropped.
};

/// PEM files. The certificate's file may hold its chain.
struct TlsFiles {
  std::string certificate;
  std::string key;
};

/// Requests of one connection are answered in the order they came, one at a time. While an answer is open the
/// connection is read on, so that a client that goes is noticed at once; a client that closes only its sending side
/// counts as gone, as with nginx, unless its answer is already complete. Bare LF line ends, folded headers, a second
/// Content-Length, and Content-Length beside Transfer-Encoding are refused (400).
class Server {
 public:
  /// `loop`, `deadlines` and `handler` outlive the server. Destroying it drops every connection.
  Server(Loop& loop, Deadlines& deadlines, Handler& handler, ServerOptions options = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Listens on `address` ("127.0.0.1", "::1", "0.0.0.0", "localhost") and gives the port, which is another than
  /// `port` only for 0. Errors: invalid_argument for an address or TLS file that cannot be used; unavailable when the
  /// port is taken or not allowed.
  [[nodiscard]] Result<std::uint16_t> listen(std::string_view address, std::uint16_t port);
  [[nodiscard]] Result<std::uint16_t> listen(std::string_view address, std::uint16_t port, const TlsFiles& tls);
  /// Listens on a unix socket of mode 0600. A socket that nobody listens on any more is replaced.
  /// Errors: unavailable when another process listens there; invalid_argument when something else has that name.
  [[nodiscard]] Result<void> listen_unix(const std::string& path);

  /// Takes no more connections or requests, closes idle connections, and returns when the open answers have ended;
  /// those open after `grace` are dropped (Conversation::on_gone). Once only.
  [[nodiscard]] Task<void> stop(Milliseconds grace);

  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace meantime::http
