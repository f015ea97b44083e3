// SPDX-License-Identifier: MIT
// render_fuzz.cpp: whatever the output and whatever the limits, the messages are within them, valid, and hold all of
// it.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/utf8.hpp"
#include "delivery/render/clean.hpp"
#include "delivery/render/payloads.hpp"
#include "delivery/render/render.hpp"

namespace {

using namespace meantime::render;

void demand(bool holds) {
  if (!holds) std::abort();
}

std::size_t visible(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += static_cast<std::size_t>(std::string_view(" \t\n`").contains(c) ? 0 : 1);
  return n;
}

void check(const std::vector<Chunk>& chunks, const Limits& limits) {
  demand(!chunks.empty());
  for (const Chunk& chunk : chunks) {
    demand(length_of(chunk, limits) <= limits.budget());
    demand(meantime::utf8::valid(chunk.text) && meantime::utf8::valid(chunk.html));
    const auto back = unpack(pack(chunk));
    demand(back && *back == chunk);
    if (limits.markup == Markup::entities) demand(meantime::utf8::valid(teams_card(chunk)));
  }
}

}  // namespace

// The first three bytes choose limits; the rest is the output of a tool.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  constexpr std::size_t least = 1'200;  // room for the header, a link line and a card's runs in every markup
  Limits limits;
  limits.markup =
      std::array{Markup::markdown, Markup::mrkdwn, Markup::entities, Markup::html, Markup::plain}[data[0] % 5];
  limits.unit = std::array{Unit::bytes, Unit::code_points, Unit::utf16, Unit::json_bytes}[data[0] / 5 % 4];
  limits.inner_fence = data[0] >= 128 ? InnerFence::longer_marker : InnerFence::zero_width_space;
  limits.mentions = data[1] % 2 == 0 ? MentionGuard::none : MentionGuard::zero_width_space;
  limits.fence_language = data[1] % 3 == 0;
  limits.takes_files = data[1] % 5 == 0;
  limits.max_chunks = data[1] % 7;
  limits.hard = least + std::size_t{data[2]} * 4;

  const std::string_view bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  const std::string cleaned = clean(bytes);
  demand(meantime::utf8::valid(cleaned));
  demand(without_controls(cleaned) == cleaned);

  Report report;
  report.tool = clean(bytes.substr(0, 40));
  report.task_id = "01234567890123456789012345678901";
  report.text = cleaned;
  report.max_chars = 100'000'000;
  const auto all = render(report, limits);
  demand(all.has_value());
  check(*all, limits);
  demand(limits.max_chunks == 0 || all->size() <= limits.max_chunks);

  limits.max_chunks = 0;
  const auto whole = render(report, limits);
  demand(whole.has_value());
  check(*whole, limits);
  std::size_t shown = 0;
  for (const Chunk& chunk : *whole) shown += visible(chunk.text);
  demand(shown >= visible(cleaned));

  report.status = meantime::TaskStatus::failed;
  report.error = cleaned;
  const auto failed = render(report, limits);
  demand(failed.has_value());
  check(*failed, limits);
  const auto event = event_json(report, 2'048 + std::size_t{data[2]});
  demand(event && event->size() <= 2'048 + std::size_t{data[2]});

  const auto markdown = render_markdown(cleaned, limits);
  demand(markdown.has_value());
  check(*markdown, limits);
  return 0;
}
