// SPDX-License-Identifier: MIT
// adapter_settings.hpp: a destination as the configuration describes it, and the adapter that is made of it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/adapters/secret.hpp"
#include "engine/deadlines.hpp"
#include "engine/loop.hpp"
#include "http/client.hpp"
#include "meantime/adapter.hpp"
#include "meantime/delivery.hpp"

namespace meantime::delivery {

enum class AdapterType : unsigned char {
  discord,
  discord_webhook,
  slack,
  slack_webhook,
  telegram,
  matrix,
  mattermost,
  mattermost_webhook,
  teams,
  ntfy,
  mail,
  webhook,
  command,
};
/// In the order of the enumeration, as the configuration writes them.
inline constexpr std::array<std::string_view, 13> adapter_types{
    "discord",    "discord_webhook",    "slack", "slack_webhook", "telegram", "matrix",
    "mattermost", "mattermost_webhook", "teams", "ntfy",          "mail",     "webhook",
    "command"};

/// What one [destinations.<name>] says. Which of these a type needs: docs/destinations.md.
struct DestinationSettings {
  Destination destination;
  AdapterType type = AdapterType::webhook;
  std::string url;                        ///< Of the server or the whole webhook, where it is no secret.
  std::optional<SecretPlace> url_secret;  ///< The whole URL of a webhook that is one.
  std::optional<SecretPlace> token;       ///< A bot's token, a password, or the secret that signs.
  std::string user;                       ///< mail: who logs in.
  std::string from;                       ///< mail: the sender's address.
  std::vector<std::string> command;       ///< command: the program and its arguments.
  Milliseconds timeout{30'000};           ///< Of one exchange, or of the command.
  bool allow_private = false;             ///< A server that only a private network can reach.
  std::string ca_file;                    ///< PEM; empty: the system's authorities.
  std::string link;                       ///< Where people read results: an address with `{task_id}` in it.
  std::string user_agent_url;             ///< discord: a page about whoever runs the bot.
  bool unencrypted = false;               ///< mail: no TLS, to a server of this machine.
};

/// What adapters work with; all outlive them.
struct AdapterParts {
  Loop& loop;
  Clock& clock;
  Deadlines& deadlines;
  http::Client& http;
};

/// What can be said of settings without connecting anywhere. Errors: invalid_argument, with the remedy.
[[nodiscard]] Result<void> check_settings(const DestinationSettings& settings);

/// Errors: invalid_argument (something that this type needs is missing), with the remedy.
[[nodiscard]] Result<std::unique_ptr<Adapter>> make_adapter(const DestinationSettings& settings,
                                                            const AdapterParts& parts);

}  // namespace meantime::delivery
