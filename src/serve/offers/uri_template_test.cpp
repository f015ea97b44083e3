// SPDX-License-Identifier: MIT
#include "serve/offers/uri_template.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace meantime::serve {
namespace {

std::optional<UriVariables> match(std::string_view form, std::string_view uri) {
  const auto parsed = UriTemplate::parse(form);
  EXPECT_TRUE(parsed) << form;
  return parsed ? parsed->match(uri) : std::nullopt;
}

TEST(UriTemplate, AVariableStandsForOnePieceOfAPath) {
  EXPECT_EQ(match("test://template/{id}/data", "test://template/123/data"), (UriVariables{{"id", "123"}}));
  EXPECT_EQ(match("a://{x}", "a://1"), (UriVariables{{"x", "1"}}));
  EXPECT_FALSE(match("test://template/{id}/data", "test://template/1/2/data"));
  EXPECT_FALSE(match("test://template/{id}/data", "test://template//data"));
  EXPECT_FALSE(match("test://template/{id}/data", "test://template/1/data/"));
  EXPECT_FALSE(match("test://template/{id}/data", "x://template/1/data"));
  EXPECT_FALSE(match("a://{x}", "a://1?q=2"));
  EXPECT_FALSE(match("a://{x}", "a://"));
  EXPECT_FALSE(match("a://{x}", ""));
}

TEST(UriTemplate, SeveralVariablesAreReadWithTheEarlierOnesAsShortAsTheyCanBe) {
  EXPECT_EQ(match("a://{x}-{y}", "a://1-2-3"), (UriVariables{{"x", "1"}, {"y", "2-3"}}));
  EXPECT_EQ(match("a://{x}{y}", "a://abc"), (UriVariables{{"x", "a"}, {"y", "bc"}}));
  EXPECT_EQ(match("a://{x}/{y}.txt", "a://1/b.txt.txt"), (UriVariables{{"x", "1"}, {"y", "b.txt"}}));
  EXPECT_FALSE(match("a://{x}{y}", "a://a"));
  EXPECT_FALSE(match("a://{x}-{y}", "a://1-"));
}

TEST(UriTemplate, APlusLetsAVariableReachOverSlashes) {
  EXPECT_EQ(match("file://{+path}", "file:///a/b?c"), (UriVariables{{"path", "/a/b?c"}}));
  EXPECT_EQ(match("a://{x}/{+rest}/end", "a://1/2/end/3/end"), (UriVariables{{"x", "1"}, {"rest", "2/end/3"}}));
}

TEST(UriTemplate, EscapesAreDecodedAndWhatIsNoTextIsRefused) {
  EXPECT_EQ(match("a://{x}", "a://b%20c%2Fd"), (UriVariables{{"x", "b c/d"}}));
  EXPECT_EQ(match("a://{x}", "a://%zz%2"), (UriVariables{{"x", "%zz%2"}}));
  EXPECT_FALSE(match("a://{x}", "a://%ff"));
}

TEST(UriTemplate, WhatCannotBeReadBackwardsIsRefusedWithTheReason) {
  for (const std::string_view bad : {"a://{x", "a://x}", "a://{}", "a://{/x}", "a://{x,y}", "a://{x*}", "{x}", "x/{y}",
                                     "a://{x}/{x}", "a://plain", "a://{{x}}"}) {
    const auto parsed = UriTemplate::parse(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, errc::invalid_argument) << bad;
  }
}

TEST(UriTemplate, AnEvilUriCostsNoMoreThanItsLength) {
  std::string form = "a://";
  for (int i = 0; i < 31; ++i) form += "{v" + std::to_string(i) + "}a";
  const auto parsed = UriTemplate::parse(form);
  ASSERT_TRUE(parsed);
  const std::string evil = "a://" + std::string(UriTemplate::max_uri_bytes - 5, 'a') + "b";
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(parsed->match(evil));
  EXPECT_TRUE(parsed->match("a://" + std::string(UriTemplate::max_uri_bytes - 4, 'a')));
  EXPECT_FALSE(parsed->match(evil + "too long"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

}  // namespace
}  // namespace meantime::serve
