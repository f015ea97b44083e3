// SPDX-License-Identifier: MIT
#include "store/redis/fields.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace meantime::store::redis {
namespace {

using testing::HasSubstr;

const TaskId id = *TaskId::parse("4f2a9c01d7be");

/// The words of a call, as they go over the wire.
std::vector<std::string> words_of(const ScriptCall& call) {
  const Request request = call.request();
  std::vector<std::string> out;
  std::string_view rest = request.payload();
  rest.remove_prefix(rest.find("\r\n") + 2);
  while (!rest.empty()) {
    const auto end = rest.find("\r\n");
    const auto size = std::stoul(std::string(rest.substr(1, end - 1)));
    out.emplace_back(rest.substr(end + 2, size));
    rest.remove_prefix(end + 2 + size + 2);
  }
  return {out.begin() + 3, out.end()};  // after EVALSHA, its script and the count of its keys
}

TaskRecord read(const std::vector<std::string>& words) {
  TaskRecord record;
  std::uint64_t result_bytes = 0;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i] == "result") {
      result_bytes = words[i + 1].size();
    } else {
      set_field(record, words[i], words[i + 1]);
    }
  }
  complete_record(record, result_bytes);
  return record;
}

TEST(RedisFields, WhatAStartWritesIsReadBack) {
  const Caller caller{"ann\r\n\0x", "C42", "matrix"};
  const std::vector<Redirect> redirects{{"chat \xE2\x82\xAC", "C/7\"", "slack", 900, RedirectOn::failed, true},
                                        {.destination = "mail"}};
  ScriptCall call(Script::start);
  add_start(call,
            {.task_id = id,
             .tool_name = "crawl",
             .caller = &caller,
             .created_at = WallTime(Milliseconds(1'732'300'000'123)),
             .idempotency_key = "key \xE2\x82\xAC",
             .rerun_if_lost = true,
             .arguments = "{}",
             .attempt = 3,
             .redirects = redirects},
            "host:1:abcd");
  const TaskRecord record = read(words_of(call));
  EXPECT_EQ(record.redirects, redirects);
  EXPECT_EQ(record.tool_name, "crawl");
  EXPECT_EQ(record.status, TaskStatus::running);
  EXPECT_EQ(record.caller, caller);
  EXPECT_EQ(record.created_at, WallTime(Milliseconds(1'732'300'000'123)));
  EXPECT_EQ(record.worker, "host:1:abcd");
  EXPECT_EQ(record.attempt, 3U);
  EXPECT_EQ(record.idempotency_key, "key \xE2\x82\xAC");
}

TEST(RedisFields, WhatAnEndWritesIsReadBack) {
  for (const EndReason reason : {EndReason::finished, EndReason::tool_error, EndReason::cancelled, EndReason::lost,
                                 EndReason::timed_out, EndReason::interrupted}) {
    TaskEnd end;
    end.status = reason == EndReason::finished ? TaskStatus::completed : TaskStatus::failed;
    end.reason = reason;
    end.result = "42 €";
    end.media_type = MediaType::mcp_result;
    end.error = end.status == TaskStatus::failed ? "Error: no" : "";
    end.exit_code = -7;
    end.result_cut = true;
    ScriptCall call(Script::finish);
    add_end(call, end, {.text = end.result, .bytes = end.result.size(), .chars = 4});
    auto words = words_of(call);
    words.insert(words.end(), {"status", std::string(name_of(end.status)), "n", "17 1732300000123"});
    const TaskRecord record = read(words);
    EXPECT_EQ(record.status, end.status);
    EXPECT_EQ(record.reason, reason);
    EXPECT_EQ(record.error, end.error);
    EXPECT_EQ(record.media_type, MediaType::mcp_result);
    EXPECT_EQ(record.exit_code, -7);
    EXPECT_TRUE(record.result_cut);
    EXPECT_EQ(record.result_bytes, 6U);
    EXPECT_EQ(record.result_chars, 4U);
    EXPECT_EQ(record.ended_at, WallTime(Milliseconds(1'732'300'000'123)));
  }
}

TEST(RedisFields, ProgressAndRedirectsAreReadBack) {
  TaskRecord record;
  for (const Progress& progress : {Progress{.value = 0.5, .total = 2, .message = "half \"way\" €"},
                                   Progress{.value = -3e9}, Progress{.value = 1e308, .total = 1e-308}}) {
    set_field(record, "p", progress_text(progress));
    EXPECT_EQ(record.progress, progress);
  }
  set_field(record, "rd", R"([["chat","slack","C7","900","failed"],["mail","","","0","always"]])");
  EXPECT_EQ(record.redirects,
            (std::vector<Redirect>{{"chat", "C7", "slack", 900, RedirectOn::failed}, {.destination = "mail"}}));
}

