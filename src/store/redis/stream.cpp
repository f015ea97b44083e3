// SPDX-License-Identifier: MIT
#include "store/redis/stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
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

/// Over a socket, or over TLS on one.
template <class Layer>
class StreamOver final : public Stream {
 public:
  explicit StreamOver(Layer layer) : layer_(std::move(layer)) {}

  Task<Result<std::size_t>> read_some(char* into, std::size_t size) override {
    auto [error, bytes] = co_await layer_.async_read_some(asio::buffer(into, size), await);
    if (error) co_return broken("the connection ended", error);
    co_return bytes;
  }
  Task<Result<void>> write_all(std::string_view bytes) override {
    auto [error, written] = co_await asio::async_write(layer_, asio::buffer(bytes), await);
    if (error) co_return broken("cannot send", error);
    co_return Result<void>{};
  }
  [[nodiscard]] Layer& layer() noexcept { return layer_; }

 private:
  Layer layer_;
};

Task<Result<Socket>> connect_socket(asio::io_context& io, const RedisOptions& options) {
  if (!options.unix_socket.empty()) {
    asio::local::stream_protocol::socket socket(io);
    asio::local::stream_protocol::endpoint place;
    boost::system::error_code named;
    try {
      place = asio::local::stream_protocol::endpoint(options.unix_socket);
    } catch (const boost::system::system_error& too_long) {
      named = too_long.code();
    }
    if (named) co_return broken("'" + options.unix_socket + "' is no name for a unix socket", named);
    auto error = co_await socket.async_connect(place, await);
    if (error) co_return broken("cannot connect", error);
    co_return Socket(std::move(socket));
  }
  asio::ip::tcp::resolver resolver(io);
  auto [not_found, places] = co_await resolver.async_resolve(options.host, std::to_string(options.port), await);
  if (not_found) co_return broken("cannot find the host '" + options.host + "'", not_found);
  asio::ip::tcp::socket socket(io);
  auto [error, place] = co_await asio::async_connect(socket, places, await);
  if (error) co_return broken("cannot connect", error);
  boost::system::error_code ignored;  // only speed and the discovery of dead peers depend on these
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  co_return Socket(std::move(socket));
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
  auto socket = co_await connect_socket(io, options);
  if (!socket) co_return std::unexpected(std::move(socket.error()));
  if (!tls) {
    std::unique_ptr<Stream> plain = std::make_unique<StreamOver<Socket>>(std::move(*socket));
    co_return plain;
  }
  using Tls = asio::ssl::stream<Socket>;
  auto stream = std::make_unique<StreamOver<Tls>>(Tls(std::move(*socket), tls->context));
  const std::string& name = options.tls.server_name.empty() ? options.host : options.tls.server_name;
  boost::system::error_code address_error;
  asio::ip::make_address(name, address_error);
  if (address_error)
    SSL_set_tlsext_host_name(stream->layer().native_handle(), name.c_str());  // names only, not numbers
  stream->layer().set_verify_callback(asio::ssl::host_name_verification(name));
  auto error = co_await stream->layer().async_handshake(asio::ssl::stream_base::client, await);
  if (error) {
    co_return broken("TLS with '" + name + "' failed (is its certificate signed by tls.ca, and made for that name?)",
                     error);
  }
  std::unique_ptr<Stream> out = std::move(stream);
  co_return out;
}

}  // namespace meantime::store::redis
