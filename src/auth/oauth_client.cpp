// SPDX-License-Identifier: MIT
// Everything happens in one "flight" at a time, which those that need its outcome share: ten requests that are refused
// at once ask the user once.
#include "auth/oauth_client.hpp"

#include "auth/challenge.hpp"
#include "auth/digest.hpp"
#include "auth/gathering.hpp"
#include "auth/jose.hpp"
#include "auth/oauth_exchange.hpp"
#include "auth/oauth_rules.hpp"

namespace meantime::auth {
namespace {

constexpr std::chrono::seconds renewed_before{30};
constexpr int most_attempts = 3;
constexpr std::size_t most_scopes = 100;
// After a refusal for good others that wait do not ask again at once, the user least of all.
constexpr std::chrono::seconds pause_after_refusal{30};
constexpr std::chrono::seconds pause_after_outage{2};

std::string_view value_in(const std::vector<WebHeader>& headers, std::string_view name) {
  for (const auto& each : headers) {
    if (same_ignoring_case(each.name, name)) return each.value;
  }
  return {};
}

std::unexpected<Error> wrong(std::string detail) {
  return fail(errc::invalid_argument, "auth.oauth", std::move(detail));
}

}  // namespace

struct OauthClient::State {
  enum class Wish : unsigned char { renew, authorize };

  std::string upstream;
  std::string url;
  Result<Url> endpoint;
  OauthSettings settings;
  OauthParts parts;

  OauthMemory memory;
  std::string store_problem;
  bool loaded = false;
  std::optional<SigningKey> dpop_key;
  std::string server_nonce;    // the upstream's, for proofs
  std::string endpoint_nonce;  // the token endpoint's

  bool flying = false;
  Result<void> outcome;
  std::optional<SteadyTime> pause_until;
  Gathering waiting;
  TaskGroup flights;  // the last member: its tasks use the others

  [[nodiscard]] bool local_is_fine() const { return settings.local_servers || (endpoint && endpoint->is_loopback()); }
  // Only the upstream's own origin ever gets its tokens.
  [[nodiscard]] bool is_ours(std::string_view where) const {
    const auto other = parse_url(where);
    return endpoint && other && other->origin() == endpoint->origin();
  }
  [[nodiscard]] std::string authorization() const { return memory.token->type + " " + memory.token->access; }

  void load() {
    if (std::exchange(loaded, true) || parts.store == nullptr) return;
    auto kept = parts.store->load(upstream);
    if (!kept) {
      store_problem = kept.error().detail;
      return;
    }
    take(std::move(*kept));
  }
  void take(OauthMemory kept) {
    memory = std::move(kept);
    if (!memory.dpop_key.empty()) {
      auto key = SigningKey::read(memory.dpop_key);
      if (key) dpop_key = std::move(*key);
    }
    // Without its key a bound token is of no use.
    if (!dpop_key && memory.token && memory.token->type == "DPoP") memory.token.reset();
  }
  // Where no user is, `meantime login` is the one who asks; what it got is in the store.
  void look_for_login() {
    if (parts.store == nullptr || parts.consent != nullptr || flying) return;
    auto kept = parts.store->load(upstream);
    if (!kept || !kept->token || (memory.token && *kept->token == *memory.token)) return;
    take(std::move(*kept));
    pause_until.reset();
  }
  void save() {
    if (parts.store == nullptr) return;
    auto saved = parts.store->save(upstream, memory);
    store_problem = saved ? std::string() : saved.error().detail;
  }

  [[nodiscard]] bool needs_renewal() const {
    return memory.token && memory.token->expires && parts.clock->wall_now() + renewed_before >= *memory.token->expires;
  }
  [[nodiscard]] bool is_expired() const {
    return memory.token && memory.token->expires && parts.clock->wall_now() >= *memory.token->expires;
  }
  [[nodiscard]] bool can_renew() const {
    return memory.token && (!memory.token->refresh.empty() || settings.grant != Grant::authorization_code);
  }

  Result<std::vector<WebHeader>> headers(const std::string& method, const std::string& where) const {
    std::vector<WebHeader> out;
    if (!memory.token) return out;
    out.push_back({"Authorization", authorization()});
    if (memory.token->type == "DPoP" && dpop_key) {
      auto proof = dpop_proof(*dpop_key, method, where, memory.token->access, server_nonce, parts.clock->wall_now(),
                              *parts.random);
      if (!proof) return std::unexpected(proof.error());
      out.push_back({"DPoP", std::move(*proof)});
    }
    return out;
  }

