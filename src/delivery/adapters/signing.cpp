// SPDX-License-Identifier: MIT
#include "delivery/adapters/signing.hpp"

#include <algorithm>

#include "auth/digest.hpp"

namespace meantime::delivery {
namespace {

constexpr std::string_view prefix = "whsec_";
constexpr std::size_t shortest = 24;
constexpr std::size_t longest = 64;
constexpr std::size_t most_keys = 8;

std::unexpected<Error> wrong() {
  return fail(errc::invalid_argument, "delivery.signing",
              "A signing secret is 'whsec_' and the base64 of 24 to 64 random bytes: make one with "
              "`echo whsec_$(openssl rand -base64 32)`.");
}

}  // namespace

Result<SigningKey> SigningKey::parse(std::string_view text) {
  if (!text.starts_with(prefix)) return wrong();
  std::string letters(text.substr(prefix.size()));
  while (letters.ends_with('=')) letters.pop_back();
  std::ranges::replace(letters, '+', '-');
  std::ranges::replace(letters, '/', '_');
  auto bytes = auth::decode_base64url(letters);
  if (!bytes || bytes->size() < shortest || bytes->size() > longest) return wrong();
  return SigningKey(std::move(*bytes));
}

std::string SigningKey::sign(std::string_view id, std::int64_t timestamp, std::string_view body) const {
  std::string signed_text;
  signed_text.reserve(id.size() + body.size() + 24);
  signed_text.append(id).append(".").append(std::to_string(timestamp)).append(".").append(body);
  return "v1," + auth::base64(auth::hmac_sha256(bytes_, signed_text));
}

Result<std::vector<SigningKey>> parse_signing_keys(std::string_view text) {
  constexpr std::string_view spaces = " \t\r\n";
  std::vector<SigningKey> keys;
  for (auto at = text.find_first_not_of(spaces); at != text.npos; at = text.find_first_not_of(spaces, at)) {
    const auto end = std::min(text.find_first_of(spaces, at), text.size());
    auto key = SigningKey::parse(text.substr(at, end - at));
    if (!key) return std::unexpected(std::move(key.error()));
    if (keys.size() == most_keys) {
      return fail(errc::invalid_argument, "delivery.signing", "At most 8 signing secrets: leave out the oldest.");
    }
    keys.push_back(std::move(*key));
    at = end;
  }
  if (keys.empty()) return wrong();
  return keys;
}

std::string signatures(const std::vector<SigningKey>& keys, std::string_view id, std::int64_t timestamp,
                       std::string_view body) {
  std::string out;
  for (const SigningKey& key : keys) out += (out.empty() ? "" : " ") + key.sign(id, timestamp, body);
  return out;
}

}  // namespace meantime::delivery
