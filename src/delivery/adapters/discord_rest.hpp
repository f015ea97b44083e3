// SPDX-License-Identifier: MIT
// discord_rest.hpp: what Discord's bots and webhooks share: a message's request, and what an answer means.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "delivery/adapters/web.hpp"
#include "delivery/render/render.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

inline constexpr render::Limits discord_limits{
    .markup = render::Markup::markdown,
    .unit = render::Unit::code_points,
    .hard = 2'000,
    .fence_language = true,
    .takes_files = true,
};
inline constexpr std::size_t discord_file_bytes = 10UL << 20U;

struct DiscordRequest {
  std::string content_type;
  std::string body;
};
/// A message that calls nobody and opens no link's preview. `nonce`: empty for webhooks, which have none.
/// `file`: absent: none goes with it.
[[nodiscard]] DiscordRequest discord_request(const render::Chunk& chunk, std::string_view nonce,
                                             const std::string* file);

struct DiscordAnswer {
  SendAnswer answer;
  bool file_refused = false;  ///< The message may be taken without it.
  bool address_gone = false;  ///< The webhook itself does not exist: it must not be used again.
};
[[nodiscard]] DiscordAnswer judge_discord(const http::Response& answer, WallTime now);

/// Knows until when Discord takes nothing more in a channel, by the headers of its answers.
class DiscordBuckets {
 public:
  void note(const std::string& channel, const http::Response& answer, SteadyTime now);
  /// How long to wait; 0: it may be sent.
  [[nodiscard]] Milliseconds wait(const std::string& channel, SteadyTime now) const;

 private:
  std::map<std::string, SteadyTime, std::less<>> full_until_;
};

/// An id of Discord's: 17 to 20 digits.
[[nodiscard]] bool is_snowflake(std::string_view text) noexcept;

/// As Discord wants to be told who is asking: `url` is a page about them, if there is one.
[[nodiscard]] std::string discord_user_agent(std::string_view url);

}  // namespace meantime::delivery
