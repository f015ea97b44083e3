// SPDX-License-Identifier: MIT
// discord_webhook.hpp: one channel of Discord, or its threads, by a webhook's address.
#pragma once

#include <string>

#include "delivery/adapters/discord_rest.hpp"
#include "delivery/adapters/web_address.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// Limits of messages: discord_limits.
inline constexpr AdapterTraits discord_webhook_traits{
    .repeats = Repeats::not_noticed,
    .channels_at_once = 1,
    .between_messages = Milliseconds(2'200),  // 5 in 2 seconds for a webhook, but 30 in a minute for its channel
    .burst = 3,
};

struct DiscordWebhookSettings {
  WebPlace place;              ///< base_url: the webhook's...
  std::optional<Secret> url;   ///< ...which is a secret: https://discord.com/api/webhooks/<id>/<token>
  std::string link;            ///< As link_to() takes it.
  std::string user_agent_url;  ///< A page about whoever runs it; empty: none is named.
};

class DiscordWebhookAdapter final : public Adapter {
 public:
  /// Both outlive it.
  DiscordWebhookAdapter(DiscordWebhookSettings settings, http::Client& client, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return discord_webhook_traits; }
  /// The channel may be empty: the webhook's own; or a thread's id.
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  Task<DiscordAnswer> post(WebPlace place, std::string path, DiscordRequest request);

  const std::string link_;
  const std::string user_agent_;
  WebAddress address_;
  http::Client& client_;
  Clock& clock_;
  DiscordBuckets buckets_;
  std::string gone_;  // an address that does not exist any more: using it again brings a ban nearer
};

}  // namespace meantime::delivery