TEST(RedisFields, TimesAreWrittenAsTheOriginalDoesAndReadToTheMillisecond) {
  EXPECT_EQ(seconds_text(WallTime(Milliseconds(1'732'300'000'007))), "1732300000.007");
  EXPECT_EQ(seconds_text(WallTime(Milliseconds(0))), "0.000");
  for (const std::int64_t ms : {0LL, 1LL, 999LL, 1'000LL, 1'732'300'000'123LL, -1LL, -1'000LL, -1'001LL}) {
    const WallTime time{Milliseconds(ms)};
    if (ms >= 0) EXPECT_EQ(parse_seconds(seconds_text(time)), time) << ms;
  }
  EXPECT_EQ(parse_seconds("1732300000.1234567"), WallTime(Milliseconds(1'732'300'000'123)));
  EXPECT_EQ(parse_seconds("1.7323e9"), WallTime(Milliseconds(1'732'300'000'000)));
  for (const char* text : {"", "x", "nan", "inf", "-inf", "1e300", "-1e300", "."})
    EXPECT_FALSE(parse_seconds(text)) << text;
}

TEST(RedisFields, HostileValuesAreReadAsFarAsTheyMakeSense) {
  std::vector<std::string> hostile{"",
                                   " ",
                                   "-1",
                                   "99999999999999999999999999",
                                   "9223372036854775807",
                                   "1 9223372036854775807",
                                   "1 -9223372036854775808",
                                   "nan",
                                   "1e999",
                                   "[",
                                   "[1,2",
                                   "{}",
                                   "[{},{},{}]",
                                   R"(["x","y","z"])",
                                   R"([["a","b","c","-9","?"]])",
                                   R"([[1,2,3,4,5]])",
                                   "[1e999,null,null]",
                                   std::string("\0\xff\xfe", 3),
                                   std::string(100'000, '['),
                                   std::string(1'000'000, '9')};
  for (const std::string_view field : listed_fields) {
    for (const std::string& value : hostile) {
      TaskRecord record;
      set_field(record, "status", "failed");
      set_field(record, field, value);
      complete_record(record, 0);
      // Sums of its times stay sums.
      (void)record.elapsed(WallTime(Milliseconds(1'732'300'000'123)));
      EXPECT_LE(record.redirects.size(), 1U);
    }
  }
  TaskRecord record;
  set_field(record, "n", "1 9223372036854775807");
  EXPECT_LT(record.ended_at->time_since_epoch(), std::chrono::years(100'000));
  set_field(record, "attempt", "7");
  set_field(record, "nobody knows", "x");
  EXPECT_EQ(record.attempt, 1U);
}

TEST(RedisFields, ALateEndIsOneJsonTextWhateverItsBytes) {
  TaskEnd end;
  end.status = TaskStatus::failed;
  end.error = "bad \xff\"\n";
  end.result = std::string(2UL << 20U, 'x') + "\xff";
  const auto value = boost::json::parse(late_text(end));
  EXPECT_EQ(value.at("status").as_string(), "failed");
  EXPECT_TRUE(value.at("cut").as_bool());
  EXPECT_LE(value.at("result").as_string().size(), 600UL << 10U);
}

TEST(RedisFields, TheOlderFormIsReadBackAndGarbageIsNone) {
  TaskEnd end;
  end.result = "42 \"pages\" €";
  auto legacy = parse_legacy(id, legacy_text(id, "ann", end));
  ASSERT_TRUE(legacy);
  EXPECT_EQ(legacy->result, end.result);
  EXPECT_EQ(legacy->record.caller.user_id, "ann");
  EXPECT_EQ(legacy->record.result_chars, 12U);
  end.result = std::string(600UL << 10U, 'x');
  legacy = parse_legacy(id, legacy_text(id, "ann", end));
  ASSERT_TRUE(legacy);
  EXPECT_THAT(legacy->result, HasSubstr("result_omitted"));
  end.status = TaskStatus::failed;
  end.error = "Error: \xff";
  legacy = parse_legacy(id, legacy_text(id, "ann", end));
  ASSERT_TRUE(legacy);
  EXPECT_EQ(legacy->record.status, TaskStatus::failed);
  EXPECT_THAT(legacy->record.error, HasSubstr("Error: "));
  for (const char* text : {"", "null", "[]", "{}", R"({"status":"running"})", R"({"status":7})",
                           R"({"status":"completed")", R"({"status":["completed"],"result":1})"}) {
    EXPECT_FALSE(parse_legacy(id, text)) << text;
  }
  EXPECT_EQ(parse_legacy(id, R"({"status":"completed","result":7,"user_id":null,"result_omitted":"x"})")->result, "");
}

}  // namespace
}  // namespace meantime::store::redis
