// SPDX-License-Identifier: MIT
#include "http/wire.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <string>

namespace meantime::http {

namespace asio = boost::asio;
using Code = boost::system::error_code;

namespace {

void close_socket(Socket& socket) {
  Code ignored;  // it is gone either way
  socket.close(ignored);
}

std::size_t unacknowledged(Socket& socket) {
  int bytes = 0;
  return ::ioctl(socket.native_handle(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

// Each operation holds the wire, since its handler runs once more after close().
class PlainWire final : public Wire, public std::enable_shared_from_this<PlainWire> {
 public:
  PlainWire(Socket socket, WireUser& user) : socket_(std::move(socket)), user_(&user) {}

  bool open() override { return false; }
  void read(std::span<char> room) override {
    socket_.async_read_some(asio::buffer(room.data(), room.size()),
                            [self = shared_from_this()](Code error, std::size_t bytes) {
                              if (self->user_ != nullptr) self->user_->on_read(error ? 0 : bytes);
                            });
  }
  std::optional<std::size_t> try_write(std::string_view first, std::string_view second) override {
    // A reader of many bytes gets them here until the kernel takes no more.
    iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},
                      {const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = second.empty() ? 1 : 2;
    for (;;) {
      const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) return static_cast<std::size_t>(sent);
      if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
      if (errno != EINTR) return std::nullopt;
    }
  }
  void await_writable() override {
    socket_.async_wait(Socket::wait_write, [self = shared_from_this()](Code) {
      if (self->user_ != nullptr) self->user_->on_writable();
    });
  }
  void end_sending() override {
    Code ignored;  // the other side may be gone already
    socket_.shutdown(Socket::shutdown_send, ignored);
  }
  void close() override {
    user_ = nullptr;
    close_socket(socket_);
  }
  [[nodiscard]] std::size_t in_kernel() override { return unacknowledged(socket_); }
  [[nodiscard]] bool all_sent() const noexcept override { return true; }

 private:
  Socket socket_;
  WireUser* user_;
};

// TLS works in buffers of its own: what is given up may be in the midst of its work.
class TlsWire final : public Wire, public std::enable_shared_from_this<TlsWire> {
 public:
  TlsWire(Socket socket, std::shared_ptr<asio::ssl::context> context, WireUser& user)
      : context_(std::move(context)), stream_(std::move(socket), *context_), user_(&user) {}

  bool open() override {
    stream_.async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](Code error) {
      if (self->user_ != nullptr) self->user_->on_open(!error);
    });
    return true;
  }
  void read(std::span<char> room) override {
    into_ = room;
    stream_.async_read_some(asio::buffer(in_.data(), std::min(in_.size(), room.size())),
                            [self = shared_from_this()](Code error, std::size_t bytes) {
                              if (self->user_ == nullptr) return;
                              if (error) bytes = 0;
                              std::copy_n(self->in_.data(), bytes, self->into_.data());
                              self->user_->on_read(bytes);
                            });
  }
  std::optional<std::size_t> try_write(std::string_view first, std::string_view second) override {
    if (broken_) return std::nullopt;
    if (writing_) return 0;
    out_ = first.substr(0, most);
    out_ += second.substr(0, most - out_.size());
    if (out_.empty()) return 0;
    writing_ = true;
    asio::async_write(stream_, asio::buffer(out_), [self = shared_from_this()](Code error, std::size_t) {
      self->written(static_cast<bool>(error));
    });
    return out_.size();
  }
  void await_writable() override { awaited_ = true; }
  void end_sending() override {
    ending_ = true;
    if (!writing_ && !broken_) say_end();
  }
  void close() override {
    user_ = nullptr;
    close_socket(stream_.next_layer());
  }
  [[nodiscard]] std::size_t in_kernel() override { return unacknowledged(stream_.next_layer()); }
  [[nodiscard]] bool all_sent() const noexcept override { return !writing_; }

 private:
  static constexpr std::size_t most = 64UL << 10U;

  void written(bool failed) {
    writing_ = false;
    broken_ = broken_ || failed;
    if (out_.capacity() > (4UL << 10U)) out_ = std::string();
    if (user_ != nullptr && std::exchange(awaited_, false)) user_->on_writable();
    if (user_ != nullptr && ending_ && !writing_ && !broken_) say_end();
  }
  void say_end() {
    ending_ = false;
    stream_.async_shutdown([self = shared_from_this()](Code) {
      Code ignored;  // the other side may be gone already
      if (self->user_ != nullptr) self->stream_.next_layer().shutdown(Socket::shutdown_send, ignored);
    });
  }

  std::shared_ptr<asio::ssl::context> context_;
  asio::ssl::stream<Socket> stream_;
  WireUser* user_;
  std::array<char, 4UL << 10U> in_{};
  std::span<char> into_;
  std::string out_;
  bool writing_ = false;
  bool broken_ = false;
  bool awaited_ = false;
  bool ending_ = false;
};

}  // namespace

std::shared_ptr<Wire> make_plain_wire(Socket socket, WireUser& user) {
  return std::make_shared<PlainWire>(std::move(socket), user);
}

std::shared_ptr<Wire> make_tls_wire(Socket socket, std::shared_ptr<asio::ssl::context> context, WireUser& user) {
  return std::make_shared<TlsWire>(std::move(socket), std::move(context), user);
}

}  // namespace meantime::http
