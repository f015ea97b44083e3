// SPDX-License-Identifier: MIT
#include "core/duration.hpp"

#include <gtest/gtest.h>

namespace meantime {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Duration, ReadsEveryUnitAndSeveralInARow) {
  EXPECT_EQ(parse_duration("500ms"), Milliseconds{500});
  EXPECT_EQ(parse_duration("10s"), seconds{10});
  EXPECT_EQ(parse_duration("1h30m"), hours{1} + minutes{30});
  EXPECT_EQ(parse_duration("2d"), hours{48});
  EXPECT_EQ(parse_duration("1.5s"), Milliseconds{1500});
  EXPECT_EQ(parse_duration("1m2.25s"), Milliseconds{62'250});
  EXPECT_EQ(parse_duration("0"), Milliseconds{0});
  EXPECT_EQ(parse_duration("0s"), Milliseconds{0});
}

TEST(Duration, RefusesWhatIsNoneAndSaysWhatToWrite) {
  for (const char* text :
       {"", "10", "s", "ten seconds", "-5s", "10 s", "1e3s", "nan", "infs", "1..5s", "10s!", "10sec", "1.5.2h", "."}) {
    const auto got = parse_duration(text);
    ASSERT_FALSE(got.has_value()) << text;
    EXPECT_EQ(got.error().code, errc::invalid_argument) << text;
    EXPECT_NE(got.error().detail.find("1h30m"), std::string::npos) << text;
  }
}

TEST(Duration, RefusesWhatNoClockCouldReach) {
  using std::chrono::steady_clock;
  const auto most = parse_duration("36500d");
  ASSERT_TRUE(most.has_value());
  EXPECT_GT(steady_clock::now() + *most, steady_clock::now()) << "a deadline in the future, not wrapped round";
  for (const char* text : {"36501d", "999999d", "99999999999999999999d"}) {
    const auto got = parse_duration(text);
    ASSERT_FALSE(got.has_value()) << text;
    EXPECT_NE(got.error().detail.find("at most 36500d"), std::string::npos) << got.error().detail;
  }
}

TEST(Duration, WritesWhatItWouldRead) {
  EXPECT_EQ(format_duration(Milliseconds{40}), "40ms");
  EXPECT_EQ(format_duration(Milliseconds{2'500}), "2.5s");
  EXPECT_EQ(format_duration(hours{1} + minutes{30}), "1h30m");
  EXPECT_EQ(format_duration(Milliseconds{0}), "0s");
  EXPECT_EQ(format_duration(hours{49}), "2d1h");
  EXPECT_EQ(format_duration(Milliseconds{-1'500}), "-1.5s");
  for (const std::int64_t millis : {1L, 999L, 1'000L, 1'001L, 60'000L, 60'050L, 3'599'999L, 90'061'007L}) {
    EXPECT_EQ(parse_duration(format_duration(Milliseconds{millis})), Milliseconds{millis});
  }
}

TEST(Duration, S32_SecondsHaveOneDecimalAndAreRounded) {
  EXPECT_EQ(seconds_text(Milliseconds{12'500}), "12.5");
  EXPECT_EQ(seconds_text(Milliseconds{12'549}), "12.5");
  EXPECT_EQ(seconds_text(Milliseconds{12'550}), "12.6");
  EXPECT_EQ(seconds_text(Milliseconds{960}), "1.0");
  EXPECT_EQ(seconds_text(Milliseconds{0}), "0.0");
  EXPECT_EQ(seconds_text(Milliseconds{-700}), "0.0") << "a wall clock that was set back shows no negative time";
}

TEST(Time, IsWrittenInUtcAndReadBack) {
  const WallTime time{Milliseconds{1'795'341'600'123}};
  EXPECT_EQ(iso_time(time), "2026-11-22T10:00:00.123Z");
  EXPECT_EQ(parse_time("2026-11-22T10:00:00.123Z", {}), time);
  EXPECT_EQ(parse_time("2026-11-22T12:00:00.123+02:00", {}), time);
  EXPECT_EQ(parse_time("2026-11-22T04:30:00.123-05:30", {}), time);
  EXPECT_EQ(parse_time("2026-11-22 10:00", {}), time - Milliseconds{123});
  EXPECT_EQ(parse_time("2026-11-22", {}), time - Milliseconds{123} - hours{10});
  EXPECT_EQ(iso_time(WallTime{Milliseconds{-1}}), "1969-12-31T23:59:59.999Z");
}

TEST(Time, ADurationMeansThatLongAgo) {
  const WallTime now{hours{500'000}};
  EXPECT_EQ(parse_time("15m", now), now - minutes{15});
}

TEST(Time, RefusesWhatIsNone) {
  for (const char* text : {"", "yesterday", "2026-13-01", "2026-02-30", "2026-11-22T25:00Z", "2026-11-22T10:00:00Zx",
                           "2026-11-22T10:00:00.Z", "2026-11-22T10", "2026-11-22T10:00:00+1"}) {
    const auto got = parse_time(text, {});
    ASSERT_FALSE(got.has_value()) << text;
    EXPECT_EQ(got.error().code, errc::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace meantime
