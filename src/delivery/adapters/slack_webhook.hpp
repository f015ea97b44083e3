// SPDX-License-Identifier: MIT
// slack_webhook.hpp: one channel of Slack, by an incoming webhook's address.
#pragma once

#include <string>

#include "delivery/adapters/slack_rest.hpp"
#include "delivery/adapters/web_address.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// As slack_limits, but webhooks take no files.
inline constexpr render::Limits slack_webhook_limits = [] {
  render::Limits limits = slack_limits;
  limits.takes_files = false;
  return limits;
}();
inline constexpr AdapterTraits slack_webhook_traits{
    .repeats = Repeats::not_noticed,
    .channels_at_once = 1,
    .between_messages = Milliseconds(1'000),
    .burst = 3,
};

struct SlackWebhookSettings {
  WebPlace place;             ///< base_url: the webhook's...
  std::optional<Secret> url;  ///< ...which is a secret: https://hooks.slack.com/services/T.../B.../...
  std::string link;           ///< As link_to() takes it.
};

class SlackWebhookAdapter final : public Adapter {
 public:
  /// Both outlive it.
  SlackWebhookAdapter(SlackWebhookSettings settings, http::Client& client, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return slack_webhook_traits; }
  /// The webhook settles the channel: any is taken, and none is used.
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  /// Slack gives such a message no id.
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  std::string link_;
  WebAddress address_;
  http::Client& client_;
  Clock& clock_;
};

}  // namespace meantime::delivery
