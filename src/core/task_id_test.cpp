// SPDX-License-Identifier: MIT
#include "meantime/task_id.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

namespace meantime {
namespace {

constexpr WallTime moment{Milliseconds{1'795'341'600'123}};

TEST(TaskId, S09_IsThirtyTwoCharactersSafeInUrlsKeysAndShells) {
  SystemRandom random;
  TaskIdSource source(random);
  std::unordered_set<TaskId> seen;
  for (int i = 0; i < 2'000; ++i) {
    const TaskId id = source.make(moment);
    EXPECT_TRUE(seen.insert(id).second);
    const std::string text = id.text();
    EXPECT_EQ(text.size(), 32U);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz"), std::string::npos);
    EXPECT_EQ(TaskId::parse(text), id);
    EXPECT_EQ(TaskId::from_bytes(id.raw()), id);
  }
}

TEST(TaskId, S09_CarriesAtLeast120RandomBits) {
  SystemRandom random;
  TaskIdSource source(random);
  std::array<unsigned char, TaskId::bytes> ever_set{};
  std::array<unsigned char, TaskId::bytes> ever_clear{};
  for (int i = 0; i < 200; ++i) {
    const TaskId id = source.make(moment);
    for (std::size_t b = 0; b < TaskId::bytes; ++b) {
      ever_set[b] |= static_cast<unsigned char>(id.raw()[b]);
      ever_clear[b] |= static_cast<unsigned char>(~id.raw()[b]);
    }
  }
  int moving = 0;
  for (std::size_t b = 0; b < TaskId::bytes; ++b)
    moving += std::popcount(static_cast<unsigned char>(ever_set[b] & ever_clear[b]));
  EXPECT_GE(moving, 120);
}

TEST(TaskId, SortsByTimeAsBytesAndAsText) {
  SystemRandom random;
  TaskIdSource source(random);
  const TaskId early = source.make(moment);
  const TaskId late = source.make(moment + Milliseconds{1});
  EXPECT_LT(early, late);
  EXPECT_LT(early.text(), late.text());
}

TEST(TaskId, S28_IdsOfTheOriginalAreReadAndWrittenBackAsTheyAre) {
  const auto id = TaskId::parse("00ff1a2b3c4d");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->text(), "00ff1a2b3c4d");
}

TEST(TaskId, ForgivesWhatPeopleMisread) {
  SystemRandom random;
  TaskIdSource source(random);
  const TaskId id = source.make(moment);
  std::string text = id.text();
  for (char& c : text) {
    if (c == '0') c = 'O';
    if (c == '1') c = 'l';
    if (c >= 'a' && c <= 'z' && c != 'l') c = static_cast<char>(c - 'a' + 'A');
  }
  EXPECT_EQ(TaskId::parse(text), id);
}

TEST(TaskId, RefusesWhatIsNoneAndSaysWhatOneLooksLike) {
  for (const std::string& text : {std::string{}, std::string(31, 'a'), std::string(33, 'a'), std::string(32, '!'),
                                  std::string(32, 'u'), std::string("00FF1A2B3C4D"), std::string(100'000, 'a')}) {
    const auto got = TaskId::parse(text);
    ASSERT_FALSE(got.has_value()) << text.substr(0, 40);
    EXPECT_EQ(got.error().code, errc::invalid_argument);
    EXPECT_NE(got.error().detail.find("32 characters"), std::string::npos);
    EXPECT_LT(got.error().detail.size(), 200U);
  }
}

TEST(TaskId, AnIdSaysWhenItWasMade) {
  SystemRandom random;
  TaskIdSource source(random);
  const WallTime now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + Milliseconds(12'345)};
  EXPECT_EQ(source.make(now).made_at(), now);
  EXPECT_EQ(TaskId::parse("0123456789ab")->made_at(), std::nullopt);  // S28: one of the original's
}

}  // namespace
}  // namespace meantime
