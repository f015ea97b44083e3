// SPDX-License-Identifier: MIT
// exchange.hpp: how a handler answers a request, now or later, at once or piece by piece. Threads: the loop's only.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "http/request.hpp"

namespace meantime::http {

/// What a handler does for one request beyond on_request(). Owned by the exchange and destroyed after the answer's end
/// or after on_gone(), never inside one of its own calls to the exchange.
class Conversation {
 public:
  virtual ~Conversation() = default;
  /// The client closed the connection, or was dropped, before the answer's end: the exchange must not be used any more.
  /// Never called from within a call to the exchange. Not called after the end of the answer.
  virtual void on_gone() = 0;
  /// The client has taken all that was written so far, after some of it had to wait.
  virtual void on_drained() {}
};

/// The answer to one request. Use respond() alone, or start_stream(), write() any number of times, end().
/// It may be used after on_request() only by who gave it a Conversation: that is told when the client goes.
/// `extra_headers` are whole lines ("Name: value\r\n"...): their values must not hold line ends.
/// Content-Length, Transfer-Encoding, Connection and Date are written by the exchange. The answer to HEAD leaves the
/// body out by itself.
class Exchange {
 public:
  virtual ~Exchange() = default;
  /// The whole answer. An empty `content_type` is left out.
  virtual void respond(int status, std::string_view content_type, std::string_view body,
                       std::string_view extra_headers = {}) = 0;
  /// The head of an answer of unknown length: chunked, or for HTTP/1.0 until the connection's end.
  virtual void start_stream(int status, std::string_view content_type, std::string_view extra_headers = {}) = 0;
  /// Pieces written in one turn of the loop leave together. A client that leaves more than ServerOptions::max_unread
  /// bytes waiting is dropped, in the next turn.
  virtual void write(std::string_view bytes) = 0;
  virtual void end() = 0;
  /// Bytes written that the operating system has not taken yet.
  [[nodiscard]] virtual std::size_t queued() const noexcept = 0;
  /// Gives the answer an owner; one that was kept before is destroyed in the next turn.
  virtual void keep(std::unique_ptr<Conversation> conversation) = 0;
  /// True from respond() or start_stream() on.
  [[nodiscard]] virtual bool started() const noexcept = 0;
};

/// Who answers requests. One object for a whole server.
class Handler {
 public:
  virtual ~Handler() = default;
  /// A whole request has come. It is answered through `exchange` inside this call or, with Exchange::keep(), later.
  /// A request that is neither answered nor kept when this returns gets 500.
  virtual void on_request(Request& request, Exchange& exchange) = 0;
  /// The head of a request whose body is still on its way (it did not fit the first read): the chance to refuse it
  /// before it is received, by answering. Returns false when it did; the connection is closed after that answer.
  virtual bool on_head(Request& head, Exchange& exchange) {
    (void)head, (void)exchange;
    return true;
  }
};

}  // namespace meantime::http
