// SPDX-License-Identifier: MIT
// challenge.hpp: the WWW-Authenticate header, read and written (RFC 9110, 6750, 9728, 9449). Values; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meantime::auth {

/// One challenge: how the server wants to be convinced.
struct Challenge {
  std::string scheme;                                           ///< As it was written: "Bearer", "DPoP".
  std::vector<std::pair<std::string, std::string>> parameters;  ///< Names in lower case.

  /// Empty: not there.
  [[nodiscard]] std::string_view get(std::string_view name) const;
};

/// Reads the values of all WWW-Authenticate headers of an answer. What cannot be read is left out: a challenge is a
/// hint. At most 16 challenges with 32 parameters each.
[[nodiscard]] std::vector<Challenge> parse_challenges(std::span<const std::string_view> headers);

/// The one that OAuth is about: DPoP or Bearer, the first that names metadata, else the first of them; null: none.
[[nodiscard]] const Challenge* oauth_challenge(const std::vector<Challenge>& challenges);

/// `Bearer name="value", ...`; values are quoted, and what a header may not hold is left out of them.
[[nodiscard]] std::string write_challenge(std::string_view scheme,
                                          const std::vector<std::pair<std::string, std::string>>& parameters);

/// "a b c" as its words, each once, in order. Words with characters that no scope may have are left out.
[[nodiscard]] std::vector<std::string> split_scopes(std::string_view text);
[[nodiscard]] std::string join_scopes(std::span<const std::string> scopes);
/// Those of `first`, then those of `second` that are new.
[[nodiscard]] std::vector<std::string> union_of(std::vector<std::string> first, std::span<const std::string> second);
[[nodiscard]] bool covers(std::span<const std::string> held, std::span<const std::string> needed);

}  // namespace meantime::auth
