// SPDX-License-Identifier: MIT
// wire.hpp: the bytes of one accepted connection, plain or TLS. Heavy (Asio): include it in few places.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace meantime::http {

using Socket =
    boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, boost::asio::io_context::executor_type>;

/// Who uses a wire. Called by the loop, never from within a call to the wire.
class WireUser {
 public:
  virtual void on_open(bool open) = 0;          ///< TLS is agreed on, or failed.
  virtual void on_read(std::size_t bytes) = 0;  ///< 0: the other side closed, or the connection broke.
  virtual void on_writable() = 0;

 protected:
  ~WireUser() = default;
};

class Wire {
 public:
  virtual ~Wire() = default;
  /// Agrees on TLS; on_open() follows. A plain wire is open from the start and gives false.
  virtual bool open() = 0;
  /// Reads some into `room`, which lives until on_read() or close(). One at a time.
  virtual void read(std::span<char> room) = 0;
  /// Writes what can be written without waiting: so many bytes of `first`, then of `second`. Absent: it is broken.
  virtual std::optional<std::size_t> try_write(std::string_view first, std::string_view second) = 0;
  /// on_writable() follows when more can be written. One at a time.
  virtual void await_writable() = 0;
  /// Tells the other side that nothing more comes, after what was written.
  virtual void end_sending() = 0;
  /// No call to the user comes after this.
  virtual void close() = 0;
  /// Bytes that the kernel holds and the other side has not acknowledged.
  [[nodiscard]] virtual std::size_t in_kernel() = 0;
  /// True when everything written has left this process.
  [[nodiscard]] virtual bool all_sent() const noexcept = 0;
};

[[nodiscard]] std::shared_ptr<Wire> make_plain_wire(Socket socket, WireUser& user);
[[nodiscard]] std::shared_ptr<Wire> make_tls_wire(Socket socket, std::shared_ptr<boost::asio::ssl::context> context,
                                                  WireUser& user);

}  // namespace meantime::http
