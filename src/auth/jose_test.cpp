// SPDX-License-Identifier: MIT
#include "auth/jose.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "auth/digest.hpp"
#include "support/child.hpp"

namespace meantime::auth {
namespace {

namespace json = boost::json;

// Appendix A.3 of RFC 7515.
constexpr std::string_view rfc_token =
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
constexpr std::string_view rfc_key =
    R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";

std::string pem(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"openssl", "genpkey", "-quiet"});
  return test::run_program(arguments);
}

KeySet set_of(std::initializer_list<std::string> keys) {
  std::string text;
  for (const auto& each : keys) text += (text.empty() ? "" : ",") + each;
  auto set = KeySet::parse("{\"keys\":[" + text + "]}");
  EXPECT_TRUE(set) << set.error().detail;
  return std::move(*set);
}

std::string with(const std::string& jwk, std::initializer_list<std::pair<std::string, json::value>> more) {
  auto value = json::parse(jwk).as_object();
  for (const auto& [name, each] : more) value[name] = each;
  return json::serialize(value);
}

TEST(Jose, TheVectorOfRfc7515IsVerified) {
  const auto token = parse_jwt(rfc_token);
  ASSERT_TRUE(token) << token.error().detail;
  EXPECT_EQ(token->algorithm, "ES256");
  EXPECT_EQ(token->claims.at("iss"), "joe");
  const auto keys = KeySet::parse(rfc_key);
  ASSERT_TRUE(keys) << keys.error().detail;
  EXPECT_TRUE(keys->verify(*token));
}

TEST(Jose, ATokenThatWasTouchedIsNotVerified) {
  const auto keys = *KeySet::parse(rfc_key);
  for (const std::size_t at : {25U, 60U, 120U, 180U}) {
    std::string text(rfc_token);
    text[at] = text[at] == 'A' ? 'B' : 'A';
    const auto token = parse_jwt(text);
    EXPECT_FALSE(token && keys.verify(*token)) << at;
  }
}

TEST(Jose, EveryAlgorithmSignsAndIsVerified) {
  const auto rsa = pem({"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"});
  const auto p256 = pem({"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"});
  const auto p384 = pem({"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"});
  const auto p521 = pem({"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"});
  const std::pair<std::string, std::string> cases[] = {{"RS256", rsa},  {"RS384", rsa},  {"RS512", rsa},
                                                       {"PS256", rsa},  {"PS384", rsa},  {"PS512", rsa},
                                                       {"ES256", p256}, {"ES384", p384}, {"ES512", p521}};
  const auto stranger = SigningKey::make();
  for (const auto& [name, text] : cases) {
    const auto key = SigningKey::read(text, name);
    ASSERT_TRUE(key) << name << ": " << key.error().detail;
    const auto compact = key->sign({{"kid", "k"}, {"typ", "at+jwt"}}, {{"sub", "a"}, {"n", 1}});
    ASSERT_TRUE(compact) << name;
    const auto token = parse_jwt(*compact);
    ASSERT_TRUE(token) << name << ": " << token.error().detail;
    EXPECT_EQ(token->type, "at+jwt");
    EXPECT_EQ(token->claims.at("n"), 1);
    EXPECT_TRUE(set_of({with(key->jwk(false), {{"kid", "k"}})}).verify(*token)) << name;
    EXPECT_FALSE(set_of({with(key->jwk(false), {{"kid", "other"}})}).verify(*token)) << name;
    EXPECT_FALSE(set_of({with(stranger.jwk(false), {{"kid", "k"}})}).verify(*token)) << name;
    EXPECT_EQ(SigningKey::read(text)->algorithm().substr(0, 2), name.substr(0, 2) == "PS" ? "RS" : name.substr(0, 2));
  }
}

TEST(Jose, AKeyIsHeldToItsAlgorithm) {
  const auto key = SigningKey::make();
  const auto token = *parse_jwt(*key.sign({}, {{"sub", "a"}}));
  EXPECT_TRUE(set_of({with(key.jwk(false), {{"alg", "ES256"}, {"use", "sig"}, {"key_ops", json::array{"verify"}}})})
                  .verify(token));
  for (const auto& jwk :
       {with(key.jwk(false), {{"alg", "RS256"}}), with(key.jwk(false), {{"use", "enc"}}),
        with(key.jwk(false), {{"key_ops", json::array{"sign"}}}), with(key.jwk(false), {{"alg", "HS256"}})}) {
    EXPECT_FALSE(KeySet::parse("{\"keys\":[" + jwk + "]}")) << jwk;
  }
}

TEST(Jose, UnsignedAndSymmetricTokensAreRefused) {
  const auto make = [](std::string_view header, std::string_view signature) {
    return base64url(header) + "." + base64url(R"({"sub":"a"})") + "." + std::string(signature);
  };
  for (const auto& text :
       {make(R"({"alg":"none"})", ""), make(R"({"alg":"HS256"})", "AAAA"), make(R"({"alg":"EdDSA"})", "AAAA"),
        make(R"({})", "AAAA"), make(R"({"alg":["ES256"]})", "AAAA"), make(R"({"alg":"ES256","crit":["b64"]})", "AAAA"),
        make("[]", "AAAA"), make("{", "AAAA"), std::string("a.b"), std::string("a.b.c.d"), std::string("..")}) {
    EXPECT_FALSE(parse_jwt(text)) << text;
  }
  EXPECT_FALSE(parse_jwt(std::string(20'000, 'a')));
}

TEST(Jose, ThePublicKeyIsNoSecretToSignWith) {
  // The oldest trick: HS256 with the public key's text, or a secret key in the set.
  EXPECT_FALSE(KeySet::parse(R"({"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}]})"));
  EXPECT_FALSE(SigningKey::read(R"({"kty":"oct","k":"c2VjcmV0","d":"x"})"));
}

TEST(Jose, SetsOfKeysThatCannotBeUsedAreRefused) {
  for (const std::string_view text :
       {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[1,"a",{}]})",
        R"({"keys":[{"kty":"EC","crv":"P-256"}]})", R"({"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}]})",
        R"({"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]})",
        R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]})"}) {
    const auto set = KeySet::parse(text);
    ASSERT_FALSE(set) << text;
    EXPECT_EQ(set.error().code, errc::corrupt);
  }
}

TEST(Jose, KeysThatCannotBeUsedStandInNobodysWay) {
  const auto key = SigningKey::make();
  const auto set = set_of({R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})", with(key.jwk(false), {{"kid", "k"}})});
  EXPECT_EQ(set.size(), 1U);
  EXPECT_TRUE(set.knows("k"));
  EXPECT_FALSE(set.knows(""));
}

TEST(Jose, PrivateKeysAreReadAndWrongOnesRefused) {
  const auto key = SigningKey::make();
  const auto again = SigningKey::read(key.jwk(true));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_TRUE(set_of({key.jwk(false)}).verify(*parse_jwt(*again->sign({}, {{"sub", "a"}}))));
  EXPECT_EQ(key.jwk(false).find("\"d\""), std::string::npos);
  const auto small = pem({"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"});
  const auto locked = pem({"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes128", "-pass", "pass:x"});
  for (const std::string& text :
       {std::string(), std::string("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), key.jwk(false),
        small, locked, pem({"-algorithm", "ED25519"})}) {
    EXPECT_FALSE(SigningKey::read(text)) << text;
  }
  EXPECT_FALSE(SigningKey::read(key.jwk(true), "ES384"));
  EXPECT_FALSE(SigningKey::read(key.jwk(true), "RS256"));
}

}  // namespace
}  // namespace meantime::auth
