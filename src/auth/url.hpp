// SPDX-License-Identifier: MIT
// url.hpp: what this layer must know of a URL. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meantime/error.hpp"

namespace meantime::auth {

/// An absolute http or https URL, taken apart. Escapes stay as they were written.
struct Url {
  std::string scheme;      ///< "http" or "https".
  std::string host;        ///< Lower case; an IPv6 address with its brackets.
  std::uint16_t port = 0;  ///< The scheme's own when the text has none.
  std::string path;        ///< "/" at least.
  std::string query;       ///< Without "?".
  bool has_fragment = false;

  /// "https://host" or "https://host:8443": the port only where it is not the scheme's own.
  [[nodiscard]] std::string origin() const;
  /// localhost, 127.0.0.0/8 or [::1].
  [[nodiscard]] bool is_loopback() const;
};

/// Errors: invalid_argument; a URL with a user or a password in it is one, too.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

/// Whether tokens and secrets may be sent there: https, or http to this machine when `local_is_fine`.
[[nodiscard]] bool is_safe(const Url& url, bool local_is_fine);

/// A form's fields, or a query's, as application/x-www-form-urlencoded.
using Form = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::string encode_form(const Form& form);
/// One field's text alone, as it stands in a form.
[[nodiscard]] std::string encode_form_text(std::string_view text);
/// Errors: invalid_argument (broken escapes, over 1,000 fields).
[[nodiscard]] Result<Form> decode_form(std::string_view text);
/// Absent: no such field, or several.
[[nodiscard]] std::optional<std::string_view> only_field(const Form& form, std::string_view name);
/// `url` with more fields in its query.
[[nodiscard]] std::string with_query(std::string_view url, const Form& more);

}  // namespace meantime::auth
