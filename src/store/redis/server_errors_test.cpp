// SPDX-License-Identifier: MIT
#include "store/redis/server_errors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meantime::store::redis {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string place = "redis://10.0.0.5:6379";

Error told(std::string_view refusal) {
  return error_of(refusal, "store.start", place);
}

TEST(ServerErrors, EachRefusalSaysWhereAndWhatToDo) {
  struct Case {
    std::string_view refusal;
    errc code;
    std::string_view remedy;
    bool leave;
  };
  for (const Case& each : {
           Case{"READONLY You can't write against a read only replica.", errc::unavailable, "name the primary", true},
           Case{"LOADING Redis is loading the dataset in memory", errc::unavailable, "asked again by itself", true},
           Case{"OOM command not allowed when used memory > 'maxmemory'.", errc::unavailable, "raise its maxmemory",
                false},
           Case{"MISCONF Redis is configured to save RDB snapshots", errc::unavailable, "make room", false},
           Case{"NOAUTH Authentication required.", errc::unavailable, "password_file", true},
           Case{"WRONGPASS invalid username-password pair", errc::unavailable, "does not accept", true},
           Case{"NOPERM this user has no permissions", errc::unavailable, "docs/redis.md", false},
           Case{"ERR The user executing the script can't run this command or subcommand script: 3dc7, on "
                "@user_script:37.",
                errc::unavailable, "docs/redis.md", false},
           Case{"ERR ACL failure in script: User bot has no permissions to run the 'hset' command script: e381, on "
                "@user_script:12.",
                errc::unavailable, "docs/redis.md", false},
           Case{"MOVED 866 10.0.0.7:6379", errc::unavailable, "name that node", false},
           Case{"CROSSSLOT Keys in request don't hash to the same slot", errc::unavailable, "hash tag", false},
           Case{"CLUSTERDOWN Hash slot not served", errc::unavailable, "cluster that is down", false},
           Case{"BUSY Redis is busy running a script.", errc::unavailable, "another program's script", false},
           Case{"WRONGTYPE Operation against a key holding the wrong kind of value", errc::corrupt,
                "choose another one", false},
           Case{"ERR Error running script (call to f_1): @user_script:3: WRONGTYPE Operation against a key",
                errc::corrupt, "choose another one", false},
           Case{"ERR Error running script (call to f_1): @user_script:3: -OOM command not allowed", errc::unavailable,
                "raise its maxmemory", false},
           Case{"ERR user_script:9: attempt to concatenate a nil value script: ab, on @user_script:9.", errc::corrupt,
                "choose another one", false},
           Case{"ERR value is not an integer or out of range script: ab, on @user_script:9.", errc::corrupt,
                "choose another one", false},
           Case{"ERR unknown command 'EVALSHA'", errc::unavailable, "refused", false},
           Case{"", errc::unavailable, "refused", false},
       }) {
    SCOPED_TRACE(each.refusal);
    const Error error = told(each.refusal);
    EXPECT_EQ(error.code, each.code);
    EXPECT_EQ(error.op, "store.start");
    EXPECT_THAT(error.detail, HasSubstr(std::string(each.remedy)));
    EXPECT_THAT(error.detail, HasSubstr(place));
    EXPECT_EQ(error.detail.starts_with("store unavailable: "), each.code == errc::unavailable);
    EXPECT_EQ(error.retry_after.count() > 0, each.code == errc::unavailable);
    EXPECT_EQ(leave_server(each.refusal), each.leave);
  }
}

TEST(ServerErrors, AKindIsAWordAndNotAPieceOfOne) {
  EXPECT_EQ(told("ERR TASK MASKED").detail.find("cluster"), std::string::npos);
  EXPECT_EQ(told("ERR unknown command 'OOM'").detail.find("maxmemory"), std::string::npos);
}

TEST(ServerErrors, LongWordsOfTheServerAreCut) {
  EXPECT_LT(told("ERR " + std::string(100'000, 'x')).detail.size(), 1'000U);
}

TEST(ServerErrors, TroubleNamesThePlaceOnce) {
  const Error error{errc::unavailable, "redis", "cannot connect: Connection refused"};
  const Error asked = unavailable_of(error, "store.find", place);
  EXPECT_EQ(asked.detail, "store unavailable: " + place + ": cannot connect: Connection refused");
  EXPECT_EQ(asked.op, "store.find");
  EXPECT_EQ(unavailable_of(asked, "store.list", place).detail, asked.detail);
  EXPECT_EQ(unavailable_of(told("LOADING x"), "store.find", place).detail, told("LOADING x").detail);
  EXPECT_EQ(trouble_of(error, place), error.detail);
  EXPECT_THAT(trouble_of(told("NOAUTH x"), place), Not(HasSubstr(place)));
}

}  // namespace
}  // namespace meantime::store::redis
