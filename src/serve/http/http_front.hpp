// SPDX-License-Identifier: MIT
// http_front.hpp: the HTTP door of a configuration: who may come in, where we listen, and the server behind it.
// Threads: the loop's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "http/client.hpp"
#include "http/server.hpp"
#include "serve/http/http_door.hpp"

namespace meantime::serve {

class HttpFront {
 public:
  /// Opens the door; `loop` and `server` outlive it. `owner`: whose the tasks are when nobody is asked who they are.
  /// Errors: invalid_argument (wider than this machine without authentication, TLS files, token file), unavailable (a
  /// port is taken).
  [[nodiscard]] static Result<std::unique_ptr<HttpFront>> open(Loop& loop, McpServer& server,
                                                               const config::HttpSettings& http,
                                                               const config::AuthSettings& auth, std::string owner);
  HttpFront(const HttpFront&) = delete;
  HttpFront& operator=(const HttpFront&) = delete;
  ~HttpFront();

  /// As a client would write them: "http://127.0.0.1:7420/mcp".
  [[nodiscard]] const std::vector<std::string>& addresses() const noexcept { return addresses_; }
  /// No new requests; open answers may end within `grace`.
  [[nodiscard]] Task<void> close(Milliseconds grace);

 private:
  HttpFront() = default;
  [[nodiscard]] Result<void> listen(const config::HttpSettings& settings);

  std::unique_ptr<http::Client> client_;  // fetches an issuer's keys; null: nobody asks for any
  std::unique_ptr<auth::Authenticator> authenticator_;
  std::unique_ptr<HttpDoor> door_;
  std::unique_ptr<http::Server> server_;
  std::vector<std::string> addresses_;
};

}  // namespace meantime::serve
