// SPDX-License-Identifier: MIT
#include "serve/gateway/credentials.hpp"

#include "auth/http_fetch.hpp"
#include "auth/oauth_client.hpp"

namespace meantime::serve {

std::unique_ptr<auth::RequestAuth> credentials_of(const config::UpstreamSettings& settings, const GatewayParts& parts,
                                                  Random& random, auth::TokenStore* store) {
  if (!settings.http) return nullptr;
  const config::UpstreamHttp& http = *settings.http;
  if (!http.bearer_token.empty()) return auth::make_fixed_auth({{"Authorization", "Bearer " + http.bearer_token}});
  if (!http.oauth) return nullptr;
  const config::OauthClientSettings& given = *http.oauth;
  auth::OauthSettings oauth;
  using Kind = config::OauthClientSettings::Kind;
  oauth.grant =
      given.kind == Kind::client_credentials ? auth::Grant::client_credentials : auth::Grant::authorization_code;
  oauth.issuer = given.issuer;
  oauth.client_id = given.client_id;
  oauth.client_secret = given.client_secret;
  oauth.client_metadata_url = given.client_metadata_url;
  oauth.private_key = given.private_key;
  oauth.scopes = given.scopes;
  auth::OauthParts own;
  own.fetch = auth::fetch_over(*parts.http, {.ca_file = http.tls_ca.string()});
  own.clock = &parts.clock;
  own.random = &random;
  own.store = store;
  return std::make_unique<auth::OauthClient>(settings.name, http.url, std::move(oauth), std::move(own));
}

}  // namespace meantime::serve
