// SPDX-License-Identifier: MIT
// uri_template.hpp: says whether a URI is one of a template's, and what stands in the place of its variables. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/error.hpp"
#include "meantime/offers.hpp"

namespace meantime::serve {

/// A template of RFC 6570 with the two forms of expression that can be read backwards: `{name}` stands for one or more
/// characters other than / ? #, `{+name}` for one or more of any kind.
class UriTemplate {
 public:
  static constexpr std::size_t max_variables = 32;
  static constexpr std::size_t max_uri_bytes = 8'192;

  /// Errors: invalid_argument (braces that do not fit, another kind of expression, a name used twice, no scheme).
  [[nodiscard]] static Result<UriTemplate> parse(std::string_view text);

  /// The variables of `uri`, percent-decoded; none when it is not of this form, longer than max_uri_bytes, or a
  /// variable would not be UTF-8. Where several readings are possible, earlier variables are as short as can be. Takes
  /// time in proportion to the length of the template times that of the URI.
  [[nodiscard]] std::optional<UriVariables> match(std::string_view uri) const;

  [[nodiscard]] bool has_variable(std::string_view name) const noexcept;

 private:
  /// A literal, then a variable, except that the last piece has no variable.
  struct Piece {
    std::string literal;
    std::string variable;
    bool any = false;  ///< `{+name}`.
  };
  std::vector<Piece> pieces_;
};

}  // namespace meantime::serve
