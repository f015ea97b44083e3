// SPDX-License-Identifier: MIT
#include "auth/conformance_settings.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace meantime::test {

auth::OauthSettings settings_for_scenario(std::string_view scenario, std::string_view context) {
  const auto given = context.empty() ? boost::json::object() : boost::json::parse(context).as_object();
  const auto text = [&](std::string_view name) {
    const auto* value = given.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  auth::OauthSettings settings;
  settings.client_metadata_url = "https://conformance-test.local/client-metadata.json";
  settings.issuer = text("issuer");
  settings.client_id = text("client_id");
  settings.client_secret = text("client_secret");
  if (scenario.starts_with("auth/client-credentials")) {
    settings.grant = auth::Grant::client_credentials;
    settings.private_key = text("private_key_pem");
    settings.private_key_algorithm = text("signing_algorithm");
  } else if (scenario == "auth/wif-jwt-bearer") {
    settings.grant = auth::Grant::workload;
    settings.assertion = [token = text("valid_jwt")]() -> Result<std::string> { return token; };
  } else if (scenario == "auth/enterprise-managed-authorization") {
    settings.grant = auth::Grant::enterprise;
    settings.id_token = [token = text("idp_id_token")]() -> Result<std::string> { return token; };
    settings.idp_issuer = text("idp_issuer");
    settings.idp_client_id = text("idp_client_id");
  }
  return settings;
}

Task<Result<std::string>> InstantConsent::ask(std::string authorize_url) {
  auto answer = co_await fetch_({.method = "GET", .url = std::move(authorize_url), .headers = {}, .body = {}});
  if (!answer) co_return std::unexpected(answer.error());
  const auto location = answer->header("location");
  if (!location)
    co_return fail(errc::unavailable, "test", "no redirect came, but status " + std::to_string(answer->status));
  co_return std::string(*location);
}

}  // namespace meantime::test
