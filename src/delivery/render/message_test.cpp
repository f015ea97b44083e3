// SPDX-License-Identifier: MIT
#include "delivery/render/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/utf8.hpp"

namespace meantime::render {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string plain(const std::vector<Span>& spans) {
  std::string out;
  for (const Span& span : spans) out += span.text;
  return out;
}

std::string plain(const Body& body) {
  std::string out;
  for (const Block& block : body.blocks) {
    out += block.kind == Block::Kind::code ? "|" : "";
    out += block.text;
    out += '\n';
  }
  return out;
}

TaskRecord completed() {
  TaskRecord record;
  record.task_id = TaskId::from_bytes("0123456789abcdefghij");
  record.tool_name = "crawl";
  record.status = TaskStatus::completed;
  record.reason = EndReason::finished;
  record.ended_at = record.created_at + Milliseconds{12'500};
  return record;
}

TaskRecord failed(EndReason reason, std::string error) {
  TaskRecord record = completed();
  record.status = TaskStatus::failed;
  record.reason = reason;
  record.error = std::move(error);
  return record;
}

TEST(Message, S41_TheHeaderSaysToolOutcomeTimeAndShortId) {
  const Report report = report_of(completed(), "text", false, 0);
  EXPECT_EQ(report.max_chars, 9'000U);
  const auto header = header_of(report);
  EXPECT_EQ(plain(header), "crawl completed in 12.5s · " + short_id(report.task_id));
  EXPECT_EQ(header[0].style, Span::Style::bold_code);
  EXPECT_EQ(short_id(report.task_id).size(), 8U);
  EXPECT_TRUE(report.task_id.ends_with(short_id(report.task_id))) << "the beginning of an id is a time";
  EXPECT_EQ(short_id("0123456789ab"), "0123456789ab");
}

TEST(Message, S42_AFailureSaysHowItEnded) {
  const auto header = [](EndReason reason, std::optional<int> exit_code = {}) {
    TaskRecord record = failed(reason, "X: y");
    record.exit_code = exit_code;
    return plain(header_of(report_of(record, "", false, 0)));
  };
  EXPECT_THAT(header(EndReason::tool_error), StartsWith("crawl failed after 12.5s · "));
  EXPECT_THAT(header(EndReason::tool_error, 3), StartsWith("crawl failed after 12.5s (exit code 3) · "));
  EXPECT_THAT(header(EndReason::cancelled), StartsWith("crawl was cancelled after 12.5s"));
  EXPECT_THAT(header(EndReason::timed_out), StartsWith("crawl timed out after 12.5s"));
  EXPECT_THAT(header(EndReason::lost), StartsWith("crawl was lost after 12.5s"));
  EXPECT_THAT(header(EndReason::interrupted), StartsWith("crawl was interrupted after 12.5s"));
}

TEST(Message, AToolsNameIsOneShortLineWithoutMarkup) {
  TaskRecord record = completed();
  record.tool_name = "a`b\nc\x1b[31m" + std::string(500, 'x');
  const auto header = header_of(report_of(record, "", false, 0));
  EXPECT_THAT(header[0].text, StartsWith("a b cxxx"));
  EXPECT_LE(plain(header).size(), 200U);
}

TEST(Message, S41_TheResultIsCodeAndAnEmptyOneSaysSo) {
  EXPECT_EQ(plain(Body::whole(report_of(completed(), "the result", false, 0))), "|the result\n");
  EXPECT_EQ(plain(Body::whole(report_of(completed(), " \n", false, 0))), "|(empty result)\n");
  const auto language = [](std::string_view text) {
    return std::string(Body::whole(report_of(completed(), text, false, 0)).blocks[0].language);
  };
  EXPECT_EQ(language("{\"a\": 1}\n"), "json");
  EXPECT_EQ(language("a { b }"), "");
}

TEST(Message, S42_AFailureIsItsClassMessageAndLastLines) {
  std::string output;
  for (int i = 1; i <= 50; ++i) output += "line " + std::to_string(i) + "\n";
  const Report report = report_of(failed(EndReason::tool_error, "CommandFailed: exit code 3"), output, false, 0);
  const std::string body = plain(Body::whole(report));
  EXPECT_THAT(body, StartsWith("|CommandFailed: exit code 3\nThe last lines of its output:\n|line 31\n"));
  EXPECT_THAT(body, HasSubstr("line 50\n"));
  EXPECT_THAT(body, HasSubstr("check_task with task_id " + report.task_id));
  EXPECT_FALSE(says_all(report));
  const Report brief = report_of(failed(EndReason::tool_error, "X: y"), "one line\n", false, 0);
  EXPECT_TRUE(says_all(brief));
  EXPECT_THAT(plain(Body::whole(brief)), Not(HasSubstr("check_task")));
}

TEST(Message, S43_WhatIsLeftOutIsSaidWithNumbersAndHowToGetIt) {
  std::string text;
  for (int i = 0; i < 2'000; ++i) text += "line " + std::to_string(10'000 + i) + "\n";
  Report report = report_of(completed(), text, false, 0);
  const Body body = Body::excerpt(report, {1'000, 500});
  ASSERT_EQ(body.blocks.size(), 4U);
  EXPECT_THAT(body.blocks[0].text, StartsWith("line 10000\n"));
  EXPECT_TRUE(body.blocks[0].text.ends_with('\n')) << "ends with a whole line";
  EXPECT_THAT(body.blocks[2].text, StartsWith("line 1"));
  EXPECT_TRUE(body.blocks[2].text.ends_with("line 11999\n"));
  const auto shown = utf8::count(body.blocks[0].text) + utf8::count(body.blocks[2].text);
  EXPECT_THAT(body.blocks[1].text, StartsWith("…[truncated] 20,51"));
  EXPECT_EQ((text.size() - shown) / 10, 2'051U);
  EXPECT_THAT(body.blocks[1].text, HasSubstr("of 22,000 characters are left out"));
  EXPECT_THAT(body.blocks[3].text, HasSubstr("meantime output " + report.task_id));
  EXPECT_EQ(Body::excerpt(report, {10, 10}, "a.txt").blocks[3].text, "The whole output is in the file a.txt.");
  report.link = "https://example.org/r/1";
  const Body both = Body::excerpt(report, {10, 10}, "a.txt");
  EXPECT_EQ(both.blocks[3].text, "The whole output is in the file a.txt.");
  EXPECT_EQ(both.blocks[4].text, "The whole output: https://example.org/r/1");
  EXPECT_EQ(Body::excerpt(report, {10, 10}).blocks[3].text, "The whole output: https://example.org/r/1");
}

TEST(Message, WhatTheStoreLeftOutCountsToo) {
  TaskRecord record = completed();
  record.result_chars = 1'000'000;
  const Report report = report_of(record, "head\n[... 999,990 bytes left out ...]\ntail", true, 0);
  EXPECT_FALSE(says_all(report));
  EXPECT_THAT(plain(Body::excerpt(report, {2'000, 1'000})), HasSubstr("of 1,000,000 characters"));
}

TEST(Message, McpResultsAreReadAsTheTextInThem) {
  EXPECT_EQ(
      readable(R"({"content":[{"type":"text","text":"a\nb"},{"type":"image","data":"xx","mimeType":"image/png"}]})",
               MediaType::mcp_result),
      "a\nb\n[image, image/png]");
  EXPECT_EQ(readable(R"({"content":[],"structuredContent":{"n":1}})", MediaType::mcp_result), R"({"n":1})");
  EXPECT_EQ(readable(R"({"code":-32000,"message":"broken"})", MediaType::mcp_error), "broken");
  EXPECT_EQ(readable(R"({"content":[{"ty)", MediaType::mcp_result), R"({"content":[{"ty)") << "cut JSON stays as it is";
}

TEST(Message, SecretsAndControlsReachNoReport) {
  TaskRecord record = failed(EndReason::tool_error, "E: password=hunter2\x1b[0m");
  const Report report = report_of(record, "\x1b[31mtoken=abcdefgh", false, 0);
  EXPECT_EQ(report.error, "E: password=[redacted]");
  EXPECT_EQ(report.text, "token=[redacted]");
}

TEST(Message, AFilesNameIsSafeEverywhere) {
  TaskRecord record = completed();
  record.tool_name = "../a b/c";
  EXPECT_THAT(file_name_of(report_of(record, "x", false, 0)), StartsWith("tool.._a_b_c-"));
  EXPECT_TRUE(file_name_of(report_of(record, "[1]", false, 0)).ends_with(".json"));
  EXPECT_TRUE(file_name_of(report_of(record, "x", false, 0)).ends_with(".txt"));
}

}  // namespace
}  // namespace meantime::render
