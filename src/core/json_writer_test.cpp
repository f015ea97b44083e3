// SPDX-License-Identifier: MIT
#include "core/json_writer.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <limits>

namespace meantime {
namespace {

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string read_back(std::string_view text) {
  const std::string json = in_quotes(text);
  return std::string(boost::json::parse(std::string_view(json)).as_string());
}

template <class Number>
std::string written(Number number) {
  std::string out;
  JsonWriter(out).value(number);
  return out;
}

double number_back(double number) {
  const std::string json = written(number);
  return boost::json::parse(std::string_view(json)).to_number<double>();
}

TEST(JsonWriter, PutsCommasAndColonsWhereTheyBelong) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("a", 1).field("b", "x").key("c").begin_array();
  writer.value(true).null().begin_object().end_object().begin_array().end_array().raw(R"({"k":[]})");
  writer.end_array().field("d", false).end_object();
  EXPECT_EQ(out, R"({"a":1,"b":"x","c":[true,null,{},[],{"k":[]}],"d":false})");
}

TEST(JsonWriter, EscapesWhatJsonDemandsAndNothingElse) {
  EXPECT_EQ(in_quotes("a\"b\\c\n\r\t\b\f/"), R"("a\"b\\c\n\r\t\b\f/")");
  EXPECT_EQ(in_quotes(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(in_quotes("grüße 日本 🙂"), "\"grüße 日本 🙂\"");
  EXPECT_EQ(in_quotes(""), "\"\"");
}

TEST(JsonWriter, FindsAnEscapeAtEveryPlaceOfALongText) {
  for (std::size_t length = 1; length < 100; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      std::string text(length, 'x');
      text[at] = at % 2 == 0 ? '"' : '\x01';
      EXPECT_EQ(read_back(text), text) << length << " " << at;
    }
  }
}

TEST(JsonWriter, EveryCharacterOfOneByteComesBack) {
  std::string text;
  for (int c = 0; c < 128; ++c) text += static_cast<char>(c);
  EXPECT_EQ(read_back(text), text);
}

TEST(JsonWriter, NumbersAreAsAPersonWritesThem) {
  EXPECT_EQ(written(12.5), "12.5");
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(3.0), "3");
  EXPECT_EQ(written(-0.001), "-0.001");
  EXPECT_EQ(written(1'795'341'600.123), "1795341600.123");
  EXPECT_EQ(written(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(written(-7), "-7");
  EXPECT_EQ(written(std::nan("")), "null");
  EXPECT_EQ(written(std::numeric_limits<double>::infinity()), "null");
  for (const double extreme : {1e300, 5e-324, 1e17, 1.7976931348623157e308, 1e-7}) {
    EXPECT_EQ(number_back(extreme), extreme);
  }
}

}  // namespace
}  // namespace meantime
