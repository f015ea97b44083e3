// SPDX-License-Identifier: MIT
// oauth_rules.hpp: the decisions of an OAuth client, each a function of what is known: scopes, who we are, what to ask,
// what to believe. OauthClient (oauth_client.hpp) puts them in order. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/challenge.hpp"
#include "auth/jose.hpp"
#include "auth/oauth_documents.hpp"
#include "auth/oauth_settings.hpp"
#include "auth/url.hpp"
#include "auth/web.hpp"
#include "meantime/random.hpp"

namespace meantime::auth {

/// The scopes to ask for: those set; else those of the challenge (with `before`, a step up: both); else those the
/// resource offers; else none. offline_access where the server offers it and `settings` wants it.
[[nodiscard]] std::vector<std::string> choose_scopes(const OauthSettings& settings, const Challenge* challenge,
                                                     const ResourceMetadata* resource, const ServerMetadata& server,
                                                     const std::vector<std::string>& before);

/// The authorization server to use. Errors: invalid_argument: the one our client id belongs to is not among them.
[[nodiscard]] Result<std::string> choose_issuer(const OauthSettings& settings, const ResourceMetadata& resource,
                                                std::string_view used_before);

enum class IdentityKind : unsigned char { known_beforehand, document, registered, must_register };
struct IdentityChoice {
  IdentityKind kind = IdentityKind::known_beforehand;
  ClientIdentity identity;  ///< Not set with must_register.
};
/// Who we are to this server: known beforehand, by document, registered before, to be registered; in this order.
/// Errors: unsupported: none of them is possible, and what to configure.
[[nodiscard]] Result<IdentityChoice> choose_identity(const OauthSettings& settings, const ServerMetadata& server,
                                                     const std::optional<ClientIdentity>& registered,
                                                     std::string_view redirect_uri, WallTime now);

[[nodiscard]] WebRequest registration_request(const OauthSettings& settings, const ServerMetadata& server,
                                              std::string_view redirect_uri, const std::vector<std::string>& scopes);
/// Errors: unsupported (refused, with the server's reason), corrupt.
[[nodiscard]] Result<ClientIdentity> read_registration(const WebAnswer& answer, std::string_view issuer,
                                                       std::string_view redirect_uri);

/// The client metadata document to publish at `url`, so that servers can look us up (CIMD).
[[nodiscard]] std::string client_document(const OauthSettings& settings, std::string_view url,
                                          const std::vector<std::string>& redirect_uris);

/// One request to a user, and what its answer is held against.
struct Authorization {
  std::string url;  ///< To open.
  std::string issuer;
  bool issuer_required = false;
  std::string state;
  std::string verifier;  ///< Of PKCE.
  std::string redirect_uri;
};
/// Errors: unsupported: the server does not say that it does PKCE with S256, or has no authorization endpoint.
[[nodiscard]] Result<Authorization> make_authorization(const ServerMetadata& server, std::string_view client_id,
                                                       std::string_view redirect_uri, std::string_view resource,
                                                       const std::vector<std::string>& scopes, Random& random);
/// The code in the URL that the browser was sent to. Errors: invalid_argument: wrong state or issuer (RFC 9207, to the
/// letter; nothing of the answer is repeated then), not the redirect URI, or the user or the server said no.
[[nodiscard]] Result<std::string> read_redirect(const Authorization& asked, std::string_view redirected_to);

/// How we prove to the token endpoint who we are.
enum class TokenAuth : unsigned char { none, basic, post, private_key_jwt };
/// Errors: unsupported: nothing that we have and the server takes.
[[nodiscard]] Result<TokenAuth> choose_token_auth(const OauthSettings& settings, const ServerMetadata& server,
                                                  const ClientIdentity& identity);

/// `form` as a request to the token endpoint, with our proof. `key` for private_key_jwt. Errors: internal.
[[nodiscard]] Result<WebRequest> token_request(const ServerMetadata& server, const ClientIdentity& identity,
                                               TokenAuth method, Form form, const SigningKey* key, WallTime now,
                                               Random& random);
[[nodiscard]] Form code_form(const Authorization& asked, std::string_view code, std::string_view resource);
[[nodiscard]] Form refresh_form(const Token& token, std::string_view resource);

/// Reads what the token endpoint says. `before`: scopes asked for, which hold when it names none.
/// Errors: invalid_argument (it refuses; `refused_as` gets the code, as "invalid_grant"), unavailable (5xx, 429),
///         corrupt. No error repeats a secret.
[[nodiscard]] Result<Token> read_token(const WebAnswer& answer, const std::vector<std::string>& asked, WallTime now,
                                       std::string* refused_as = nullptr);

/// A proof of possession (RFC 9449) for one request; `access_token` empty: to the token endpoint.
[[nodiscard]] Result<std::string> dpop_proof(const SigningKey& key, std::string_view method, std::string_view url,
                                             std::string_view access_token, std::string_view nonce, WallTime now,
                                             Random& random);

}  // namespace meantime::auth
