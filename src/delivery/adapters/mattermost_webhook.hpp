// SPDX-License-Identifier: MIT
// mattermost_webhook.hpp: a channel of a Mattermost server, by an incoming webhook's address.
#pragma once

#include <string>

#include "delivery/adapters/mattermost_rest.hpp"
#include "delivery/adapters/web_address.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// As mattermost_limits, but webhooks take no files.
inline constexpr render::Limits mattermost_webhook_limits = [] {
  render::Limits limits = mattermost_limits;
  limits.takes_files = false;
  return limits;
}();
inline constexpr AdapterTraits mattermost_webhook_traits{
    .repeats = Repeats::not_noticed,
    .channels_at_once = 1,
    .between_messages = Milliseconds(100),
    .burst = 20,
};

struct MattermostWebhookSettings {
  WebPlace place;             ///< base_url: the webhook's...
  std::optional<Secret> url;  ///< ...which is a secret: https://chat.example.org/hooks/...
  std::string link;           ///< As link_to() takes it.
};

class MattermostWebhookAdapter final : public Adapter {
 public:
  /// Both outlive it.
  MattermostWebhookAdapter(MattermostWebhookSettings settings, http::Client& client, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return mattermost_webhook_traits; }
  /// The channel may be empty: the webhook's own; or another's name, as in its address, where the webhook may.
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  /// Mattermost gives such a message no id.
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  std::string link_;
  WebAddress address_;
  http::Client& client_;
  Clock& clock_;
};

}  // namespace meantime::delivery
