// SPDX-License-Identifier: MIT
#include "auth/key_source.hpp"

#include "auth/gathering.hpp"
#include "auth/oauth_documents.hpp"

namespace meantime::auth {
namespace {

std::unexpected<Error> unavailable(std::string detail) {
  return fail(errc::unavailable, "auth.keys", std::move(detail), std::chrono::seconds(5));
}

Task<Result<std::string>> get_document(const Fetch& fetch, std::string url) {
  WebRequest request{.method = "GET", .url = url, .headers = {{"Accept", "application/json"}}, .body = {}};
  auto answer = co_await fetch(std::move(request));
  if (!answer) co_return unavailable(url + " cannot be reached: " + answer.error().detail);
  if (answer->status != 200) co_return unavailable(url + " answered with status " + std::to_string(answer->status));
  co_return std::move(answer->body);
}

}  // namespace

struct KeySource::State {
  KeySourceSettings settings;
  Fetch fetch;
  Clock& clock;
  std::string found_url;  // by the issuer's metadata
  std::shared_ptr<const KeySet> keys;
  SteadyTime fetched_at;
  std::optional<SteadyTime> tried_at;
  std::string problem;
  bool flying = false;
  Gathering waiting;
  TaskGroup flights;  // the last member: its tasks use the others

  Task<Result<std::string>> find_url() {
    if (!settings.jwks_url.empty()) co_return settings.jwks_url;
    if (!found_url.empty()) co_return found_url;
    auto places = server_metadata_places(settings.issuer);
    if (!places) co_return std::unexpected(places.error());
    Error last;
    for (auto& place : *places) {
      auto document = co_await get_document(fetch, place);
      if (!document) {
        last = document.error();
        continue;
      }
      auto server = read_server_metadata(*document, settings.issuer, true);
      if (!server) co_return std::unexpected(server.error());
      if (server->jwks_uri.empty()) {
        co_return fail(errc::corrupt, "auth.keys",
                       "the metadata of " + settings.issuer + " names no jwks_uri: set jwks_url");
      }
      found_url = server->jwks_uri;
      co_return found_url;
    }
    co_return std::unexpected(last);
  }

  Task<Result<KeySet>> fetch_keys() {
    auto url = co_await find_url();
    if (!url) co_return std::unexpected(url.error());
    const auto parsed = parse_url(*url);
    if (!parsed || !is_safe(*parsed, true)) {
      co_return fail(errc::invalid_argument, "auth.keys", "the keys' URL must be https: " + *url);
    }
    auto document = co_await get_document(fetch, *url);
    if (!document) {
      found_url.clear();  // it may have moved
      co_return std::unexpected(document.error());
    }
    co_return KeySet::parse(*document);
  }

  Task<void> fly() {
    auto found = co_await fetch_keys();
    if (found) {
      keys = std::make_shared<const KeySet>(std::move(*found));
      fetched_at = clock.now();
      problem.clear();
    } else {
      problem = found.error().detail;
    }
    flying = false;
    waiting.wake_all();
  }
};

KeySource::KeySource(KeySourceSettings settings, Fetch fetch, Clock& clock)
    : state_(new State{.settings = std::move(settings), .fetch = std::move(fetch), .clock = clock}) {}
KeySource::~KeySource() = default;

const std::string& KeySource::problem() const noexcept {
  return state_->problem;
}

Task<Result<std::shared_ptr<const KeySet>>> KeySource::keys_for(std::string key_id) {
  State& state = *state_;
  const auto now = state.clock.coarse_now();
  const bool unknown = state.keys && !key_id.empty() && !state.keys->knows(key_id);
  const bool stale = state.keys && now - state.fetched_at >= state.settings.fresh;
  if ((!state.keys || unknown || stale) && !state.flying) {
    // Whoever sends tokens with new key ids all the time must not make us ask the issuer all the time.
    const auto pause =
        state.keys ? state.settings.at_least : std::min(state.settings.at_least, std::chrono::seconds(5));
    if (!state.tried_at || now - *state.tried_at >= pause) {
      state.tried_at = now;
      state.flying = true;
      state.flights.spawn(state.fly());
    }
  }
  if ((!state.keys || unknown) && state.flying) co_await state.waiting.wait();
  if (!state.keys) co_return unavailable(state.problem);
  co_return state.keys;
}

}  // namespace meantime::auth
