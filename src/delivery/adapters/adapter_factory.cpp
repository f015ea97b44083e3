// SPDX-License-Identifier: MIT
// adapter_factory.cpp: the adapter that a destination's settings describe.
#include <charconv>

#include "delivery/adapters/adapter_settings.hpp"
#include "delivery/adapters/command.hpp"
#include "delivery/adapters/discord.hpp"
#include "delivery/adapters/discord_webhook.hpp"
#include "delivery/adapters/mail.hpp"
#include "delivery/adapters/matrix.hpp"
#include "delivery/adapters/mattermost.hpp"
#include "delivery/adapters/mattermost_webhook.hpp"
#include "delivery/adapters/ntfy.hpp"
#include "delivery/adapters/slack.hpp"
#include "delivery/adapters/slack_webhook.hpp"
#include "delivery/adapters/teams.hpp"
#include "delivery/adapters/telegram.hpp"
#include "delivery/adapters/webhook.hpp"

namespace meantime::delivery {
namespace {

constexpr const char* op = "delivery.make_adapter";

// The address as it stands: of a webhook the whole of it matters.
WebPlace whole_place_of(const DestinationSettings& settings) {
  WebPlace place;
  place.base_url = settings.url;
  place.addresses = settings.allow_private ? http::Addresses::any : http::Addresses::public_only;
  place.ca_file = settings.ca_file;
  place.time_limit = settings.timeout;
  return place;
}

// What paths are put behind. `usual`: where the platform is, for those that are one place in the world.
WebPlace place_of(const DestinationSettings& settings, std::string_view usual = {}) {
  WebPlace place = whole_place_of(settings);
  if (place.base_url.empty()) place.base_url = usual;
  while (place.base_url.ends_with('/')) place.base_url.pop_back();
  return place;
}

std::optional<Secret> secret_of(const std::optional<SecretPlace>& place) {
  return place ? std::optional<Secret>(*place) : std::nullopt;
}

Result<Secret> token_of(const DestinationSettings& settings) {
  if (settings.token) return Secret(*settings.token);
  return fail(errc::invalid_argument, op, "it needs token_file or token_env: where its token is");
}

// smtp://host[:587], with STARTTLS, or smtps://host[:465].
Result<MailServer> mail_server_of(const DestinationSettings& settings) {
  MailServer server;
  std::string_view rest = settings.url;
  if (rest.starts_with("smtps://")) {
    server.security = MailSecurity::tls;
    server.port = 465;
    rest.remove_prefix(8);
  } else if (rest.starts_with("smtp://")) {
    rest.remove_prefix(7);
  } else {
    return fail(errc::invalid_argument, op, "its url is smtp://host:587 (STARTTLS) or smtps://host:465 (TLS)");
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const auto colon = rest.rfind(':');
  if (colon != std::string_view::npos && !rest.ends_with(']')) {
    const std::string_view number = rest.substr(colon + 1);
    const auto read = std::from_chars(number.data(), number.data() + number.size(), server.port);
    if (read.ec != std::errc() || read.ptr != number.data() + number.size() || server.port == 0) {
      return fail(errc::invalid_argument, op, "the port in its url is a number from 1 to 65535");
    }
    rest = rest.substr(0, colon);
  }
  if (rest.empty()) return fail(errc::invalid_argument, op, "its url names no host");
  server.host = rest;
  const bool this_machine = rest == "localhost" || rest == "[::1]" || rest.starts_with("127.");
  if (settings.unencrypted && (server.security == MailSecurity::tls || !this_machine)) {
    return fail(
        errc::invalid_argument, op,
        "security = \"none\" is for an smtp:// server on this machine, as smtp://localhost:25: leave it out, and "
        "the letters are encrypted");
  }
  server.user = settings.user;
  server.ca_file = settings.ca_file;
  server.addresses =
      settings.allow_private || settings.unencrypted ? http::Addresses::any : http::Addresses::public_only;
  if (settings.unencrypted) server.security = MailSecurity::none;
  server.time_limit = settings.timeout;
  return server;
}

template <class Adapter, class... Parts>
Result<std::unique_ptr<meantime::Adapter>> made(Parts&&... parts) {
  return std::make_unique<Adapter>(std::forward<Parts>(parts)...);
}

// Those that log in with a token, at a place of their own or the platform's.
template <class Adapter, class Settings>
Result<std::unique_ptr<meantime::Adapter>> made_with_token(const DestinationSettings& settings,
                                                           const AdapterParts& parts, std::string_view usual = {}) {
  auto token = token_of(settings);
  if (!token) return std::unexpected(std::move(token.error()));
  WebPlace place = place_of(settings, usual);
  if (place.base_url.empty()) return fail(errc::invalid_argument, op, "it needs url: where its server is");
  Settings of_bot{.place = std::move(place), .token = std::move(*token), .link = settings.link};
  if constexpr (requires { of_bot.user_agent_url; }) of_bot.user_agent_url = settings.user_agent_url;
  return made<Adapter>(std::move(of_bot), parts.http, parts.clock);
}

// Those whose whole address stands in the configuration, or is a secret.
template <class Adapter, class Settings>
Result<std::unique_ptr<meantime::Adapter>> made_webhook(const DestinationSettings& settings,
                                                        const AdapterParts& parts) {
  if (settings.url.empty() && !settings.url_secret) {
    return fail(errc::invalid_argument, op, "it needs url_file or url_env: where its whole URL is");
  }
  Settings of_webhook;
  of_webhook.place = whole_place_of(settings);
  of_webhook.url = secret_of(settings.url_secret);
  of_webhook.link = settings.link;
  if constexpr (requires { of_webhook.user_agent_url; }) of_webhook.user_agent_url = settings.user_agent_url;
  return made<Adapter>(std::move(of_webhook), parts.http, parts.clock);
}

}  // namespace

Result<void> check_settings(const DestinationSettings& settings) {
  if (settings.type != AdapterType::mail) return {};
  if (auto server = mail_server_of(settings); !server) return std::unexpected(std::move(server.error()));
  return {};
}

Result<std::unique_ptr<Adapter>> make_adapter(const DestinationSettings& settings, const AdapterParts& parts) {
  switch (settings.type) {
    case AdapterType::discord:
      return made_with_token<DiscordAdapter, DiscordSettings>(settings, parts, discord_api);
    case AdapterType::discord_webhook:
      return made_webhook<DiscordWebhookAdapter, DiscordWebhookSettings>(settings, parts);
    case AdapterType::slack:
      return made_with_token<SlackAdapter, SlackSettings>(settings, parts, slack_api);
    case AdapterType::slack_webhook:
      return made_webhook<SlackWebhookAdapter, SlackWebhookSettings>(settings, parts);
    case AdapterType::telegram:
      return made_with_token<TelegramAdapter, TelegramSettings>(settings, parts, telegram_api);
    case AdapterType::matrix:
      return made_with_token<MatrixAdapter, MatrixSettings>(settings, parts);
    case AdapterType::mattermost:
      return made_with_token<MattermostAdapter, MattermostSettings>(settings, parts);
    case AdapterType::mattermost_webhook:
      return made_webhook<MattermostWebhookAdapter, MattermostWebhookSettings>(settings, parts);
    case AdapterType::teams:
      return made_webhook<TeamsAdapter, TeamsSettings>(settings, parts);
    case AdapterType::ntfy:
      return made<NtfyAdapter>(NtfySettings{.place = place_of(settings, "https://ntfy.sh"),
                                            .token = secret_of(settings.token),
                                            .link = settings.link},
                               parts.http, parts.clock);
    case AdapterType::mail: {
      auto server = mail_server_of(settings);
      if (!server) return std::unexpected(std::move(server.error()));
      return made<MailAdapter>(MailSettings{.server = std::move(*server),
                                            .password = secret_of(settings.token),
                                            .from = settings.from,
                                            .link = settings.link},
                               parts.loop, parts.clock);
    }
    case AdapterType::webhook:
      return made<WebhookAdapter>(WebhookSettings{.place = whole_place_of(settings),
                                                  .url = secret_of(settings.url_secret),
                                                  .keys = secret_of(settings.token),
                                                  .link = settings.link},
                                  parts.http, parts.clock);
    case AdapterType::command:
      return made<CommandAdapter>(
          CommandSettings{.argv = settings.command, .time_limit = settings.timeout, .link = settings.link},
          parts.loop.io(), parts.clock);
  }
  return fail(errc::internal, op, "its type is none of those that are known");
}

}  // namespace meantime::delivery
