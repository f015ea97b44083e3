// SPDX-License-Identifier: MIT
// teams.hpp: channels of Microsoft Teams, by a workflow ("When a Teams webhook request is received").
#pragma once

#include "delivery/adapters/web_address.hpp"
#include "delivery/render/payloads.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// About 28 KB for the whole message, of which 21 KB have proved safe.
inline constexpr render::Limits teams_limits{
    .markup = render::Markup::entities,
    .unit = render::Unit::json_bytes,
    .hard = 21'000 - render::teams_card_overhead,
    .soft = 18'000,
};
inline constexpr AdapterTraits teams_traits{
    .repeats = Repeats::not_noticed,
    .channels_at_once = 1,                  // a workflow is one channel
    .between_messages = Milliseconds(300),  // four in a second
};

struct TeamsSettings {
  WebPlace place;             ///< base_url: of the workflow...
  std::optional<Secret> url;  ///< ...which is a secret: whoever knows it can write there.
  std::string link;           ///< As link_to() takes it.
};

class TeamsAdapter final : public Adapter {
 public:
  /// Both outlive it.
  TeamsAdapter(TeamsSettings settings, http::Client& client, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return teams_traits; }
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  /// It arrived at the workflow: whether that brings it to the channel is not told to the sender.
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  TeamsSettings settings_;
  WebAddress address_;
  http::Client& client_;
  Clock& clock_;
};

}  // namespace meantime::delivery
