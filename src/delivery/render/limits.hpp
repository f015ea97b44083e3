// SPDX-License-Identifier: MIT
// limits.hpp: what a platform takes, as values. The numbers of each stand at the top of its adapter.
#pragma once

#include <cstddef>
#include <cstdint>

#include "delivery/render/units.hpp"

namespace meantime::render {

/// How bold and code are written.
enum class Markup : std::uint8_t {
  markdown,  ///< `**bold**`, `` `code` ``, fences: Discord, Mattermost.
  mrkdwn,    ///< `*bold*`, `` `code` ``, fences without a language, `& < >` escaped: Slack.
  entities,  ///< Plain text, and beside it where bold and code stand, in UTF-16 units: Telegram, Teams.
  html,      ///< Markdown and HTML side by side, both counted: Matrix.
  plain,     ///< No markup at all: ntfy, mail.
};

/// What keeps a fence from being closed by what stands in it.
enum class InnerFence : std::uint8_t {
  longer_marker,     ///< The platform knows fences longer than three backticks.
  zero_width_space,  ///< It does not: runs of backticks are broken up with U+200B.
};

/// What `@name` does in text outside of code.
enum class MentionGuard : std::uint8_t {
  none,              ///< The request itself says that nobody is to be called (allowed_mentions, m.mentions), or
                     ///< escaping does it.
  zero_width_space,  ///< U+200B is put behind each `@`.
};

/// One platform's limits.
struct Limits {
  Markup markup = Markup::plain;
  Unit unit = Unit::bytes;
  std::size_t hard = 0;  ///< The platform takes no longer message: chunks never are. At least min_limit.
  std::size_t soft = 0;  ///< What a chunk should be within; 0: `hard`.
  bool fence_language = false;
  InnerFence inner_fence = InnerFence::zero_width_space;
  MentionGuard mentions = MentionGuard::none;
  std::uint32_t max_chunks = 5;  ///< A longer text is shown with its head and tail only. 0: no limit.
  bool takes_files = false;
  std::size_t caption = 0;  ///< Limit of the text beside a file; 0: as any other message.

  [[nodiscard]] constexpr std::size_t budget() const noexcept { return soft != 0 && soft < hard ? soft : hard; }
};

/// Below that nothing sensible can be said: render() and split() answer invalid_argument.
inline constexpr std::size_t min_limit = 128;

/// What a text costs at this platform.
[[nodiscard]] constexpr Measure measure_of(const Limits& limits) {
  switch (limits.markup) {
    case Markup::mrkdwn:
      return Measure(limits.unit, Escape::angle);
    case Markup::html:
      return Measure(limits.unit).with(Measure(limits.unit, Escape::html));
    default:
      return Measure(limits.unit);
  }
}

}  // namespace meantime::render
