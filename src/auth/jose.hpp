// SPDX-License-Identifier: MIT
// jose.hpp: signed JSON (JWS, RFC 7515) and keys (JWK, RFC 7517): what is checked, and what we sign ourselves.
// Over cjose, which stays in jose.cpp. Values; one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "meantime/error.hpp"

namespace meantime::auth {

/// A JWT taken apart, its signature not checked.
struct Jwt {
  std::string compact;
  std::string algorithm;
  std::string type;    ///< `typ`; empty: none.
  std::string key_id;  ///< `kid`; empty: none.
  boost::json::object header;
  boost::json::object claims;
};

/// Errors: invalid_argument: not three parts, not JSON objects, an algorithm that is not allowed (none and HS* never
///         are), critical extensions.
[[nodiscard]] Result<Jwt> parse_jwt(std::string_view compact);

/// RS/PS/ES 256, 384 and 512.
[[nodiscard]] bool is_allowed_algorithm(std::string_view name) noexcept;

/// The public keys of an issuer.
class KeySet {
 public:
  /// Reads a JWK Set. Keys for other uses, of unknown kinds, secret ones and RSA below 2048 bits are left out; at most
  /// 64 are kept. Errors: corrupt: not a set, or no key in it can be used.
  [[nodiscard]] static Result<KeySet> parse(std::string_view json);
  KeySet();
  KeySet(KeySet&&) noexcept;
  KeySet& operator=(KeySet&&) noexcept;
  ~KeySet();

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool knows(std::string_view key_id) const;
  /// True: one of the keys has signed it. With a key id only that key is tried, else each that fits the algorithm.
  [[nodiscard]] bool verify(const Jwt& token) const;

 private:
  struct Key;
  struct Keys;
  std::unique_ptr<Keys> keys_;
};

/// A private key that signs.
class SigningKey {
 public:
  /// Reads PEM (PKCS#8, or the older forms) or a JWK. `algorithm` empty: ES256, ES384, ES512 or RS256 as the key is.
  /// Errors: invalid_argument.
  [[nodiscard]] static Result<SigningKey> read(std::string_view pem_or_jwk, std::string_view algorithm = {});
  /// A new key for ES256.
  [[nodiscard]] static SigningKey make();
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();

  [[nodiscard]] const std::string& algorithm() const noexcept;
  /// As a JWK, `secret` or only its public half.
  [[nodiscard]] std::string jwk(bool secret) const;
  /// The JWT that holds these claims. `header` gets `alg`. Errors: internal.
  [[nodiscard]] Result<std::string> sign(boost::json::object header, const boost::json::object& claims) const;

 private:
  struct State;
  explicit SigningKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace meantime::auth
