// SPDX-License-Identifier: MIT
#include "delivery/adapters/mattermost_rest.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "delivery/adapters/said.hpp"

namespace meantime::delivery {
namespace {

constexpr WordVerdict words[] = {
    {"api.context.permissions.*", SendVerdict::target_gone},
    {"api.context.session_expired.*", SendVerdict::auth},
    {"api.context.mfa_required.*", SendVerdict::auth},
    {"api.post.create_post.can_not_post_to_deleted.*", SendVerdict::target_gone},
    {"api.post.create_post.town_square_read_only", SendVerdict::target_gone},
    {"api.post.create_post.root_id.*", SendVerdict::target_gone},
    {"store.sql_channel.get.*", SendVerdict::target_gone},
    {"app.channel.get.*", SendVerdict::target_gone},
    {"web.incoming_webhook.*", SendVerdict::target_gone},
};

// Seconds left until the limit is over.
std::optional<Milliseconds> until_reset(const http::Response& answer) {
  const auto text = answer.header("x-ratelimit-reset");
  std::int64_t seconds = 0;
  constexpr std::int64_t most = 86'400;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), seconds).ec != std::errc() || seconds < 0 ||
      seconds > most) {
    return std::nullopt;
  }
  return Milliseconds(seconds * 1'000);
}

}  // namespace

SendAnswer judge_mattermost(const http::Response& answer, WallTime now) {
  const auto said = object_of(answer);
  const std::string id = said ? text_at(*said, "id") : std::string{};
  const std::string message = said ? text_at(*said, "message") : std::string{};
  SendAnswer out = by_status(answer, now, message.empty() ? std::string{} : message + " (" + id + ")");
  if (out.verdict == SendVerdict::arrived) return out;
  if (answer.status == 429) {
    constexpr Milliseconds usual{1'000};
    out.verdict = SendVerdict::retry_after;
    out.after = retry_after(answer, now).value_or(until_reset(answer).value_or(usual));
    out.whole_destination = true;  // it is the bot's, not the channel's
    return out;
  }
  if (answer.status >= 500) return out;
  if (answer.status == 403) out.verdict = SendVerdict::target_gone;
  if (const auto verdict = verdict_of(words, id)) out.verdict = *verdict;
  return out;
}

bool is_mattermost_id(std::string_view text) noexcept {
  constexpr std::size_t length = 26;
  return text.size() == length &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

}  // namespace meantime::delivery
