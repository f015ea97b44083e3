// SPDX-License-Identifier: MIT
// webhook.hpp: any program that takes an event by HTTP POST, signed as Standard Webhooks describes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "delivery/adapters/secret.hpp"
#include "delivery/adapters/web_address.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// What the convention advises; a program takes what it takes.
inline constexpr AdapterTraits webhook_traits{
    .repeats = Repeats::noticed,  // `webhook-id` is the same each time: receivers know each other's repetitions by it
    .channels_at_once = 16,
};
inline constexpr std::size_t webhook_max_bytes = 20'000;

struct WebhookSettings {
  WebPlace place;              ///< base_url is the whole address...
  std::optional<Secret> url;   ///< ...unless it is a secret.
  std::optional<Secret> keys;  ///< `whsec_` secrets with spaces between; absent: not signed.
  std::size_t max_bytes = webhook_max_bytes;
  std::string link;  ///< As link_to() takes it.
};

class WebhookAdapter final : public Adapter {
 public:
  /// Both outlive it.
  WebhookAdapter(WebhookSettings settings, http::Client& client, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return webhook_traits; }
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  WebhookSettings settings_;
  WebAddress address_;
  http::Client& client_;
  Clock& clock_;
};

}  // namespace meantime::delivery
