// SPDX-License-Identifier: MIT
// listener.hpp: a socket that takes connections, on TCP or as a file. Heavy (Asio).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/deadlines.hpp"
#include "engine/loop.hpp"
#include "http/request.hpp"
#include "http/server.hpp"
#include "http/wire.hpp"

namespace meantime::http {

class ListenerUser {
 public:
  virtual void on_connection(Socket socket, Peer peer, const std::shared_ptr<boost::asio::ssl::context>& tls) = 0;

 protected:
  ~ListenerUser() = default;
};

/// Takes connections until it is destroyed. When the process has no descriptor left it waits a moment and goes on.
class Listener {
 public:
  virtual ~Listener() = default;
  [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
};

/// Errors: as Server::listen.
[[nodiscard]] Result<std::unique_ptr<Listener>> listen_tcp(Loop& loop, Deadlines& deadlines, ListenerUser& user,
                                                           std::string_view address, std::uint16_t port,
                                                           std::shared_ptr<boost::asio::ssl::context> tls);
/// Errors: as Server::listen_unix. The file is removed with the listener.
[[nodiscard]] Result<std::unique_ptr<Listener>> listen_unix(Loop& loop, Deadlines& deadlines, ListenerUser& user,
                                                            const std::string& path);
/// Errors: invalid_argument, with the file that cannot be used.
[[nodiscard]] Result<std::shared_ptr<boost::asio::ssl::context>> make_server_tls(const TlsFiles& files);

}  // namespace meantime::http
