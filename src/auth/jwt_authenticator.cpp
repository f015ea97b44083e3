// SPDX-License-Identifier: MIT
#include "auth/jwt_authenticator.hpp"

#include <cmath>
#include <cstring>
#include <list>
#include <unordered_map>

#include "auth/challenge.hpp"
#include "auth/digest.hpp"
#include "core/utf8.hpp"

namespace meantime::auth {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_subject = 512;
// So that a key that was withdrawn does not go on to count for as long as its tokens would have lived.
constexpr std::chrono::minutes longest_remembered{5};
constexpr std::string_view client_mark = "(client) ";

std::optional<std::string_view> text_claim(const Jwt& token, std::string_view name) {
  const auto* value = token.claims.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string_view(value->get_string());
}

// Absent: not there. Errors: not a time.
std::expected<std::optional<WallTime>, std::string> time_claim(const Jwt& token, std::string_view name) {
  const auto* value = token.claims.if_contains(name);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code problem;
  const double seconds = value->is_number() ? value->to_number<double>(problem) : NAN;
  if (problem || !std::isfinite(seconds) || std::abs(seconds) > 1e12) {
    return std::unexpected("The token's " + std::string(name) + " is no time.");
  }
  return WallTime(Milliseconds(std::llround(seconds * 1000)));
}

bool is_printable(std::string_view text) {
  return utf8::valid(text) && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
         });
}

bool is_meant_for(const json::value* audience, const std::vector<std::string>& ours, std::string_view resource) {
  const auto fits = [&](const json::value& each) {
    if (!each.is_string()) return false;
    const std::string_view text = each.get_string();
    return ours.empty() ? text == resource : std::ranges::find(ours, text) != ours.end();
  };
  if (audience == nullptr) return false;
  return audience->is_array() ? std::ranges::any_of(audience->get_array(), fits) : fits(*audience);
}

std::vector<std::string> scopes_of(const Jwt& token) {
  if (const auto scope = text_claim(token, "scope")) return split_scopes(*scope);
  const auto* several = token.claims.if_contains("scp");
  if (several == nullptr) return {};
  if (several->is_string()) return split_scopes(several->get_string());
  std::vector<std::string> scopes;
  if (!several->is_array()) return scopes;
  for (const auto& each : several->get_array()) {
    if (each.is_string()) scopes = union_of(std::move(scopes), split_scopes(each.get_string()));
  }
  return scopes;
}

}  // namespace

std::expected<Principal, std::string> read_claims(const Jwt& token, const JwtSettings& settings,
                                                  std::string_view resource, WallTime now) {
  const bool right_type = token.type.empty() || same_ignoring_case(token.type, "JWT") ||
                          same_ignoring_case(token.type, "at+jwt") ||
                          same_ignoring_case(token.type, "application/at+jwt");
  if (!right_type) return std::unexpected("The token is not an access token.");
  if (text_claim(token, "iss") != std::string_view(settings.issuer)) {
    return std::unexpected("The token is from another issuer.");
  }
  if (!is_meant_for(token.claims.if_contains("aud"), settings.audience, resource)) {
    return std::unexpected(
        "The token is meant for another resource: ask for one with resource=" + std::string(resource) + ".");
  }
  const auto expires = time_claim(token, "exp");
  const auto from = time_claim(token, "nbf");
  const auto made = time_claim(token, "iat");
  for (const auto* each : {&expires, &from, &made}) {
    if (!*each) return std::unexpected(each->error());
  }
  if (!*expires) return std::unexpected("The token has no exp.");
  if (now >= **expires + settings.leeway) return std::unexpected("The token has expired.");
  if (*from && now + settings.leeway < **from) return std::unexpected("The token is not valid yet.");
  if (*made && now + settings.leeway < **made) return std::unexpected("The token was issued in the future.");
  if (token.claims.contains("cnf")) {
    return std::unexpected("The token is bound to a key of its client; only plain Bearer tokens are accepted.");
  }
  Principal principal;
  const auto subject = text_claim(token, "sub");
  const auto client = text_claim(token, "client_id") ? text_claim(token, "client_id") : text_claim(token, "azp");
  if (subject && !subject->empty()) {
    // No subject can look like the client of a token without one.
    if (subject->starts_with(client_mark)) return std::unexpected("The token's subject cannot be used.");
    principal.name = *subject;
  } else if (client && !client->empty()) {
    principal.name = std::string(client_mark) + std::string(*client);
  } else {
    return std::unexpected("The token names neither a subject nor a client.");
  }
  if (principal.name.size() > longest_subject || !is_printable(principal.name)) {
    return std::unexpected("The token's subject cannot be used.");
  }
  principal.owner = settings.issuer + " " + principal.name;
  principal.scopes = scopes_of(token);
  return principal;
}

