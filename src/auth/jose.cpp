// SPDX-License-Identifier: MIT
#include "auth/jose.hpp"

#include <cjose/cjose.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <stdexcept>

#include "auth/digest.hpp"

namespace meantime::auth {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_token = 16U << 10U;
constexpr std::size_t most_keys = 64;
constexpr std::size_t smallest_rsa = 2048;

struct Freed {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
  void operator()(cjose_header_t* header) const { cjose_header_release(header); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(char* text) const { std::free(text); }  // as cjose's default allocator
};
template <class T>
using Owned = std::unique_ptr<T, Freed>;

struct Algorithm {
  std::string_view name;
  cjose_jwk_kty_t kind;
  std::string_view curve;
};
constexpr Algorithm algorithms[] = {
    {"RS256", CJOSE_JWK_KTY_RSA, ""},     {"RS384", CJOSE_JWK_KTY_RSA, ""},     {"RS512", CJOSE_JWK_KTY_RSA, ""},
    {"PS256", CJOSE_JWK_KTY_RSA, ""},     {"PS384", CJOSE_JWK_KTY_RSA, ""},     {"PS512", CJOSE_JWK_KTY_RSA, ""},
    {"ES256", CJOSE_JWK_KTY_EC, "P-256"}, {"ES384", CJOSE_JWK_KTY_EC, "P-384"}, {"ES512", CJOSE_JWK_KTY_EC, "P-521"},
};

const Algorithm* find_algorithm(std::string_view name) {
  for (const auto& each : algorithms) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<json::object> object_of(std::string_view base64url_text) {
  const auto text = decode_base64url(base64url_text);
  if (!text) return std::nullopt;
  boost::system::error_code problem;
  auto value = json::parse(*text, problem);
  if (problem || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::unexpected<Error> bad_token(std::string detail) {
  return fail(errc::invalid_argument, "auth.jwt", std::move(detail));
}
std::unexpected<Error> bad_key(std::string detail) {
  return fail(errc::invalid_argument, "auth.key", std::move(detail));
}

std::string_view curve_name(const cjose_jwk_t* key) {
  cjose_err problem{};
  switch (cjose_jwk_EC_get_curve(key, &problem)) {
    case CJOSE_JWK_EC_P_256:
      return "P-256";
    case CJOSE_JWK_EC_P_384:
      return "P-384";
    case CJOSE_JWK_EC_P_521:
      return "P-521";
    default:
      return {};
  }
}

// Empty: no algorithm of ours.
std::string default_algorithm(const cjose_jwk_t* key) {
  cjose_err problem{};
  switch (cjose_jwk_get_kty(key, &problem)) {
    case CJOSE_JWK_KTY_RSA:
      return "RS256";
    case CJOSE_JWK_KTY_EC:
      for (const auto& each : algorithms) {
        if (!each.curve.empty() && each.curve == curve_name(key)) return std::string(each.name);
      }
      return {};
    default:
      return {};
  }
}

bool fits(const cjose_jwk_t* key, const Algorithm& algorithm) {
  cjose_err problem{};
  return cjose_jwk_get_kty(key, &problem) == algorithm.kind &&
         (algorithm.curve.empty() || curve_name(key) == algorithm.curve);
}

// Bytes of a number of the key; `size` 0: as many as it takes.
std::string number_of(const EVP_PKEY* key, const char* name, std::size_t size = 0) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
  const Owned<BIGNUM> number(raw);
  std::string bytes(std::max<std::size_t>(size, static_cast<std::size_t>(BN_num_bytes(raw))), '\0');
  if (BN_bn2binpad(raw, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) < 0) return {};
  return bytes;
}

unsigned char* bytes_in(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

Owned<cjose_jwk_t> key_from_ec(const EVP_PKEY* pem) {
  char group[32] = {};
  std::size_t length = 0;
  if (EVP_PKEY_get_utf8_string_param(pem, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &length) != 1)
    return nullptr;
  const std::string_view name(group, length);
  const auto curve = name == "prime256v1"  ? CJOSE_JWK_EC_P_256
                     : name == "secp384r1" ? CJOSE_JWK_EC_P_384
                     : name == "secp521r1" ? CJOSE_JWK_EC_P_521
                                           : CJOSE_JWK_EC_INVALID;
  if (curve == CJOSE_JWK_EC_INVALID) return nullptr;
  const std::size_t size = curve == CJOSE_JWK_EC_P_256 ? 32 : curve == CJOSE_JWK_EC_P_384 ? 48 : 66;
  auto d = number_of(pem, OSSL_PKEY_PARAM_PRIV_KEY, size);
  auto x = number_of(pem, OSSL_PKEY_PARAM_EC_PUB_X, size);
  auto y = number_of(pem, OSSL_PKEY_PARAM_EC_PUB_Y, size);
  if (d.empty() || x.empty() || y.empty()) return nullptr;
  cjose_jwk_ec_keyspec spec{};
  spec.crv = curve;
  spec.d = bytes_in(d);
  spec.dlen = d.size();
  spec.x = bytes_in(x);
  spec.xlen = x.size();
  spec.y = bytes_in(y);
  spec.ylen = y.size();
  cjose_err problem{};
  return Owned<cjose_jwk_t>(cjose_jwk_create_EC_spec(&spec, &problem));
}

Owned<cjose_jwk_t> key_from_rsa(const EVP_PKEY* pem) {
  std::string parts[] = {
      number_of(pem, OSSL_PKEY_PARAM_RSA_N),         number_of(pem, OSSL_PKEY_PARAM_RSA_E),
      number_of(pem, OSSL_PKEY_PARAM_RSA_D),         number_of(pem, OSSL_PKEY_PARAM_RSA_FACTOR1),
      number_of(pem, OSSL_PKEY_PARAM_RSA_FACTOR2),   number_of(pem, OSSL_PKEY_PARAM_RSA_EXPONENT1),
      number_of(pem, OSSL_PKEY_PARAM_RSA_EXPONENT2), number_of(pem, OSSL_PKEY_PARAM_RSA_COEFFICIENT1)};
  for (const auto& part : parts) {
    if (part.empty()) return nullptr;
  }
  cjose_jwk_rsa_keyspec spec{};
  spec.n = bytes_in(parts[0]);
  spec.nlen = parts[0].size();
  spec.e = bytes_in(parts[1]);
  spec.elen = parts[1].size();
  spec.d = bytes_in(parts[2]);
  spec.dlen = parts[2].size();
  spec.p = bytes_in(parts[3]);
  spec.plen = parts[3].size();
  spec.q = bytes_in(parts[4]);
  spec.qlen = parts[4].size();
  spec.dp = bytes_in(parts[5]);
  spec.dplen = parts[5].size();
  spec.dq = bytes_in(parts[6]);
  spec.dqlen = parts[6].size();
  spec.qi = bytes_in(parts[7]);
  spec.qilen = parts[7].size();
  cjose_err problem{};
  return Owned<cjose_jwk_t>(cjose_jwk_create_RSA_spec(&spec, &problem));
}

Owned<cjose_jwk_t> key_from_pem(std::string_view pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // No pass phrase: without this OpenSSL would ask on the terminal.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key) return nullptr;
  if (EVP_PKEY_is_a(key.get(), "EC") == 1) return key_from_ec(key.get());
  if (EVP_PKEY_is_a(key.get(), "RSA") == 1) return key_from_rsa(key.get());
  return nullptr;
}

// The public half of a JWK, rebuilt from what belongs to its kind; null: a kind that is not for us.
Owned<cjose_jwk_t> public_key_from(const json::object& jwk) {
  json::object kept;
  const auto keep = [&](std::string_view name) { kept[name] = text_of(jwk, name); };
  const auto kind = text_of(jwk, "kty");
  if (kind == "RSA") {
    for (const auto* name : {"kty", "n", "e"}) keep(name);
  } else if (kind == "EC") {
    for (const auto* name : {"kty", "crv", "x", "y"}) keep(name);
  } else {
    return nullptr;
  }
  const auto text = json::serialize(kept);
  cjose_err problem{};
  Owned<cjose_jwk_t> key(cjose_jwk_import(text.data(), text.size(), &problem));
  if (key && kind == "RSA" && cjose_jwk_get_keysize(key.get(), &problem) < smallest_rsa) return nullptr;
  return key;
}

bool is_for_signatures(const json::object& jwk) {
  const auto* use = jwk.if_contains("use");
  if (use != nullptr && (!use->is_string() || use->get_string() != "sig")) return false;
  const auto* operations = jwk.if_contains("key_ops");
  if (operations == nullptr) return true;
  if (!operations->is_array()) return false;
  return std::ranges::any_of(operations->get_array(),
                             [](const json::value& each) { return each.is_string() && each.get_string() == "verify"; });
}

}  // namespace

bool is_allowed_algorithm(std::string_view name) noexcept {
  return find_algorithm(name) != nullptr;
}

Result<Jwt> parse_jwt(std::string_view compact) {
  if (compact.size() > longest_token) return bad_token("The token is longer than 16 KiB.");
  const auto first = compact.find('.');
  const auto second = first == std::string_view::npos ? first : compact.find('.', first + 1);
  if (second == std::string_view::npos || compact.find('.', second + 1) != std::string_view::npos) {
    return bad_token("The token is not a signed JWT.");
  }
  auto header = object_of(compact.substr(0, first));
  auto claims = object_of(compact.substr(first + 1, second - first - 1));
  if (!header || !claims || !decode_base64url(compact.substr(second + 1))) {
    return bad_token("The token is not a signed JWT.");
  }
  Jwt token{.compact = std::string(compact),
            .algorithm = text_of(*header, "alg"),
            .type = text_of(*header, "typ"),
            .key_id = text_of(*header, "kid"),
            .header = std::move(*header),
            .claims = std::move(*claims)};
  if (!is_allowed_algorithm(token.algorithm)) return bad_token("The token's signature algorithm is not accepted.");
  if (token.header.contains("crit")) return bad_token("The token needs extensions that are not known here.");
  return token;
}

struct KeySet::Key {
  std::string id;
  std::string algorithm;  // empty: any that fits
  Owned<cjose_jwk_t> key;
};
struct KeySet::Keys {
  std::vector<Key> all;
};

KeySet::KeySet() : keys_(std::make_unique<Keys>()) {}
KeySet::KeySet(KeySet&&) noexcept = default;
KeySet& KeySet::operator=(KeySet&&) noexcept = default;
KeySet::~KeySet() = default;

Result<KeySet> KeySet::parse(std::string_view text) {
  boost::system::error_code problem;
  const auto document = json::parse(text, problem);
  const auto* keys = !problem && document.is_object() ? document.get_object().if_contains("keys") : nullptr;
  if (keys == nullptr || !keys->is_array()) return fail(errc::corrupt, "auth.keys", "this is not a JWK Set");
  KeySet set;
  for (const auto& each : keys->get_array()) {
    if (set.keys_->all.size() == most_keys) break;
    if (!each.is_object() || !is_for_signatures(each.get_object())) continue;
    const auto& jwk = each.get_object();
    const auto algorithm = text_of(jwk, "alg");
    const auto* known = find_algorithm(algorithm);
    if (!algorithm.empty() && known == nullptr) continue;
    auto key = public_key_from(jwk);
    if (!key || (known != nullptr && !fits(key.get(), *known))) continue;
    set.keys_->all.push_back({.id = text_of(jwk, "kid"), .algorithm = algorithm, .key = std::move(key)});
  }
  if (set.keys_->all.empty()) {
    return fail(errc::corrupt, "auth.keys", "the JWK Set holds no key that signatures can be checked with");
  }
  return set;
}

std::size_t KeySet::size() const noexcept {
  return keys_->all.size();
}

bool KeySet::knows(std::string_view key_id) const {
  return std::ranges::any_of(keys_->all, [&](const Key& key) { return key.id == key_id; });
}

bool KeySet::verify(const Jwt& token) const {
  const auto* algorithm = find_algorithm(token.algorithm);
  if (algorithm == nullptr) return false;
  cjose_err problem{};
  const Owned<cjose_jws_t> jws(cjose_jws_import(token.compact.data(), token.compact.size(), &problem));
  if (!jws) return false;
  const char* name = cjose_header_get(cjose_jws_get_protected(jws.get()), CJOSE_HDR_ALG, &problem);
  if (name == nullptr || name != token.algorithm) return false;
  for (const auto& key : keys_->all) {
    if (!token.key_id.empty() && key.id != token.key_id) continue;
    if (!key.algorithm.empty() && key.algorithm != token.algorithm) continue;
    if (fits(key.key.get(), *algorithm) && cjose_jws_verify(jws.get(), key.key.get(), &problem)) return true;
  }
  return false;
}

struct SigningKey::State {
  std::string algorithm;
  Owned<cjose_jwk_t> key;
};

SigningKey::SigningKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

Result<SigningKey> SigningKey::read(std::string_view pem_or_jwk, std::string_view algorithm) {
  Owned<cjose_jwk_t> key;
  const auto start = pem_or_jwk.find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos && pem_or_jwk[start] == '{') {
    boost::system::error_code problem;
    const auto jwk = json::parse(pem_or_jwk, problem);
    if (problem || !jwk.is_object() || text_of(jwk.get_object(), "d").empty()) {
      return bad_key("this is not a private JWK");
    }
    cjose_err fault{};
    key.reset(cjose_jwk_import(pem_or_jwk.data(), pem_or_jwk.size(), &fault));
  } else {
    key = key_from_pem(pem_or_jwk);
  }
  if (!key)
    return bad_key(
        "this is not a private key that can be used: give RSA or EC (P-256, P-384, P-521), as PEM without a pass "
        "phrase or as a JWK");
  auto name = algorithm.empty() ? default_algorithm(key.get()) : std::string(algorithm);
  const auto* known = find_algorithm(name);
  if (known == nullptr || !fits(key.get(), *known)) {
    return bad_key("the algorithm " + (name.empty() ? std::string("(none)") : name) + " does not go with this key");
  }
  cjose_err problem{};
  if (known->kind == CJOSE_JWK_KTY_RSA && cjose_jwk_get_keysize(key.get(), &problem) < smallest_rsa) {
    return bad_key("the RSA key is shorter than 2,048 bits: make a longer one");
  }
  return SigningKey(std::make_unique<State>(State{.algorithm = std::move(name), .key = std::move(key)}));
}

SigningKey SigningKey::make() {
  cjose_err problem{};
  Owned<cjose_jwk_t> key(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &problem));
  if (!key) throw std::runtime_error("OpenSSL failed to make a P-256 key");
  return SigningKey(std::make_unique<State>(State{.algorithm = "ES256", .key = std::move(key)}));
}

const std::string& SigningKey::algorithm() const noexcept {
  return state_->algorithm;
}

std::string SigningKey::jwk(bool secret) const {
  cjose_err problem{};
  const Owned<char> text(cjose_jwk_to_json(state_->key.get(), secret, &problem));
  return text ? std::string(text.get()) : std::string();
}

Result<std::string> SigningKey::sign(json::object header, const json::object& claims) const {
  const auto broken = [] { return fail(errc::internal, "auth.sign", "a JWT could not be signed"); };
  cjose_err problem{};
  const Owned<cjose_header_t> head(cjose_header_new(&problem));
  if (!head) return broken();
  header["alg"] = state_->algorithm;
  for (const auto& [name, value] : header) {
    const std::string key(name);
    const bool set = value.is_string()
                         ? cjose_header_set(head.get(), key.c_str(), std::string(value.get_string()).c_str(), &problem)
                         : cjose_header_set_raw(head.get(), key.c_str(), json::serialize(value).c_str(), &problem);
    if (!set) return broken();
  }
  const auto payload = json::serialize(claims);
  const Owned<cjose_jws_t> jws(cjose_jws_sign(
      state_->key.get(), head.get(), reinterpret_cast<const unsigned char*>(payload.data()), payload.size(), &problem));
  const char* compact = nullptr;  // the JWS's own
  if (!jws || !cjose_jws_export(jws.get(), &compact, &problem) || compact == nullptr) return broken();
  return std::string(compact);
}

}  // namespace meantime::auth
