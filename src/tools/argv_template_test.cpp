// SPDX-License-Identifier: MIT
#include "tools/argv_template.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meantime {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Argv = std::vector<std::string>;

Result<Argv> filled(const std::vector<ArgvTemplate::Group>& groups, std::string_view arguments, Argv dash_allowed = {},
                    std::string_view defaults = "{}") {
  auto parsed = ArgvTemplate::parse(groups, std::move(dash_allowed));
  if (!parsed) return std::unexpected(parsed.error());
  return parsed->fill(json::parse(arguments).as_object(), json::parse(defaults).as_object());
}
std::string refusal(const std::vector<ArgvTemplate::Group>& groups, std::string_view arguments) {
  const auto result = filled(groups, arguments);
  return result ? "fills" : result.error().detail;
}

TEST(ArgvTemplate, EachPlaceholderFillsExactlyOneArgumentWhateverItHolds) {
  for (const char* evil : {"a b", "$(touch x)", "; rm -rf /", "'", "\\\"", "*", "\\n", "{other}", "{{", ""}) {
    const std::string arguments = std::string(R"({"name": ")") + evil + R"("})";
    const auto argv = filled({{"echo"}, {"{name}"}, {"--x={name}!"}}, arguments);
    ASSERT_TRUE(argv) << evil;
    const std::string value = argument_text(json::parse(arguments).at("name"));
    EXPECT_THAT(*argv, ElementsAre("echo", value, "--x=" + value + "!")) << evil;
  }
}

TEST(ArgvTemplate, ValuesThatAreNoStringsAreWrittenAsJson) {
  EXPECT_THAT(filled({{"{a}"}, {"{b}"}, {"{c}"}, {"{d}"}}, R"({"a": 5, "b": true, "c": [1, "x"], "d": 1.5})").value(),
              ElementsAre("5", "true", R"([1,"x"])", ::testing::AnyOf("1.5", "1.5E0")));
}

TEST(ArgvTemplate, AnOptionalOneTakesItsElementOrGroupAlong) {
  const std::vector<ArgvTemplate::Group> groups = {{"head"}, {"-n", "{lines?}"}, {"--quiet={quiet?}"}, {"{file}"}};
  EXPECT_THAT(filled(groups, R"({"file": "f"})").value(), ElementsAre("head", "f"));
  EXPECT_THAT(filled(groups, R"({"file": "f", "lines": null})").value(), ElementsAre("head", "f"));
  EXPECT_THAT(filled(groups, R"({"file": "f", "lines": 3, "quiet": "y"})").value(),
              ElementsAre("head", "-n", "3", "--quiet=y", "f"));
  EXPECT_THAT(filled(groups, R"({"file": "f"})", {}, R"({"lines": 7})").value(), ElementsAre("head", "-n", "7", "f"));
}

TEST(ArgvTemplate, AFlagStandsOnlyWhenItsArgumentIsTrue) {
  const std::vector<ArgvTemplate::Group> groups = {{"ls"}, {"{?all}--all"}};
  EXPECT_THAT(filled(groups, R"({"all": true})").value(), ElementsAre("ls", "--all"));
  EXPECT_THAT(filled(groups, R"({"all": false})").value(), ElementsAre("ls"));
  EXPECT_THAT(filled(groups, "{}").value(), ElementsAre("ls"));
}

TEST(ArgvTemplate, AValueCannotPassForAnOption) {
  EXPECT_THAT(refusal({{"rm"}, {"{name}"}}, R"({"name": "-rf"})"), HasSubstr("'name' begins with '-'"));
  EXPECT_THAT(refusal({{"rm"}, {"{n}"}}, R"({"n": -5})"), HasSubstr("'n' begins with '-'"));
  EXPECT_THAT(refusal({{"rm"}, {"{a}{b}"}}, R"({"a": "", "b": "-rf"})"), HasSubstr("begins with '-'"));
  EXPECT_THAT(refusal({{"rm"}, {"{?f}{a}"}}, R"({"a": "-rf", "f": true})"), HasSubstr("'a' begins with '-'"));
  EXPECT_EQ(refusal({{"rm"}, {"--x={name}"}}, R"({"name": "-rf"})"), "fills");
  EXPECT_EQ(refusal({{"rm"}, {"--"}, {"{name}"}}, R"({"name": "-rf"})"), "fills");
  EXPECT_THAT(filled({{"head"}, {"{n}"}}, R"({"n": -5})", {"n"}).value(), ElementsAre("head", "-5"));
}

TEST(ArgvTemplate, SaysWhichArgumentIsMissingOrCannotBeOne) {
  EXPECT_THAT(refusal({{"{name}"}}, "{}"), HasSubstr("'name' is missing"));
  EXPECT_THAT(refusal({{"{name}"}}, R"({"name": "a\u0000b"})"), HasSubstr("zero byte"));
}

TEST(ArgvTemplate, BracesAreWrittenTwice) {
  EXPECT_THAT(filled({{"awk"}, {"{{print $1}}"}}, "{}").value(), ElementsAre("awk", "{print $1}"));
  EXPECT_THAT(refusal({{"{print $1}"}}, "{}"), HasSubstr("and {{ for a brace"));
  EXPECT_THAT(refusal({{"{name"}}, "{}"), HasSubstr("without }"));
  EXPECT_THAT(refusal({{"name}"}}, "{}"), HasSubstr("without {"));
  EXPECT_THAT(refusal({{"{}"}}, "{}"), HasSubstr("names no argument"));
}

}  // namespace
}  // namespace meantime
