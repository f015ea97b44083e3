// SPDX-License-Identifier: MIT
#include "mcp/json_span.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace meantime::mcp {
namespace {

bool reads(std::string_view text) {
  JsonScanner scanner(text);
  return scanner.skip() && scanner.at_end();
}

// The oracle: JSON.parse takes escaped lone surrogates, and so do we.
bool oracle_reads(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = JsonScanner::max_depth;
  options.allow_invalid_utf16 = true;
  boost::system::error_code ec;
  boost::json::parse(text, ec, {}, options);
  return !ec;
}

TEST(JsonScanner, AgreesWithBoostJsonOnWhatIsJson) {
  const std::vector<std::string> texts = {
      "{}", "[]", "null", "true", "false", "0", "-0", "1.5", "-1e10", "1E+2", R"("")", R"("a\n\u00e9\\\/")",
      R"({"a":{"b":[1,2,{"c":null}]},"d":"e"})", " \t\r\n{ \"a\" : [ ] , \"b\" : { } } ", R"("\ud83d\ude00")",
      R"("\ud83d")", "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \xe2\x82\xac\"", "[[[[[]]]],{}]",
      R"(["a","b",[],{},1,-2.5e-3,null])",
      // and what is not
      "", " ", "{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "[1 2]", "01", "1.", ".5", "-", "1e",
      "1e+", "+1", "tru", "nul", "True", "NaN", "Infinity", R"("a)", R"("\x")", R"("\u12g4")", R"("\u12)", "\"\x01\"",
      "\"\t\"", "'a'", "{}{}", "[]]", "[}", "{]", "[1}", "\"\\", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
      "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"\xc3\"", "// comment\n1", "[1,,2]", "\xef\xbb\xbf{}",
      "{\"a\":1 \"b\":2}", "[\"a\":1]", "{1:2}"};
  for (const std::string& text : texts) {
    EXPECT_EQ(reads(text), oracle_reads(text)) << text;
  }
}

TEST(JsonScanner, FindsEveryFaultInsideALongStringWhereverItStands) {
  for (std::size_t at = 1; at < 70; ++at) {
    for (const char bad : {'\x1f', '\xff', '\n'}) {
      std::string text = '"' + std::string(80, 'x') + '"';
      EXPECT_TRUE(reads(text));
      text[at] = bad;
      EXPECT_FALSE(reads(text)) << at;
    }
    std::string cut = '"' + std::string(at, 'x');
    EXPECT_FALSE(reads(cut)) << at;
  }
}

TEST(JsonScanner, AMillionDeepTextIsRefusedQuicklyAndSaysWhy) {
  for (const std::string_view open : {"[", "{\"a\":"}) {
    std::string text;
    for (int i = 0; i < 1'000'000; ++i) text += open;
    JsonScanner scanner(text);
    EXPECT_FALSE(scanner.skip());
    EXPECT_TRUE(scanner.too_deep());
    EXPECT_NE(scanner.fault().find("512 levels"), std::string::npos) << scanner.fault();
  }
}

TEST(JsonScanner, TakesTextsAsDeepAsTheLimit) {
  const std::string text = std::string(512, '[') + std::string(512, ']');
  EXPECT_TRUE(reads(text));
  EXPECT_FALSE(reads('[' + text + ']'));
}

TEST(JsonScanner, SaysWhereTheFirstFaultIs) {
  JsonScanner scanner(R"({"a":1,"b":tru})");
  EXPECT_FALSE(scanner.skip());
  EXPECT_EQ(scanner.fault(), "not a JSON value: byte 11");
}

TEST(JsonScanner, GivesViewsOfTheBytesThatStandThere) {
  const std::string text = R"( { "a" : [1, 2.50 , "x"] , "b" : {"c" : null} } )";
  const JsonSpan whole(std::string_view(text).substr(1, text.size() - 2));
  EXPECT_EQ(member(whole, "a").raw(), R"([1, 2.50 , "x"])");
  EXPECT_EQ(member(whole, "b").raw(), R"({"c" : null})");
  EXPECT_FALSE(member(whole, "c"));
  std::vector<std::string> elements;
  for_each_element(member(whole, "a"), [&](JsonSpan each) { elements.emplace_back(each.raw()); });
  EXPECT_EQ(elements, (std::vector<std::string>{"1", "2.50", "\"x\""}));
}

TEST(JsonScanner, OfTwoMembersWithOneNameTheLastWins) {
  EXPECT_EQ(member(JsonSpan(R"({"a":1,"b":2,"a":3})"), "a").raw(), "3");
}

TEST(JsonSpan, ComparesAndDecodesWhateverTheEscapes) {
  EXPECT_TRUE(JsonSpan(R"("tools/call")").is("tools/call"));
  EXPECT_TRUE(JsonSpan(R"("tools\/call")").is("tools/call"));
  EXPECT_TRUE(JsonSpan(R"("\u0074ools/call")").is("tools/call"));
  EXPECT_FALSE(JsonSpan(R"("tools/list")").is("tools/call"));
  EXPECT_FALSE(JsonSpan("17").is("17"));
  EXPECT_EQ(JsonSpan(R"("a\n\t\"\\\/\b\f\r\u00e9\u20ac\ud83d\ude00")").text(),
            "a\n\t\"\\/\b\f\r\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(JsonSpan(R"("\ud83dx")").text(), "\xef\xbf\xbdx");
  EXPECT_EQ(JsonSpan(R"("\ud83d\ud83d\ude00")").text(), "\xef\xbf\xbd\xf0\x9f\x98\x80");
}

TEST(JsonSpan, NumbersAreReadOnlyWhereTheyFit) {
  EXPECT_EQ(JsonSpan("-17").integer(), -17);
  EXPECT_EQ(JsonSpan("1.5").integer(), std::nullopt);
  EXPECT_EQ(JsonSpan("99999999999999999999").integer(), std::nullopt);
  EXPECT_EQ(JsonSpan("1e3").number(), 1000.0);
  EXPECT_EQ(JsonSpan("\"1\"").number(), std::nullopt);
  EXPECT_EQ(JsonSpan("true").boolean(), true);
  EXPECT_EQ(JsonSpan("null").boolean(), std::nullopt);
}

}  // namespace
}  // namespace meantime::mcp
