// SPDX-License-Identifier: MIT
// raw_peer.hpp: the other end of a connection, byte for byte, beside a loop on the same thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "support/descriptor.hpp"

namespace meantime::test {

class RawPeer {
 public:
  /// Connected to 127.0.0.1:`port`. Errors: throws std::runtime_error, as all here does.
  RawPeer(boost::asio::io_context& loop, std::uint16_t port);
  /// Connected to a unix socket.
  RawPeer(boost::asio::io_context& loop, const std::string& path);

  /// Sends all of it, running the loop while the other side has to read.
  void send(std::string_view bytes);
  /// Sends what the kernel takes now: so many bytes; 0 also when the other side has closed.
  std::size_t try_send(std::string_view bytes);
  /// Runs the loop until `text` has come; gives everything up to its end and keeps the rest.
  std::string receive_until(std::string_view text);
  std::string receive(std::size_t bytes);
  /// Runs the loop until the other side has closed; gives all that came before.
  std::string receive_all();
  /// One whole answer: head, and the body that its Content-Length or its chunks announce, as it was sent.
  std::string receive_answer();
  /// True when the other side has closed or reset; looks, and waits for nothing.
  [[nodiscard]] bool is_closed();
  void end_sending();
  /// Closes with a reset in place of an orderly end.
  void reset();
  void close() { socket_.close(); }
  /// Takes at most so many bytes at a time into the kernel's buffer.
  void set_receive_buffer(int bytes);

 private:
  bool pump();
  void await(auto condition);

  boost::asio::io_context& loop_;
  Descriptor socket_;
  std::string received_;
  bool ended_ = false;
};

}  // namespace meantime::test
