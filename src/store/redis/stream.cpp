// SPDX-License-Identifier: MIT
#include "store/redis/stream.hpp"

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/consign.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "meantime/asio.hpp"

namespace meantime::store::redis {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;

class TlsContext {
 public:
  asio::ssl::context context{asio::ssl::context::tls_client};
};

namespace {

std::unexpected<Error> broken(std::string what, const boost::system::error_code& error) {
  return fail(errc::unavailable, "redis.connection", std::move(what) + ": " + error.message());
}

// What operations refer to. Each of them holds on to it, since one that is given up still has its handler run once.
template <class Layer>
using Shared = std::shared_ptr<Layer>;
using Tls = asio::ssl::stream<Socket>;
using TcpSocket = asio::ip::tcp::socket;

template <class Layer>
auto await_with(const Shared<Layer>& layer) {
  return asio::consign(await, layer);
}

template <class AnySocket>
void close(AnySocket& socket) {
  boost::system::error_code ignored;  // it is gone either way
  socket.close(ignored);
}

class PlainStream final : public Stream {
 public:
  explicit PlainStream(Shared<Socket> socket) : socket_(std::move(socket)) {}
  PlainStream(const PlainStream&) = delete;
  PlainStream& operator=(const PlainStream&) = delete;
  ~PlainStream() override { close(*socket_); }

  Task<Result<std::size_t>> read_some(char* into, std::size_t size) override {
    auto [error, bytes] = co_await socket_->async_read_some(asio::buffer(into, size), await_with(socket_));
    if (error) co_return broken("the connection ended", error);
    co_return bytes;
  }
  Task<Result<void>> write_all(std::string_view bytes) override {
    auto [error, written] = co_await asio::async_write(*socket_, asio::buffer(bytes), await_with(socket_));
    if (error) co_return broken("cannot send", error);
    co_return Result<void>{};
  }

 private:
  Shared<Socket> socket_;
};

// TLS over a socket. What is given up may be in the midst of its work, so that it has buffers of its own to do it in.
struct TlsState {
  TlsState(Socket socket, std::shared_ptr<TlsContext> with)
      : context(std::move(with)), stream(std::move(socket), context->context) {}
  std::shared_ptr<TlsContext> context;
  Tls stream;
  std::array<char, 16UL << 10U> in{};  // as much as one record holds
  std::string out;
};

class TlsStream final : public Stream {
 public:
  explicit TlsStream(Shared<TlsState> state) : state_(std::move(state)) {}
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream() override { close(state_->stream.next_layer()); }

  Task<Result<std::size_t>> read_some(char* into, std::size_t size) override {
    const auto most = std::min(size, state_->in.size());
    auto [error, bytes] =
        co_await state_->stream.async_read_some(asio::buffer(state_->in.data(), most), await_with(state_));
    if (error) co_return broken("the connection ended", error);
    std::copy_n(state_->in.data(), bytes, into);
    co_return bytes;
  }
  Task<Result<void>> write_all(std::string_view bytes) override {
    state_->out.assign(bytes);
    auto [error, written] = co_await asio::async_write(state_->stream, asio::buffer(state_->out), await_with(state_));
    if (error) co_return broken("cannot send", error);
    co_return Result<void>{};
  }

 private:
  Shared<TlsState> state_;
};

/// Closes a socket whose set-up is given up.
template <class AnySocket>
class ClosesUnlessDone {
 public:
  explicit ClosesUnlessDone(AnySocket& socket) : socket_(&socket) {}
  ClosesUnlessDone(const ClosesUnlessDone&) = delete;
  ClosesUnlessDone& operator=(const ClosesUnlessDone&) = delete;
  ~ClosesUnlessDone() {
    if (socket_ != nullptr) close(*socket_);
  }
  void done() noexcept { socket_ = nullptr; }

