// SPDX-License-Identifier: MIT
// stream.hpp: the bytes to and from a server: TCP, TLS over TCP, or a unix socket.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"
#include "meantime/redis_store.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime::store::redis {

/// What TLS needs, made once: reading certificates can fail.
class TlsContext;

/// Errors: invalid_argument, with the file that cannot be used.
[[nodiscard]] Result<std::shared_ptr<TlsContext>> make_tls_context(const RedisTls& tls);

/// One connection. Dropping a Task of it cancels the operation; destroying it closes the connection.
class Stream {
 public:
  virtual ~Stream() = default;
  /// At least one byte. Errors: unavailable, also when the other side closed.
  [[nodiscard]] virtual Task<Result<std::size_t>> read_some(char* into, std::size_t size) = 0;
  [[nodiscard]] virtual Task<Result<void>> write_all(std::string_view bytes) = 0;
};

/// Connects to the place that `options` names. Errors: unavailable, with what the system says.
[[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect_stream(boost::asio::io_context& io,
                                                                   const RedisOptions& options,
                                                                   std::shared_ptr<TlsContext> tls);

}  // namespace meantime::store::redis
