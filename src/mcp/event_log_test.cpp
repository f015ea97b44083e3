// SPDX-License-Identifier: MIT
#include "mcp/event_log.hpp"

#include <gtest/gtest.h>

#include <set>

namespace meantime::mcp {
namespace {

std::vector<std::string> data_of(const EventLog::Replay& replay) {
  std::vector<std::string> out;
  for (const auto& each : replay.events) out.emplace_back(each.data);
  return out;
}

using Texts = std::vector<std::string>;

TEST(EventLog, AReturningClientGetsTheRestOfItsOwnStreamAlone) {
  EventLog log;
  const auto one = log.open();
  const auto two = log.open();
  const std::string priming = log.add(one, "");
  const std::string first = log.add(one, "a");
  EXPECT_FALSE(log.add(two, "x").empty());
  const std::string last = log.add(one, "b");
  const auto all = log.replay(priming);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->stream, one);
  EXPECT_EQ(data_of(*all), (Texts{"a", "b"}));
  EXPECT_EQ(all->events.back().id, last);
  EXPECT_TRUE(all->complete);
  EXPECT_FALSE(all->ended);
  EXPECT_EQ(data_of(*log.replay(first)), (Texts{"b"}));
  EXPECT_EQ(data_of(*log.replay(last)), Texts{});
}

TEST(EventLog, IdsAreUniqueInTheSession) {
  EventLog log;
  std::set<std::string> ids;
  for (int s = 0; s < 20; ++s) {
    const auto stream = log.open();
    for (int e = 0; e < 20; ++e) EXPECT_TRUE(ids.insert(log.add(stream, e % 3 == 0 ? "" : "x")).second);
  }
}

TEST(EventLog, AnEndedStreamSaysSoAndKeepsWhatWasNotSeen) {
  EventLog log;
  const auto stream = log.open();
  const std::string priming = log.add(stream, "");
  EXPECT_FALSE(log.add(stream, "answer").empty());
  log.end(stream);
  const auto replay = log.replay(priming);
  ASSERT_TRUE(replay);
  EXPECT_TRUE(replay->ended);
  EXPECT_EQ(data_of(*replay), (Texts{"answer"}));
}

TEST(EventLog, ForeignIdsGetNothing) {
  EventLog log;
  const auto stream = log.open();
  EXPECT_EQ(log.add(stream, "a"), "1-1");
  for (const std::string_view id : {"", "-", "1", "1-", "-1", "1-2", "1-0", "2-1", "1-1x", "x",
                                    "1-99999999999999999999", "18446744073709551616-1", " 1-1"}) {
    EXPECT_FALSE(log.replay(id)) << id;
  }
}

TEST(EventLog, TheOldestAreDroppedFirstAndTheGapIsSeen) {
  EventLog log({.bytes = 10, .events = 100});
  const auto stream = log.open();
  const std::string first = log.add(stream, "aaaa");
  const std::string second = log.add(stream, "bbbb");
  EXPECT_FALSE(log.add(stream, "cccc").empty());
  EXPECT_LE(log.bytes(), 10U);
  const auto gap = log.replay(first);
  ASSERT_TRUE(gap);
  EXPECT_EQ(data_of(*gap), (Texts{"bbbb", "cccc"}));
  EXPECT_TRUE(gap->complete) << "what was dropped was seen";
  EXPECT_FALSE(log.add(stream, "dddd").empty());
  EXPECT_FALSE(log.replay(first)->complete);
  EXPECT_TRUE(log.replay(second)->complete);
}

TEST(EventLog, TheNewestIsKeptWhateverItsSize) {
  EventLog log({.bytes = 10, .events = 100});
  const auto stream = log.open();
  const std::string priming = log.add(stream, "");
  EXPECT_FALSE(log.add(stream, std::string(1000, 'x')).empty());
  EXPECT_EQ(log.replay(priming)->events.size(), 1U);
  EXPECT_FALSE(log.add(stream, "y").empty());
  EXPECT_EQ(log.bytes(), 1U);
}

TEST(EventLog, NothingIsLeftOfStreamsThatEndedAndWereDropped) {
  EventLog log({.bytes = 1000, .events = 10});
  for (int i = 0; i < 1000; ++i) {
    const auto stream = log.open();
    EXPECT_FALSE(log.add(stream, "").empty());
    EXPECT_FALSE(log.add(stream, "x").empty());
    log.end(stream);
  }
  EXPECT_EQ(log.events(), 10U);
  EXPECT_FALSE(log.replay("1-1"));
  EXPECT_TRUE(log.replay("1000-1"));
  const auto silent = log.open();
  log.end(silent);
  EXPECT_FALSE(log.replay(std::to_string(silent) + "-1"));
  log.end(12345);
}

}  // namespace
}  // namespace meantime::mcp
