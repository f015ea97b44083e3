// SPDX-License-Identifier: MIT
#include "delivery/render/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/utf8.hpp"
#include "delivery/render/clean.hpp"
#include "delivery/render/fences.hpp"
#include "support/platform_limits.hpp"
#include "support/random_text.hpp"

namespace meantime::render {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view zero_width_space = "\u200B";

Report report_with(std::string text) {
  Report report;
  report.tool = "crawl";
  report.task_id = "01234567890123456789012345678901";
  report.elapsed = Milliseconds{12'500};
  report.text = std::move(text);
  report.max_chars = 1'000'000'000;
  return report;
}

const Limits& limits_of(std::string_view name) {
  for (const auto& platform : test::platform_limits) {
    if (platform.name == name) return platform.limits;
  }
  std::abort();
}

std::vector<Chunk> must_render(const Report& report, const Limits& limits) {
  auto chunks = render(report, limits);
  EXPECT_TRUE(chunks.has_value()) << (chunks ? "" : chunks.error().detail);
  return chunks ? *chunks : std::vector<Chunk>{};
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

// The text without white space and without what only keeps fences closed: what a cut may neither add nor take away.
std::string essence(std::string text) {
  replace_all(text, zero_width_space, "");
  std::erase_if(text, [](char c) { return c == ' ' || c == '\t' || c == '\n'; });
  return text;
}

std::size_t occurrences(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

// What a reader of that platform sees as the result in one chunk: without header, counter and fence.
std::string shown_result(const Chunk& chunk, const Limits& limits) {
  const std::size_t first = chunk.text.find('\n');
  if (first == std::string::npos) return {};
  std::string rest = chunk.text.substr(first + 1);
  if (limits.markup == Markup::entities || limits.markup == Markup::plain) return rest;
  if (rest.empty()) return {};
  const std::size_t ticks = rest.find_first_not_of('`');
  EXPECT_GE(ticks, 3U);
  const std::string marker = rest.substr(0, ticks);
  EXPECT_TRUE(rest.ends_with("\n" + marker)) << "a fence that is not closed";
  const std::size_t inside = rest.find('\n') + 1;
  rest = rest.substr(inside, rest.size() - inside - ticks);
  if (limits.inner_fence == InnerFence::zero_width_space) {
    EXPECT_EQ(occurrences(rest, "```"), 0U) << "something closes our fence";
  } else {
    EXPECT_LT(longest_backtick_run(rest), ticks);
  }
  if (limits.markup == Markup::mrkdwn) {
    EXPECT_EQ(rest.find_first_of("<>"), std::string::npos);
    replace_all(rest, "&lt;", "<");
    replace_all(rest, "&gt;", ">");
    replace_all(rest, "&amp;", "&");
  }
  return rest;
}

void expect_sound_entities(const Chunk& chunk) {
  const std::size_t all = length(chunk.text, Unit::utf16);
  const Measure utf16(Unit::utf16);
  for (const Entity& entity : chunk.entities) {
    ASSERT_GT(entity.length, 0U);
    ASSERT_LE(entity.offset + entity.length, all);
    ASSERT_EQ(utf16.prefix(chunk.text, entity.offset).units, entity.offset) << "begins inside a character";
    ASSERT_EQ(utf16.prefix(chunk.text, entity.offset + entity.length).units, entity.offset + entity.length);
  }
}

void expect_sound_html(std::string html) {
  ASSERT_EQ(occurrences(html, "<pre><code"), occurrences(html, "</code></pre>"));
  for (const std::string_view tag : {"<strong>", "</strong>", "<code>", "</code>", "<pre>", "</pre>", "<br>",
                                     "<code class=\"language-json\">", "&amp;", "&lt;", "&gt;"})
    replace_all(html, tag, "");
  ASSERT_EQ(html.find_first_of("<>&"), std::string::npos) << html;
}

class EachPlatform : public ::testing::TestWithParam<test::PlatformLimits> {};

TEST_P(EachPlatform, S43_WhateverTheResultItsMessagesAreWithinTheLimitAndHoldAllOfIt) {
  Limits limits = GetParam().limits;
  limits.max_chunks = 0;
  const std::size_t least = limits.unit == Unit::json_bytes ? 700 : 150;  // HTML and cards need room themselves
  for (std::uint64_t seed = 0; seed < 250; ++seed) {
    limits.soft = seed % 3 == 0 ? least + seed * 5 : GetParam().limits.soft;
    const std::string text = clean(test::random_text(seed, 10 + seed % 25 * 400));
    const auto chunks = must_render(report_with(text), limits);
    std::string all;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      const Chunk& chunk = chunks[i];
      ASSERT_LE(length_of(chunk, limits), limits.budget()) << "seed " << seed;
      ASSERT_TRUE(utf8::valid(chunk.text) && utf8::valid(chunk.html));
      ASSERT_FALSE(essence(chunk.text).empty());
      expect_sound_entities(chunk);
      if (limits.markup == Markup::html) expect_sound_html(chunk.html);
      const std::string number = '(' + std::to_string(i + 1) + '/' + std::to_string(chunks.size()) + ')';
      if (chunks.size() > 1) {
        ASSERT_THAT(chunk.text.substr(0, chunk.text.find('\n')), HasSubstr(number));
      }
      all += shown_result(chunk, limits);
      ASSERT_FALSE(HasFailure()) << "seed " << seed << ", message " << i + 1 << ":\n" << chunk.text;
    }
    ASSERT_EQ(essence(all), essence(text).empty() ? "(emptyresult)" : essence(text)) << "seed " << seed;
  }
}

TEST_P(EachPlatform, S43_ALongResultIsShownWithItsHeadAndTailAndSaysSo) {
  const Limits& limits = GetParam().limits;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Report report = report_with(clean("FIRST" + test::random_text(seed, 12'000 + seed * 500) + "LAST"));
    report.max_chars = seed % 2 == 0 ? 9'000 : 3'000;
    if (seed % 5 == 0) report.link = "https://example.org/results/1";
    const auto chunks = must_render(report, limits);
    ASSERT_LE(chunks.size(), limits.max_chunks);
    std::string all;
    for (const Chunk& chunk : chunks) {
      ASSERT_LE(length_of(chunk, limits), limits.budget());
      if (!chunk.file_name.empty() && limits.caption != 0) ASSERT_LE(length_of(chunk, limits), limits.caption);
      expect_sound_entities(chunk);
      all += chunk.text + '\n';
    }
    EXPECT_THAT(all, HasSubstr("FIRST"));
    EXPECT_THAT(all, HasSubstr("LAST"));
    EXPECT_THAT(all, HasSubstr("…[truncated] "));
    EXPECT_EQ(!chunks.back().file_name.empty(), limits.takes_files);
    if (limits.takes_files) {
      EXPECT_EQ(chunks.size(), 1U) << "the file has the rest";
      EXPECT_THAT(all, HasSubstr(chunks.back().file_name));
    } else {
      EXPECT_THAT(all, HasSubstr(report.link.empty() ? report.task_id : report.link));
    }
    ASSERT_FALSE(HasFailure()) << "seed " << seed << '\n' << all;
  }
}

TEST_P(EachPlatform, S42_AFailureIsWithinTheLimitsWhateverItSays) {
  const Limits& limits = GetParam().limits;
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    Report report = report_with(clean(test::random_text(seed, seed * 100)));
    report.status = TaskStatus::failed;
    report.reason = EndReason::tool_error;
    report.error = "ToolError: " + clean(test::random_text(seed + 1'000, seed * 60));
    const auto chunks = must_render(report, limits);
    ASSERT_LE(chunks.size(), limits.max_chunks) << "seed " << seed;
    for (const Chunk& chunk : chunks) ASSERT_LE(length_of(chunk, limits), limits.budget()) << "seed " << seed;
    EXPECT_THAT(chunks[0].text + (chunks.size() > 1 ? chunks[1].text : ""), HasSubstr("ToolError: "));
  }
}

TEST_P(EachPlatform, MarkdownThatIsSplitIsNotSplitAgain) {
  const Limits& limits = GetParam().limits;
  Limits small = limits;
  small.soft = 700;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    const std::string text = clean(test::random_text(seed, 100 + seed % 10 * 500));
    const auto chunks = render_markdown(text, small);
    ASSERT_TRUE(chunks.has_value()) << chunks.error().detail;
    for (const Chunk& chunk : *chunks) {
      ASSERT_LE(length_of(chunk, small), small.budget()) << "seed " << seed;
      if (limits.markup != Markup::markdown || chunk.text.empty()) continue;
      const auto again = render_markdown(chunk.text, limits);
      ASSERT_TRUE(again.has_value());
      ASSERT_EQ(again->size(), 1U);
      ASSERT_EQ(again->at(0).text, chunk.text) << "seed " << seed;
    }
  }
}

TEST_P(EachPlatform, AChunkIsTheSameAfterTheStore) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const Chunk& chunk : must_render(report_with(test::random_text(seed, 20'000)), GetParam().limits)) {
      const auto back = unpack(pack(chunk));
      ASSERT_TRUE(back.has_value());
      ASSERT_EQ(*back, chunk);
    }
  }
}

TEST_P(EachPlatform, ALimitThatMakesNoSenseIsRefused) {
  Limits limits = GetParam().limits;
  limits.hard = min_limit - 1;
  const auto chunks = render(report_with("x"), limits);
  ASSERT_FALSE(chunks.has_value());
  EXPECT_EQ(chunks.error().code, errc::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Render, EachPlatform, ::testing::ValuesIn(test::platform_limits),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Render, S41_AResultOnEachPlatform) {
  const Report report = report_with("a < b\n");
  const auto text = [&](std::string_view name) { return must_render(report, limits_of(name))[0].text; };
  EXPECT_EQ(text("discord"), "**`crawl`** completed in 12.5s · `45678901`\n```\na < b\n```");
  EXPECT_EQ(text("mattermost"), text("discord"));
  EXPECT_EQ(text("slack"), "*`crawl`* completed in 12.5s · `45678901`\n```\na &lt; b\n```");
  EXPECT_EQ(text("ntfy"), "crawl completed in 12.5s · 45678901\na < b\n");
  const Chunk telegram = must_render(report, limits_of("telegram"))[0];
  EXPECT_EQ(telegram.text, text("ntfy"));
  EXPECT_EQ(telegram.entities, (std::vector<Entity>{{Entity::Kind::bold, 0, 5, ""},
                                                    {Entity::Kind::code, 0, 5, ""},
                                                    {Entity::Kind::code, 27, 8, ""},
                                                    {Entity::Kind::pre, 36, 6, ""}}));
  const Chunk matrix = must_render(report, limits_of("matrix"))[0];
  EXPECT_EQ(matrix.text, text("discord"));
  EXPECT_EQ(matrix.html,
            "<strong><code>crawl</code></strong> completed in 12.5s · <code>45678901</code><br>"
            "<pre><code>a &lt; b\n</code></pre>");
}

TEST(Render, S41_AnEmptyResultSaysSo) {
  EXPECT_THAT(must_render(report_with("\n"), limits_of("discord"))[0].text, HasSubstr("```\n(empty result)\n```"));
}

TEST(Render, S43_AFullMessageIsAsLongAsThePlatformTakes) {
  const Limits& discord = limits_of("discord");
  const std::string around = must_render(report_with("x"), discord)[0].text;
  const std::size_t room = discord.hard - length(around, Unit::code_points) + 1;
  std::string emoji;
  for (std::size_t i = 0; i < room; ++i) emoji += "\U0001F600";
  const auto one = must_render(report_with(emoji), discord);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(length_of(one[0], discord), 2'000U) << "counted in code points, not in bytes or UTF-16";
  EXPECT_EQ(must_render(report_with(emoji + "!"), discord).size(), 2U);
}

TEST(Render, S43_TheLanguageIsSaidInEachMessage) {
  std::string json = "[\n";
  for (int i = 0; i < 300; ++i) json += "  " + std::to_string(1'000'000 + i) + ",\n";
  json += "  0\n]";
  const auto chunks = must_render(report_with(json), limits_of("discord"));
  ASSERT_GT(chunks.size(), 1U);
  for (const Chunk& chunk : chunks) EXPECT_THAT(chunk.text, HasSubstr("```json\n"));
}

TEST(Render, F22_AResultWithFencesDoesNotBreakOut) {
  const std::string text = "a\n```\nout @everyone\n```\n";
  EXPECT_EQ(occurrences(must_render(report_with(text), limits_of("discord"))[0].text, "```"), 2U);
  EXPECT_THAT(must_render(report_with(text), limits_of("mattermost"))[0].text, HasSubstr("\n````\na\n```\nout"));
}

TEST(Render, F22_AskingForMoreThanFitsSaysWhatIsMissing) {
  Limits limits = limits_of("discord");
  limits.takes_files = false;
  Report report = report_with(std::string(30'000, 'x'));
  report.max_chars = 30'000;
  const auto chunks = must_render(report, limits);
  EXPECT_EQ(chunks.size(), 5U);
  std::uint64_t shown = 0;
  std::string all;
  for (const Chunk& chunk : chunks) {
    all += chunk.text;
    shown += static_cast<std::uint64_t>(std::ranges::count(chunk.text, 'x'));
  }
  shown -= occurrences(all, "text");
  EXPECT_GT(shown, 7'832U);
  EXPECT_THAT(all, HasSubstr("of 30,000 characters are left out here."));
}

TEST(Render, AMessageThatIsNoChunkIsRefused) {
  for (const std::string_view packed :
       {"", "[]", "{}", "{\"text\": 1}", "{\"text\":\"a\",\"entities\":[{\"k\":\"x\"}]}",
        "{\"text\":\"a\",\"entities\":[{\"k\":\"pre\",\"o\":-1,\"n\":1}]}"}) {
    const auto chunk = unpack(packed);
    ASSERT_FALSE(chunk.has_value()) << packed;
    EXPECT_EQ(chunk.error().code, errc::invalid_argument);
  }
}

}  // namespace
}  // namespace meantime::render
