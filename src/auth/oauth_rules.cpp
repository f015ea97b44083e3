// SPDX-License-Identifier: MIT
#include "auth/oauth_rules.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "auth/digest.hpp"

namespace meantime::auth {
namespace {

namespace json = boost::json;

constexpr std::string_view refresh_scope = "offline_access";
constexpr std::string_view assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
constexpr std::chrono::seconds assertion_life{120};

bool contains(std::span<const std::string> list, std::string_view value) {
  return std::ranges::find(list, value) != list.end();
}

std::unexpected<Error> cannot(std::string detail) {
  return fail(errc::unsupported, "auth.oauth", std::move(detail));
}

json::array array_of(std::span<const std::string> texts) {
  json::array out;
  for (const auto& each : texts) out.emplace_back(each);
  return out;
}

// What an authorization server says in `error` and `error_description`, cut and cleaned for people.
std::string readable(std::string_view text) {
  constexpr std::size_t longest = 300;
  std::string out;
  for (const char c : text.substr(0, longest)) out += c >= 0x20 && c < 0x7F ? c : '?';
  return out;
}

// A registered method must be one we know; else it is as if none had been said.
std::optional<TokenAuth> method_named(std::string_view name) {
  if (name == "none") return TokenAuth::none;
  if (name == "client_secret_basic") return TokenAuth::basic;
  if (name == "client_secret_post") return TokenAuth::post;
  if (name == "private_key_jwt") return TokenAuth::private_key_jwt;
  return std::nullopt;
}

// The methods in the order in which we would use them with what we have.
std::vector<std::string> wanted_methods(const OauthSettings& settings) {
  if (!settings.private_key.empty()) return {"private_key_jwt"};
  // A program on a user's machine keeps no secret: a public client, if the server lets us be one.
  return {"none", "client_secret_basic", "client_secret_post"};
}

json::object client_metadata(const OauthSettings& settings, const std::vector<std::string>& redirect_uris) {
  return {{"client_name", settings.client_name},
          {"redirect_uris", array_of(redirect_uris)},
          {"grant_types", json::array{"authorization_code", "refresh_token"}},
          {"response_types", json::array{"code"}},
          {"application_type", "native"}};
}

// Everything in it may stand in a header.
bool is_token_text(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

std::optional<json::object> object_in(std::string_view text) {
  boost::system::error_code problem;
  auto value = json::parse(text, problem);
  if (problem || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// Seconds, as a number or as the text of one; absent: not there, or nonsense.
std::optional<std::chrono::seconds> seconds_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return std::nullopt;
  double seconds = -1;
  boost::system::error_code problem;
  if (value->is_number()) {
    seconds = value->to_number<double>(problem);
  } else if (value->is_string()) {
    const auto number = json::parse(value->get_string(), problem);
    if (!problem && number.is_number()) seconds = number.to_number<double>(problem);
  }
  if (problem || !(seconds >= 0) || seconds > 1e10) return std::nullopt;
  return std::chrono::seconds(static_cast<std::int64_t>(seconds));
}

std::int64_t unix_seconds(WallTime time) {
  return time.time_since_epoch() / std::chrono::seconds(1);
}

}  // namespace

std::vector<std::string> choose_scopes(const OauthSettings& settings, const Challenge* challenge,
                                       const ResourceMetadata* resource, const ServerMetadata& server,
                                       const std::vector<std::string>& before) {
  std::vector<std::string> scopes;
  const auto challenged = challenge != nullptr ? split_scopes(challenge->get("scope")) : std::vector<std::string>();
  if (!before.empty()) {
    scopes = union_of(before, challenged);
  } else if (!settings.scopes.empty()) {
    scopes = union_of(settings.scopes, challenged);
  } else if (!challenged.empty()) {
    scopes = challenged;
  } else if (resource != nullptr && resource->scopes) {
    scopes = *resource->scopes;
  }
  const bool is_offered = contains(server.scopes, refresh_scope);
  if (!is_offered && !contains(settings.scopes, refresh_scope)) std::erase(scopes, refresh_scope);
  // Alone it would narrow what no scope at all leaves open.
  if (is_offered && settings.offline_access && settings.grant == Grant::authorization_code && !scopes.empty()) {
    scopes = union_of(std::move(scopes), std::vector<std::string>{std::string(refresh_scope)});
  }
  return scopes;
}

Result<std::string> choose_issuer(const OauthSettings& settings, const ResourceMetadata& resource,
                                  std::string_view used_before) {
  if (!settings.issuer.empty()) {
    if (contains(resource.issuers, settings.issuer)) return settings.issuer;
    return fail(errc::invalid_argument, "auth.oauth",
                "the upstream trusts other authorization servers than the configured " + settings.issuer +
                    ": correct issuer (and client_id), or check the upstream's url");
  }
  if (contains(resource.issuers, used_before)) return std::string(used_before);
  return resource.issuers.front();
}

Result<IdentityChoice> choose_identity(const OauthSettings& settings, const ServerMetadata& server,
                                       const std::optional<ClientIdentity>& registered, std::string_view redirect_uri,
                                       WallTime now) {
  if (!settings.client_id.empty()) {
    return IdentityChoice{.kind = IdentityKind::known_beforehand,
                          .identity = {.issuer = server.issuer,
                                       .id = settings.client_id,
                                       .secret = settings.client_secret,
                                       .auth_method = settings.token_auth_method,
                                       .redirect_uri = std::string(redirect_uri)}};
  }
  if (settings.grant != Grant::authorization_code) {
    return cannot("this way to get a token needs a client_id: register one at " + server.issuer + " and configure it");
  }
  if (server.takes_client_documents && !settings.client_metadata_url.empty()) {
    return IdentityChoice{.kind = IdentityKind::document,
                          .identity = {.issuer = server.issuer,
                                       .id = settings.client_metadata_url,
                                       .auth_method = settings.private_key.empty() ? "none" : "private_key_jwt",
                                       .redirect_uri = std::string(redirect_uri)}};
  }
  // What one server gave is of no use to another, and nothing that one may be shown.
  if (registered && registered->issuer == server.issuer && registered->redirect_uri == redirect_uri &&
      (!registered->secret_expires || *registered->secret_expires > now)) {
    return IdentityChoice{.kind = IdentityKind::registered, .identity = *registered};
  }
  if (settings.register_clients && !server.registration_endpoint.empty()) {
    return IdentityChoice{.kind = IdentityKind::must_register, .identity = {}};
  }
  return cannot("the authorization server " + server.issuer +
                " registers no clients by itself: register meantime there and configure oauth.client_id");
}

WebRequest registration_request(const OauthSettings& settings, const ServerMetadata& server,
                                std::string_view redirect_uri, const std::vector<std::string>& scopes) {
  auto body = client_metadata(settings, {std::string(redirect_uri)});
  const auto wanted = wanted_methods(settings);
  std::string method = wanted.front();
  for (const auto& each : wanted) {
    if (server.token_auth_methods && contains(*server.token_auth_methods, each)) {
      method = each;
      break;
    }
  }
  body["token_endpoint_auth_method"] = settings.token_auth_method.empty() ? method : settings.token_auth_method;
  if (!scopes.empty()) body["scope"] = join_scopes(scopes);
  return {.method = "POST",
          .url = server.registration_endpoint,
          .headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}},
          .body = json::serialize(body)};
}

Result<ClientIdentity> read_registration(const WebAnswer& answer, std::string_view issuer,
                                         std::string_view redirect_uri) {
  const auto object = object_in(answer.body);
  if (answer.status != 200 && answer.status != 201) {
    std::string why = object ? readable(text_of(*object, "error")) : "";
    if (object && !text_of(*object, "error_description").empty()) {
      why += " (" + readable(text_of(*object, "error_description")) + ")";
    }
    return cannot("the authorization server " + std::string(issuer) +
                  " did not register meantime: " + (why.empty() ? "status " + std::to_string(answer.status) : why) +
                  ". Register it there by hand and configure oauth.client_id");
  }
  ClientIdentity identity{.issuer = std::string(issuer), .redirect_uri = std::string(redirect_uri)};
  if (object) identity.id = text_of(*object, "client_id");
  if (identity.id.empty()) {
    return fail(errc::corrupt, "auth.oauth",
                "the answer to the registration at " + std::string(issuer) + " has no client_id");
  }
  identity.secret = text_of(*object, "client_secret");
  identity.auth_method = text_of(*object, "token_endpoint_auth_method");
  if (const auto expires = seconds_of(*object, "client_secret_expires_at"); expires && expires->count() > 0) {
    identity.secret_expires = WallTime(*expires);
  }
  return identity;
}

std::string client_document(const OauthSettings& settings, std::string_view url,
                            const std::vector<std::string>& redirect_uris) {
  auto document = client_metadata(settings, redirect_uris);
  document["client_id"] = url;
  document["token_endpoint_auth_method"] = settings.private_key.empty() ? "none" : "private_key_jwt";
  if (!settings.private_key.empty()) {
    if (const auto key = SigningKey::read(settings.private_key, settings.private_key_algorithm)) {
      document["jwks"] = json::object{{"keys", json::array{json::parse(key->jwk(false))}}};
    }
  }
  return json::serialize(document);
}

Result<Authorization> make_authorization(const ServerMetadata& server, std::string_view client_id,
                                         std::string_view redirect_uri, std::string_view resource,
                                         const std::vector<std::string>& scopes, Random& random) {
  if (server.authorization_endpoint.empty()) {
    return cannot("the authorization server " + server.issuer + " has no authorization endpoint");
  }
  if (!server.assumed && (!server.challenge_methods || !contains(*server.challenge_methods, "S256"))) {
    return cannot("the authorization server " + server.issuer +
                  " does not say that it supports PKCE with S256, without which no code may be asked for");
  }
  Authorization asked{.issuer = server.issuer,
                      .issuer_required = server.sends_issuer,
                      .state = random_text(random, 24),
                      .verifier = random_text(random, 48),
                      .redirect_uri = std::string(redirect_uri)};
  Form query{{"response_type", "code"},
             {"client_id", std::string(client_id)},
             {"redirect_uri", asked.redirect_uri},
             {"state", asked.state},
             {"code_challenge", base64url(bytes_of(sha256(asked.verifier)))},
             {"code_challenge_method", "S256"},
             {"resource", std::string(resource)}};
  if (!scopes.empty()) query.emplace_back("scope", join_scopes(scopes));
  // OpenID gives a refresh token only when the user was asked for it.
  if (contains(scopes, refresh_scope)) query.emplace_back("prompt", "consent");
  asked.url = with_query(server.authorization_endpoint, query);
  return asked;
}

Result<std::string> read_redirect(const Authorization& asked, std::string_view redirected_to) {
  const auto wrong = [](std::string detail) { return fail(errc::invalid_argument, "auth.oauth", std::move(detail)); };
  const auto got = parse_url(redirected_to);
  const auto expected = parse_url(asked.redirect_uri);
  if (!got || !expected || got->origin() != expected->origin() || got->path != expected->path) {
    return wrong("the browser was not sent back to the redirect URI: start again");
  }
  const auto fields = decode_form(got->query);
  if (!fields) return wrong("the browser was sent back with a query that cannot be read: start again");
  const auto state = only_field(*fields, "state");
  if (!state || !same_secret(*state, asked.state)) {
    return wrong("the answer belongs to no request of ours (state): start again");
  }
  bool has_issuer = false;
  for (const auto& [name, value] : *fields) has_issuer = has_issuer || name == "iss";
  const auto issuer = only_field(*fields, "iss");
  if (has_issuer ? issuer != std::string_view(asked.issuer) : asked.issuer_required) {
    return wrong("the answer is not from the authorization server that was asked (iss): the code is not used");
  }
  if (const auto error = only_field(*fields, "error")) {
    std::string detail = "the authorization server " + asked.issuer + " refused: " + readable(*error);
    if (const auto more = only_field(*fields, "error_description")) detail += " (" + readable(*more) + ")";
    return wrong(std::move(detail));
  }
  const auto code = only_field(*fields, "code");
  if (!code || code->empty()) return wrong("the authorization server " + asked.issuer + " sent no code: start again");
  return std::string(*code);
}

Result<TokenAuth> choose_token_auth(const OauthSettings& settings, const ServerMetadata& server,
                                    const ClientIdentity& identity) {
  const bool has_key = !settings.private_key.empty();
  const bool has_secret = !identity.secret.empty();
  // RFC 8414: a server that lists nothing takes client_secret_basic.
  const auto takes = [&](std::string_view name) {
    return server.token_auth_methods ? contains(*server.token_auth_methods, name) : name == "client_secret_basic";
  };
  if (!settings.token_auth_method.empty()) {
    const auto method = method_named(settings.token_auth_method);
    if (!method) return cannot("token_auth_method is none, client_secret_basic, client_secret_post or private_key_jwt");
    return *method;
  }
  if (const auto registered = method_named(identity.auth_method)) {
    const bool can =
        *registered == TokenAuth::none || (*registered == TokenAuth::private_key_jwt ? has_key : has_secret);
    if (can) return *registered;
  }
  if (has_key && takes("private_key_jwt")) return TokenAuth::private_key_jwt;
  if (has_secret && takes("client_secret_basic")) return TokenAuth::basic;
  if (has_secret && takes("client_secret_post")) return TokenAuth::post;
  if (!has_secret && !has_key) {
    if (settings.grant == Grant::client_credentials) {
      return cannot("client_credentials needs a client_secret or a private_key: configure one");
    }
    return TokenAuth::none;
  }
  if (takes("none")) return TokenAuth::none;
  return cannot(
      "the authorization server " + server.issuer +
      " takes none of the ways in which we can show who we are: configure token_auth_method, or a client_secret "
      "or private_key as it wants");
}

Result<WebRequest> token_request(const ServerMetadata& server, const ClientIdentity& identity, TokenAuth method,
                                 Form form, const SigningKey* key, WallTime now, Random& random) {
  WebRequest request{.method = "POST",
                     .url = server.token_endpoint,
                     .headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}},
                     .body = {}};
  if (method == TokenAuth::basic) {
    // RFC 6749, 2.3.1: each half is form-encoded first.
    request.headers.push_back(
        {"Authorization", "Basic " + base64(encode_form_text(identity.id) + ":" + encode_form_text(identity.secret))});
  } else {
    form.emplace_back("client_id", identity.id);
  }
  if (method == TokenAuth::post) form.emplace_back("client_secret", identity.secret);
  if (method == TokenAuth::private_key_jwt) {
    if (key == nullptr) return fail(errc::internal, "auth.oauth", "there is no private key to sign with");
    const auto seconds = unix_seconds(now);
    auto assertion = key->sign({{"typ", "JWT"}}, {{"iss", identity.id},
                                                  {"sub", identity.id},
                                                  {"aud", server.issuer},
                                                  {"jti", random_text(random, 16)},
                                                  {"iat", seconds},
                                                  {"exp", seconds + assertion_life.count()}});
    if (!assertion) return std::unexpected(assertion.error());
    form.emplace_back("client_assertion_type", assertion_type);
    form.emplace_back("client_assertion", std::move(*assertion));
  }
  request.body = encode_form(form);
  return request;
}

