// SPDX-License-Identifier: MIT
// token_file.hpp: callers known by tokens whose SHA-256 stands in a file. One caller a line, `name:sha256[:scopes]`;
// scopes apart by spaces or commas, none: everything. Empty lines and lines that begin with # say nothing.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/authenticator.hpp"
#include "auth/digest.hpp"
#include "meantime/clock.hpp"
#include "meantime/error.hpp"
#include "meantime/random.hpp"

namespace meantime::auth {

struct TokenEntry {
  std::string name;
  Digest digest{};
  std::vector<std::string> scopes;
  bool every_scope = false;

  friend bool operator==(const TokenEntry&, const TokenEntry&) = default;
};

/// Errors: invalid_argument, with the line and what it should be.
[[nodiscard]] Result<std::vector<TokenEntry>> parse_token_file(std::string_view text);

/// The text of such a file, which only its owner may read. Errors: not_found, invalid_argument.
[[nodiscard]] Result<std::string> read_token_text(const std::string& path);

/// A new token (256 bits): given to its user once, and never stored.
[[nodiscard]] std::string make_token(Random& random);
/// What of it stands in the file.
[[nodiscard]] std::string hash_token(std::string_view token);
/// The line for the file. Errors: invalid_argument (a name or a scope that cannot stand there).
[[nodiscard]] Result<std::string> token_line(std::string_view name, std::string_view token,
                                             const std::vector<std::string>& scopes);

/// Reads the file now and, when it has changed, again: at most once a second, with the next request.
/// A change that cannot be read leaves the callers as they were; `problem()` says what is wrong.
class TokenFileAuthenticator final : public Authenticator {
 public:
  /// Errors: invalid_argument (what is wrong in it; others than the owner may read it), not_found.
  [[nodiscard]] static Result<std::unique_ptr<TokenFileAuthenticator>> open(std::string path, ResourceSettings settings,
                                                                            Clock& clock, Random& random);
  ~TokenFileAuthenticator() override;

  [[nodiscard]] std::size_t size() const noexcept;
  /// Why the file as it is now is not in force; empty: it is.
  [[nodiscard]] const std::string& problem() const noexcept;

 protected:
  std::optional<Verdict> identify_now(std::string_view token) override;

 private:
  struct State;
  TokenFileAuthenticator(ResourceSettings settings, std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace meantime::auth
