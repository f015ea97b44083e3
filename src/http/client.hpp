// SPDX-License-Identifier: MIT
// client.hpp: an HTTP client on libcurl, with a thread of its own. Threads: all of this on the loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/loop.hpp"
#include "meantime/clock.hpp"
#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"

namespace meantime::http {

/// Which addresses may be connected to, looked at when the socket is made, so that no name can hide one.
enum class Addresses : unsigned char {
  any,
  /// Only what is reachable by everybody: no loopback, private, link-local, shared, reserved or multicast address, in
  /// IPv4, IPv6, or IPv4 inside IPv6; no unix socket; no proxy of the environment, which would decide instead.
  public_only,
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;  ///< http:// or https://
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  ///< Sent when not empty, and with an empty length for POST, PUT and PATCH.
  Milliseconds connect_timeout{10'000};
  Milliseconds total_timeout{0};       ///< Of the whole exchange; 0: none.
  Milliseconds idle_timeout{0};        ///< Without a byte coming; 0: none. Whole seconds, rounded up.
  std::size_t max_body = 64UL << 20U;  ///< Of send(): more is an error. Of open(): not looked at.
  int follow_redirects = 0;            ///< How many. Authorization and cookies never go to another origin.
  bool verify = true;                  ///< The server's certificate and its name.
  std::string ca_file;                 ///< PEM; empty: the system's authorities.
  std::string certificate_file;        ///< PEM, with key_file: our own, for servers that want one. Empty: none.
  std::string key_file;
  std::string unix_socket;  ///< Connects there instead of to the URL's host.
  bool use_proxy = true;    ///< As http_proxy, https_proxy and no_proxy of the environment say.
  Addresses addresses = Addresses::any;
  /// A kept connection that breaks before an answer is an error ("http.client"): else the request is quietly sent
  /// again on another, though it may have arrived. Not with follow_redirects.
  bool only_once = false;
};

/// Status and headers of an answer.
struct ResponseHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Of the last answer, names in lower case.
  std::string url;                                           ///< Where it came from in the end.

  /// The value of the first header of that name (lower case).
  [[nodiscard]] std::optional<std::string_view> header(std::string_view lower_case_name) const noexcept;
};

struct Response : ResponseHead {
  std::string body;
};

/// An answer that is read as it comes. Destroying it ends the exchange and, before its end, the connection.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  [[nodiscard]] virtual const ResponseHead& head() const noexcept = 0;
  /// The next bytes, at least one; absent at the answer's end. What nobody reads holds the server back after 256 KiB.
  /// Errors: unavailable when the connection breaks; timed_out. Cancel: dropping the Task loses nothing; one at a time.
  [[nodiscard]] virtual Task<Result<std::optional<std::string>>> read() = 0;
};

/// Sends requests over connections that are kept for the next one. Any status is an answer, not an error.
/// Errors: invalid_argument (a URL or header that cannot be sent, a forbidden address), unavailable (no such host,
/// refused, TLS, broken connection), timed_out, overloaded (an answer over max_body). The detail says which, and the
/// host, without the path, the query or any credentials; Error::op is "http.connect" when nothing of the request was
/// sent, "http.client" when it may have arrived. Cancel: dropping the Task ends the exchange.
class Client {
 public:
  explicit Client(Loop& loop);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  /// Ends what is under way, whose Tasks then give cancelled; waits for the thread.
  ~Client();

  [[nodiscard]] Task<Result<Response>> send(ClientRequest request);
  /// Returns when the head has come.
  [[nodiscard]] Task<Result<std::unique_ptr<ResponseStream>>> open(ClientRequest request);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace meantime::http
