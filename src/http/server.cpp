// SPDX-License-Identifier: MIT
#include "http/server.hpp"

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "http/connection.hpp"
#include "http/listener.hpp"

namespace meantime::http {

namespace asio = boost::asio;
using Code = boost::system::error_code;

class Server::Impl final : public Shared, private ListenerUser {
 public:
  Impl(Loop& l, Deadlines& d, Handler& h, const ServerOptions& o) : Shared(l, d, h, o) {}
  ~Impl() {
    stopping = true;
    listeners_.clear();
    while (!connections_.empty()) connections_.pop_front();
  }

  Result<std::uint16_t> listen(std::string_view address, std::uint16_t port, std::shared_ptr<asio::ssl::context> tls) {
    auto listener = listen_tcp(loop, deadlines, *this, address, port, std::move(tls));
    if (!listener) return std::unexpected(std::move(listener.error()));
    listeners_.push_back(std::move(*listener));
    return listeners_.back()->port();
  }
  Result<void> listen(const std::string& path) {
    auto listener = http::listen_unix(loop, deadlines, *this, path);
    if (!listener) return std::unexpected(std::move(listener.error()));
    listeners_.push_back(std::move(*listener));
    return {};
  }

  Task<void> stop(Milliseconds grace) {
    stopping = true;
    listeners_.clear();
    for (const auto& connection : connections_) connection->wind_down();
    Deadline deadline([](void* self) { static_cast<Impl*>(self)->drop_all(); }, this);
    if (grace > Milliseconds(0)) {
      deadlines.arm(deadline, grace);
    } else {
      drop_all();
    }
    struct Empty {
      Impl& impl;
      [[nodiscard]] bool await_ready() const noexcept { return impl.connections_.empty(); }
      void await_suspend(std::coroutine_handle<> waiter) noexcept { impl.waiter_ = waiter; }
      static void await_resume() noexcept {}
      ~Empty() { impl.waiter_ = {}; }
    } empty{*this};
    co_await empty;
  }

  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }

 private:
  // One that is told to go away is seldom worth waiting for: few of them linger at a time.
  static constexpr std::size_t max_refused = 64;

  void on_connection(Socket socket, Peer peer, const std::shared_ptr<asio::ssl::context>& tls) override {
    const bool too_many = connections_.size() - refused_ >= options.max_connections;
    if (too_many && (refused_ >= max_refused || tls)) return;  // closed by the socket's end
    auto& connection = *connections_.emplace_back(std::make_unique<Connection>(*this, std::move(peer)));
    connection.place = std::prev(connections_.end());
    if (too_many) {
      ++refused_;
      connection.start_refused(std::move(socket));
    } else {
      connection.start(std::move(socket), tls);
    }
  }

  void remove(Connection& connection) override {
    if (connection.refused()) --refused_;
    connections_.erase(connection.place);
    if (connections_.empty() && waiter_) std::exchange(waiter_, {}).resume();
  }

  void drop_all() {
    for (const auto& connection : connections_) connection->drop();
  }

  std::list<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::size_t refused_ = 0;
  std::coroutine_handle<> waiter_;
};

Server::Server(Loop& loop, Deadlines& deadlines, Handler& handler, ServerOptions options)
    : impl_(std::make_unique<Impl>(loop, deadlines, handler, options)) {}

Server::~Server() = default;

Result<std::uint16_t> Server::listen(std::string_view address, std::uint16_t port) {
  return impl_->listen(address, port, nullptr);
}

Result<std::uint16_t> Server::listen(std::string_view address, std::uint16_t port, const TlsFiles& tls) {
  auto context = make_server_tls(tls);
  if (!context) return std::unexpected(std::move(context.error()));
  return impl_->listen(address, port, std::move(*context));
}

Result<void> Server::listen_unix(const std::string& path) {
  return impl_->listen(path);
}

Task<void> Server::stop(Milliseconds grace) {
  return impl_->stop(grace);
}

std::size_t Server::connections() const noexcept {
  return impl_->connections();
}

}  // namespace meantime::http