  // The outcome of a flight: of the one under way, or of a new one.
  Task<Result<void>> fly(Wish wish, std::optional<Challenge> challenge) {
    if (!flying) {
      if (pause_until && parts.clock->now() < *pause_until && !outcome) co_return outcome;
      flying = true;
      flights.spawn(run(wish, std::move(challenge)));
    }
    if (flying) co_await waiting.wait();
    co_return outcome;
  }

  Task<void> run(Wish wish, std::optional<Challenge> challenge) {
    auto result = co_await authorize(wish, std::move(challenge));
    pause_until.reset();
    if (!result) {
      const bool outage = result.error().code == errc::unavailable;
      pause_until = parts.clock->now() + (outage ? pause_after_outage : pause_after_refusal);
    }
    outcome = std::move(result);
    flying = false;
    waiting.wake_all();
  }

  Task<Result<void>> authorize(Wish wish, std::optional<Challenge> challenge) {
    if (!endpoint) co_return std::unexpected(endpoint.error());
    if (!is_safe(*endpoint, true)) co_return wrong("tokens are sent over https only: change the url of " + upstream);
    const bool wants_proof = settings.dpop && challenge && same_ignoring_case(challenge->scheme, "dpop");
    auto place =
        co_await find_server(parts.fetch, *endpoint, url, settings, memory.issuer,
                             challenge ? challenge->get("resource_metadata") : std::string_view(), local_is_fine());
    if (!place) co_return std::unexpected(place.error());
    const bool same_place = memory.issuer == place->server.issuer && memory.resource == place->resource;
    if (!same_place) {
      // Another authorization server, or another resource: what was had for the old one stays away from the new one.
      memory.token.reset();
      memory.asked.clear();
      memory.issuer = place->server.issuer;
      memory.resource = place->resource;
    }
    TokenExchange exchange(parts, settings, place->server, place->resource, endpoint_nonce);
    const bool had_proof = memory.token && memory.token->type == "DPoP";
    if (wants_proof || had_proof || (settings.dpop && place->metadata && place->metadata->dpop_required)) {
      if (!dpop_key) {
        dpop_key = SigningKey::make();
        memory.dpop_key = dpop_key->jwk(true);
      }
      if (auto fits = exchange.prove_with(*dpop_key); !fits) co_return std::unexpected(fits.error());
    }
    if (wish == Wish::renew && memory.token && !memory.token->refresh.empty()) {
      auto renewed = co_await refresh(exchange);
      if (renewed || renewed.error().code == errc::unavailable) co_return renewed;
    }
    const auto scopes = choose_scopes(settings, challenge ? &*challenge : nullptr,
                                      place->metadata ? &*place->metadata : nullptr, place->server, memory.asked);
    if (scopes.size() > most_scopes) co_return wrong(upstream + " wants over 100 scopes: no token is asked for");
    auto token = settings.grant == Grant::authorization_code ? co_await with_user(exchange, scopes)
                                                             : co_await exchange.without_user(scopes);
    if (!token) co_return std::unexpected(token.error());
    memory.token = std::move(*token);
    memory.asked = scopes;
    save();
    co_return Result<void>();
  }

  Task<Result<void>> refresh(TokenExchange& exchange) {
    auto identity = choose_identity(settings, exchange.server(), memory.identity,
                                    memory.identity ? memory.identity->redirect_uri : "", parts.clock->wall_now());
    if (!identity) co_return std::unexpected(identity.error());
    if (identity->kind == IdentityKind::must_register) co_return wrong("the token cannot be renewed");
    auto token = co_await exchange.request(identity->identity, refresh_form(*memory.token, memory.resource),
                                           memory.token->scopes);
    if (!token) {
      if (token.error().code != errc::unavailable) {
        memory.token.reset();
        save();
      }
      co_return std::unexpected(token.error());
    }
    if (token->refresh.empty()) token->refresh = memory.token->refresh;  // not rotated
    memory.token = std::move(*token);
    save();
    co_return Result<void>();
  }

