// SPDX-License-Identifier: MIT
// mattermost.hpp: channels of a Mattermost server, as a bot (REST API v4).
#pragma once

#include <string>

#include "delivery/adapters/mattermost_rest.hpp"
#include "delivery/adapters/secret.hpp"
#include "delivery/adapters/web.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// Limits of messages: mattermost_limits.
inline constexpr AdapterTraits mattermost_traits{
    .repeats = Repeats::not_noticed,
    .channels_at_once = 4,
    .between_messages = Milliseconds(100),  // 10 a second, 100 at once, where the server limits at all
    .burst = 20,
};
inline constexpr std::size_t mattermost_file_bytes = 100UL << 20U;  // as servers come

struct MattermostSettings {
  WebPlace place;    ///< base_url: the server's, https://chat.example.org
  Secret token;      ///< A bot's access token.
  std::string link;  ///< As link_to() takes it.
};

class MattermostAdapter final : public Adapter {
 public:
  /// Both outlive it.
  MattermostAdapter(MattermostSettings settings, http::Client& client, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return mattermost_traits; }
  /// A channel is its id, or `id/root post` for a thread.
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  // The id of an uploaded file that nobody sees yet.
  Task<std::expected<std::string, SendAnswer>> upload(const std::string& token, const std::string& channel,
                                                      const std::string& file_name, std::string bytes);

  MattermostSettings settings_;
  http::Client& client_;
  Clock& clock_;
};

}  // namespace meantime::delivery
