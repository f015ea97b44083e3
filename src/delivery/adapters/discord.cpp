// SPDX-License-Identifier: MIT
#include "delivery/adapters/discord.hpp"

#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/said.hpp"
#include "delivery/adapters/web_address.hpp"

namespace meantime::delivery {

DiscordAdapter::DiscordAdapter(DiscordSettings settings, http::Client& client, Clock& clock)
    : settings_(std::move(settings)), client_(client), clock_(clock) {}

Result<void> DiscordAdapter::check(const Redirect& redirect) const {
  if (is_snowflake(redirect.channel_id)) return check_address(settings_.place);
  return fail(errc::invalid_argument, "delivery.discord",
              "The channel must be the id of a channel or thread, 17 to 20 digits (in Discord: switch the developer "
              "mode on, then 'Copy Channel ID').");
}

Result<std::vector<std::string>> DiscordAdapter::plan(const Message& message) const {
  return plan_chunks(message, discord_limits, link_to(settings_.link, message));
}

Task<DiscordAnswer> DiscordAdapter::post(const std::string& channel, std::string token, DiscordRequest request) {
  Headers headers{{"Authorization", "Bot " + token},
                  {"User-Agent", discord_user_agent(settings_.user_agent_url)},
                  {"Content-Type", std::move(request.content_type)}};
  auto answer = co_await exchange(client_, settings_.place, "POST", "/channels/" + channel + "/messages",
                                  std::move(headers), std::move(request.body));
  if (!answer) co_return DiscordAnswer{.answer = std::move(answer.error())};
  hide(answer->body, token);
  buckets_.note(channel, *answer, clock_.now());
  co_return judge_discord(*answer, clock_.wall_now());
}

Task<SendAnswer> DiscordAdapter::send(Outgoing message) {
  auto chunk = render::unpack(message.chunk);
  if (!chunk) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = chunk.error().detail};
  const auto token = settings_.token.value();
  if (!token) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = token.error().detail};
  const std::string& channel = message.redirect.channel_id;
  if (const Milliseconds wait = buckets_.wait(channel, clock_.now()); wait > Milliseconds(0)) {
    co_return SendAnswer{
        .verdict = SendVerdict::retry_after, .after = wait, .detail = "Discord takes no more in this channel just now"};
  }
  constexpr std::size_t nonce_size = 25;
  const std::string nonce = message.key.substr(0, nonce_size);
  std::optional<std::string> file;
  if (!chunk->file_name.empty()) {
    auto bytes = co_await file_of(message, discord_file_bytes);
    if (!bytes) co_return SendAnswer{.verdict = SendVerdict::retry_backoff, .detail = bytes.error().detail};
    if (!bytes->empty()) file = std::move(*bytes);
  }
  if (message.maybe_repeated) add_note(*chunk, repeated_note);
  DiscordAnswer said = co_await post(channel, *token, discord_request(*chunk, nonce, file ? &*file : nullptr));
  if (file && said.file_refused) {
    without_file(*chunk, message);
    said = co_await post(channel, *token, discord_request(*chunk, nonce, nullptr));
  }
  if (said.answer.verdict == SendVerdict::auth) settings_.token.refused();
  co_return std::move(said.answer);
}

}  // namespace meantime::delivery
