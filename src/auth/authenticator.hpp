// SPDX-License-Identifier: MIT
// authenticator.hpp: who calls the HTTP door. Three kinds: nobody is asked (loopback only), tokens from a file, and
// OAuth 2.1 access tokens (JWT). The door asks once a request; what it learns is the owner of every task the caller
// makes. Threads: the loop's only.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/coroutine.hpp"

namespace meantime::auth {

/// Who calls.
struct Principal {
  std::string owner;                ///< Whose the tasks are; never empty: "issuer subject", or the name of a token.
  std::string name;                 ///< For logs; no secret.
  std::vector<std::string> scopes;  ///< What the caller may do.
  bool every_scope = false;         ///< No scopes were set: may do everything.

  [[nodiscard]] bool may(std::span<const std::string> needed) const;
};

/// Why a request is refused, and the answer that says so.
struct AuthFault {
  int status = 401;                    ///< 401, 403 (scopes), 400 (malformed), 503 (the issuer's keys cannot be had).
  std::string error;                   ///< "invalid_token", "insufficient_scope", ...; empty: no token was sent.
  std::string description;             ///< For people; never a part of the token.
  std::string www_authenticate;        ///< Value of that header; empty: none.
  std::chrono::seconds retry_after{};  ///< With 503.

  /// {"error", "error_description"}
  [[nodiscard]] std::string body() const;
};

/// What a caller sent to be known by.
struct Credentials {
  std::optional<std::string_view> authorization;  ///< Value of the Authorization header.
  bool several = false;                           ///< There was more than one: refused.
};

using Verdict = std::expected<std::shared_ptr<const Principal>, AuthFault>;

/// How a protected endpoint presents itself: in its challenges and in its metadata document (RFC 9728).
struct ResourceSettings {
  std::string resource;                     ///< Canonical URI of the endpoint: "https://mcp.example.com/mcp".
  std::vector<std::string> issuers;         ///< Authorization servers; empty: there is no metadata document.
  std::vector<std::string> scopes;          ///< Needed by every request, and what a first challenge asks for.
  std::vector<std::string> scopes_offered;  ///< `scopes_supported`; empty: `scopes`.
  std::string name;                         ///< `resource_name`.
  std::string documentation;                ///< `resource_documentation`, a URL.
};

/// Path at which the metadata document of `resource` lies: "/.well-known/oauth-protected-resource/mcp".
[[nodiscard]] std::string metadata_path(std::string_view resource);
/// The same as a URL.
[[nodiscard]] std::string metadata_url(std::string_view resource);
/// The document. Serve it at metadata_path() and at the path without the endpoint's own part.
[[nodiscard]] std::string metadata_document(const ResourceSettings& settings);

class Authenticator {
 public:
  explicit Authenticator(ResourceSettings settings);
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;
  virtual ~Authenticator() = default;

  /// Who sends these. The views are read before the first suspension; a caller seen before is known without one.
  /// Holds the scopes that every request needs. Cancel: dropping the Task.
  [[nodiscard]] Task<Verdict> authenticate(Credentials credentials);
  /// Whether `caller` may do what needs these scopes: absent, or the 403 that names them.
  [[nodiscard]] std::optional<AuthFault> refuse_without(const Principal& caller,
                                                        std::span<const std::string> needed) const;
  [[nodiscard]] const ResourceSettings& settings() const noexcept { return settings_; }
  /// False: nobody is asked, so the door may listen on loopback and unix sockets only.
  [[nodiscard]] virtual bool asks() const noexcept { return true; }

 protected:
  /// Who holds this Bearer token, from what is known already; absent: identify_slowly() must be asked.
  virtual std::optional<Verdict> identify_now(std::string_view token) = 0;
  virtual Task<Verdict> identify_slowly(std::string token);
  /// 401 invalid_token.
  [[nodiscard]] AuthFault invalid(std::string description) const;

 private:
  [[nodiscard]] std::string challenge(std::string_view error, std::string_view description,
                                      std::span<const std::string> scopes) const;
  [[nodiscard]] Verdict with_scopes(Verdict verdict) const;

  ResourceSettings settings_;
};

/// Everybody is `owner`. A token that is sent is not looked at.
[[nodiscard]] std::unique_ptr<Authenticator> make_open_authenticator(std::string owner);

}  // namespace meantime::auth
