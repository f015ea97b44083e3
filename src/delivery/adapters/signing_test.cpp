// SPDX-License-Identifier: MIT
// signing_test.cpp: Standard Webhooks signatures, by values that other programs made.
#include "delivery/adapters/signing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meantime::delivery {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view id = "msg_01HZXW7Q2K8M5N3P4R6S8T0V1W";
constexpr std::int64_t timestamp = 1'790'000'000;
constexpr std::string_view body =
    R"({"type":"task.completed","timestamp":"2026-09-21T14:13:20Z","data":{"task_id":"t_0123456789abcdef","status":"completed"}})";
constexpr std::string_view long_key = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
constexpr std::string_view short_key = "whsec_qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";

TEST(Signing, SignsAsTheVectorsOfStandardWebhooksSay) {
  ASSERT_EQ(body.size(), 121U);
  EXPECT_EQ(SigningKey::parse(long_key)->sign(id, timestamp, body), "v1,DvrBWPemecYqVTInFaKRlEXQkKIOD0tn78NU7UC/xN8=");
  EXPECT_EQ(SigningKey::parse(short_key)->sign(id, timestamp, body), "v1,h1M+it48BmUhPxhnQv+YXDXiLPJL3NTa7HNcmkelnbg=");
}

TEST(Signing, EachKeySignsWhileOneIsChanged) {
  const auto keys = parse_signing_keys(std::string(long_key) + "  " + std::string(short_key) + "\n");
  ASSERT_TRUE(keys);
  EXPECT_EQ(signatures(*keys, id, timestamp, body),
            "v1,DvrBWPemecYqVTInFaKRlEXQkKIOD0tn78NU7UC/xN8= v1,h1M+it48BmUhPxhnQv+YXDXiLPJL3NTa7HNcmkelnbg=");
}

TEST(Signing, ASecretThatIsNoneIsRefusedWithoutShowingIt) {
  for (const std::string_view text :
       {"", " ", "secret_AQIDBAUG", "whsec_", "whsec_AQID", "whsec_!!!!qqqqqqqqqqqqqqqqqqqqqqqqqqqq"}) {
    const auto keys = parse_signing_keys(text);
    ASSERT_FALSE(keys) << text;
    EXPECT_EQ(keys.error().code, errc::invalid_argument);
    EXPECT_THAT(keys.error().detail, HasSubstr("openssl rand -base64 32"));
    EXPECT_THAT(keys.error().detail, Not(HasSubstr("AQID")));
  }
  EXPECT_FALSE(SigningKey::parse("whsec_" + std::string(100, 'A')));
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += std::string(short_key) + ' ';
  EXPECT_FALSE(parse_signing_keys(nine));
}

}  // namespace
}  // namespace meantime::delivery