Form code_form(const Authorization& asked, std::string_view code, std::string_view resource) {
  return {{"grant_type", "authorization_code"},
          {"code", std::string(code)},
          {"redirect_uri", asked.redirect_uri},
          {"code_verifier", asked.verifier},
          {"resource", std::string(resource)}};
}

Form refresh_form(const Token& token, std::string_view resource) {
  return {{"grant_type", "refresh_token"}, {"refresh_token", token.refresh}, {"resource", std::string(resource)}};
}

Result<Token> read_token(const WebAnswer& answer, const std::vector<std::string>& asked, WallTime now,
                         std::string* refused_as) {
  const auto object = object_in(answer.body);
  if (answer.status >= 500 || answer.status == 429) {
    return fail(errc::unavailable, "auth.oauth",
                "the token endpoint answered with status " + std::to_string(answer.status) + ": ask again later",
                std::chrono::seconds(5));
  }
  if (answer.status != 200) {
    const auto error = object ? readable(text_of(*object, "error")) : std::string();
    const auto more = object ? readable(text_of(*object, "error_description")) : std::string();
    if (refused_as != nullptr) *refused_as = error;
    return fail(errc::invalid_argument, "auth.oauth",
                "the token endpoint refused: " + (error.empty() ? "status " + std::to_string(answer.status) : error) +
                    (more.empty() ? "" : " (" + more + ")"));
  }
  const auto corrupt = [](std::string_view what) {
    return fail(errc::corrupt, "auth.oauth", "the token endpoint's answer " + std::string(what));
  };
  if (!object) return corrupt("is not a JSON object");
  Token token{.access = text_of(*object, "access_token"), .refresh = text_of(*object, "refresh_token")};
  if (!is_token_text(token.access)) return corrupt("holds no access_token that could be sent");
  const auto type = text_of(*object, "token_type");
  if (same_ignoring_case(type, "dpop")) {
    token.type = "DPoP";
  } else if (!same_ignoring_case(type, "bearer")) {
    return corrupt("has a token_type that is neither Bearer nor DPoP");
  }
  const auto* scope = object->if_contains("scope");
  token.scopes = scope != nullptr && scope->is_string() ? split_scopes(scope->get_string()) : asked;
  if (const auto life = seconds_of(*object, "expires_in")) token.expires = now + *life;
  return token;
}

Result<std::string> dpop_proof(const SigningKey& key, std::string_view method, std::string_view url,
                               std::string_view access_token, std::string_view nonce, WallTime now, Random& random) {
  const auto parsed = parse_url(url);
  if (!parsed) return std::unexpected(parsed.error());
  json::object claims{{"jti", random_text(random, 16)},
                      {"htm", method},
                      {"htu", parsed->origin() + parsed->path},
                      {"iat", unix_seconds(now)}};
  if (!access_token.empty()) claims["ath"] = base64url(bytes_of(sha256(access_token)));
  if (!nonce.empty()) claims["nonce"] = nonce;
  return key.sign({{"typ", "dpop+jwt"}, {"jwk", json::parse(key.jwk(false))}}, claims);
}

}  // namespace meantime::auth
