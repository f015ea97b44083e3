// SPDX-License-Identifier: MIT
// conformance_settings.hpp: how a client of ours is configured for each auth scenario of the conformance suite, and the
// user who agrees to everything.
#pragma once

#include <string>
#include <string_view>

#include "auth/oauth_settings.hpp"
#include "auth/web.hpp"

namespace meantime::test {

/// `context` is the JSON of MCP_CONFORMANCE_CONTEXT; empty: none.
[[nodiscard]] auth::OauthSettings settings_for_scenario(std::string_view scenario, std::string_view context);

/// Opens the URL with one request and takes the redirect from its answer: the suite's servers ask nobody.
class InstantConsent final : public auth::Consent {
 public:
  explicit InstantConsent(auth::Fetch fetch) : fetch_(std::move(fetch)) {}
  Result<std::string> redirect_uri(std::string_view) override { return "http://127.0.0.1:3000/callback"; }
  Task<Result<std::string>> ask(std::string authorize_url) override;

 private:
  auth::Fetch fetch_;
};

}  // namespace meantime::test
