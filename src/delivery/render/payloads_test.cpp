// SPDX-License-Identifier: MIT
#include "delivery/render/payloads.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "support/platform_limits.hpp"
#include "support/random_text.hpp"

namespace meantime::render {
namespace {

namespace json = boost::json;

Report report_with(std::string text) {
  Report report;
  report.tool = "crawl";
  report.task_id = "01234567890123456789012345678901";
  report.elapsed = Milliseconds{1'500};
  report.text = std::move(text);
  report.result_chars = report.text.size();
  return report;
}

Limits limits_of(std::string_view name) {
  for (const auto& platform : test::platform_limits) {
    if (platform.name == name) return platform.limits;
  }
  ADD_FAILURE() << "no such platform: " << name;
  return {};
}

TEST(Payloads, ACardHasEachTextOnceInRunsWithoutMarkdown) {
  const auto chunks = render(report_with("a *b* \U0001F600\n_c_"), limits_of("teams"));
  ASSERT_TRUE(chunks.has_value());
  const json::value card = json::parse(teams_card(chunks->at(0)));
  const json::value& inlines = card.at_pointer("/attachments/0/content/body/0/inlines");
  std::string text;
  for (const json::value& run : inlines.as_array()) text += std::string(run.at("text").as_string());
  EXPECT_EQ(text, chunks->at(0).text);
  EXPECT_EQ(inlines.at(0).at("text").as_string(), "crawl");
  EXPECT_EQ(inlines.at(0).at("weight").as_string(), "Bolder");
  const json::value& code = inlines.as_array().back();
  EXPECT_EQ(code.at("text").as_string(), "a *b* \U0001F600\n_c_");
  EXPECT_EQ(code.at("fontType").as_string(), "Monospace");
}

TEST(Payloads, ACardIsAsLongAsPlanned) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Report report = report_with(test::random_text(seed, 30'000));
    report.max_chars = 100'000;
    const Limits limits = limits_of("teams");
    const auto chunks = render(report, limits);
    ASSERT_TRUE(chunks.has_value());
    for (const Chunk& chunk : *chunks) EXPECT_LE(teams_card(chunk).size(), limits.budget() + teams_card_overhead);
  }
}

TEST(Payloads, AnEventIsOneJsonWithinItsLimit) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Report report = report_with(test::random_text(seed, seed * 700));
    if (seed % 2 == 1) {
      report.status = TaskStatus::failed;
      report.error = "E: " + test::random_text(seed + 1, seed * 100);
    }
    for (const std::size_t limit : {2'048U, 20'000U}) {
      const auto event = event_json(report, limit);
      ASSERT_TRUE(event.has_value());
      ASSERT_LE(event->size(), limit);
      const json::value value = json::parse(*event);
      EXPECT_EQ(value.at("type").as_string(), seed % 2 == 1 ? "task.failed" : "task.completed");
      const json::object& data = value.at("data").as_object();
      const bool whole = data.contains("result") && data.at("result").as_string() == std::string_view(report.text);
      EXPECT_EQ(data.at("result_cut").as_bool(), !whole && !report.text.empty());
    }
  }
  EXPECT_FALSE(event_json(report_with("x"), 2'047).has_value());
}

TEST(Payloads, ATitleIsOneLineOfItsLength) {
  Report report = report_with("x");
  report.tool = "a\nb: c";
  EXPECT_EQ(title_of(report), "a b: c completed in 1.5s · 45678901");
  report.tool = std::string(300, 'x') + "\U0001F600";
  EXPECT_LE(title_of(report, 40).size(), 40U);
}

}  // namespace
}  // namespace meantime::render
