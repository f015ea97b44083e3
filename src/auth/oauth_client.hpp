// SPDX-License-Identifier: MIT
// oauth_client.hpp: an OAuth 2.1 client for one upstream, by the rules of MCP's authorization: finds its authorization
// server, gets a token, renews it, steps up when more scopes are wanted. Threads: the loop's only.
#pragma once

#include <memory>
#include <string>

#include "auth/oauth_settings.hpp"
#include "auth/request_auth.hpp"
#include "auth/web.hpp"
#include "meantime/clock.hpp"
#include "meantime/random.hpp"

namespace meantime::auth {

struct OauthParts {
  Fetch fetch;
  Clock* clock = nullptr;
  Random* random = nullptr;
  Consent* consent = nullptr;   ///< Null: no user here.
  TokenStore* store = nullptr;  ///< Null: nothing outlives this object.
};

class OauthClient final : public RequestAuth {
 public:
  /// `upstream` names the place in the store; `url` is the upstream's endpoint, the only one that gets its tokens.
  OauthClient(std::string upstream, std::string url, OauthSettings settings, OauthParts parts);
  ~OauthClient() override;

  Task<Result<std::vector<WebHeader>>> credentials(std::string method, std::string url) override;
  Task<Result<bool>> refused(std::string method, std::string url, Refusal refusal) override;
  /// Gets a token now, though none was asked for (`meantime login`). Errors: as refused().
  [[nodiscard]] Task<Result<void>> log_in();
  /// Why what was learned could not be read or kept; empty: it could.
  [[nodiscard]] const std::string& store_problem() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace meantime::auth
