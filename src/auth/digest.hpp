// SPDX-License-Identifier: MIT
// digest.hpp: SHA-256, base64url and comparisons that take the same time whatever is compared.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "meantime/random.hpp"

struct evp_md_st;
struct evp_md_ctx_st;

namespace meantime::auth {

using Digest = std::array<unsigned char, 32>;

/// SHA-256, with what OpenSSL needs for it kept at hand (a quarter of the cost of a one-shot call). One thread.
class Sha256 {
 public:
  /// Errors: throws std::runtime_error when OpenSSL has no SHA-256.
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256();
  [[nodiscard]] Digest operator()(std::string_view bytes) const;

 private:
  evp_md_st* kind_;
  evp_md_ctx_st* context_;
};

[[nodiscard]] Digest sha256(std::string_view bytes);
/// HMAC-SHA256 (RFC 2104), 32 bytes. Errors: throws std::runtime_error when OpenSSL has none.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view bytes);
[[nodiscard]] std::string hex(const Digest& digest);
/// Absent: not 64 hexadecimal digits.
[[nodiscard]] std::optional<Digest> parse_hex(std::string_view text);

[[nodiscard]] std::string base64(std::string_view bytes);
/// Without padding.
[[nodiscard]] std::string base64url(std::string_view bytes);
/// Strict: no padding, no other characters, no bits left over.
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);
[[nodiscard]] inline std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;
/// `bytes` of randomness as base64url.
[[nodiscard]] std::string random_text(Random& random, std::size_t bytes);

}  // namespace meantime::auth
