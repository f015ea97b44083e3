// SPDX-License-Identifier: MIT
#include "http/bare_beast.hpp"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <string>

namespace meantime::bench {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Code = boost::system::error_code;
using Tcp = asio::ip::tcp;
using TcpSocket = asio::basic_stream_socket<Tcp, asio::io_context::executor_type>;

namespace {

// No limits, no time-outs, no order of pipelined requests: what is left of a server when all of that is left out.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(TcpSocket socket) : socket_(std::move(socket)) { parser_.emplace().eager(true); }

  void read() {
    socket_.async_read_some(asio::buffer(buffer_.data() + filled_, buffer_.size() - filled_),
                            [self = shared_from_this()](Code error, std::size_t bytes) {
                              if (!error) self->took(bytes);
                            });
  }

 private:
  void took(std::size_t bytes) {
    filled_ += bytes;
    std::size_t parsed = 0;
    Code code;
    while (parsed < filled_ && !parser_->is_done()) {
      parsed += parser_->put(asio::buffer(buffer_.data() + parsed, filled_ - parsed), code);
      if (code == beast::http::error::need_more) break;
      if (code) return;
    }
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(parsed),
              buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
    filled_ -= parsed;
    if (parser_->is_done()) {
      const std::string& body = parser_->get().body();
      answer_ = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
      answer_ += std::to_string(body.size());
      answer_ += "\r\n\r\n";
      answer_ += body;
      parser_.emplace().eager(true);
      socket_.write_some(asio::buffer(answer_), code);
      if (code) return;
    }
    read();
  }

  TcpSocket socket_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  std::array<char, 4096> buffer_{};
  std::size_t filled_ = 0;
  std::string answer_;
};

void accept(asio::basic_socket_acceptor<Tcp, asio::io_context::executor_type>& acceptor) {
  acceptor.async_accept([&acceptor](Code error, TcpSocket socket) {
    if (!error) {
      socket.set_option(Tcp::no_delay(true), error);
      std::make_shared<Connection>(std::move(socket))->read();
    }
    accept(acceptor);
  });
}

}  // namespace

void run_bare_beast(const std::function<void(std::uint16_t)>& listening) {
  asio::io_context io;
  asio::basic_socket_acceptor<Tcp, asio::io_context::executor_type> acceptor(
      io.get_executor(), Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  listening(acceptor.local_endpoint().port());
  accept(acceptor);
  io.run();
}

}  // namespace meantime::bench
