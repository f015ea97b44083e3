// SPDX-License-Identifier: MIT
#include "auth/url.hpp"

#include <gtest/gtest.h>

namespace meantime::auth {
namespace {

TEST(Url, IsTakenApart) {
  const auto url = parse_url("HTTPS://Example.COM:8443/a/b%2Fc?x=1&y=2#z");
  ASSERT_TRUE(url) << url.error().detail;
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/a/b%2Fc");
  EXPECT_EQ(url->query, "x=1&y=2");
  EXPECT_TRUE(url->has_fragment);
  EXPECT_EQ(url->origin(), "https://example.com:8443");
  EXPECT_EQ(parse_url("https://h:443/x")->origin(), "https://h");
  EXPECT_EQ(parse_url("http://h")->path, "/");
  EXPECT_EQ(parse_url("http://[::1]:81/")->origin(), "http://[::1]:81");
}

TEST(Url, WhatIsNoneIsRefused) {
  for (const std::string_view text :
       {"", "x", "/a", "//h/a", "ftp://h/", "file:///etc/passwd", "http:/h", "http://", "http:///a", "http://u@h/",
        "http://u:p@h/", "http://h:0/", "http://h:99999/", "http://h:x/", "http://h/a b", "http://h\\@evil/",
        "http://h/\n", "javascript:alert(1)", "https://ex\xc3\xa4mple/"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
  EXPECT_FALSE(parse_url("http://h/" + std::string(9000, 'a')));
}

TEST(Url, OnlyThisMachineMayDoWithoutTls) {
  for (const std::string_view text :
       {"http://localhost/", "http://127.0.0.1:1/", "http://127.9.9.9/", "http://[::1]/", "http://a.localhost/"}) {
    EXPECT_TRUE(is_safe(*parse_url(text), true)) << text;
    EXPECT_FALSE(is_safe(*parse_url(text), false)) << text;
  }
  for (const std::string_view text : {"http://example.com/", "http://127.0.0.1.example.com/",
                                      "http://localhost.example.com/", "http://10.0.0.1/", "http://notlocalhost/"}) {
    EXPECT_FALSE(is_safe(*parse_url(text), true)) << text;
  }
  EXPECT_TRUE(is_safe(*parse_url("https://example.com/"), false));
}

TEST(Form, GoesThereAndBack) {
  const Form form{{"a", "1 2"}, {"b c", "&=+%\xc3\xa4"}, {"empty", ""}};
  const auto text = encode_form(form);
  EXPECT_EQ(text, "a=1+2&b+c=%26%3D%2B%25%C3%A4&empty=");
  EXPECT_EQ(*decode_form(text), form);
  EXPECT_FALSE(decode_form("a=%4"));
  EXPECT_FALSE(decode_form("a=%zz"));
}

TEST(Form, AFieldThatIsThereTwiceIsNotThere) {
  const auto form = *decode_form("a=1&b=2&a=3&c");
  EXPECT_EQ(only_field(form, "a"), std::nullopt);
  EXPECT_EQ(only_field(form, "b"), "2");
  EXPECT_EQ(only_field(form, "c"), "");
  EXPECT_EQ(only_field(form, "d"), std::nullopt);
}

TEST(Form, IsAppendedToAQuery) {
  EXPECT_EQ(with_query("https://h/a", {{"x", "1"}}), "https://h/a?x=1");
  EXPECT_EQ(with_query("https://h/a?y=2", {{"x", "1"}}), "https://h/a?y=2&x=1");
  EXPECT_EQ(with_query("https://h/a?#f", {{"x", "1"}}), "https://h/a?x=1");
  EXPECT_EQ(with_query("https://h/a", {}), "https://h/a");
}

}  // namespace
}  // namespace meantime::auth