  Task<Result<Token>> with_user(TokenExchange& exchange, const std::vector<std::string>& scopes) {
    if (parts.consent == nullptr) {
      co_return fail(errc::unsupported, "auth.oauth",
                     "the upstream " + upstream +
                         " wants its user's consent, and nobody can be asked here: run: meantime login " + upstream);
    }
    auto redirect_uri = parts.consent->redirect_uri(memory.identity ? memory.identity->redirect_uri : "");
    if (!redirect_uri) co_return std::unexpected(redirect_uri.error());
    auto identity =
        choose_identity(settings, exchange.server(), memory.identity, *redirect_uri, parts.clock->wall_now());
    if (!identity) co_return std::unexpected(identity.error());
    if (identity->kind == IdentityKind::must_register) {
      auto answer = co_await parts.fetch(registration_request(settings, exchange.server(), *redirect_uri, scopes));
      if (!answer) co_return std::unexpected(answer.error());
      auto registered = read_registration(*answer, exchange.server().issuer, *redirect_uri);
      if (!registered) co_return std::unexpected(registered.error());
      memory.identity = *registered;
      save();  // even if the user says no: the server has us on its books now
      identity->identity = std::move(*registered);
      identity->kind = IdentityKind::registered;
    }
    auto asked = make_authorization(exchange.server(), identity->identity.id, *redirect_uri, memory.resource, scopes,
                                    *parts.random);
    if (!asked) co_return std::unexpected(asked.error());
    auto redirected = co_await parts.consent->ask(asked->url);
    if (!redirected) co_return std::unexpected(redirected.error());
    auto code = read_redirect(*asked, *redirected);
    if (!code) co_return std::unexpected(code.error());
    std::string refused;
    auto token =
        co_await exchange.request(identity->identity, code_form(*asked, *code, memory.resource), scopes, &refused);
    if (!token && refused == "invalid_client" && identity->kind == IdentityKind::registered) {
      memory.identity.reset();  // it has forgotten us: the next time we register anew
      save();
    }
    co_return token;
  }
};

OauthClient::OauthClient(std::string upstream, std::string url, OauthSettings settings, OauthParts parts)
    : state_(new State{.upstream = std::move(upstream),
                       .url = url,
                       .endpoint = parse_url(url),
                       .settings = std::move(settings),
                       .parts = std::move(parts)}) {}
OauthClient::~OauthClient() = default;

const std::string& OauthClient::store_problem() const noexcept {
  return state_->store_problem;
}

Task<Result<std::vector<WebHeader>>> OauthClient::credentials(std::string method, std::string url) {
  State& state = *state_;
  if (!state.is_ours(url)) co_return std::vector<WebHeader>();
  state.load();
  if (state.needs_renewal() && state.can_renew()) {
    auto renewed = co_await state.fly(State::Wish::renew, std::nullopt);
    // A token that still counts does until then.
    if (!renewed && state.is_expired() && renewed.error().code == errc::unavailable) {
      co_return std::unexpected(renewed.error());
    }
  }
  if (state.is_expired()) co_return std::vector<WebHeader>();  // the refusal says what is wanted now
  co_return state.headers(method, url);
}

Task<Result<bool>> OauthClient::refused(std::string, std::string url, Refusal refusal) {
  State& state = *state_;
  if (!state.is_ours(url) || refusal.attempt >= most_attempts) co_return false;
  state.load();
  const std::vector<std::string_view> values(refusal.www_authenticate.begin(), refusal.www_authenticate.end());
  const auto challenges = parse_challenges(values);
  const auto* challenge = oauth_challenge(challenges);
  const auto sent = value_in(refusal.sent, "Authorization");
  state.look_for_login();
  const bool new_nonce = !refusal.dpop_nonce.empty() && refusal.dpop_nonce != state.server_nonce;
  if (!refusal.dpop_nonce.empty()) state.server_nonce = refusal.dpop_nonce;
  if (state.memory.token && sent != state.authorization() && !state.is_expired()) co_return true;  // renewed meanwhile
  if (refusal.status == 401 && challenge != nullptr && challenge->get("error") == "use_dpop_nonce") {
    if (new_nonce) co_return true;
    if (!sent.empty()) co_return false;
  }
  auto wish = State::Wish::authorize;
  if (refusal.status == 403) {
    const bool more_scopes = challenge != nullptr && challenge->get("error") == "insufficient_scope";
    if (!more_scopes) co_return false;
    // Asking again for what was asked for already would get the same token.
    if (covers(state.memory.asked, split_scopes(challenge->get("scope")))) co_return false;
  } else if (refusal.status != 401) {
    co_return false;
  } else if (refusal.attempt == 0) {
    wish = State::Wish::renew;
  }
  auto got = co_await state.fly(wish, challenge != nullptr ? std::optional(*challenge) : std::nullopt);
  if (!got) co_return std::unexpected(got.error());
  co_return true;
}

Task<Result<void>> OauthClient::log_in() {
  state_->load();
  state_->pause_until.reset();
  co_return co_await state_->fly(State::Wish::authorize, std::nullopt);
}

}  // namespace meantime::auth
