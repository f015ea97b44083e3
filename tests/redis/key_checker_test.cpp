// SPDX-License-Identifier: MIT
// key_checker_test.cpp: the checker finds every kind of leak, and nothing else.
#include "support/key_checker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/redis_server.hpp"

namespace meantime::test {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

auto leak(const std::string& key, const std::string& why) {
  return testing::AllOf(Field("key", &LeakedKey::key, key), Field("why", &LeakedKey::why, HasSubstr(why)));
}

class KeyCheckerTest : public testing::Test {
 protected:
  RawRedis redis = RedisServer::shared().connect();
};

TEST_F(KeyCheckerTest, WhatExpiresIsNoLeak) {
  redis.ask({"SET", "task_result:abc", "{}", "EX", "100"});
  redis.ask({"HSET", "sg:task:abc", "status", "running"});
  redis.ask({"EXPIRE", "sg:task:abc", "100"});
  EXPECT_THAT(check_keys(redis, "sg:"), IsEmpty());
}

TEST_F(KeyCheckerTest, ATaskThatNeverExpiresIsALeak) {
  redis.ask({"HSET", "sg:task:abc", "status", "completed"});
  EXPECT_THAT(check_keys(redis, "sg:"), ElementsAre(leak("sg:task:abc", "never expires")));
}

TEST_F(KeyCheckerTest, UnknownKeysAndKeysOfAnotherTypeAreLeaks) {
  redis.ask({"SET", "sg:mt:unheard-of", "1", "EX", "100"});
  redis.ask({"SET", "other:mt:all", "1", "EX", "100"});
  redis.ask({"SET", "sg:task:abc", "1", "EX", "100"});
  EXPECT_THAT(check_keys(redis, "sg:"), testing::UnorderedElementsAre(leak("sg:mt:unheard-of", "no such key"),
                                                                      leak("other:mt:all", "no such key"),
                                                                      leak("sg:task:abc", "should be a hash")));
}

TEST_F(KeyCheckerTest, WhatAWorkerOwnsGoesWithTheWorker) {
  redis.ask({"ZADD", "sg:mt:workers", "1", "alive"});
  redis.ask({"ZADD", "sg:mt:run:alive", "1", "abc"});
  redis.ask({"SADD", "sg:mt:cancel:dead", "abc"});
  EXPECT_THAT(check_keys(redis, "sg:"), ElementsAre(leak("sg:mt:cancel:dead", "its worker is gone")));
}

TEST_F(KeyCheckerTest, WhenAllTasksAreForgottenOnlyWorkersRemainAndInTheEndNothing) {
  redis.ask({"ZADD", "sg:mt:workers", "1", "alive"});
  redis.ask({"SET", "sg:mt:out:abc", "text", "EX", "100"});
  EXPECT_THAT(check_keys(redis, "sg:", KeysNow::tasks), IsEmpty());
  EXPECT_THAT(check_keys(redis, "sg:", KeysNow::workers), ElementsAre(leak("sg:mt:out:abc", "forgotten")));
  EXPECT_EQ(check_keys(redis, "sg:", KeysNow::nothing).size(), 2U);
  redis.ask({"FLUSHDB"});
  EXPECT_THAT(check_keys(redis, "sg:", KeysNow::nothing), IsEmpty());
}

TEST_F(KeyCheckerTest, ALeakIsPrintedWithTypeAndExpiry) {
  redis.ask({"SET", "stray", "1"});
  const auto leaks = check_keys(redis, "sg:");
  EXPECT_THAT(testing::PrintToString(leaks), HasSubstr("stray (string, expiry none): no such key is known"));
}

}  // namespace
}  // namespace meantime::test