struct JwtAuthenticator::State {
  struct Known {
    Digest digest;
    std::shared_ptr<const Principal> principal;
    WallTime until;
  };
  struct Hash {
    std::size_t operator()(const Digest& digest) const noexcept {
      std::size_t value = 0;
      std::memcpy(&value, digest.data(), sizeof value);
      return value;
    }
  };

  JwtSettings settings;
  Clock& clock;
  KeySource keys;
  Sha256 digest_of;
  std::list<Known> known;  // seen last: first
  std::unordered_map<Digest, std::list<Known>::iterator, Hash> by_digest;

  void remember(const Digest& digest, std::shared_ptr<const Principal> principal, WallTime until) {
    if (settings.remembered == 0 || by_digest.contains(digest)) return;
    if (known.size() >= settings.remembered) {
      by_digest.erase(known.back().digest);
      known.pop_back();
    }
    known.push_front({.digest = digest, .principal = std::move(principal), .until = until});
    by_digest.emplace(digest, known.begin());
  }
};

JwtAuthenticator::JwtAuthenticator(ResourceSettings resource, JwtSettings settings, Fetch fetch, Clock& clock)
    : Authenticator(std::move(resource)),
      state_(new State{.settings = settings,
                       .clock = clock,
                       .keys = {{.issuer = settings.issuer, .jwks_url = settings.jwks_url}, std::move(fetch), clock}}) {
}
JwtAuthenticator::~JwtAuthenticator() = default;

Task<Result<void>> JwtAuthenticator::warm_up() {
  auto keys = co_await state_->keys.keys_for({});
  if (!keys) co_return std::unexpected(keys.error());
  co_return Result<void>();
}

std::optional<Verdict> JwtAuthenticator::identify_now(std::string_view token) {
  State& state = *state_;
  const auto found = state.by_digest.find(state.digest_of(token));
  if (found == state.by_digest.end()) return std::nullopt;
  if (state.clock.wall_now() >= found->second->until) {
    state.known.erase(found->second);
    state.by_digest.erase(found);
    return std::nullopt;
  }
  state.known.splice(state.known.begin(), state.known, found->second);
  return Verdict(found->second->principal);
}

Task<Verdict> JwtAuthenticator::identify_slowly(std::string text) {
  State& state = *state_;
  auto token = parse_jwt(text);
  if (!token) co_return std::unexpected(invalid(token.error().detail));
  auto principal = read_claims(*token, state.settings, settings().resource, state.clock.wall_now());
  if (!principal) co_return std::unexpected(invalid(principal.error()));
  auto keys = co_await state.keys.keys_for(token->key_id);
  if (!keys) {
    co_return std::unexpected(AuthFault{.status = 503,
                                        .error = "temporarily_unavailable",
                                        .description = "The keys of the token's issuer cannot be fetched now.",
                                        .www_authenticate = {},
                                        .retry_after = std::chrono::seconds(5)});
  }
  if (!(*keys)->verify(*token)) co_return std::unexpected(invalid("The token's signature does not hold."));
  auto shared = std::make_shared<const Principal>(std::move(*principal));
  const auto expires = time_claim(*token, "exp");
  state.remember(state.digest_of(text), shared,
                 std::min(**expires + state.settings.leeway, state.clock.wall_now() + longest_remembered));
  co_return shared;
}

}  // namespace meantime::auth
