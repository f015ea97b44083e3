// SPDX-License-Identifier: MIT
#include "delivery/adapters/webhook.hpp"

#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/event.hpp"
#include "delivery/adapters/said.hpp"
#include "delivery/adapters/signing.hpp"

namespace meantime::delivery {

WebhookAdapter::WebhookAdapter(WebhookSettings settings, http::Client& client, Clock& clock)
    : settings_(std::move(settings)), address_(settings_.place, settings_.url), client_(client), clock_(clock) {}

// A channel means what the receiver takes it for.
Result<void> WebhookAdapter::check(const Redirect&) const {
  return {};
}

Result<std::vector<std::string>> WebhookAdapter::plan(const Message& message) const {
  return plan_event(message, settings_.max_bytes, link_to(settings_.link, message));
}

Task<SendAnswer> WebhookAdapter::send(Outgoing message) {
  const auto place = address_.place();
  if (!place) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = place.error().detail};
  auto body = event_to_send(message);
  if (!body) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = body.error().detail};

  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.wall_now()).time_since_epoch().count();
  Headers headers{{"Content-Type", "application/json"},
                  {"User-Agent", "meantime"},
                  {"webhook-id", message.key},
                  {"webhook-timestamp", std::to_string(now)}};
  if (settings_.keys) {
    const auto text = settings_.keys->value();
    if (!text) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = text.error().detail};
    const auto keys = parse_signing_keys(*text);
    if (!keys) {
      settings_.keys->refused();
      co_return SendAnswer{.verdict = SendVerdict::auth, .detail = keys.error().detail};
    }
    headers.emplace_back("webhook-signature", signatures(*keys, message.key, now, *body));
  }

  auto answer = co_await exchange(client_, *place, "POST", "", std::move(headers), std::move(*body));
  if (!answer) co_return answer.error();
  hide(answer->body, path_of(place->base_url));
  SendAnswer said = by_status(*answer, clock_.wall_now());
  if (answer->status >= 300 && answer->status < 400) {
    said.verdict = SendVerdict::target_gone;
    said.detail = "it answered with status " + std::to_string(answer->status) +
                  ": redirects are not followed; configure the address that it redirects to";
  } else if (said.verdict == SendVerdict::auth || said.verdict == SendVerdict::target_gone) {
    address_.refused();
    if (settings_.keys) settings_.keys->refused();
  }
  co_return said;
}

}  // namespace meantime::delivery
