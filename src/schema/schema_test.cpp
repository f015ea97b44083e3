// SPDX-License-Identifier: MIT
#include "schema/schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meantime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Schema compiled(std::string_view text) {
  Result<Schema> schema = Schema::compile(text);
  if (!schema) throw std::runtime_error(schema.error().detail);
  return *schema;
}
std::string fault(std::string_view schema, std::string_view arguments) {
  const Result<void> checked = compiled(schema).check(arguments);
  return checked ? "fits" : checked.error().detail;
}
std::string refusal(std::string_view schema) {
  const Result<Schema> result = Schema::compile(schema);
  return result ? "compiles" : result.error().detail;
}

constexpr std::string_view weather = R"({
  "type": "object",
  "properties": {
    "city": {"type": "string", "minLength": 1},
    "days": {"type": "integer", "minimum": 1, "maximum": 14},
    "unit": {"enum": ["celsius", "fahrenheit"]},
    "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3}
  },
  "required": ["city"],
  "additionalProperties": false
})";

TEST(Schema, LetsThroughWhatFits) {
  EXPECT_EQ(fault(weather, R"({"city": "Oslo", "days": 3, "unit": "celsius", "tags": ["a"]})"), "fits");
  EXPECT_EQ(fault(weather, R"({"city": "Oslo", "days": 3.0})"), "fits");  // 3.0 is an integer in JSON Schema
  EXPECT_EQ(fault(R"({"type": "object"})", ""), "fits");                  // no arguments are an empty object
  EXPECT_EQ(fault("true", R"({"anything": [1, null]})"), "fits");
}

TEST(Schema, SaysWhereItIsWhatIsWrongAndWhatIsExpected) {
  EXPECT_THAT(fault(weather, "{}"), HasSubstr("city is required and missing"));
  EXPECT_THAT(fault(weather, R"({"city": 5})"), HasSubstr("city must be a string, not an integer (5)"));
  EXPECT_THAT(fault(weather, R"({"city": "Oslo", "days": 15})"), HasSubstr("days must be at most 14, is 15"));
  EXPECT_THAT(fault(weather, R"({"city": "Oslo", "days": 1.5})"), HasSubstr("days must be an integer, not a number"));
  EXPECT_THAT(fault(weather, R"({"city": "Oslo", "unit": "kelvin"})"),
              HasSubstr(R"(unit must be one of "celsius", "fahrenheit", not "kelvin")"));
  EXPECT_THAT(fault(weather, R"({"city": "Oslo", "tags": ["a", 2]})"), HasSubstr("tags[1] must be a string"));
  EXPECT_THAT(fault(weather, R"({"city": "Oslo", "town": 1})"),
              HasSubstr(R"(has an unknown property "town"; allowed are "city", "days", "unit", "tags")"));
  EXPECT_THAT(fault(weather, R"({"city": ""})"), HasSubstr("city must have at least 1 character, has 0"));
  EXPECT_THAT(fault(weather, "[]"), HasSubstr("the value must be an object, not a list"));
}

TEST(Schema, NamesUpToFiveFaultsAtOnce) {
  const std::string two = fault(weather, R"({"days": 0, "unit": 1})");
  EXPECT_THAT(two, HasSubstr("city is required"));
  EXPECT_THAT(two, HasSubstr("days must be at least 1"));
  EXPECT_THAT(two, HasSubstr("unit must be one of"));
  std::string many = "{";
  for (int i = 0; i < 10'000; ++i) many += "\"key" + std::to_string(i) + "\": 1,";
  const std::string bounded = fault(weather, many + R"("city": "x"})");
  EXPECT_LT(bounded.size(), 2'000U);
}

TEST(Schema, OfSeveralFormsTellsTheFaultOfTheNearest) {
  constexpr std::string_view forms = R"({"anyOf": [
      {"type": "string"},
      {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}]})";
  EXPECT_EQ(fault(forms, R"("text")"), "fits");
  EXPECT_THAT(fault(forms, R"({"id": "x"})"), HasSubstr("of the nearest: id must be an integer"));
  EXPECT_THAT(fault(forms, "5"), HasSubstr("must be a string or an object, not an integer (5)"));
}

