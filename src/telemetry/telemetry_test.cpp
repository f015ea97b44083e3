// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace meantime {
namespace {

TaskEvent event_of(TaskEvent::Phase phase, std::string_view status, std::string_view tool = "build") {
  return {.phase = phase, .status = status, .tool_name = tool, .task_id = "id1", .duration = Milliseconds(1'500)};
}

TEST(Metrics, S50_CountsEachPhaseOfEachTool) {
  auto metrics = make_metrics();
  metrics->on_event(event_of(TaskEvent::Phase::inline_, "ok"));
  metrics->on_event(event_of(TaskEvent::Phase::inline_, "error"));
  metrics->on_event(event_of(TaskEvent::Phase::backgrounded, "backgrounded"));
  metrics->on_event(event_of(TaskEvent::Phase::backgrounded, "backgrounded"));
  metrics->on_event(event_of(TaskEvent::Phase::completed, "ok"));
  metrics->on_fault("store.finish", "away");
  const std::string text = metrics->text();
  for (const char* line : {R"(meantime_tool_calls_total{outcome="inline",tool="build"} 1)",
                           R"(meantime_tool_calls_total{outcome="inline_error",tool="build"} 1)",
                           R"(meantime_tool_calls_total{outcome="background",tool="build"} 2)",
                           R"(meantime_tasks_finished_total{status="completed",tool="build"} 1)",
                           R"(meantime_task_run_duration_seconds_sum{tool="build"} 1.5)", "meantime_tasks_running 1",
                           "meantime_faults_total 1"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

TEST(Metrics, ManyToolsShareOneSeries) {
  auto metrics = make_metrics();
  for (int i = 0; i < 1'000; ++i) {
    metrics->on_event(event_of(TaskEvent::Phase::inline_, "ok", "tool" + std::to_string(i)));
  }
  EXPECT_NE(metrics->text().find(R"(meantime_tool_calls_total{outcome="inline",tool="other"} 800)"), std::string::npos);
}

TEST(Log, LinesGoToStandardErrorWithControlCharactersMadeHarmless) {
  testing::internal::CaptureStderr();
  Log log({.level = LogThreshold::info, .format = LogFormat::text});
  log.write(LogThreshold::warning, "upstream", "red \x1b[31m and \xff");
  log.write(LogThreshold::debug, "upstream", "not shown");
  log.on_event(event_of(TaskEvent::Phase::completed, "ok"));
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_NE(lines.find("warning upstream: red  [31m and \xef\xbf\xbd\n"), std::string::npos) << lines;
  EXPECT_NE(lines.find("completed: tool=build task_id=id1 status=ok duration_ms=1500"), std::string::npos) << lines;
  EXPECT_EQ(lines.find("not shown"), std::string::npos);
}

TEST(Log, JsonLinesAreJson) {
  testing::internal::CaptureStderr();
  Log log({.level = LogThreshold::info, .format = LogFormat::json});
  log.write(LogThreshold::info, "start", "a \"quoted\" word");
  const std::string line = testing::internal::GetCapturedStderr();
  const auto parsed = boost::json::parse(line);
  EXPECT_EQ(parsed.at("event").as_string(), "start");
  EXPECT_EQ(parsed.at("msg").as_string(), "a \"quoted\" word");
  EXPECT_EQ(parsed.at("level").as_string(), "info");
}

TEST(TelemetryGroup, S51_OneThatThrowsDoesNotKeepTheOthersFromHearing) {
  struct Broken final : Telemetry {
    void on_event(const TaskEvent&) override { throw std::runtime_error("broken"); }
    void on_fault(std::string_view, std::string_view) override {}
  } broken;
  auto metrics = make_metrics();
  TelemetryGroup group;
  group.add(broken);
  group.add(*metrics);
  EXPECT_THROW(group.on_event(event_of(TaskEvent::Phase::inline_, "ok")), std::runtime_error);
  EXPECT_NE(metrics->text().find(R"(outcome="inline",tool="build"} 1)"), std::string::npos);
}

}  // namespace
}  // namespace meantime
