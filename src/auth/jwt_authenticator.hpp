// SPDX-License-Identifier: MIT
// jwt_authenticator.hpp: callers known by OAuth 2.1 access tokens that are JWTs (RFC 9068): signature, issuer,
// audience, times, scopes.
#pragma once

#include <memory>
#include <string>

#include "auth/authenticator.hpp"
#include "auth/jose.hpp"
#include "auth/key_source.hpp"
#include "meantime/clock.hpp"

namespace meantime::auth {

struct JwtSettings {
  std::string issuer;                 ///< As its tokens say, to the letter.
  std::string jwks_url;               ///< Empty: found through the issuer's metadata.
  std::vector<std::string> audience;  ///< One of these must be among the token's; empty: the resource.
  std::chrono::seconds leeway{60};    ///< How far clocks may differ.
  std::size_t remembered = 10'000;    ///< Tokens that are known without looking at their signature again.
};

/// What an access token says about its bearer, when all is in order. The signature is not looked at.
/// Errors: a sentence that says what is wrong and gives nothing of the token away.
[[nodiscard]] std::expected<Principal, std::string> read_claims(const Jwt& token, const JwtSettings& settings,
                                                                std::string_view resource, WallTime now);

class JwtAuthenticator final : public Authenticator {
 public:
  /// Keys are fetched with the first token, or by warm_up().
  JwtAuthenticator(ResourceSettings resource, JwtSettings settings, Fetch fetch, Clock& clock);
  ~JwtAuthenticator() override;

  /// Fetches the keys now. Errors: unavailable, corrupt: the same will come of the first token.
  [[nodiscard]] Task<Result<void>> warm_up();

 protected:
  std::optional<Verdict> identify_now(std::string_view token) override;
  Task<Verdict> identify_slowly(std::string token) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace meantime::auth
