// SPDX-License-Identifier: MIT
#include "auth/authenticator.hpp"

#include "auth/challenge.hpp"
#include "auth/url.hpp"
#include "auth/web.hpp"
#include "core/json_writer.hpp"

namespace meantime::auth {
namespace {

constexpr std::string_view well_known = "/.well-known/oauth-protected-resource";

// What stands behind the scheme's name; empty: it is not the Bearer scheme, or nothing stands there.
std::string_view bearer_token(std::string_view header) {
  constexpr std::string_view scheme = "bearer";
  if (header.size() <= scheme.size() || !same_ignoring_case(header.substr(0, scheme.size()), scheme)) return {};
  header.remove_prefix(scheme.size());
  if (header.front() != ' ') return {};
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  while (header.ends_with(' ')) header.remove_suffix(1);
  return header;
}

// RFC 6750's b64token.
bool is_well_formed(std::string_view token) {
  return !token.empty() && std::ranges::all_of(token, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~' || c == '+' || c == '/' || c == '=';
  });
}

class OpenAuthenticator final : public Authenticator {
 public:
  explicit OpenAuthenticator(std::string owner)
      : Authenticator({}),
        everybody_(
            std::make_shared<Principal>(Principal{.owner = owner, .name = owner, .scopes = {}, .every_scope = true})) {}
  [[nodiscard]] bool asks() const noexcept override { return false; }

 protected:
  std::optional<Verdict> identify_now(std::string_view) override { return Verdict(everybody_); }

 private:
  std::shared_ptr<const Principal> everybody_;
};

}  // namespace

bool Principal::may(std::span<const std::string> needed) const {
  return every_scope || covers(scopes, needed);
}

std::string AuthFault::body() const {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.field("error", error.empty() ? std::string_view("unauthorized") : std::string_view(error));
  if (!description.empty()) writer.field("error_description", std::string_view(description));
  writer.end_object();
  return out;
}

std::string metadata_path(std::string_view resource) {
  const auto url = parse_url(resource);
  std::string path(well_known);
  if (url && url->path != "/") path += url->path;
  return path;
}

std::string metadata_url(std::string_view resource) {
  const auto url = parse_url(resource);
  return url ? url->origin() + metadata_path(resource) : std::string();
}

std::string metadata_document(const ResourceSettings& settings) {
  std::string out;
  JsonWriter writer(out);
  const auto list = [&](std::string_view name, std::span<const std::string> values) {
    if (values.empty()) return;
    writer.key(name).begin_array();
    for (const auto& each : values) writer.value(std::string_view(each));
    writer.end_array();
  };
  writer.begin_object();
  writer.field("resource", std::string_view(settings.resource));
  list("authorization_servers", settings.issuers);
  list("scopes_supported", settings.scopes_offered.empty() ? settings.scopes : settings.scopes_offered);
  writer.key("bearer_methods_supported").begin_array().value("header").end_array();
  if (!settings.name.empty()) writer.field("resource_name", std::string_view(settings.name));
  if (!settings.documentation.empty()) writer.field("resource_documentation", std::string_view(settings.documentation));
  writer.end_object();
  return out;
}

Authenticator::Authenticator(ResourceSettings settings) : settings_(std::move(settings)) {}

Task<Verdict> Authenticator::authenticate(Credentials credentials) {
  if (!asks()) co_return *identify_now({});
  if (credentials.several) {
    co_return std::unexpected(AuthFault{
        .status = 400,
        .error = "invalid_request",
        .description = "Send one Authorization header.",
        .www_authenticate = challenge("invalid_request", "Send one Authorization header.", settings_.scopes)});
  }
  if (!credentials.authorization) {
    co_return std::unexpected(AuthFault{.status = 401,
                                        .description = "Send an access token: Authorization: Bearer <token>.",
                                        .www_authenticate = challenge({}, {}, settings_.scopes)});
  }
  const auto header = *credentials.authorization;
  const auto token = bearer_token(header);
  std::optional<Verdict> known;
  if (!token.empty()) known = identify_now(token);
  if (known && *known) co_return with_scopes(std::move(*known));
  if (!is_well_formed(token)) {
    // Another scheme is no fault of the request's form: it only is not what proves anything here.
    const bool other_scheme = !same_ignoring_case(header.substr(0, 6), "bearer");
    const std::string what = other_scheme ? "Use the Bearer scheme: Authorization: Bearer <token>."
                                          : "The Authorization header holds no well-formed Bearer token.";
    co_return std::unexpected(AuthFault{.status = other_scheme ? 401 : 400,
                                        .error = other_scheme ? "" : "invalid_request",
                                        .description = what,
                                        .www_authenticate = challenge(other_scheme ? "" : "invalid_request",
                                                                      other_scheme ? "" : what, settings_.scopes)});
  }
  if (known) co_return std::move(*known);
  co_return with_scopes(co_await identify_slowly(std::string(token)));
}

Task<Verdict> Authenticator::identify_slowly(std::string) {
  co_return std::unexpected(invalid("The token is not known."));
}

Verdict Authenticator::with_scopes(Verdict verdict) const {
  if (!verdict) return verdict;
  if (auto fault = refuse_without(**verdict, settings_.scopes)) return std::unexpected(std::move(*fault));
  return verdict;
}

AuthFault Authenticator::invalid(std::string description) const {
  AuthFault fault{.status = 401, .error = "invalid_token", .description = std::move(description)};
  fault.www_authenticate = challenge(fault.error, fault.description, settings_.scopes);
  return fault;
}

std::optional<AuthFault> Authenticator::refuse_without(const Principal& caller,
                                                       std::span<const std::string> needed) const {
  if (caller.may(needed)) return std::nullopt;
  AuthFault fault{
      .status = 403, .error = "insufficient_scope", .description = "This needs the scope " + join_scopes(needed) + "."};
  fault.www_authenticate = challenge(fault.error, fault.description, needed);
  return fault;
}

std::string Authenticator::challenge(std::string_view error, std::string_view description,
                                     std::span<const std::string> scopes) const {
  std::vector<std::pair<std::string, std::string>> parameters;
  if (!error.empty()) parameters.emplace_back("error", error);
  if (!description.empty() && !error.empty()) parameters.emplace_back("error_description", description);
  if (!settings_.issuers.empty()) parameters.emplace_back("resource_metadata", metadata_url(settings_.resource));
  if (!scopes.empty()) parameters.emplace_back("scope", join_scopes(scopes));
  return write_challenge("Bearer", parameters);
}

std::unique_ptr<Authenticator> make_open_authenticator(std::string owner) {
  return std::make_unique<OpenAuthenticator>(std::move(owner));
}

}  // namespace meantime::auth
