// SPDX-License-Identifier: MIT
#include "auth/oauth_rules.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "auth/digest.hpp"

namespace meantime::auth {
namespace {

namespace json = boost::json;
using Texts = std::vector<std::string>;

constexpr WallTime now{std::chrono::seconds(1'790'000'000)};

ServerMetadata server() {
  return {.issuer = "https://as",
          .authorization_endpoint = "https://as/authorize?tenant=1",
          .token_endpoint = "https://as/token",
          .registration_endpoint = "https://as/register",
          .challenge_methods = Texts{"S256"}};
}

std::string field(const std::string& form, std::string_view name) {
  const auto fields = decode_form(form);
  return std::string(only_field(*fields, name).value_or("(absent)"));
}

TEST(OauthScopes, AreChosenInTheOrderOfTheSpecification) {
  OauthSettings settings;
  const auto plain = server();
  const Challenge challenge{.scheme = "Bearer", .parameters = {{"scope", "c1 c2"}}};
  const ResourceMetadata resource{.resource = "r", .issuers = {"https://as"}, .scopes = Texts{"r1"}};
  EXPECT_EQ(choose_scopes(settings, &challenge, &resource, plain, {}), (Texts{"c1", "c2"}));
  EXPECT_EQ(choose_scopes(settings, nullptr, &resource, plain, {}), (Texts{"r1"}));
  EXPECT_EQ(choose_scopes(settings, nullptr, nullptr, plain, {}), Texts{});
  EXPECT_EQ(choose_scopes(settings, &challenge, &resource, plain, {"old"}), (Texts{"old", "c1", "c2"}))
      << "a step up keeps what was";
  settings.scopes = {"mine"};
  EXPECT_EQ(choose_scopes(settings, nullptr, &resource, plain, {}), (Texts{"mine"}));
}

TEST(OauthScopes, OfflineAccessOnlyWhereTheServerOffersIt) {
  OauthSettings settings;
  auto offers = server();
  offers.scopes = {"a", "offline_access"};
  const Challenge challenge{.scheme = "Bearer", .parameters = {{"scope", "a offline_access"}}};
  EXPECT_EQ(choose_scopes(settings, &challenge, nullptr, server(), {}), (Texts{"a"}));
  EXPECT_EQ(choose_scopes(settings, &challenge, nullptr, offers, {}), (Texts{"a", "offline_access"}));
  EXPECT_EQ(choose_scopes(settings, nullptr, nullptr, offers, {}), Texts{})
      << "alone it would narrow what no scope leaves open";
  EXPECT_EQ(choose_scopes(settings, nullptr, nullptr, offers, {"a"}), (Texts{"a", "offline_access"}));
  settings.offline_access = false;
  EXPECT_EQ(choose_scopes(settings, nullptr, nullptr, offers, {"a"}), (Texts{"a"}));
}

TEST(OauthIssuer, ACredentialStaysWithItsServer) {
  const ResourceMetadata resource{.resource = "r", .issuers = {"https://one", "https://two"}};
  EXPECT_EQ(*choose_issuer({}, resource, ""), "https://one");
  EXPECT_EQ(*choose_issuer({}, resource, "https://two"), "https://two");
  EXPECT_EQ(*choose_issuer({}, resource, "https://gone"), "https://one");
  EXPECT_EQ(*choose_issuer({.issuer = "https://two"}, resource, "https://one"), "https://two");
  EXPECT_EQ(choose_issuer({.issuer = "https://three"}, resource, "").error().code, errc::invalid_argument);
}

TEST(OauthIdentity, KnownBeforehandThenDocumentThenRegistration) {
  OauthSettings settings{.client_id = "known", .client_secret = "s", .client_metadata_url = "https://me/client.json"};
  auto metadata = server();
  metadata.takes_client_documents = true;
  const std::optional<ClientIdentity> before(
      ClientIdentity{.issuer = "https://as", .id = "dyn", .redirect_uri = "uri"});
  const auto kind = [&](std::string_view uri = "uri") {
    auto choice = choose_identity(settings, metadata, before, uri, now);
    EXPECT_TRUE(choice) << choice.error().detail;
    return std::pair(choice->kind, choice->identity.id);
  };
  EXPECT_EQ(kind(), std::pair(IdentityKind::known_beforehand, std::string("known")));
  settings.client_id.clear();
  EXPECT_EQ(kind(), std::pair(IdentityKind::document, std::string("https://me/client.json")));
  metadata.takes_client_documents = false;
  EXPECT_EQ(kind(), std::pair(IdentityKind::registered, std::string("dyn")));
  EXPECT_EQ(kind("other").first, IdentityKind::must_register) << "redirect URIs are compared exactly";
  metadata.issuer = "https://as2";
  EXPECT_EQ(kind().first, IdentityKind::must_register) << "what one server gave, another never sees";
  metadata.registration_endpoint.clear();
  EXPECT_EQ(choose_identity(settings, metadata, before, "uri", now).error().code, errc::unsupported);
}

TEST(OauthIdentity, ASecretThatHasExpiredIsRegisteredAnew) {
  const std::optional<ClientIdentity> before(
      ClientIdentity{.issuer = "https://as", .id = "dyn", .redirect_uri = "uri", .secret_expires = now});
  EXPECT_EQ(choose_identity({}, server(), before, "uri", now)->kind, IdentityKind::must_register);
  EXPECT_EQ(choose_identity({}, server(), before, "uri", now - Milliseconds(1))->kind, IdentityKind::registered);
}

TEST(OauthRegistration, SaysWhatWeAre) {
  auto metadata = server();
  metadata.token_auth_methods = Texts{"client_secret_post", "client_secret_basic"};
  const auto request = registration_request({}, metadata, "http://127.0.0.1:1/callback", {"a", "b"});
  EXPECT_EQ(request.url, "https://as/register");
  const auto body = json::parse(request.body);
  EXPECT_EQ(body.at("application_type"), "native");
  EXPECT_EQ(body.at("grant_types"), (json::array{"authorization_code", "refresh_token"}));
  EXPECT_EQ(body.at("redirect_uris"), (json::array{"http://127.0.0.1:1/callback"}));
  EXPECT_EQ(body.at("token_endpoint_auth_method"), "client_secret_basic");
  EXPECT_EQ(body.at("scope"), "a b");
}

TEST(OauthRegistration, AnswersGoodAndBad) {
  const auto read = [](int status, std::string body) {
    return read_registration({.status = status, .headers = {}, .body = std::move(body)}, "https://as", "uri");
  };
  const auto good = read(
      201,
      R"({"client_id":"a","client_secret":"s","client_secret_expires_at":1790000001,"token_endpoint_auth_method":"client_secret_post"})");
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, (ClientIdentity{.issuer = "https://as",
                                   .id = "a",
                                   .secret = "s",
                                   .auth_method = "client_secret_post",
                                   .redirect_uri = "uri",
                                   .secret_expires = now + std::chrono::seconds(1)}));
  EXPECT_FALSE(read(200, R"({"client_id":"a","client_secret_expires_at":0})")->secret_expires);
  for (const std::string body : {"", "{}", R"({"client_id":7})", "[]"})
    EXPECT_EQ(read(201, body).error().code, errc::corrupt) << body;
  const auto refused = read(400, "{\"error\":\"invalid_redirect_uri\",\"error_description\":\"no\\n\x1b[31m\"}");
  EXPECT_EQ(refused.error().code, errc::unsupported);
  EXPECT_EQ(read(400, R"({"error":"invalid_redirect_uri","error_description":"no\nway"})").error().detail.find('\n'),
            std::string::npos);
  EXPECT_NE(read(403, "no").error().detail.find("status 403"), std::string::npos);
}

TEST(OauthAuthorization, HasPkceResourceAndStateNewEachTime) {
  SystemRandom random;
  const auto asked =
      make_authorization(server(), "me", "http://127.0.0.1:1/callback", "https://h/mcp", {"a", "b"}, random);
  ASSERT_TRUE(asked);
  EXPECT_TRUE(asked->url.starts_with("https://as/authorize?tenant=1&")) << asked->url;
  const auto query = asked->url.substr(asked->url.find('?') + 1);
  EXPECT_EQ(field(query, "response_type"), "code");
  EXPECT_EQ(field(query, "client_id"), "me");
  EXPECT_EQ(field(query, "code_challenge_method"), "S256");
  EXPECT_EQ(field(query, "code_challenge"), base64url(bytes_of(sha256(asked->verifier))));
  EXPECT_EQ(field(query, "resource"), "https://h/mcp");
  EXPECT_EQ(field(query, "scope"), "a b");
  EXPECT_EQ(field(query, "state"), asked->state);
  EXPECT_EQ(field(query, "redirect_uri"), "http://127.0.0.1:1/callback");
  EXPECT_EQ(asked->url.find(asked->verifier), std::string::npos);
  EXPECT_GE(asked->verifier.size(), 43U);
  const auto again = make_authorization(server(), "me", "uri", "r", {}, random);
  EXPECT_NE(again->state, asked->state);
  EXPECT_NE(again->verifier, asked->verifier);
  EXPECT_EQ(field(again->url.substr(again->url.find('?') + 1), "scope"), "(absent)");
}

TEST(OauthAuthorization, WithoutPkceNoCodeIsAskedFor) {
  SystemRandom random;
  auto metadata = server();
  metadata.challenge_methods.reset();
  EXPECT_EQ(make_authorization(metadata, "me", "uri", "r", {}, random).error().code, errc::unsupported);
  metadata.challenge_methods = Texts{"plain"};
  EXPECT_EQ(make_authorization(metadata, "me", "uri", "r", {}, random).error().code, errc::unsupported);
  EXPECT_TRUE(make_authorization(assumed_server(*parse_url("https://h/mcp")), "me", "uri", "r", {}, random))
      << "2025-03-26 had no way to say";
  metadata = server();
  metadata.authorization_endpoint.clear();
  EXPECT_FALSE(make_authorization(metadata, "me", "uri", "r", {}, random));
}

TEST(OauthRedirect, TheTableOfRfc9207) {
  struct Row {
    bool advertised;
    std::string_view sent;
    bool accepted;
  };
  for (const auto& row :
       {Row{true, "&iss=https%3A%2F%2Fas", true}, Row{true, "", false}, Row{true, "&iss=https%3A%2F%2Fevil", false},
        Row{true, "&iss=https%3A%2F%2Fas%2F", false}, Row{true, "&iss=HTTPS%3A%2F%2Fas", false},
        Row{true, "&iss=https%3A%2F%2Fas%3A443", false}, Row{true, "&iss=https%3A%2F%2Fas&iss=https%3A%2F%2Fas", false},
        Row{true, "&iss=", false}, Row{false, "", true}, Row{false, "&iss=https%3A%2F%2Fas", true},
        Row{false, "&iss=https%3A%2F%2Fevil", false}, Row{false, "&iss=", false}}) {
    const Authorization asked{.url = {},
                              .issuer = "https://as",
                              .issuer_required = row.advertised,
                              .state = "s",
                              .verifier = {},
                              .redirect_uri = "http://127.0.0.1:1/callback"};
    const auto code = read_redirect(asked, "http://127.0.0.1:1/callback?code=c&state=s" + std::string(row.sent));
    EXPECT_EQ(code.has_value(), row.accepted) << row.advertised << row.sent;
    const auto error =
        read_redirect(asked, "http://127.0.0.1:1/callback?error=evil_text&state=s" + std::string(row.sent));
    ASSERT_FALSE(error);
    EXPECT_EQ(error.error().detail.find("evil_text") != std::string::npos, row.accepted)
        << "nothing of a stranger's answer is shown";
  }
}

TEST(OauthRedirect, WhatIsNotOursIsRefused) {
  const Authorization asked{
      .url = {}, .issuer = "https://as", .state = "s", .verifier = {}, .redirect_uri = "http://127.0.0.1:1/callback"};
  for (const std::string_view url :
       {"", "http://127.0.0.1:1/callback", "http://127.0.0.1:1/callback?code=c",
        "http://127.0.0.1:1/callback?code=c&state=x", "http://127.0.0.1:1/callback?code=c&state=s&state=s",
        "http://127.0.0.1:1/callback?code=c&code=d&state=s", "http://127.0.0.1:1/callback?state=s",
        "http://127.0.0.1:1/callback?code=&state=s", "http://127.0.0.1:2/callback?code=c&state=s",
        "http://127.0.0.1:1/other?code=c&state=s", "https://evil/callback?code=c&state=s",
        "http://127.0.0.1:1/callback?code=%zz&state=s"}) {
    EXPECT_FALSE(read_redirect(asked, url)) << url;
  }
  EXPECT_EQ(*read_redirect(asked, "http://127.0.0.1:1/callback?state=s&code=a%2Bb"), "a+b");
}

TEST(OauthTokenAuth, IsWhatTheServerTakesAndWeHave) {
  const OauthSettings none;
  const ClientIdentity secret{.issuer = "https://as", .id = "me", .secret = "s"};
  const ClientIdentity bare{.issuer = "https://as", .id = "me"};
  auto metadata = server();
  const auto choose = [&](const ClientIdentity& identity, const OauthSettings& settings) {
    return choose_token_auth(settings, metadata, identity);
  };
  EXPECT_EQ(*choose(secret, none), TokenAuth::basic) << "the default of RFC 8414";
  EXPECT_EQ(*choose(bare, none), TokenAuth::none);
  metadata.token_auth_methods = Texts{"client_secret_post"};
  EXPECT_EQ(*choose(secret, none), TokenAuth::post);
  metadata.token_auth_methods = Texts{"client_secret_post", "client_secret_basic"};
  EXPECT_EQ(*choose(secret, none), TokenAuth::basic);
  metadata.token_auth_methods = Texts{"none"};
  EXPECT_EQ(*choose(secret, none), TokenAuth::none);
  metadata.token_auth_methods = Texts{"tls_client_auth"};
  EXPECT_EQ(choose(secret, none).error().code, errc::unsupported);
  EXPECT_EQ(*choose(secret, {.token_auth_method = "client_secret_post"}), TokenAuth::post);
  EXPECT_FALSE(choose(secret, {.token_auth_method = "magic"}));
  auto registered = secret;
  registered.auth_method = "client_secret_post";
  metadata.token_auth_methods = Texts{"client_secret_post", "client_secret_basic"};
  EXPECT_EQ(*choose(registered, none), TokenAuth::post);
  metadata.token_auth_methods = Texts{"private_key_jwt", "client_secret_basic"};
  EXPECT_EQ(*choose(secret, {.private_key = "key"}), TokenAuth::private_key_jwt);
  EXPECT_FALSE(choose(bare, {.grant = Grant::client_credentials}));
}

TEST(OauthTokenRequest, ShowsWhoWeAreEachWay) {
  SystemRandom random;
  const ClientIdentity identity{.issuer = "https://as", .id = "me:1", .secret = "s &"};
  const Form form{{"grant_type", "x"}};
  const auto make = [&](TokenAuth method, const SigningKey* key = nullptr) {
    return *token_request(server(), identity, method, form, key, now, random);
  };
  const auto basic = make(TokenAuth::basic);
  EXPECT_EQ(basic.headers.back().value, "Basic " + base64("me%3A1:s+%26")) << "each half is encoded first";
  EXPECT_EQ(basic.body, "grant_type=x");
  const auto post = make(TokenAuth::post);
  EXPECT_EQ(field(post.body, "client_id"), "me:1");
  EXPECT_EQ(field(post.body, "client_secret"), "s &");
  const auto none = make(TokenAuth::none);
  EXPECT_EQ(field(none.body, "client_id"), "me:1");
  EXPECT_EQ(field(none.body, "client_secret"), "(absent)");
  const auto key = SigningKey::make();
  const auto signed_request = make(TokenAuth::private_key_jwt, &key);
  EXPECT_EQ(field(signed_request.body, "client_assertion_type"),
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  const auto assertion = parse_jwt(field(signed_request.body, "client_assertion"));
  ASSERT_TRUE(assertion);
  EXPECT_EQ(assertion->claims.at("iss"), "me:1");
  EXPECT_EQ(assertion->claims.at("sub"), "me:1");
  EXPECT_EQ(assertion->claims.at("aud"), "https://as");
  EXPECT_EQ(
      assertion->claims.at("exp").to_number<std::int64_t>() - assertion->claims.at("iat").to_number<std::int64_t>(),
      120);
  EXPECT_FALSE(token_request(server(), identity, TokenAuth::private_key_jwt, form, nullptr, now, random));
}

TEST(OauthToken, AnswersGoodAndBad) {
  const auto read = [](int status, std::string body, std::string* refused = nullptr) {
    return read_token({.status = status, .headers = {}, .body = std::move(body)}, {"asked"}, now, refused);
  };
  EXPECT_EQ(
      *read(200, R"({"access_token":"a","token_type":"bearer","expires_in":10,"refresh_token":"r","scope":"x y"})"),
      (Token{.access = "a",
             .type = "Bearer",
             .refresh = "r",
             .scopes = {"x", "y"},
             .expires = now + std::chrono::seconds(10)}));
  EXPECT_EQ(*read(200, R"({"access_token":"a","token_type":"DPOP","expires_in":"10"})"),
            (Token{.access = "a", .type = "DPoP", .scopes = {"asked"}, .expires = now + std::chrono::seconds(10)}));
  EXPECT_FALSE(read(200, R"({"access_token":"a","token_type":"Bearer","expires_in":-1})")->expires);
  for (const std::string body :
       {"", "[]", "{}", R"({"access_token":"a"})", R"({"access_token":"a","token_type":"mac"})",
        R"({"access_token":"","token_type":"Bearer"})", R"({"access_token":"a\r\nX: y","token_type":"Bearer"})",
        R"({"access_token":7,"token_type":"Bearer"})", R"({"access_token":"a b","token_type":"Bearer"})"}) {
    EXPECT_EQ(read(200, body).error().code, errc::corrupt) << body;
  }
  std::string refused;
  EXPECT_EQ(read(400, R"({"error":"invalid_grant","error_description":"expired"})", &refused).error().code,
            errc::invalid_argument);
  EXPECT_EQ(refused, "invalid_grant");
  EXPECT_EQ(read(503, R"({"error":"invalid_grant"})").error().code, errc::unavailable);
  EXPECT_EQ(read(429, "").error().code, errc::unavailable);
  EXPECT_EQ(read(302, "").error().code, errc::invalid_argument);
}

TEST(Dpop, AProofIsForOneRequest) {
  SystemRandom random;
  const auto key = SigningKey::make();
  const auto text = dpop_proof(key, "POST", "https://h/mcp?x=1#f", "token", "nonce", now, random);
  ASSERT_TRUE(text);
  const auto proof = *parse_jwt(*text);
  EXPECT_EQ(proof.type, "dpop+jwt");
  EXPECT_EQ(proof.claims.at("htu"), "https://h/mcp");
  EXPECT_EQ(proof.claims.at("htm"), "POST");
  EXPECT_EQ(proof.claims.at("nonce"), "nonce");
  EXPECT_EQ(proof.claims.at("ath"), json::string(base64url(bytes_of(sha256("token")))));
  EXPECT_FALSE(proof.header.at("jwk").as_object().contains("d"));
  EXPECT_TRUE(KeySet::parse(R"({"keys":[)" + key.jwk(false) + "]}")->verify(proof));
  const auto other = *parse_jwt(*dpop_proof(key, "POST", "https://h/mcp", "", "", now, random));
  EXPECT_NE(other.claims.at("jti"), proof.claims.at("jti"));
  EXPECT_FALSE(other.claims.contains("ath"));
  EXPECT_FALSE(other.claims.contains("nonce"));
}

TEST(ClientDocument, NamesItselfAndNoSecret) {
  const auto key = SigningKey::make();
  const auto document = json::parse(
      client_document({.private_key = key.jwk(true)}, "https://me/client.json", {"http://127.0.0.1/callback"}));
  EXPECT_EQ(document.at("client_id"), "https://me/client.json");
  EXPECT_EQ(document.at("client_name"), "meantime");
  EXPECT_EQ(document.at("token_endpoint_auth_method"), "private_key_jwt");
  EXPECT_FALSE(document.at("jwks").at("keys").at(0).as_object().contains("d"));
  EXPECT_EQ(json::parse(client_document({}, "https://me/c", {"u"})).at("token_endpoint_auth_method"), "none");
}

}  // namespace
}  // namespace meantime::auth
