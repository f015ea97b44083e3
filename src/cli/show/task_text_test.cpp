// SPDX-License-Identifier: MIT
#include "cli/show/task_text.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "core/utf8.hpp"

namespace meantime::cli {
namespace {

constexpr WallTime created{Milliseconds{1'795'341'600'000}};
const Paint plain(-1);

TaskRecord record() {
  TaskRecord task;
  task.task_id = TaskId::parse("0a1b2c3d4e5f").value();
  task.tool_name = "build";
  task.created_at = created;
  return task;
}

TaskRecord ended(EndReason reason) {
  TaskRecord task = record();
  task.status = reason == EndReason::finished ? TaskStatus::completed : TaskStatus::failed;
  task.reason = reason;
  task.ended_at = created + Milliseconds{75'400};
  return task;
}

TEST(TaskText, EveryEndHasItsWord) {
  EXPECT_EQ(state_word(record()), "running");
  EXPECT_EQ(state_word(ended(EndReason::finished)), "completed");
  EXPECT_EQ(state_word(ended(EndReason::tool_error)), "failed");
  EXPECT_EQ(state_word(ended(EndReason::cancelled)), "cancelled");
  EXPECT_EQ(state_word(ended(EndReason::lost)), "lost");
  EXPECT_EQ(state_word(ended(EndReason::timed_out)), "timed out");
  EXPECT_EQ(state_word(ended(EndReason::interrupted)), "interrupted");
}

TEST(TaskText, ProgressReadsAsAPersonSaysIt) {
  EXPECT_EQ(progress_text({3, 10, "linking"}), "3 of 10, linking");
  EXPECT_EQ(progress_text({0.305, 1, ""}), "31 %");
  EXPECT_EQ(progress_text({42, std::nullopt, ""}), "42");
  EXPECT_EQ(progress_text({0, std::nullopt, "waiting"}), "waiting");
}

TEST(TaskText, CheckShowsStateTimesAndError) {
  TaskRecord task = ended(EndReason::tool_error);
  task.exit_code = 3;
  task.error = "CommandFailed: exit code 3";
  EXPECT_EQ(task_lines(task, created + std::chrono::hours{9}, plain),
            "0a1b2c3d4e5f  build\n"
            "  state      failed\n"
            "  elapsed    1m15s\n"
            "  began      2026-11-22T10:00:00.000Z\n"
            "  ended      2026-11-22T10:01:15.400Z\n"
            "  exit code  3\n"
            "  error      CommandFailed: exit code 3\n");
}

TEST(TaskText, TextFromToolsCannotSteerTheTerminal) {
  TaskRecord task = ended(EndReason::tool_error);
  task.error =
      "evil\x1b[2J\x07\nnext\xC2\x9B"
      "31m";
  const std::string text = task_lines(task, created, plain) + task_table({task}, created, 100, plain);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  EXPECT_EQ(text.find("\xC2\x9B"), std::string::npos);
  EXPECT_NE(text.find("evil [2J  next"), std::string::npos);
}

TEST(TaskText, TheLiveLineFitsTheTerminal) {
  TaskRecord task = record();
  task.progress = Progress{1, 3, std::string(500, 'x') + "日本"};
  for (std::uint32_t width = 60; width < 140; ++width) {
    EXPECT_LT(utf8::count(progress_line(task, created, width, plain)), width);
  }
}

TEST(TaskText, TheTableHasALineForEachTaskAndAHeading) {
  TaskRecord chatty = record();
  chatty.tool_name = std::string(100, 'n');
  chatty.progress = Progress{1, 2, "half"};
  const std::string table = task_table({chatty, ended(EndReason::finished)}, created + Milliseconds{5'000}, 120, plain);
  EXPECT_EQ(std::ranges::count(table, '\n'), 3);
  EXPECT_TRUE(table.starts_with("ID "));
  EXPECT_NE(table.find("1 of 2, half"), std::string::npos);
  EXPECT_NE(table.find("1m15s"), std::string::npos);
  EXPECT_NE(table.find("nnn…"), std::string::npos);
}

TEST(TaskText, ColoursComeOnlyWhereTheyAreWanted) {
  EXPECT_EQ(plain(Colour::red, "x"), "x");
}

TEST(TaskText, AnMcpResultIsReadAsItsTexts) {
  EXPECT_EQ(result_text(MediaType::mcp_result, R"({"content":[{"type":"text","text":"a\nb"}]})"), "a\nb");
  const std::string image = R"({"content":[{"type":"image","data":"AA==","mimeType":"image/png"}]})";
  EXPECT_EQ(result_text(MediaType::mcp_result, image), image);
  EXPECT_EQ(result_text(MediaType::text, R"({"content":[]})"), R"({"content":[]})");
}

TEST(TaskText, TheListAsJsonHasACursorAndASchemaVersion) {
  TaskList list;
  list.tasks = {record()};
  const auto one = boost::json::parse(std::string_view(task_list_json(list, created)));
  EXPECT_EQ(one.at("count"), 1);
  EXPECT_TRUE(one.at("next_cursor").is_null());
  EXPECT_EQ(one.at("schema_version"), 1);
  EXPECT_EQ(one.at("tasks").at(0).at("tool_name"), "build");
  list.next = list.tasks.front().task_id;
  EXPECT_EQ(boost::json::parse(std::string_view(task_list_json(list, created))).at("next_cursor"), "0a1b2c3d4e5f");
}

}  // namespace
}  // namespace meantime::cli
