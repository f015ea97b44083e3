// SPDX-License-Identifier: MIT
#include "mcp/param_headers.hpp"

#include <gtest/gtest.h>

#include "support/mcp_messages.hpp"

namespace meantime::mcp {
namespace {

using test::Head;
using test::read;

std::vector<ParamHeader> headers_of(std::string_view schema) {
  auto headers = read_param_headers(JsonSpan(schema));
  EXPECT_TRUE(headers) << schema << ": " << (headers ? "" : headers.error());
  return headers.value_or(std::vector<ParamHeader>());
}

constexpr std::string_view three =
    R"({"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"query":{"type":"string"},)"
    R"("limits":{"type":"object","properties":{"rows":{"type":"integer","x-mcp-header":"Max-Rows"}}},)"
    R"("dry":{"type":["boolean","null"],"x-mcp-header":"Dry"}}})";

TEST(ParamHeaders, AreFoundAtAnyDepthOfPlainProperties) {
  const auto headers = headers_of(three);
  ASSERT_EQ(headers.size(), 3U);
  EXPECT_EQ(headers[0].field, "Mcp-Param-Region");
  EXPECT_EQ(headers[0].lower_case_field, "mcp-param-region");
  EXPECT_EQ(headers[1].path, (std::vector<std::string>{"limits", "rows"}));
  EXPECT_EQ(headers[1].kind, ParamHeader::Kind::integer);
  EXPECT_EQ(headers[2].kind, ParamHeader::Kind::boolean);
  EXPECT_TRUE(headers_of("{}").empty());
  EXPECT_TRUE(headers_of(R"({"type":"object","properties":{"a":{"type":"number"}}})").empty());
  EXPECT_EQ(headers_of(R"({"properties":{"a":{"type":"string","x-mcp-h\u0065ader":"A"}}})").size(), 1U);
}

TEST(ParamHeaders, APropertyOfThatNameAndDataAreNoAnnotations) {
  EXPECT_TRUE(headers_of(R"({"properties":{"x-mcp-header":{"type":"string"}}})").empty());
  EXPECT_TRUE(
      headers_of(R"({"properties":{"a":{"default":{"x-mcp-header":"A"},"enum":[{"x-mcp-header":"A"}]}}})").empty());
}

TEST(ParamHeaders, InvalidAnnotationsAreRefusedWithTheReason) {
  struct Row {
    std::string_view schema;
    std::string_view says;
  };
  for (const Row& row :
       {Row{R"({"properties":{"a":{"type":"string","x-mcp-header":""}}})", "not empty"},
        {R"({"properties":{"a":{"type":"string","x-mcp-header":17}}})", "name of a header"},
        {R"({"properties":{"a":{"type":"string","x-mcp-header":"two words"}}})", "characters"},
        {R"({"properties":{"a":{"type":"string","x-mcp-header":"a:b"}}})", "characters"},
        {R"({"properties":{"a":{"type":"string","x-mcp-header":"a\nb"}}})", "characters"},
        {"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"R\u00e9gion\"}}}", "characters"},
        {R"({"properties":{"a":{"type":"number","x-mcp-header":"A"}}})", "string, integer and boolean"},
        {R"({"properties":{"a":{"type":"object","x-mcp-header":"A"}}})", "string, integer and boolean"},
        {R"({"properties":{"a":{"type":"array","x-mcp-header":"A"}}})", "string, integer and boolean"},
        {R"({"properties":{"a":{"type":"null","x-mcp-header":"A"}}})", "string, integer and boolean"},
        {R"({"properties":{"a":{"type":["string","integer"],"x-mcp-header":"A"}}})", "string, integer and boolean"},
        {R"({"properties":{"a":{"x-mcp-header":"A"}}})", "string, integer and boolean"},
        {R"({"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}})",
         "twice"},
        {R"({"x-mcp-header":"A"})", "root"},
        {R"({"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}})", "'items'"},
        {R"({"anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]})", "'anyOf'"},
        {R"({"$defs":{"d":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}})", "'$defs'"},
        {R"({"properties":{"a":{"allOf":[{"x-mcp-header":"A"}]}}})", "'allOf'"}}) {
    const auto headers = read_param_headers(JsonSpan(row.schema));
    ASSERT_FALSE(headers) << row.schema;
    EXPECT_NE(headers.error().find(row.says), std::string::npos) << row.schema << ": " << headers.error();
  }
}

