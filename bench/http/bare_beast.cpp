// SPDX-License-Identifier: MIT
#include "http/bare_beast.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <csignal>
#include <cstdlib>
#include <deque>
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

class Connection;

// A program behind two pipes that answers each line with a line, in order.
class Upstream {
 public:
  Upstream(asio::io_context& io, const std::string& program) : out_(io) {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0 || (pid_ = ::fork()) < 0) std::abort();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::execl(program.c_str(), program.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_ = in[1];
    out_.assign(out[0]);
    read();
  }
  void ask(std::shared_ptr<Connection> who, const std::string& body) {
    waiting_.push_back(std::move(who));
    line_ = body;
    line_ += '\n';
    if (::write(in_, line_.data(), line_.size()) != static_cast<ssize_t>(line_.size())) std::abort();
  }

 private:
  void read() {
    out_.async_read_some(asio::buffer(buffer_), [this](Code error, std::size_t bytes) {
      if (error) return;
      text_.append(buffer_.data(), bytes);
      hand_out();
      read();
    });
  }
  void hand_out();

  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> out_;
  int in_ = -1;
  pid_t pid_ = -1;
  std::deque<std::shared_ptr<Connection>> waiting_;
  std::string line_;
  std::string text_;
  std::array<char, 65536> buffer_{};
};

// No limits, no time-outs, no order of pipelined requests: what is left of a server when all of that is left out.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(TcpSocket socket, Upstream* upstream) : socket_(std::move(socket)), upstream_(upstream) {
    parser_.emplace().eager(true);
  }

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
      if (upstream_ != nullptr) return upstream_->ask(shared_from_this(), parser_->get().body());
      return answer(parser_->get().body());
    }
    read();
  }

 public:
  void answer(std::string_view body) {
    Code code;
    answer_ = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
    answer_ += std::to_string(body.size());
    answer_ += "\r\n\r\n";
    answer_ += body;
    parser_.emplace().eager(true);
    socket_.write_some(asio::buffer(answer_), code);
    if (code) return;
    read();
  }

 private:
  TcpSocket socket_;
  Upstream* upstream_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  std::array<char, 4096> buffer_{};
  std::size_t filled_ = 0;
  std::string answer_;
};

void Upstream::hand_out() {
  std::size_t start = 0;
  for (std::size_t end; (end = text_.find('\n', start)) != std::string::npos; start = end + 1) {
    const std::shared_ptr<Connection> who = std::move(waiting_.front());
    waiting_.pop_front();
    who->answer(std::string_view(text_).substr(start, end - start));
  }
  text_.erase(0, start);
}

void accept(asio::basic_socket_acceptor<Tcp, asio::io_context::executor_type>& acceptor, Upstream* upstream) {
  acceptor.async_accept([&acceptor, upstream](Code error, TcpSocket socket) {
    if (!error) {
      socket.set_option(Tcp::no_delay(true), error);
      std::make_shared<Connection>(std::move(socket), upstream)->read();
    }
    accept(acceptor, upstream);
  });
}

void serve(asio::io_context& io, Upstream* upstream, const std::function<void(std::uint16_t)>& listening) {
  asio::basic_socket_acceptor<Tcp, asio::io_context::executor_type> acceptor(
      io.get_executor(), Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  listening(acceptor.local_endpoint().port());
  accept(acceptor, upstream);
  io.run();
}

}  // namespace

void run_bare_beast(const std::function<void(std::uint16_t)>& listening) {
  asio::io_context io;
  serve(io, nullptr, listening);
}

void run_bare_gateway(const std::string& program, const std::function<void(std::uint16_t)>& listening) {
  asio::io_context io;
  Upstream upstream(io, program);
  serve(io, &upstream, listening);
}

}  // namespace meantime::bench
