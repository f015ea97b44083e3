// SPDX-License-Identifier: MIT
#include "store/redis/reply.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace meantime::store::redis {
namespace {

void feed(ReplyReader& reader, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto [into, size] = reader.room();
    const auto count = std::min(size, bytes.size());
    std::copy_n(bytes.data(), count, into);
    reader.commit(count);
    bytes.remove_prefix(count);
  }
}

std::string shown(ReplyView view) {
  switch (view.kind()) {
    case Reply::Kind::null:
      return "null";
    case Reply::Kind::text:
      return "'" + std::string(view.text()) + "'";
    case Reply::Kind::integer:
      return std::to_string(view.integer());
    case Reply::Kind::error:
      return "error " + std::string(view.text());
    default:
      break;
  }
  std::string out = view.kind() == Reply::Kind::push ? "push[" : "[";
  for (const ReplyView each : view) out += shown(each) + " ";
  return out + "]";
}

/// All replies in `bytes`, read `step` bytes at a time.
std::string read_all(std::string_view bytes, std::size_t step) {
  ReplyReader reader;
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    feed(reader, bytes.substr(at, step));
    while (auto reply = reader.next()) out += shown(reply->view()) + "\n";
  }
  return out + (reader.failed() ? "failed" : "");
}

TEST(ReplyReader, ReadsEachKindOfAnswerHoweverItsBytesArrive) {
  const std::string bytes =
      "+OK\r\n-ERR "
      "no\r\n:-42\r\n_\r\n$5\r\na\r\nb!\r\n$0\r\n\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n%1\r\n+k\r\n+v\r\n~1\r\n+s\r\n"
      ">3\r\n+message\r\n+c\r\n+t\r\n*0\r\n,1.5\r\n#t\r\n(123\r\n=7\r\ntxt:abc\r\n!5\r\nERR x\r\n";
  const std::string expected =
      "'OK'\nerror ERR no\n-42\nnull\n'a\r\nb!'\n''\n[1 ['x' ] ]\n['k' 'v' ]\n['s' ]\n"
      "push['message' 'c' 't' ]\n[]\n'1.5'\n't'\n'123'\n'txt:abc'\nerror ERR x\n";
  for (std::size_t step = 1; step <= bytes.size(); ++step) EXPECT_EQ(read_all(bytes, step), expected) << step;
}

TEST(ReplyReader, AnAttributeSaysSomethingAboutTheNextReplyAndIsLeftOut) {
  EXPECT_EQ(read_all("|1\r\n+ttl\r\n:5\r\n+OK\r\n", 3), "'OK'\n");
}

TEST(ReplyReader, WhatIsNoProtocolFailsForGood) {
  for (const std::string& garbage :
       {std::string("$\r\n"), std::string("*\r\n"), std::string(":\r\n"), std::string("$-1\r\n"),
        std::string("*-1\r\n"), std::string("$1073741825\r\n"), std::string("*99999999999999999999999\r\n"),
        std::string("$5x\r\nhello\r\n"), std::string("%00000000000000000000000000000000000001\r\n"),
        std::string("HTTP/1.1 200 OK\r\n\r\n"), std::string("\r\n"), std::string("\0\0\0\0", 4), std::string("?\r\n"),
        std::string("$?\r\n;4\r\n"), std::string("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"),
        std::string("+") + std::string(3UL << 20U, 'x')}) {
    for (const std::size_t step : {std::size_t(1) << 14U, std::size_t(1)}) {
      if (step == 1 && garbage.size() > 100) continue;
      SCOPED_TRACE(garbage.substr(0, 40) + " by " + std::to_string(step));
      ReplyReader reader;
      feed(reader, "+fine\r\n");
      EXPECT_EQ(reader.next()->view().text(), "fine");
      for (std::size_t at = 0; at < garbage.size(); at += step) {
        feed(reader, std::string_view(garbage).substr(at, step));
        EXPECT_FALSE(reader.next());
      }
      EXPECT_TRUE(reader.failed());
      feed(reader, "+OK\r\n");
      EXPECT_FALSE(reader.next());
      reader.reset();
      feed(reader, "+OK\r\n");
      EXPECT_EQ(reader.next()->view().text(), "OK");
    }
  }
}

TEST(ReplyReader, ALengthThatIsOnlyPromisedReservesNothing) {
  ReplyReader reader;
  feed(reader, "$1073741824\r\nabc");
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.failed());
  EXPECT_LE(reader.room().second, 1UL << 20U);
}

TEST(ReplyReader, LongTextsComeWhole) {
  const std::string text(3UL << 20U, 'x');
  EXPECT_EQ(read_all("$3145728\r\n" + text + "\r\n:7\r\n", 100'000), "'" + text + "'\n7\n");
}

TEST(ReplyView, WhatIsNotThereIsNull) {
  ReplyReader reader;
  feed(reader, "*2\r\n*1\r\n:1\r\n:2\r\n+text\r\n");
  const auto list = *reader.next();
  EXPECT_EQ(list.view()[1].integer(), 2);
  EXPECT_TRUE(list.view()[2].is_null());
  EXPECT_TRUE(list.view()[0][1].is_null());
  EXPECT_TRUE(list.view()[1][0].is_null());
  const auto text = *reader.next();
  EXPECT_EQ(text.view().size(), 0U);
  EXPECT_EQ(text.view().integer(), 0);
  EXPECT_TRUE(text.view()[0].is_null());
  EXPECT_EQ(Reply().view().kind(), Reply::Kind::null);
}

}  // namespace
}  // namespace meantime::store::redis
