// SPDX-License-Identifier: MIT
// key_source.hpp: the public keys of an issuer, fetched when needed, kept, and fetched again when it has new ones.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "auth/jose.hpp"
#include "auth/web.hpp"
#include "meantime/clock.hpp"

namespace meantime::auth {

struct KeySourceSettings {
  std::string issuer;
  std::string jwks_url;               ///< Empty: as the issuer's metadata (RFC 8414, then OpenID) says.
  std::chrono::seconds fresh{3600};   ///< Older keys are used on, and fetched again meanwhile.
  std::chrono::seconds at_least{30};  ///< Between two fetches, whatever tokens come in.
};

class KeySource {
 public:
  KeySource(KeySourceSettings settings, Fetch fetch, Clock& clock);
  KeySource(const KeySource&) = delete;
  KeySource& operator=(const KeySource&) = delete;
  ~KeySource();

  /// The keys to check a token with; with a key id they did not know they are fetched once more. Those that wait at the
  /// same time share one fetch. A fetch that fails leaves the keys that are there. Errors: unavailable, corrupt.
  [[nodiscard]] Task<Result<std::shared_ptr<const KeySet>>> keys_for(std::string key_id);
  /// Why the last fetch failed; empty: it did not.
  [[nodiscard]] const std::string& problem() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace meantime::auth
