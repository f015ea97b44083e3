// SPDX-License-Identifier: MIT
#include "delivery/adapters/mattermost_webhook.hpp"

#include <algorithm>

#include "core/json_writer.hpp"
#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/said.hpp"

namespace meantime::delivery {

MattermostWebhookAdapter::MattermostWebhookAdapter(MattermostWebhookSettings settings, http::Client& client,
                                                   Clock& clock)
    : link_(std::move(settings.link)),
      address_(std::move(settings.place), std::move(settings.url)),
      client_(client),
      clock_(clock) {}

Result<void> MattermostWebhookAdapter::check(const Redirect& redirect) const {
  constexpr std::size_t longest = 65;
  const std::string_view name = redirect.channel_id;
  const bool fine =
      name.size() <= longest && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '@';
      });
  if (fine) return {};
  return fail(errc::invalid_argument, "delivery.mattermost_webhook",
              "The channel must be empty (the webhook's own) or a channel's name as in its address, as town-square, or "
              "@name of a person.");
}

Result<std::vector<std::string>> MattermostWebhookAdapter::plan(const Message& message) const {
  return plan_chunks(message, mattermost_webhook_limits, link_to(link_, message));
}

Task<SendAnswer> MattermostWebhookAdapter::send(Outgoing message) {
  auto chunk = render::unpack(message.chunk);
  if (!chunk) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = chunk.error().detail};
  const auto place = address_.place();
  if (!place) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = place.error().detail};
  if (message.maybe_repeated) add_note(*chunk, repeated_note);
  std::string body;
  JsonWriter writer(body);
  writer.begin_object().field("text", chunk->text);
  if (!message.redirect.channel_id.empty()) writer.field("channel", message.redirect.channel_id);
  writer.end_object();
  Headers headers{{"User-Agent", "meantime"}, {"Content-Type", "application/json"}};
  auto answer = co_await exchange(client_, *place, "POST", "", std::move(headers), std::move(body));
  if (!answer) co_return std::move(answer.error());
  hide(answer->body, path_of(place->base_url));
  if (answer->status == 200 && !answer->body.starts_with("ok")) co_return not_understood(*answer);
  SendAnswer said = judge_mattermost(*answer, clock_.wall_now());
  if (said.verdict == SendVerdict::auth || said.verdict == SendVerdict::target_gone) address_.refused();
  co_return said;
}

}  // namespace meantime::delivery
