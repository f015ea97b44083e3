// SPDX-License-Identifier: MIT
// credentials.hpp: what an upstream is shown of us: its own token or OAuth client, never anything of our callers.
#pragma once

#include <memory>
#include <string>

#include "auth/oauth_client.hpp"
#include "auth/request_auth.hpp"
#include "auth/token_store.hpp"
#include "config/config.hpp"
#include "serve/gateway/upstream_server.hpp"

namespace meantime::serve {

/// The OAuth client of an upstream over HTTP that has `oauth`. All outlive it; `store` null: tokens end with it;
/// `consent` null: no user is here to agree.
[[nodiscard]] std::unique_ptr<auth::OauthClient> oauth_client_of(const config::UpstreamSettings& settings,
                                                                 http::Client& http, Clock& clock, Random& random,
                                                                 auth::TokenStore* store, auth::Consent* consent);

/// Null: nothing is shown. `store` outlives what is returned; null: tokens end with the process.
[[nodiscard]] std::unique_ptr<auth::RequestAuth> credentials_of(const config::UpstreamSettings& settings,
                                                                const GatewayParts& parts, Random& random,
                                                                auth::TokenStore* store);

}  // namespace meantime::serve