TEST(Schema, KnowsTheKeywordsOfThe2020Draft) {
  EXPECT_EQ(fault(R"({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}})", R"(["a", 1, 2])"), "fits");
  EXPECT_THAT(fault(R"({"prefixItems": [{"type": "string"}], "items": false})", R"(["a", 1])"),
              HasSubstr("[1] is not allowed here"));
  EXPECT_THAT(fault(R"({"dependentRequired": {"card": ["cvc"]}})", R"({"card": 1})"),
              HasSubstr(R"(cvc is required beside "card" and missing)"));
  EXPECT_THAT(fault(R"({"dependentSchemas": {"a": {"required": ["b"]}}})", R"({"a": 1})"), HasSubstr("b is required"));
  EXPECT_THAT(fault(R"({"contains": {"const": 1}, "maxContains": 1})", "[1, 1]"), HasSubstr("at most 1 item"));
  EXPECT_THAT(fault(R"({"if": {"required": ["a"]}, "then": {"required": ["b"]}})", R"({"a": 1})"),
              HasSubstr("b is required"));
  EXPECT_THAT(
      fault(R"({"$defs": {"n": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/n"}}})", R"({"x": "1"})"),
      HasSubstr("x must be an integer"));
  // A $ref and what stands beside it both count, since 2019.
  EXPECT_THAT(fault(R"({"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n", "minimum": 3})", "2"),
              HasSubstr("at least 3"));
  EXPECT_EQ(compiled(R"({"properties": {"a": {"unevaluatedProperties": false}}})").ignored(),
            std::vector<std::string>{"/properties/a/unevaluatedProperties"});
}

TEST(Schema, KnowsWhatOlderDraftsWroteDifferently) {
  EXPECT_THAT(fault(R"({"definitions": {"n": {"type": "null"}}, "items": {"$ref": "#/definitions/n"}})", "[1]"),
              HasSubstr("[0] must be null"));
  EXPECT_THAT(fault(R"({"items": [{"type": "string"}], "additionalItems": false})", R"(["a", 1])"),
              HasSubstr("[1] is not allowed here"));
  EXPECT_THAT(fault(R"({"minimum": 3, "exclusiveMinimum": true})", "3"), HasSubstr("greater than 3"));
  EXPECT_THAT(fault(R"({"dependencies": {"a": ["b"]}})", R"({"a": 1})"), HasSubstr("b is required beside"));
}

TEST(Schema, CountsCharactersAndNotBytes) {
  EXPECT_EQ(fault(R"({"maxLength": 2})", "\"\xF0\x9F\x98\x80\xE2\x82\xAC\""), "fits");
}

TEST(Schema, HoldsEqualWhatJsonSchemaHoldsEqual) {
  EXPECT_EQ(fault(R"({"const": {"a": 1, "b": [2]}})", R"({"b": [2.0], "a": 1})"), "fits");
  EXPECT_THAT(fault(R"({"uniqueItems": true})", R"([1, "1", 1.0])"), HasSubstr("items 0 and 2 are equal"));
  EXPECT_THAT(fault(R"({"maximum": 9007199254740993})", "9007199254740994"), HasSubstr("at most 9007199254740993"));
}

TEST(Schema, ARecursiveSchemaChecksATree) {
  constexpr std::string_view tree =
      R"({"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}, "additionalProperties": false})";
  EXPECT_EQ(fault(tree, R"({"children": [{"children": []}]})"), "fits");
  EXPECT_THAT(fault(tree, R"({"children": [{"children": [{"x": 1}]}]})"),
              HasSubstr("children[0].children[0] has an unknown"));
}

