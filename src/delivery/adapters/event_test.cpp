// SPDX-License-Identifier: MIT
// event_test.cpp: what programs are told as JSON, headers of ASCII, and addresses that are looked at.
#include "delivery/adapters/event.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/header_words.hpp"
#include "delivery/adapters/smtp.hpp"
#include "delivery/adapters/titled.hpp"
#include "delivery/adapters/web_address.hpp"

namespace meantime::delivery {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Message failed() {
  Message message;
  message.record.tool_name = "crawl";
  message.record.status = TaskStatus::failed;
  message.record.reason = EndReason::tool_error;
  message.record.error = "Weather: it rains";
  message.record.exit_code = 3;
  return message;
}

TEST(Event, AFailureIsToldWithItsErrorAndItsExitCode) {
  const auto chunks = plan_event(failed(), 20'000, "https://example.org/tasks/x");
  ASSERT_TRUE(chunks) << chunks.error().detail;
  ASSERT_EQ(chunks->size(), 1U);
  const auto text = event_to_send({.chunk = chunks->front(),
                                   .key = "k",
                                   .redirect = {.destination = "backend", .channel_id = "a \"b\""},
                                   .whole_text = {}});
  ASSERT_TRUE(text);
  const auto event = boost::json::parse(*text).as_object();
  EXPECT_EQ(event.at("schema_version"), event_schema_version);
  EXPECT_EQ(event.at("channel_id"), "a \"b\"");
  EXPECT_EQ(event.at("possibly_repeated"), false);
  EXPECT_EQ(event.at("type"), "task.failed");
  EXPECT_EQ(event.at("data").at("error"), "Weather: it rains");
  EXPECT_EQ(event.at("data").at("exit_code"), 3);
  EXPECT_EQ(event.at("data").at("link"), "https://example.org/tasks/x");
}

TEST(Event, ALongResultIsCutToTheLimitAndSaysSo) {
  Message message = failed();
  message.record.status = TaskStatus::completed;
  message.text = std::string(8'000, 'a') + std::string(900, '\n');
  const auto chunks = plan_event(message, 4'096, {});
  ASSERT_TRUE(chunks);
  const auto text = event_to_send({.chunk = chunks->front(), .key = std::string(32, 'k'), .whole_text = {}});
  EXPECT_LE(text->size(), 4'096U);
  EXPECT_EQ(boost::json::parse(*text).at("data").at("result_cut"), true);
  EXPECT_FALSE(plan_event(message, 4'095, {}));
  EXPECT_FALSE(event_to_send({.chunk = "x", .whole_text = {}}));
}

TEST(HeaderWords, PlainTextStaysAndTheRestIsEncodedInWholeCharacters) {
  EXPECT_EQ(header_words("crawl completed in 12.5s"), "crawl completed in 12.5s");
  EXPECT_EQ(header_words("Grüße"), "=?UTF-8?B?R3LDvMOfZQ==?=");
  EXPECT_EQ(header_words("a\r\nBcc: x@y"), "=?UTF-8?B?YSAgQmNjOiB4QHk=?=");  // the line end is gone
  EXPECT_THAT(header_words("=?UTF-8?B?eA==?="), Not(HasSubstr("B?eA==")));   // what looks encoded is no code
  std::string smileys;
  for (int i = 0; i < 40; ++i) smileys += "😀";
  std::string words = header_words(smileys, "\r\n ");
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find("\r\n ", at), words.size());
    EXPECT_LE(end - at, 75U);
    EXPECT_THAT(words.substr(at, end - at), testing::StartsWith("=?UTF-8?B?8J+Y"));  // a character's first bytes
    at = end + 3;
  }
}

TEST(WebAddress, WithoutEncryptionOnlyInsideOnesOwnNetwork) {
  EXPECT_TRUE(check_address({.base_url = "https://example.org"}));
  EXPECT_FALSE(check_address({.base_url = "http://example.org"}));
  EXPECT_TRUE(check_address({.base_url = "http://10.0.0.1", .addresses = http::Addresses::any}));
  for (const char* url : {"", "example.org", "ftp://example.org", "file:///etc/passwd"}) {
    const auto checked = check_address({.base_url = url, .addresses = http::Addresses::any});
    ASSERT_FALSE(checked) << url;
    EXPECT_THAT(checked.error().detail, HasSubstr("https://"));
  }
}

TEST(Chunks, WhatIsNoPackedMessageIsRefused) {
  for (const char* text : {"", "x", "{}", "[]", R"({"title":1,"failed":true,"link":"","chunk":{}})",
                           R"({"title":"a","failed":false,"link":"","chunk":{}})"}) {
    EXPECT_FALSE(unpack_titled(text)) << text;
  }
  const auto chunks = plan_titled(failed(), {.hard = 4'096}, "https://example.org/x");
  ASSERT_TRUE(chunks);
  const auto titled = unpack_titled(chunks->front());
  ASSERT_TRUE(titled);
  EXPECT_TRUE(titled->failed);
  EXPECT_EQ(titled->link, "https://example.org/x");
  EXPECT_THAT(titled->title, HasSubstr("crawl"));
  EXPECT_THAT(titled->chunk.text, HasSubstr("it rains"));
}

TEST(Chunks, PercentEncodingLeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encoded("!a-Z_0.~:ö/"), "%21a-Z_0.~%3A%C3%B6%2F");
}

TEST(Smtp, ARepliesNumberIsItsMeaning) {
  EXPECT_EQ(by_reply(450, "450 later").verdict, SendVerdict::retry_after);
  EXPECT_EQ(by_reply(421, {}).verdict, SendVerdict::retry_backoff);
  EXPECT_EQ(by_reply(454, {}).verdict, SendVerdict::retry_backoff);
  EXPECT_EQ(by_reply(535, {}).verdict, SendVerdict::auth);
  EXPECT_EQ(by_reply(550, {}).verdict, SendVerdict::target_gone);
  EXPECT_EQ(by_reply(552, {}).verdict, SendVerdict::payload);
  EXPECT_EQ(by_reply(599, {}).verdict, SendVerdict::payload);
}

}  // namespace
}  // namespace meantime::delivery
