// SPDX-License-Identifier: MIT
// signing.hpp: signatures of webhooks as Standard Webhooks describes them: who receives one knows that it is ours,
// whole and not an old one. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/error.hpp"

namespace meantime::delivery {

/// A key: 24 to 64 bytes.
class SigningKey {
 public:
  /// Reads `whsec_` and base64. Errors: invalid_argument, with how to make one; never with a part of it.
  [[nodiscard]] static Result<SigningKey> parse(std::string_view text);
  /// `v1,` and the base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`. `id` holds no dot.
  [[nodiscard]] std::string sign(std::string_view id, std::int64_t timestamp, std::string_view body) const;

 private:
  explicit SigningKey(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

/// Keys with white space between them: while a key is changed, the old and the new one both sign.
/// Errors: invalid_argument (none, more than eight, or one that is none).
[[nodiscard]] Result<std::vector<SigningKey>> parse_signing_keys(std::string_view text);

/// The header `webhook-signature`: each key's signature, with spaces between.
[[nodiscard]] std::string signatures(const std::vector<SigningKey>& keys, std::string_view id, std::int64_t timestamp,
                                     std::string_view body);

}  // namespace meantime::delivery
