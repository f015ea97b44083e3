// SPDX-License-Identifier: MIT
#include "auth/oauth_exchange.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "auth/oauth_rules.hpp"

namespace meantime::auth {
namespace {

namespace json = boost::json;

constexpr std::string_view jwt_bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr std::string_view token_exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
constexpr std::string_view id_token_type = "urn:ietf:params:oauth:token-type:id_token";
constexpr std::string_view company_grant_type = "urn:ietf:params:oauth:token-type:id-jag";

std::unexpected<Error> wrong(std::string detail) {
  return fail(errc::invalid_argument, "auth.oauth", std::move(detail));
}

// A document, or nothing where there is none (4xx). Errors: unavailable, invalid_argument (not https).
Task<Result<std::optional<std::string>>> get_document(const Fetch& fetch, std::string url, bool local_is_fine) {
  const auto parsed = parse_url(url);
  if (!parsed || !is_safe(*parsed, local_is_fine))
    co_return wrong("a document for OAuth is read over https only: " + url);
  WebRequest request{.method = "GET", .url = url, .headers = {{"Accept", "application/json"}}, .body = {}};
  auto answer = co_await fetch(std::move(request));
  if (!answer) {
    co_return fail(errc::unavailable, "auth.oauth", url + " cannot be reached: " + answer.error().detail,
                   answer.error().retry_after);
  }
  if (answer->status == 200) co_return std::optional(std::move(answer->body));
  if (answer->status >= 500 || answer->status == 429) {
    co_return fail(errc::unavailable, "auth.oauth", url + " answered with status " + std::to_string(answer->status));
  }
  co_return std::optional<std::string>();
}

Task<Result<std::optional<ServerMetadata>>> get_server(const Fetch& fetch, std::string issuer, bool local_is_fine) {
  auto places = server_metadata_places(issuer);
  if (!places) co_return std::unexpected(places.error());
  for (auto& place : *places) {
    auto document = co_await get_document(fetch, place, local_is_fine);
    if (!document) co_return std::unexpected(document.error());
    if (!*document) continue;
    auto server = read_server_metadata(**document, issuer, local_is_fine);
    if (!server) co_return std::unexpected(server.error());
    co_return std::optional(std::move(*server));
  }
  co_return std::optional<ServerMetadata>();
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

Task<Result<FoundServer>> find_server(const Fetch& fetch, const Url& endpoint, std::string url,
                                      const OauthSettings& settings, std::string used_before, std::string_view said,
                                      bool local_is_fine) {
  FoundServer found;
  for (auto& place : resource_metadata_places(endpoint, said)) {
    auto document = co_await get_document(fetch, place, local_is_fine);
    if (!document) co_return std::unexpected(document.error());
    if (!*document) continue;
    auto metadata = read_resource_metadata(**document, endpoint);
    if (!metadata) co_return std::unexpected(metadata.error());
    found.metadata = std::move(*metadata);
    break;
  }
  std::string issuer = endpoint.origin();
  found.resource = url.substr(0, url.find('#'));
  if (found.metadata) {
    auto chosen = choose_issuer(settings, *found.metadata, used_before);
    if (!chosen) co_return std::unexpected(chosen.error());
    issuer = std::move(*chosen);
    found.resource = found.metadata->resource;
  } else if (!settings.issuer.empty()) {
    issuer = settings.issuer;
  }
  auto server = co_await get_server(fetch, issuer, local_is_fine);
  if (!server) co_return std::unexpected(server.error());
  if (!*server) {
    // Only the revision that knew no resource metadata let clients guess.
    if (found.metadata || !settings.issuer.empty()) {
      co_return fail(errc::corrupt, "auth.oauth", "the authorization server " + issuer + " has no metadata document");
    }
    found.server = assumed_server(endpoint);
    co_return found;
  }
  found.server = std::move(**server);
  if (found.server.token_endpoint.empty()) {
    co_return fail(errc::corrupt, "auth.oauth", "the authorization server " + issuer + " names no token endpoint");
  }
  co_return found;
}

Result<void> TokenExchange::prove_with(const SigningKey& key) {
  if (!server_.dpop_algorithms.empty() &&
      std::ranges::find(server_.dpop_algorithms, key.algorithm()) == server_.dpop_algorithms.end()) {
    return fail(errc::unsupported, "auth.oauth",
                "the authorization server " + server_.issuer + " takes no proofs signed with " + key.algorithm());
  }
  proof_key_ = &key;
  return {};
}

Task<Result<Token>> TokenExchange::request(ClientIdentity identity, Form form, std::vector<std::string> scopes,
                                           std::string* refused_as) {
  auto method = choose_token_auth(settings_, server_, identity);
  if (!method) co_return std::unexpected(method.error());
  std::optional<SigningKey> key;
  if (*method == TokenAuth::private_key_jwt) {
    auto read = SigningKey::read(settings_.private_key, settings_.private_key_algorithm);
    if (!read) co_return std::unexpected(read.error());
    if (!server_.token_auth_algorithms.empty() &&
        std::ranges::find(server_.token_auth_algorithms, read->algorithm()) == server_.token_auth_algorithms.end()) {
      co_return fail(errc::unsupported, "auth.oauth",
                     "the authorization server " + server_.issuer + " takes no assertions signed with " +
                         read->algorithm() + ": configure another private_key");
    }
    key = std::move(*read);
  }
  for (bool again = false;; again = true) {
    const auto now = parts_.clock->wall_now();
    auto request = token_request(server_, identity, *method, form, key ? &*key : nullptr, now, *parts_.random);
    if (!request) co_return std::unexpected(request.error());
    if (proof_key_ != nullptr) {
      auto proof = dpop_proof(*proof_key_, "POST", server_.token_endpoint, {}, nonce_, now, *parts_.random);
      if (!proof) co_return std::unexpected(proof.error());
      request->headers.push_back({"DPoP", std::move(*proof)});
    }
    auto answer = co_await parts_.fetch(std::move(*request));
    if (!answer) {
      co_return fail(errc::unavailable, "auth.oauth",
                     "the token endpoint of " + server_.issuer + " cannot be reached: " + answer.error().detail);
    }
    const auto nonce = proof_key_ != nullptr ? answer->header("dpop-nonce") : std::nullopt;
    if (nonce) nonce_ = *nonce;
    std::string refused;
    auto token = read_token(*answer, scopes, parts_.clock->wall_now(), &refused);
    if (!token && refused == "use_dpop_nonce" && nonce && !again) continue;
    if (refused_as != nullptr) *refused_as = refused;
    if (token && proof_key_ != nullptr && token->type != "DPoP") {
      co_return fail(errc::corrupt, "auth.oauth",
                     "the authorization server " + server_.issuer + " gave a token that is not bound to our key");
    }
    co_return token;
  }
}

Task<Result<Token>> TokenExchange::without_user(std::vector<std::string> scopes) {
  auto identity = choose_identity(settings_, server_, std::nullopt, {}, parts_.clock->wall_now());
  if (!identity) co_return std::unexpected(identity.error());
  Form form;
  if (settings_.grant == Grant::client_credentials) {
    form.emplace_back("grant_type", "client_credentials");
  } else {
    std::string assertion;
    if (settings_.grant == Grant::enterprise) {
      auto grant = co_await grant_of_company(scopes);
      if (!grant) co_return std::unexpected(grant.error());
      assertion = std::move(*grant);
    } else {
      if (!settings_.assertion) co_return wrong("there is no workload token: configure where it lies");
      auto own = settings_.assertion();
      if (!own) co_return std::unexpected(own.error());
      assertion = std::move(*own);
    }
    form.emplace_back("grant_type", jwt_bearer);
    form.emplace_back("assertion", std::move(assertion));
  }
  form.emplace_back("resource", resource_);
  if (!scopes.empty()) form.emplace_back("scope", join_scopes(scopes));
  co_return co_await request(identity->identity, std::move(form), std::move(scopes));
}

Task<Result<std::string>> TokenExchange::grant_of_company(std::vector<std::string> scopes) {
  if (!settings_.id_token) co_return wrong("there is no ID token of the user: configure where it lies");
  auto id_token = settings_.id_token();
  if (!id_token) co_return std::unexpected(id_token.error());
  ServerMetadata provider{.issuer = settings_.idp_issuer, .token_endpoint = settings_.idp_token_endpoint};
  const bool local_is_fine = settings_.local_servers || parse_url(server_.token_endpoint).value_or(Url{}).is_loopback();
  if (provider.token_endpoint.empty()) {
    auto found = co_await get_server(parts_.fetch, settings_.idp_issuer, local_is_fine);
    if (!found) co_return std::unexpected(found.error());
    if (!*found || (*found)->token_endpoint.empty())
      co_return wrong("the identity provider names no token endpoint: configure idp_token_endpoint");
    provider = std::move(**found);
  }
  const auto place = parse_url(provider.token_endpoint);
  if (!place || !is_safe(*place, local_is_fine)) co_return wrong("idp_token_endpoint must be an https URL");
  const ClientIdentity identity{
      .issuer = provider.issuer, .id = settings_.idp_client_id, .secret = settings_.idp_client_secret};
  auto method = choose_token_auth({}, provider, identity);
  if (!method) co_return std::unexpected(method.error());
  Form form{{"grant_type", std::string(token_exchange)},
            {"requested_token_type", std::string(company_grant_type)},
            {"audience", server_.issuer},
            {"resource", std::string(resource_)},
            {"subject_token", std::move(*id_token)},
            {"subject_token_type", std::string(id_token_type)}};
  if (!scopes.empty()) form.emplace_back("scope", join_scopes(scopes));
  auto request =
      token_request(provider, identity, *method, std::move(form), nullptr, parts_.clock->wall_now(), *parts_.random);
  if (!request) co_return std::unexpected(request.error());
  auto answer = co_await parts_.fetch(std::move(*request));
  if (!answer)
    co_return fail(errc::unavailable, "auth.oauth",
                   "the identity provider cannot be reached: " + answer.error().detail);
  boost::system::error_code problem;
  const auto value = json::parse(answer->body, problem);
  if (answer->status != 200) {
    auto refused = read_token(*answer, {}, parts_.clock->wall_now());
    co_return fail(refused.error().code, "auth.oauth", "identity provider: " + refused.error().detail);
  }
  std::string grant;
  if (!problem && value.is_object() && text_of(value.get_object(), "issued_token_type") == company_grant_type) {
    grant = text_of(value.get_object(), "access_token");
  }
  if (grant.empty()) co_return fail(errc::corrupt, "auth.oauth", "the identity provider gave no ID-JAG");
  co_return grant;
}

}  // namespace meantime::auth
