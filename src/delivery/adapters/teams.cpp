// SPDX-License-Identifier: MIT
#include "delivery/adapters/teams.hpp"

#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/said.hpp"

namespace meantime::delivery {

TeamsAdapter::TeamsAdapter(TeamsSettings settings, http::Client& client, Clock& clock)
    : settings_(std::move(settings)), address_(settings_.place, settings_.url), client_(client), clock_(clock) {}

// The workflow settles the channel.
Result<void> TeamsAdapter::check(const Redirect&) const {
  return {};
}

Result<std::vector<std::string>> TeamsAdapter::plan(const Message& message) const {
  return plan_chunks(message, teams_limits, link_to(settings_.link, message));
}

Task<SendAnswer> TeamsAdapter::send(Outgoing message) {
  auto chunk = render::unpack(message.chunk);
  if (!chunk) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = chunk.error().detail};
  const auto place = address_.place();
  if (!place) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = place.error().detail};
  if (message.maybe_repeated) add_note(*chunk, repeated_note);
  Headers headers{{"Content-Type", "application/json"}, {"User-Agent", "meantime"}};
  auto answer = co_await exchange(client_, *place, "POST", "", std::move(headers), render::teams_card(*chunk));
  if (!answer) co_return answer.error();
  hide(answer->body, path_of(place->base_url));
  SendAnswer said = by_status(*answer, clock_.wall_now());
  if (answer->status == 400 && answer->body.contains("WorkflowTriggerIsNotEnabled")) {
    said.verdict = SendVerdict::target_gone;  // switched off, or its owner has left
  }
  if (said.verdict == SendVerdict::retry_after) said.whole_destination = true;
  if (said.verdict == SendVerdict::auth || said.verdict == SendVerdict::target_gone) address_.refused();
  co_return said;
}

}  // namespace meantime::delivery
