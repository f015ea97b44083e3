// SPDX-License-Identifier: MIT
// telegram.hpp: chats, groups and channels of Telegram, as a bot (Bot API).
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <string>

#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/secret.hpp"
#include "delivery/adapters/web.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// The server counts characters, and entities in UTF-16 units: within these both are kept.
inline constexpr render::Limits telegram_limits{
    .markup = render::Markup::entities,
    .unit = render::Unit::utf16,
    .hard = 4'096,
    .takes_files = true,
    .caption = 1'024 - 160,  // room for the note about repetition
};
inline constexpr AdapterTraits telegram_traits{
    .repeats = Repeats::not_noticed,
    .channels_at_once = 8,                    // 30 a second for the whole bot
    .between_messages = Milliseconds(1'000),  // in one chat; groups take 20 a minute
    .burst = 1,
};
inline constexpr std::string_view telegram_api = "https://api.telegram.org";
inline constexpr std::size_t telegram_file_bytes = 50'000'000;

struct TelegramSettings {
  WebPlace place{.base_url = std::string(telegram_api)};
  Secret token;      ///< 123456:ABC...
  std::string link;  ///< As link_to() takes it.
};

class TelegramAdapter final : public Adapter {
 public:
  /// Both outlive it.
  TelegramAdapter(TelegramSettings settings, http::Client& client, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return telegram_traits; }
  /// A channel is a chat's number or @name, or `number/topic`.
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  struct Said {
    SendAnswer answer;
    std::string description;
    std::string moved_to;  // The group has another number now.
  };
  // Mends what can be: a group that moved, entities and a file that are not taken.
  Task<Said> post_mended(const std::string& token, const Outgoing& message, render::Chunk chunk, std::string file);
  Task<Said> post(const std::string& token, const Outgoing& message, const render::Chunk& chunk,
                  const std::string& file);
  [[nodiscard]] Said judge(const http::Response& answer) const;
  [[nodiscard]] std::string chat_now(std::string_view chat) const;

  TelegramSettings settings_;
  http::Client& client_;
  Clock& clock_;
  std::map<std::string, std::string, std::less<>> moved_;  // a group's number to the one it has now
};

}  // namespace meantime::delivery
