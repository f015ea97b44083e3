// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "meantime/error.hpp"
#include "meantime/task.hpp"
#include "meantime/telemetry.hpp"
#include "meantime/tool.hpp"

namespace meantime {
namespace {

TEST(Names, EveryStatusAndReasonIsReadBack) {
  for (const auto status : {TaskStatus::running, TaskStatus::completed, TaskStatus::failed}) {
    EXPECT_EQ(parse_status(name_of(status)), status);
  }
  for (const auto reason : {EndReason::none, EndReason::finished, EndReason::tool_error, EndReason::cancelled,
                            EndReason::lost, EndReason::timed_out, EndReason::interrupted}) {
    EXPECT_EQ(parse_reason(name_of(reason)), reason);
  }
}

TEST(Names, EveryKindOfRedirectIsReadBack) {
  for (const auto on : {RedirectOn::always, RedirectOn::completed, RedirectOn::failed}) {
    EXPECT_EQ(parse_redirect_on(name_of(on)), on);
  }
  EXPECT_EQ(parse_redirect_on("never"), std::nullopt);
}

TEST(Names, EveryLogLevelIsReadBackAndTheyGrow) {
  for (int level = 0; level <= static_cast<int>(LogLevel::emergency); ++level) {
    EXPECT_EQ(parse_log_level(name_of(static_cast<LogLevel>(level))), static_cast<LogLevel>(level));
  }
  EXPECT_LT(LogLevel::debug, LogLevel::warning);
  EXPECT_EQ(parse_log_level("trace"), std::nullopt);
}

TEST(Names, UnknownWordsAreNothing) {
  EXPECT_EQ(parse_status("done"), std::nullopt);
  EXPECT_EQ(parse_status(""), std::nullopt);
  EXPECT_EQ(parse_reason("Lost"), std::nullopt);
}

TEST(Names, S50_PhasesAreTheOriginals) {
  EXPECT_EQ(name_of(TaskEvent::Phase::inline_), "inline");
  EXPECT_EQ(name_of(TaskEvent::Phase::redirect_delivered), "redirect_delivered");
}

TEST(Names, EveryErrorCodeHasItsOwn) {
  for (int code = 0; code <= static_cast<int>(errc::internal); ++code) {
    EXPECT_NE(name_of(static_cast<errc>(code)), "unknown") << code;
  }
}

}  // namespace
}  // namespace meantime
