// SPDX-License-Identifier: MIT
#include "auth/challenge.hpp"

#include <gtest/gtest.h>

namespace meantime::auth {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::vector<Challenge> parse(std::initializer_list<std::string_view> headers) {
  return parse_challenges(std::vector<std::string_view>(headers));
}

TEST(Challenge, OneWithQuotedAndBareParameters) {
  const auto found = parse({R"(Bearer realm="a, \"b\"", Scope = x , error=invalid_token)"});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].scheme, "Bearer");
  EXPECT_EQ(found[0].parameters, (Parameters{{"realm", "a, \"b\""}, {"scope", "x"}, {"error", "invalid_token"}}));
}

TEST(Challenge, SeveralInOneHeaderAndInSeveralHeaders) {
  const auto found =
      parse({R"(Basic realm="x", Bearer scope="a b", resource_metadata="https://h/m")", "DPoP algs=\"ES256\""});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].scheme, "Basic");
  EXPECT_EQ(found[1].get("scope"), "a b");
  EXPECT_EQ(found[1].get("resource_metadata"), "https://h/m");
  EXPECT_EQ(found[2].scheme, "DPoP");
}

TEST(Challenge, OfOauthIsTheOneThatNamesMetadata) {
  const auto found = parse({"Basic realm=x", "DPoP algs=\"ES256\"", "bearer resource_metadata=\"https://h/m\""});
  ASSERT_NE(oauth_challenge(found), nullptr);
  EXPECT_EQ(oauth_challenge(found)->scheme, "bearer");
  EXPECT_EQ(oauth_challenge(parse({"Basic realm=x"})), nullptr);
  const auto plain = parse({"Bearer"});
  ASSERT_NE(oauth_challenge(plain), nullptr);
  EXPECT_TRUE(oauth_challenge(plain)->parameters.empty());
}

TEST(Challenge, ABareValueIsNoParameterAndHidesNoLaterChallenge) {
  const auto found = parse({"Negotiate YII==, Bearer scope=\"a\""});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].scheme, "Bearer");
  EXPECT_EQ(found[1].get("scope"), "a");
}

TEST(Challenge, TheFirstOfTwoEqualParametersCounts) {
  EXPECT_EQ(parse({"Bearer scope=a, scope=b"}).at(0).get("scope"), "a");
}

TEST(Challenge, RubbishIsLeftOutAndReadingEnds) {
  for (const std::string_view text : {"", ",", ",,,", "=", "\"", "Bearer scope=\"open", "Bearer =x",
                                      "Bearer a==", "\x01\x02", "Bearer \xff=1", "((("}) {
    for (const auto& each : parse({text})) EXPECT_LE(each.parameters.size(), 1U) << text;
  }
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "X" + std::to_string(i) + " p=1,";
  EXPECT_EQ(parse({many}).size(), 16U);
  std::string wide = "Bearer ";
  for (int i = 0; i < 1000; ++i) wide += "p" + std::to_string(i) + "=1,";
  EXPECT_EQ(parse({wide}).at(0).parameters.size(), 32U);
}

TEST(Challenge, WhatIsWrittenCanBeReadAndCannotBreakOut) {
  const auto text = write_challenge("Bearer", {{"error_description", "say \"no\" \\ to\r\nX: y"}, {"scope", "a b"}});
  EXPECT_EQ(text.find('\r'), std::string::npos);
  const auto found = parse({text});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].get("error_description"), "say \"no\" \\ toX: y");
  EXPECT_EQ(found[0].get("scope"), "a b");
}

TEST(Scopes, AreWordsEachOnce) {
  EXPECT_EQ(split_scopes("  a  b a c\"d "), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(join_scopes(std::vector<std::string>{"a", "b"}), "a b");
  EXPECT_EQ(union_of({"a"}, std::vector<std::string>{"b", "a"}), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(covers(std::vector<std::string>{"a", "b"}, std::vector<std::string>{"b"}));
  EXPECT_FALSE(covers(std::vector<std::string>{"a"}, std::vector<std::string>{"b"}));
}

}  // namespace
}  // namespace meantime::auth
