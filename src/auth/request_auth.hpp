// SPDX-License-Identifier: MIT
// request_auth.hpp: the port through which a client of ours shows who it is to an upstream. One object an upstream:
// never the token of whoever calls us. Threads: the loop's only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/web.hpp"
#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"

namespace meantime::auth {

/// An answer of 401 or 403, as far as it matters here.
struct Refusal {
  int status = 401;
  std::vector<std::string> www_authenticate;  ///< Values of all such headers.
  std::string dpop_nonce;                     ///< Value of the DPoP-Nonce header; empty: none.
  std::vector<WebHeader> sent;                ///< What credentials() gave for the request.
  int attempt = 0;                            ///< How often this very request was refused before.
};

class RequestAuth {
 public:
  virtual ~RequestAuth() = default;
  /// Headers for one request, new for each (a proof of possession serves once). Empty: none are known yet; send the
  /// request without, its refusal says what is wanted. Suspends only when a token must be renewed.
  /// Errors: unavailable (the authorization server cannot be reached), invalid_argument (it refuses for good).
  /// Cancel: dropping the Task; what is under way for others goes on.
  [[nodiscard]] virtual Task<Result<std::vector<WebHeader>>> credentials(std::string method, std::string url) = 0;
  /// The server answered 401 or 403. True: new credentials are there, send the request again. False: they would not
  /// help; the refusal stands. Errors: as above, with what went wrong; also unsupported (a user must agree first, and
  /// there is none here).
  [[nodiscard]] virtual Task<Result<bool>> refused(std::string method, std::string url, Refusal refusal) = 0;
};

/// The same headers always: a token from the configuration, or whatever a server wants.
[[nodiscard]] std::unique_ptr<RequestAuth> make_fixed_auth(std::vector<WebHeader> headers);

}  // namespace meantime::auth
