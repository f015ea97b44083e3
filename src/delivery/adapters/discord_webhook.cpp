// SPDX-License-Identifier: MIT
#include "delivery/adapters/discord_webhook.hpp"

#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/said.hpp"

namespace meantime::delivery {

DiscordWebhookAdapter::DiscordWebhookAdapter(DiscordWebhookSettings settings, http::Client& client, Clock& clock)
    : link_(std::move(settings.link)),
      user_agent_(discord_user_agent(settings.user_agent_url)),
      address_(std::move(settings.place), std::move(settings.url)),
      client_(client),
      clock_(clock) {}

Result<void> DiscordWebhookAdapter::check(const Redirect& redirect) const {
  if (redirect.channel_id.empty() || is_snowflake(redirect.channel_id)) return {};
  return fail(errc::invalid_argument, "delivery.discord_webhook",
              "The webhook itself settles the channel: leave it empty, or give the id of a thread in it, 17 to 20 "
              "digits.");
}

Result<std::vector<std::string>> DiscordWebhookAdapter::plan(const Message& message) const {
  return plan_chunks(message, discord_limits, link_to(link_, message));
}

Task<DiscordAnswer> DiscordWebhookAdapter::post(WebPlace place, std::string path, DiscordRequest request) {
  const std::string secret(path_of(place.base_url));
  Headers headers{{"User-Agent", user_agent_}, {"Content-Type", std::move(request.content_type)}};
  auto answer = co_await exchange(client_, place, "POST", std::move(path), std::move(headers), std::move(request.body));
  if (!answer) co_return DiscordAnswer{.answer = std::move(answer.error())};
  hide(answer->body, secret);
  buckets_.note({}, *answer, clock_.now());
  co_return judge_discord(*answer, clock_.wall_now());
}

Task<SendAnswer> DiscordWebhookAdapter::send(Outgoing message) {
  auto chunk = render::unpack(message.chunk);
  if (!chunk) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = chunk.error().detail};
  const auto place = address_.place();
  if (!place) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = place.error().detail};
  if (place->base_url == gone_) {
    address_.refused();
    co_return SendAnswer{.verdict = SendVerdict::target_gone,
                         .detail = "the webhook does not exist any more: make another and configure its address"};
  }
  if (const Milliseconds wait = buckets_.wait({}, clock_.now()); wait > Milliseconds(0)) {
    co_return SendAnswer{
        .verdict = SendVerdict::retry_after, .after = wait, .detail = "Discord takes no more by this webhook just now"};
  }
  std::optional<std::string> file;
  if (!chunk->file_name.empty()) {
    auto bytes = co_await file_of(message, discord_file_bytes);
    if (!bytes) co_return SendAnswer{.verdict = SendVerdict::retry_backoff, .detail = bytes.error().detail};
    if (!bytes->empty()) file = std::move(*bytes);
  }
  if (message.maybe_repeated) add_note(*chunk, repeated_note);
  // Without "wait" Discord would not say whether the message was kept.
  std::string path = "?wait=true";
  if (!message.redirect.channel_id.empty()) path += "&thread_id=" + message.redirect.channel_id;
  DiscordAnswer said = co_await post(*place, path, discord_request(*chunk, {}, file ? &*file : nullptr));
  if (file && said.file_refused) {
    without_file(*chunk, message);
    said = co_await post(*place, path, discord_request(*chunk, {}, nullptr));
  }
  if (said.address_gone) gone_ = place->base_url;
  if (said.address_gone || said.answer.verdict == SendVerdict::auth) address_.refused();
  co_return std::move(said.answer);
}

}  // namespace meantime::delivery
