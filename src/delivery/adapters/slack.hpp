// SPDX-License-Identifier: MIT
// slack.hpp: conversations of Slack, as an app's bot (Web API).
#pragma once

#include "delivery/adapters/secret.hpp"
#include "delivery/adapters/slack_rest.hpp"
#include "delivery/adapters/web.hpp"
#include "delivery/render/render.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// Limits of messages: slack_limits.
inline constexpr AdapterTraits slack_traits{
    .repeats = Repeats::not_noticed,
    .channels_at_once = 8,
    .between_messages = Milliseconds(1'000),  // one a second in a channel; short bursts are let through
    .burst = 3,
};
inline constexpr std::string_view slack_api = "https://slack.com/api";
inline constexpr std::size_t slack_file_bytes = 50'000'000;

struct SlackSettings {
  WebPlace place{.base_url = std::string(slack_api)};
  Secret token;      ///< xoxb-..., with the scopes chat:write and, for long results, files:write.
  std::string link;  ///< As link_to() takes it.
};

class SlackAdapter final : public Adapter {
 public:
  /// Both outlive it.
  SlackAdapter(SlackSettings settings, http::Client& client, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return slack_traits; }
  /// A channel is its id, or `id/ts` for a thread.
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  Task<SlackAnswer> call(std::string method, std::string token, std::string type, std::string body);
  // The id of an uploaded file that nobody sees yet.
  Task<std::expected<std::string, SlackAnswer>> upload(std::string token, const std::string& file_name,
                                                       std::string bytes);
  Task<SlackAnswer> share(std::string token, const std::string& file_id, const render::Chunk& chunk,
                          std::string_view channel_id);

  SlackSettings settings_;
  http::Client& client_;
  Clock& clock_;
};

}  // namespace meantime::delivery
