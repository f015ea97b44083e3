// SPDX-License-Identifier: MIT
// oauth_settings.hpp: how meantime shows itself to one upstream that is protected by OAuth 2.1, and what it keeps.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/clock.hpp"
#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"

namespace meantime::auth {

enum class Grant : unsigned char {
  authorization_code,  ///< For a user, who agrees once in a browser.
  client_credentials,  ///< For this program itself: a secret, or a private key.
  enterprise,          ///< For a user known to the company's identity provider (ID-JAG).
  workload,            ///< With a token that the platform gives this workload (RFC 7523).
};

struct OauthSettings {
  Grant grant = Grant::authorization_code;
  std::string issuer;     ///< Authorization server that client_id belongs to; empty: the one the upstream names.
  std::string client_id;  ///< Known beforehand; empty: by client_metadata_url, else by registration.
  std::string client_secret;
  std::string client_metadata_url;  ///< https URL of our client metadata document.
  std::string client_name = "meantime";
  std::string private_key;            ///< PEM or JWK: private_key_jwt.
  std::string private_key_algorithm;  ///< Empty: what the key is made for.
  std::string token_auth_method;      ///< Empty: what the server takes.
  std::vector<std::string> scopes;    ///< Instead of what the upstream asks for at first.
  bool offline_access = true;         ///< Ask for refresh tokens where the server offers them so.
  bool register_clients = true;       ///< RFC 7591 where nothing else is left.
  bool dpop = true;                   ///< Prove possession of a key (RFC 9449) to upstreams that want it.
  bool local_servers = false;         ///< Plain http to this machine, though the upstream is elsewhere.
  /// Grant::enterprise: the user's ID token, and who exchanges it.
  std::function<Result<std::string>()> id_token;
  std::string idp_issuer;  ///< Or idp_token_endpoint.
  std::string idp_token_endpoint;
  std::string idp_client_id;
  std::string idp_client_secret;
  /// Grant::workload: read anew for each request, as platforms replace the file.
  std::function<Result<std::string>()> assertion;
};

/// What a registration gave, and which authorization server it is for.
struct ClientIdentity {
  std::string issuer;
  std::string id;
  std::string secret;
  std::string auth_method;  ///< Empty: not said.
  std::string redirect_uri;
  std::optional<WallTime> secret_expires;

  friend bool operator==(const ClientIdentity&, const ClientIdentity&) = default;
};

struct Token {
  std::string access;
  std::string type = "Bearer";  ///< Or "DPoP".
  std::string refresh;          ///< Empty: none.
  std::vector<std::string> scopes;
  std::optional<WallTime> expires;

  friend bool operator==(const Token&, const Token&) = default;
};

/// All that is kept for one upstream: in memory and, between runs, in a TokenStore.
struct OauthMemory {
  std::string resource;                    ///< As sent.
  std::string issuer;                      ///< Whose `token` is.
  std::optional<ClientIdentity> identity;  ///< Of a registration.
  std::optional<Token> token;
  std::vector<std::string> asked;  ///< Scopes of the last request.
  std::string dpop_key;            ///< JWK; empty: none.

  friend bool operator==(const OauthMemory&, const OauthMemory&) = default;
};

/// Asks the user. One request at a time.
class Consent {
 public:
  virtual ~Consent() = default;
  /// Where the browser is to be sent afterwards; `last`: what it was in an earlier run, or empty.
  /// Errors: unavailable (nobody can listen).
  [[nodiscard]] virtual Result<std::string> redirect_uri(std::string_view last) = 0;
  /// Opens `authorize_url` and waits for the redirect; gives the whole URL that the browser was sent to.
  /// Errors: timed_out, cancelled, unavailable. Cancel: dropping the Task stops to listen.
  [[nodiscard]] virtual Task<Result<std::string>> ask(std::string authorize_url) = 0;
};

/// Keeps what was learned, between runs.
class TokenStore {
 public:
  virtual ~TokenStore() = default;
  /// Nothing kept yet: an empty memory. Errors: corrupt, invalid_argument (others may read it), unavailable.
  [[nodiscard]] virtual Result<OauthMemory> load(std::string_view upstream) = 0;
  [[nodiscard]] virtual Result<void> save(std::string_view upstream, const OauthMemory& memory) = 0;
};

}  // namespace meantime::auth
