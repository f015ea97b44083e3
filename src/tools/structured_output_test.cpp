// SPDX-License-Identifier: MIT
#include "tools/structured_output.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace meantime::tools {
namespace {

using ::testing::HasSubstr;

Schema promised() {
  return *Schema::compile(R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]})");
}

TEST(StructuredOutput, IsTheObjectThatTheCommandPrinted) {
  ToolOutput printed(" {\"n\": 1, \"more\": \"\\u00e4\"}\n");
  printed.exit_code = 0;
  const ToolReturn returned = structured(promised(), printed);
  ASSERT_TRUE(returned);
  EXPECT_EQ(returned->media_type, MediaType::mcp_result);
  EXPECT_EQ(returned->exit_code, 0);
  const auto result = boost::json::parse(returned->text);
  EXPECT_EQ(result.at("structuredContent").at("n"), 1);
  EXPECT_EQ(result.at("content").at(0).at("text"), "{\"n\": 1, \"more\": \"\\u00e4\"}");
}

TEST(StructuredOutput, ThatIsNotWhatWasPromisedIsAFailureWithTheOutput) {
  const std::vector<std::pair<const char*, const char*>> rows{
      {"", "it printed no JSON"},   {"n = 1", "it printed no JSON"},      {"{\"n\": 1} {}", "it printed no JSON"},
      {"[1]", "that is no object"}, {"{\"n\": \"1\"}", "does not fit: "}, {"{}", "does not fit: "}};
  for (const auto& [text, expected] : rows) {
    const ToolReturn returned = structured(promised(), ToolOutput(text));
    ASSERT_FALSE(returned) << text;
    EXPECT_EQ(returned.error().type, "OutputInvalid");
    EXPECT_THAT(returned.error().message, HasSubstr(expected)) << text;
    EXPECT_EQ(returned.error().output->text, text);
  }
  ToolOutput cut("{\"n\": 1}");
  cut.cut = true;
  EXPECT_THAT(structured(promised(), cut).error().message, HasSubstr("raise max_output"));
  EXPECT_EQ(structured(promised(), ToolOutput("\xFF")).error().output->text, "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace meantime::tools
