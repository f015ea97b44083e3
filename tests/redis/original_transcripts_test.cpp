// SPDX-License-Identifier: MIT
// original_transcripts_test.cpp: the transcripts are what a real server answers to, and what the peer that stands for
// the original writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "redis/original_peer.hpp"
#include "redis/transcript.hpp"
#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {
namespace {

using testing::HasSubstr;

const std::string id = "4f2a9c01d7be";
const std::string failed_text =
    R"({"task_id": "4f2a9c01d7be", "status": "failed", "error": "ValueError: no page \u201eb\u201c"})";
const std::string omitted_text =
    R"({"task_id": "4f2a9c01d7be", "status": "completed", "user_id": "ann", "result": null, "result_omitted": true, )"
    R"("result_note": "Result too large for Redis; full body is still available via check_task on this bot process."})";

void say(RawRedis& redis, const std::vector<std::string>& commands) {
  for (const auto& command : commands) {
    redis.send(command);
    EXPECT_FALSE(redis.receive(redis.limit())->is_error()) << command;
  }
}

class EveryTranscript : public testing::TestWithParam<std::string> {};

TEST_P(EveryTranscript, S28_IsAnsweredByARealServerByteForByte) {
  Transcript(GetParam()).play(RedisServer::shared());
}

INSTANTIATE_TEST_SUITE_P(Original, EveryTranscript, testing::ValuesIn(Transcript::names()),
                         [](const auto& info) { return info.param; });

/// What the peer is asked to do, and what its caller then reads.
struct Deed {
  std::string transcript;
  std::function<std::string(OriginalPeer&)> act;
  std::string told;

  friend void PrintTo(const Deed& deed, std::ostream* to) { *to << deed.transcript; }
};

std::string look(OriginalPeer& peer) {
  return peer.get_result(id, "ann");
}

class EveryDeed : public testing::TestWithParam<Deed> {
 protected:
  RedisServer& server = RedisServer::shared();
  FaultProxy wire{server.port()};
};

TEST_P(EveryDeed, S28_ThePeerWritesWhatTheOriginalWrites) {
  const auto& deed = GetParam();
  const Transcript transcript(deed.transcript);
  auto other = server.connect();
  say(other, transcript.others_before());
  OriginalPeer peer(wire.port());
  if (deed.act) {
    EXPECT_EQ(deed.act(peer), deed.told);
  } else {
    ASSERT_TRUE(peer.begin_await(id));
    say(other, transcript.others_after());
    EXPECT_EQ(peer.await_text(), deed.told);
  }
  peer.end();
  ASSERT_TRUE(wire.wait_until([](const auto& counts) { return counts.accepted > 0 && counts.open == 0; }));
  EXPECT_EQ(wire.sent(0), transcript.written(1));
  EXPECT_EQ(wire.sent(1), transcript.written(2));
}

INSTANTIATE_TEST_SUITE_P(
    Original, EveryDeed,
    testing::Values(
        Deed{"start", [](auto& peer) { return peer.start(id), std::string(); }, ""},
        Deed{"finish_completed", [](auto& peer) { return peer.complete(id, "42 pages"), std::string(); }, ""},
        Deed{"finish_failed", [](auto& peer) { return peer.fail(id, "ValueError: no page „b“"), std::string(); }, ""},
        Deed{"finish_large", [](auto& peer) { return peer.complete(id, std::string(524'289, 'x')), std::string(); },
             ""},
        Deed{"check_completed", look, "42 pages"}, Deed{"check_failed", look, failed_text},
        Deed{"check_legacy", look, "42 pages"}, Deed{"check_legacy_omitted", look, omitted_text},
        Deed{"check_unknown", look, R"({"error": "Task '4f2a9c01d7be' not found."})"},
        Deed{"await_woken", nullptr, "42 pages"},
        Deed{"await_over", [](auto& peer) { return peer.begin_await(id, 0.01), peer.await_text(); },
             R"({"task_id": "4f2a9c01d7be", "status": "timeout", )"
             R"("error": "Task '4f2a9c01d7be' did not complete within 0.01s."})"}),
    [](const auto& info) { return info.param.transcript; });

class OriginalPeerTest : public testing::Test {
 protected:
  RedisServer& server = RedisServer::shared();
  OriginalPeer peer{server.port()};
  RawRedis redis = server.connect();
};

TEST_F(OriginalPeerTest, S32_ARunningTaskIsToldWithItsElapsedSeconds) {
  peer.start(id);
  const auto told = boost::json::parse(peer.get_result(id)).as_object();
  EXPECT_EQ(told.at("task_id").as_string(), id);
  EXPECT_EQ(told.at("tool_name"), "crawl");
  EXPECT_EQ(told.at("status"), "running");
  EXPECT_TRUE(told.at("elapsed_seconds").is_double());
  EXPECT_EQ(told.size(), 4U);
}

TEST_F(OriginalPeerTest, S31_AnotherUsersTaskIsNotFoundInEitherForm) {
  const auto unknown = R"({"error": "Task '4f2a9c01d7be' not found."})";
  peer.start(id);
  peer.complete(id, "42 pages");
  EXPECT_EQ(peer.get_result(id, "bob"), unknown);
  redis.ask({"DEL", "sg:task:" + id});
  EXPECT_EQ(peer.get_result(id, "bob"), unknown);
  EXPECT_EQ(peer.get_result(id, "ann"), "42 pages");
}

TEST_F(OriginalPeerTest, S35_ANoticeBeforeTheEndIsVisibleEndsItsWaitWithNotFound) {
  peer.start(id);
  ASSERT_TRUE(peer.begin_await(id));
  EXPECT_EQ(redis.ask({"PUBLISH", "sg:task:done:" + id, "1"}).number, 1);
  EXPECT_THAT(peer.await_text(), HasSubstr("not found"));
}

TEST_F(OriginalPeerTest, S22_WritesTheShortestJsonWhenAsked) {
  OriginalPeer compact(server.port(), true);
  compact.start(id);
  compact.fail(id, "ValueError: no page „b“");
  EXPECT_EQ(redis.ask({"GET", "task_result:" + id}).text,
            R"({"task_id":"4f2a9c01d7be","status":"failed","user_id":"ann","error":"ValueError: no page „b“"})");
}

}  // namespace
}  // namespace meantime::test
