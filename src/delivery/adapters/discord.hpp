// SPDX-License-Identifier: MIT
// discord.hpp: channels and threads of Discord, as a bot (REST API v10).
#pragma once

#include "delivery/adapters/discord_rest.hpp"
#include "delivery/adapters/secret.hpp"
#include "delivery/adapters/web.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// Limits of messages: discord_limits.
inline constexpr AdapterTraits discord_traits{
    .repeats = Repeats::noticed_soon,  // by the nonce, for "a few minutes"
    .notices_for = std::chrono::minutes(2),
    .channels_at_once = 8,                    // 50 requests a second for the whole bot
    .between_messages = Milliseconds(1'000),  // about 5 in 5 seconds; the headers say what it is just now
    .burst = 5,
};
inline constexpr std::string_view discord_api = "https://discord.com/api/v10";

struct DiscordSettings {
  WebPlace place{.base_url = std::string(discord_api)};
  Secret token;                ///< The bot's.
  std::string link;            ///< As link_to() takes it.
  std::string user_agent_url;  ///< A page about whoever runs the bot; empty: none is named.
};

class DiscordAdapter final : public Adapter {
 public:
  /// Both outlive it.
  DiscordAdapter(DiscordSettings settings, http::Client& client, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return discord_traits; }
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  Task<DiscordAnswer> post(const std::string& channel, std::string token, DiscordRequest request);

  DiscordSettings settings_;
  http::Client& client_;
  Clock& clock_;
  DiscordBuckets buckets_;
};

}  // namespace meantime::delivery
