// SPDX-License-Identifier: MIT
#include "serve/tool_list.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace meantime::serve {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string rewritten(std::string_view list, OutputSchemas schemas = OutputSchemas::widen,
                      const std::vector<std::string>& extra = {}) {
  ToolPage page;
  return rewrite_tool_list(mcp::JsonSpan(list), schemas, {}, extra, page);
}

TEST(ToolList, WithoutOutputSchemasNotAByteChanges) {
  const std::string list =
      R"({ "tools" : [ {"name":"a", "inputSchema":{"type" : "object","$defs":{"x":1.0}}} ] , "_meta":{ } })";
  EXPECT_EQ(rewritten(list), list);
}

TEST(ToolList, OurToolsAreAddedToAnEmptyListAndAfterOthers) {
  EXPECT_EQ(rewritten(R"({"tools":[]})", OutputSchemas::widen, {"{1}", "{2}"}), R"({"tools":[{1},{2}]})");
  EXPECT_EQ(rewritten(R"({"tools":[ {"name":"a"} ]})", OutputSchemas::widen, {"{1}"}),
            R"({"tools":[ {"name":"a"} ,{1}]})");
}

TEST(ToolList, OnlyTheOutputSchemaOfAToolChanges) {
  const std::string list =
      R"({"tools":[ {"name":"a"} , { "name":"b", "outputSchema" : {"type":"object"}, "title":"B" } , {"name":"c"} ]})";
  const std::string wide = rewritten(list);
  EXPECT_THAT(
      wide,
      StartsWith(
          R"({"tools":[ {"name":"a"} , { "name":"b", "outputSchema" : {"type":"object","anyOf":[{"type":"object"},)"));
  EXPECT_THAT(wide, HasSubstr(R"(]}, "title":"B" } , {"name":"c"} ]})"));
  EXPECT_EQ(rewritten(list, OutputSchemas::drop),
            R"({"tools":[ {"name":"a"} , {"name":"b","title":"B"} , {"name":"c"} ]})");
  EXPECT_EQ(rewritten(list, OutputSchemas::keep), list);
}

TEST(ToolList, SchemasThatStayAreKnownAsStrict) {
  ToolPage page;
  static_cast<void>(rewrite_tool_list(mcp::JsonSpan(R"({"tools":[{"name":"a","outputSchema":{}},{"name":"b"}]})"),
                                      OutputSchemas::keep, {}, {}, page));
  EXPECT_TRUE(page.strict.contains("a"));
  EXPECT_FALSE(page.strict.contains("b"));
  EXPECT_EQ(page.names.size(), 2U);
}

TEST(ToolList, AWidenedSchemaIsJsonAndKeepsWhereItsReferencesLead) {
  const std::string wide = widened_schema(mcp::JsonSpan(
      R"({"$schema":"s","$defs":{"a":{"type":"string"}},"definitions":{},"type":"object","properties":{"x":{"$ref":"#/$defs/a"},"y":{"$ref": "#/definitions/b"}}})"));
  const auto value = boost::json::parse(wide).as_object();
  EXPECT_EQ(value.at("$schema"), "s");
  EXPECT_TRUE(value.at("$defs").as_object().contains("a"));
  EXPECT_EQ(value.at("type"), "object");
  EXPECT_FALSE(value.at("anyOf").as_array()[0].as_object().contains("$defs"));
}

TEST(ToolList, ASchemaThatCannotBeMovedIsNot) {
  for (const char* schema :
       {R"({"properties":{"x":{"$ref":"#"}}})", R"({"$ref":"#/properties/x"})", R"({"$ref":"other.json"})",
        R"({"$id":"here"})", R"({"$anchor":"a"})", R"({"$dynamicRef":"#a"})", "true", "[]"}) {
    EXPECT_EQ(widened_schema(mcp::JsonSpan(schema)), "") << schema;
  }
}

TEST(ToolList, WhatIsNoListPassesAsItIs) {
  EXPECT_EQ(rewritten(R"({"tools":5})", OutputSchemas::widen, {"{1}"}), R"({"tools":5})");
  EXPECT_EQ(rewritten(R"([])"), "[]");
}

}  // namespace
}  // namespace meantime::serve
