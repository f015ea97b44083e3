// SPDX-License-Identifier: MIT
// oauth_exchange.hpp: what an OAuth client says to servers, step by step over a Fetch: finding the authorization server
// of an upstream, and asking it for tokens. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/jose.hpp"
#include "auth/oauth_client.hpp"
#include "auth/oauth_documents.hpp"
#include "auth/oauth_settings.hpp"

namespace meantime::auth {

struct FoundServer {
  ServerMetadata server;
  std::string resource;                      ///< As it names itself; else the upstream's url.
  std::optional<ResourceMetadata> metadata;  ///< Absent: the upstream has none, as in 2025-03-26.
};

/// Looks for the upstream's resource metadata, then for that of the authorization server it names. `said`: where its
/// refusal says the former lies. Errors: unavailable, corrupt, invalid_argument, unsupported.
[[nodiscard]] Task<Result<FoundServer>> find_server(const Fetch& fetch, const Url& endpoint, std::string url,
                                                    const OauthSettings& settings, std::string used_before,
                                                    std::string_view said, bool local_is_fine);

/// Requests to one token endpoint. Everything given outlives it.
class TokenExchange {
 public:
  TokenExchange(const OauthParts& parts, const OauthSettings& settings, const ServerMetadata& server,
                std::string_view resource, std::string& nonce)
      : parts_(parts), settings_(settings), server_(server), resource_(resource), nonce_(nonce) {}

  /// From now on with proofs of this key, and only bound tokens are taken. Errors: unsupported: the server takes
  /// others.
  [[nodiscard]] Result<void> prove_with(const SigningKey& key);
  [[nodiscard]] const ServerMetadata& server() const noexcept { return server_; }

  /// One request, and once more when the server wants its nonce in the proof. Errors: as read_token().
  [[nodiscard]] Task<Result<Token>> request(ClientIdentity identity, Form form, std::vector<std::string> scopes,
                                            std::string* refused_as = nullptr);
  /// By the ways that need no user here. Errors: as read_token(), and those of the settings' functions.
  [[nodiscard]] Task<Result<Token>> without_user(std::vector<std::string> scopes);

 private:
  Task<Result<std::string>> grant_of_company(std::vector<std::string> scopes);

  const OauthParts& parts_;
  const OauthSettings& settings_;
  const ServerMetadata& server_;
  std::string_view resource_;
  std::string& nonce_;
  const SigningKey* proof_key_ = nullptr;
};

}  // namespace meantime::auth
