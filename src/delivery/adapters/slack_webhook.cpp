// SPDX-License-Identifier: MIT
#include "delivery/adapters/slack_webhook.hpp"

#include <algorithm>

#include "core/json_writer.hpp"
#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/said.hpp"

namespace meantime::delivery {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

}  // namespace

SlackWebhookAdapter::SlackWebhookAdapter(SlackWebhookSettings settings, http::Client& client, Clock& clock)
    : link_(std::move(settings.link)),
      address_(std::move(settings.place), std::move(settings.url)),
      client_(client),
      clock_(clock) {}

Result<void> SlackWebhookAdapter::check(const Redirect&) const {
  return {};
}

Result<std::vector<std::string>> SlackWebhookAdapter::plan(const Message& message) const {
  return plan_chunks(message, slack_webhook_limits, link_to(link_, message));
}

Task<SendAnswer> SlackWebhookAdapter::send(Outgoing message) {
  auto chunk = render::unpack(message.chunk);
  if (!chunk) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = chunk.error().detail};
  const auto place = address_.place();
  if (!place) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = place.error().detail};
  if (message.maybe_repeated) add_note(*chunk, repeated_note);
  std::string body;
  JsonWriter(body)
      .begin_object()
      .field("text", chunk->text)
      .field("unfurl_links", false)
      .field("unfurl_media", false)
      .end_object();
  Headers headers{{"User-Agent", "meantime"}, {"Content-Type", "application/json"}};
  auto answer = co_await exchange(client_, *place, "POST", "", std::move(headers), std::move(body));
  if (!answer) co_return std::move(answer.error());
  hide(answer->body, path_of(place->base_url));
  const std::string_view word = trimmed(answer->body);
  if (answer->status == 200) co_return word == "ok" ? SendAnswer{} : not_understood(*answer);
  SendAnswer said = by_status(*answer, clock_.wall_now());
  // Its answers are bare words.
  if (answer->status < 500 && answer->status != 429 && is_word(word)) said.verdict = slack_verdict(word);
  if (said.verdict == SendVerdict::auth || said.verdict == SendVerdict::target_gone) address_.refused();
  co_return said;
}

}  // namespace meantime::delivery
