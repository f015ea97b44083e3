// SPDX-License-Identifier: MIT
// request.hpp: one HTTP request as a handler sees it: views into what the connection read.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace meantime::http {

/// Who is at the other end of a connection.
struct Peer {
  std::string address;     ///< "127.0.0.1", "::1"; empty on a unix socket.
  std::uint16_t port = 0;  ///< 0 on a unix socket.
  bool tls = false;
  std::optional<std::uint32_t> user;  ///< On a unix socket: the user id of the process, as the kernel says.

  [[nodiscard]] bool is_unix() const noexcept { return user.has_value(); }
};

struct Header {
  std::string_view name;   ///< As it was sent; names ignore case.
  std::string_view value;  ///< Without spaces around it; bytes of 0x80 and above may occur, controls may not.
};

/// True when both are the same but for the case of ASCII letters.
[[nodiscard]] bool equal_names(std::string_view a, std::string_view b) noexcept;

/// A request. Its views are good until Handler::on_request returns; copy what is needed for longer.
class Request {
 public:
  std::string_view method;  ///< Case counts: "GET", "POST".
  std::string_view path;    ///< As sent, nothing decoded; "*" of OPTIONS; "host:port" of CONNECT.
  std::string_view query;   ///< What follows '?', as sent; empty without one.
  std::string_view body;    ///< Whole, without its transfer coding.
  std::span<const Header> headers;
  int version = 11;            ///< 11 or 10.
  const Peer* peer = nullptr;  ///< Lives as long as the connection.

  /// The value of the first header of that name (lower case), if any.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view lower_case_name) const noexcept;
  /// How many headers have that name.
  [[nodiscard]] std::size_t count(std::string_view lower_case_name) const noexcept;
  /// The body as a string of the caller's own; a big one is handed over rather than copied. `body` is empty afterwards.
  [[nodiscard]] std::string take_body();

 private:
  friend class RequestReader;
  std::string* owned_body_ = nullptr;  // where a body stands that did not fit the read buffer
};

}  // namespace meantime::http
