// SPDX-License-Identifier: MIT
#include "mcp/header_value.hpp"

#include <gtest/gtest.h>

namespace meantime::mcp {
namespace {

TEST(HeaderValue, PlainWhereItIsSafeAndEncodedWhereNot) {
  struct Row {
    std::string_view text;
    std::string_view header;
  };
  using namespace std::string_view_literals;
  for (const Row& row : {Row{"us-west1", "us-west1"},
                         {"", ""},
                         {"two words", "two words"},
                         {"tab\tinside", "tab\tinside"},
                         {"Hello, \u4e16\u754c", "=?base64?SGVsbG8sIOS4lueVjA==?="},
                         {" padded ", "=?base64?IHBhZGRlZCA=?="},
                         {"line1\nline2", "=?base64?bGluZTEKbGluZTI=?="},
                         {"=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="},
                         {"=?base64?only the start", "=?base64?only the start"},
                         {"only the end?=", "only the end?="},
                         {"\x7f"sv, "=?base64?fw==?="},
                         {"a\0b"sv, "=?base64?YQBi?="}}) {
    EXPECT_EQ(encode_header_value(row.text), row.header);
    EXPECT_EQ(decode_header_value(row.header), row.text) << row.header;
    EXPECT_TRUE(header_value_is(row.header, row.text)) << row.header;
    EXPECT_FALSE(header_value_is(row.header, std::string(row.text) + "x")) << row.header;
  }
}

TEST(HeaderValue, BadBase64BehindTheMarkIsRefused) {
  for (const std::string_view bad :
       {"=?base64?SGVsbG8?=", "=?base64?SGVs!!!bG8=?=", "=?base64?SGVsbG8==?=", "=?base64?SGVsbG8-?=",
        "=?base64?SGVs bG8=?=", "=?base64?=SGVsbG8?=", "=?base64?SGVsbG9=?=", "=?base64?====?=", "=?base64?A===?="}) {
    EXPECT_EQ(decode_header_value(bad), std::nullopt) << bad;
    EXPECT_FALSE(header_value_is(bad, "Hello")) << bad;
  }
  EXPECT_EQ(decode_header_value("=?base64?"
                                "?="),
            "");
}

TEST(HeaderValue, TheMarkIsMatchedExactly) {
  EXPECT_EQ(decode_header_value("=?BASE64?SGVsbG8=?="), "=?BASE64?SGVsbG8=?=");
  EXPECT_EQ(decode_header_value("=?base64?="), "=?base64?=");
  EXPECT_EQ(decode_header_value("SGVsbG8="), "SGVsbG8=");
}

TEST(HeaderValue, SpaceAroundItIsNoPartOfItAndRawBytesAreRefused) {
  EXPECT_TRUE(header_value_is(" \ttools/call\t ", "tools/call"));
  EXPECT_FALSE(header_value_is("Tools/call", "tools/call"));
  EXPECT_FALSE(header_value_is("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"));
  EXPECT_EQ(decode_header_value("gr\xc3\xbc\xc3\x9f"), std::nullopt);
}

TEST(HeaderValue, Base64GoesRoundForEveryLength) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes) << i;
    bytes += static_cast<char>(i * 7);
  }
}

TEST(HeaderValue, ATokenIsANameOfAHeader) {
  EXPECT_TRUE(is_token("Mcp-Param-Region"));
  EXPECT_TRUE(is_token("a!#$%&'*+-.^_`|~9"));
  for (const std::string_view bad : {"", "a b", "a:b", "a\n", "gr\xc3\xbc", "a/b", "(a)", "a\"b"}) {
    EXPECT_FALSE(is_token(bad)) << bad;
  }
}

}  // namespace
}  // namespace meantime::mcp