 private:
  AnySocket* socket_;
};

Task<Result<Socket>> connect_unix(asio::io_context& io, std::string path) {
  using Local = asio::local::stream_protocol;
  auto socket = std::make_shared<Local::socket>(io);
  Local::endpoint place;
  boost::system::error_code named;
  try {
    place = Local::endpoint(path);
  } catch (const boost::system::system_error& too_long) {
    named = too_long.code();
  }
  if (named) co_return broken("'" + path + "' is no name for a unix socket", named);
  ClosesUnlessDone guard(*socket);
  auto error = co_await socket->async_connect(place, await_with(socket));
  if (error) co_return broken("cannot connect", error);
  guard.done();
  co_return Socket(std::move(*socket));
}

Task<Result<Socket>> connect_tcp(asio::io_context& io, std::string host, std::uint16_t port) {
  asio::ip::tcp::resolver resolver(io);
  auto [not_found, places] = co_await resolver.async_resolve(host, std::to_string(port), await);
  if (not_found) co_return broken("cannot find the host '" + host + "'", not_found);
  auto socket = std::make_shared<TcpSocket>(io);
  ClosesUnlessDone guard(*socket);
  auto [error, place] = co_await asio::async_connect(*socket, places, await_with(socket));
  if (error) co_return broken("cannot connect", error);
  guard.done();
  boost::system::error_code ignored;  // only speed and the discovery of dead peers depend on these
  socket->set_option(asio::ip::tcp::no_delay(true), ignored);
  socket->set_option(asio::socket_base::keep_alive(true), ignored);
  co_return Socket(std::move(*socket));
}

}  // namespace

Result<std::shared_ptr<TlsContext>> make_tls_context(const RedisTls& tls) {
  auto made = std::make_shared<TlsContext>();
  const auto bad = [](const std::string& file, const boost::system::error_code& error) {
    return fail(errc::invalid_argument, "redis.tls",
                "cannot use the certificate file '" + file + "': " + error.message());
  };
  boost::system::error_code error;
  made->context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error);
  made->context.set_verify_mode(asio::ssl::verify_peer, error);
  if (tls.ca_file.empty()) {
    made->context.set_default_verify_paths(error);
  } else if (made->context.load_verify_file(tls.ca_file, error); error) {
    return bad(tls.ca_file, error);
  }
  if (!tls.certificate_file.empty()) {
    made->context.use_certificate_chain_file(tls.certificate_file, error);
    if (error) return bad(tls.certificate_file, error);
    const std::string& key = tls.key_file.empty() ? tls.certificate_file : tls.key_file;
    made->context.use_private_key_file(key, asio::ssl::context::pem, error);
    if (error) return bad(key, error);
  }
  return made;
}

Task<Result<std::unique_ptr<Stream>>> connect_stream(asio::io_context& io, const RedisOptions& options,
                                                     std::shared_ptr<TlsContext> tls) {
  auto socket = options.unix_socket.empty() ? co_await connect_tcp(io, options.host, options.port)
                                            : co_await connect_unix(io, options.unix_socket);
  if (!socket) co_return std::unexpected(std::move(socket.error()));
  if (!tls) co_return std::make_unique<PlainStream>(std::make_shared<Socket>(std::move(*socket)));
  auto state = std::make_shared<TlsState>(std::move(*socket), tls);
  auto stream = std::make_unique<TlsStream>(state);
  const std::string& name = options.tls.server_name.empty() ? options.host : options.tls.server_name;
  boost::system::error_code address_error;
  asio::ip::make_address(name, address_error);
  if (address_error) SSL_set_tlsext_host_name(state->stream.native_handle(), name.c_str());  // names only, not numbers
  state->stream.set_verify_callback(asio::ssl::host_name_verification(name));
  auto error = co_await state->stream.async_handshake(asio::ssl::stream_base::client, await_with(state));
  if (error) {
    const bool other_protocol = error.category() == asio::error::get_ssl_category() &&
                                ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_WRONG_VERSION_NUMBER;
    co_return broken("TLS with '" + name + "' failed " +
                         (other_protocol ? "(does that port speak TLS?)"
                                         : "(is its certificate signed by tls.ca, and made for that name?)"),
                     error);
  }
  co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace meantime::store::redis
