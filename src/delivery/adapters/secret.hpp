// SPDX-License-Identifier: MIT
// secret.hpp: a token or password that stands in a file or in the environment, never in the configuration.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "meantime/error.hpp"

namespace meantime::delivery {

/// Where a secret is. One of the two is set.
struct SecretPlace {
  std::filesystem::path file;  ///< Its first line.
  std::string variable;        ///< Of the environment.
};

/// Reads it when first asked, and again after it was refused: whoever changed the file need not restart anything.
class Secret {
 public:
  explicit Secret(SecretPlace place) : place_(std::move(place)) {}
  /// Errors: invalid_argument (no such file or variable, or it is empty), with the remedy and without the secret.
  [[nodiscard]] Result<std::string> value();
  /// The platform does not take it: the next value() reads it anew.
  void refused() { known_.reset(); }

 private:
  SecretPlace place_;
  std::optional<std::string> known_;
};

}  // namespace meantime::delivery