TEST(ParamHeaders, AClientSendsWhatIsThereAndNothingForNull) {
  const auto headers = headers_of(three);
  using Fields = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(make_param_headers(headers, JsonSpan(R"({"region":"us-west1","limits":{"rows":42},"dry":true})")),
            (Fields{{"Mcp-Param-Region", "us-west1"}, {"Mcp-Param-Max-Rows", "42"}, {"Mcp-Param-Dry", "true"}}));
  EXPECT_EQ(
      make_param_headers(headers, JsonSpan("{\"region\":\" gr\u00fc\u00df\",\"limits\":{\"rows\":-7.0},\"dry\":null}")),
      (Fields{{"Mcp-Param-Region", "=?base64?IGdyw7zDnw==?="}, {"Mcp-Param-Max-Rows", "-7"}}));
  EXPECT_EQ(make_param_headers(headers, JsonSpan(R"({"limits":17})")), Fields{});
  EXPECT_EQ(make_param_headers(headers, JsonSpan()), Fields{});
}

TEST(ParamHeaders, AServerComparesThemWithTheArguments) {
  const auto headers = headers_of(three);
  struct Row {
    std::string_view arguments;
    Head head;
    bool fits;
  };
  const std::vector<Row> rows = {
      {R"({"region":"eu"})", {{"mcp-param-region", "eu"}}, true},
      {R"({"region":"eu"})", {{"mcp-param-region", " eu\t"}}, true},
      {R"({"region":"Hello"})", {{"mcp-param-region", "=?base64?SGVsbG8=?="}}, true},
      {R"({"region":"SGVsbG8="})", {{"mcp-param-region", "SGVsbG8="}}, true},
      {R"({"region":"=?base64?SGVsbG8="})", {{"mcp-param-region", "=?base64?SGVsbG8="}}, true},
      {R"({"region":"Hello"})", {{"mcp-param-region", "=?base64?SGVsbG8?="}}, false},
      {R"({"region":"Hello"})", {{"mcp-param-region", "=?base64?SGVs!!!bG8=?="}}, false},
      {R"({"region":"eu"})", {{"mcp-param-region", "us"}}, false},
      {R"({"region":"eu"})", {{"mcp-param-region", "EU"}}, false},
      {R"({"region":"eu"})", {}, false},
      {R"({"region":null})", {}, true},
      {"{}", {}, true},
      {"{}", {{"mcp-param-region", "eu"}}, false},
      {R"({"limits":{"rows":42}})", {{"mcp-param-max-rows", "42.0"}}, true},
      {R"({"limits":{"rows":42.0}})", {{"mcp-param-max-rows", "42"}}, true},
      {R"({"limits":{"rows":42}})", {{"mcp-param-max-rows", "43"}}, false},
      {R"({"limits":{"rows":42}})", {{"mcp-param-max-rows", "forty-two"}}, false},
      {R"({"limits":{"rows":9007199254740993}})", {{"mcp-param-max-rows", "9007199254740992"}}, false},
      {R"({"dry":true})", {{"mcp-param-dry", "true"}}, true},
      {R"({"dry":true})", {{"mcp-param-dry", "True"}}, false},
      {R"({"dry":"yes"})", {}, true},  // the wrong type: for the schema to say
  };
  for (const Row& row : rows) {
    const auto fault = param_header_mismatch(headers, JsonSpan(row.arguments), row.head);
    EXPECT_EQ(!fault, row.fits) << row.arguments << ": " << fault.value_or("");
  }
  Head twice{{"mcp-param-region", "eu"}};
  twice.twice.insert("mcp-param-region");
  EXPECT_TRUE(param_header_mismatch(headers, JsonSpan(R"({"region":"eu"})"), twice));
}

TEST(ParamHeaders, AMismatchIsAHeaderMismatchWithStatus400) {
  const auto headers = headers_of(three);
  const std::string line = test::stateless("tools/call", R"("name":"sql","arguments":{"region":"eu"})");
  const Message message = read(line);
  const Head head{{"mcp-protocol-version", "2026-07-28"}, {"mcp-method", "tools/call"}, {"mcp-name", "sql"}};
  const auto request = read_request(message, &head, nullptr);
  ASSERT_TRUE(request);
  const auto refused = check_param_headers(headers, *request, head);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, -32020);
  EXPECT_EQ(refused->http_status, 400);
  EXPECT_EQ(refused->id, "7");
}

}  // namespace
}  // namespace meantime::mcp