TEST(Schema, AReferenceOutOfTheDocumentIsRefusedAndNeverFetched) {
  EXPECT_THAT(refusal(R"({"properties": {"a": {"$ref": "https://example.com/a.json"}}})"),
              AllOf(HasSubstr("/properties/a/$ref"), HasSubstr("none is ever fetched"), HasSubstr("$defs")));
  EXPECT_THAT(refusal(R"({"$ref": "#/$defs/missing"})"), HasSubstr("which is not there"));
}

TEST(Schema, ASchemaThatDoesNotCompileSaysWhere) {
  EXPECT_THAT(refusal("{"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("[]"), HasSubstr("must be a schema"));
  EXPECT_THAT(refusal(R"({"properties": {"a": {"type": "strng"}}})"),
              AllOf(HasSubstr("/properties/a/type"), HasSubstr("must be one of null, boolean")));
  EXPECT_THAT(refusal(R"({"minLength": "3"})"), HasSubstr("/minLength must be a number"));
  EXPECT_THAT(refusal(R"({"minLength": -1})"), HasSubstr("whole number"));
  EXPECT_THAT(refusal(R"({"required": "a"})"), HasSubstr("list of property names"));
  EXPECT_THAT(refusal(R"({"pattern": "(["})"), HasSubstr("does not compile"));
  EXPECT_THAT(refusal("{\"pattern\": \"(?=a)\"}"), HasSubstr("look-around"));
  EXPECT_THAT(refusal(R"({"anyOf": []})"), HasSubstr("at least one schema"));
  EXPECT_THAT(refusal(R"({"$defs": {"unused": {"type": 5}}})"), HasSubstr("/$defs/unused/type"));
}

TEST(Schema, ASchemaThatWouldNeverEndIsRefused) {
  EXPECT_THAT(refusal(R"({"$ref": "#"})"), HasSubstr("never end"));
  EXPECT_THAT(refusal(R"({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}})"),
              HasSubstr("never end"));
  EXPECT_EQ(refusal(R"({"properties": {"a": {"$ref": "#"}}})"), "compiles");
  EXPECT_EQ(refusal(R"({"$defs": {"a": {}}, "allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]})"), "compiles");
}

std::string nested(std::size_t levels, std::string_view open, std::string_view close) {
  std::string out;
  for (std::size_t i = 0; i < levels; ++i) out += open;
  for (std::size_t i = 0; i < levels; ++i) out += close;
  return out;
}

TEST(Schema, AMillionDeepJsonIsRefused) {
  EXPECT_THAT(fault("{}", nested(1'000'000, "[", "]")), HasSubstr("deeper than 200"));
  EXPECT_THAT(fault("{}", nested(1'000'000, R"({"a":)", "}")), HasSubstr("deeper than 200"));
  EXPECT_THAT(refusal(nested(1'000'000, R"({"not":)", "}")), HasSubstr("deeper than 200"));
  EXPECT_EQ(fault(R"({"items": {"$ref": "#"}})", nested(200, "[", "]")), "fits");
}

TEST(Schema, ALongChainOfReferencesIsRefusedAndDoesNotUseUpTheStack) {
  std::string text = R"({"$ref": "#/$defs/d0", "$defs": {)";
  for (int i = 0; i < 20'000; ++i) {
    text += "\"d" + std::to_string(i) + R"(": {"$ref": "#/$defs/d)" + std::to_string(i + 1) + "\"},";
  }
  text += R"("d20000": {}}})";
  EXPECT_THAT(refusal(text), HasSubstr("more than 500"));
}

TEST(Schema, ACheckThatExplodesIsGivenUp) {
  // 2^40 ways to look at one value.
  std::string text = R"({"$ref": "#/$defs/d0", "$defs": {)";
  for (int i = 0; i < 40; ++i) {
    const std::string next = R"({"$ref": "#/$defs/d)" + std::to_string(i + 1) + "\"}";
    text += "\"d" + std::to_string(i) + R"(": {"anyOf": [)" + next + "," + next + "]},";
  }
  text += R"("d40": false}})";
  EXPECT_THAT(fault(text, "1"), HasSubstr("too long to check"));
}

TEST(Schema, APatternTakesLinearTimeOnALongText) {
  constexpr std::string_view evil = R"({"pattern": "^(a+)+$"})";
  EXPECT_THAT(fault(evil, "\"" + std::string(1'000'000, 'a') + "!\""), HasSubstr("must match the pattern"));
  EXPECT_EQ(fault(R"({"pattern": "^\\u00e4+$"})", "\"\xC3\xA4\xC3\xA4\""), "fits");
}

TEST(Schema, ArgumentsThatAreNoJsonAreRefused) {
  EXPECT_THAT(fault("{}", "{"), HasSubstr("not JSON"));
  EXPECT_THAT(fault("{}", "{} {}"), HasSubstr("not JSON"));
  EXPECT_THAT(fault("{}", "\"\xFF\""), HasSubstr("not JSON"));
}

}  // namespace
}  // namespace meantime
