// SPDX-License-Identifier: MIT
#include "mcp/sse.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace meantime::mcp {
namespace {

std::string shown(const SseEvent& event) {
  return event.event + "|" + (event.id ? *event.id : "-") + "|" + event.data;
}

using Events = std::vector<std::string>;

Events events_of(std::string_view stream, std::size_t step, SseParser& parser) {
  Events out;
  while (!stream.empty()) {
    EXPECT_TRUE(parser.feed(stream.substr(0, step)));
    stream.remove_prefix(std::min(step, stream.size()));
    while (const auto event = parser.next()) out.push_back(shown(*event));
  }
  return out;
}

Events events_of(std::string_view stream, std::size_t step = 1000) {
  SseParser parser(10'000);
  return events_of(stream, step, parser);
}

TEST(Sse, EventsAreReadHoweverTheirLinesEndAndTheirBytesArrive) {
  struct Row {
    std::string_view stream;
    Events events;
  };
  for (const Row& row : {
           Row{"data: a\n\n", {"|-|a"}},
           {"data:a\n\n", {"|-|a"}},
           {"data:  a\n\n", {"|-| a"}},
           {"data: a\r\n\r\ndata: b\r\n\r\n", {"|-|a", "|-|b"}},
           {"data: a\r\rdata: b\r\r", {"|-|a", "|-|b"}},
           {"data: a\ndata: b\n\n", {"|-|a\nb"}},
           {"data: a\ndata\ndata:\n\n", {"|-|a\n\n"}},
           {"event: message\nid: 7-1\ndata: {}\n\n", {"message|7-1|{}"}},
           {"id: 1\n\n", {"|1|"}},
           {"id: 1\ndata:\n\n", {"|1|"}},
           {"id\ndata: a\n\n", {"||a"}},
           {"event: x\n\ndata: a\n\n", {"|-|a"}},
           {": hello\n\n:\n\n", {}},
           {": hello\ndata: a\n: more\n\n", {"|-|a"}},
           {"\xEF\xBB\xBF"
            "data: a\n\n",
            {"|-|a"}},
           {"data: a\n\n\xEF\xBB\xBF"
            "data: b\n\n",
            {"|-|a"}},
           {"retry: 10\n\n", {}},
           {"data: not ended\n", {}},
           {"data: not ended", {}},
           {"Data: a\nfoo: b\nfoo\n\n", {}},
           {std::string_view("id: a\0b\ndata: x\n\n", 17), {"|-|x"}},
           {"\n\n\r\n\r\r", {}},
           {"data: a\r\n\ndata: b\n\n", {"|-|a", "|-|b"}},
       }) {
    for (const std::size_t step : {1U, 2U, 3U, 7U, 1000U}) {
      EXPECT_EQ(events_of(row.stream, step), row.events) << row.stream << " by " << step;
    }
  }
}

TEST(Sse, TheLastIdAndTheRetryAreRemembered) {
  SseParser parser(1000);
  EXPECT_EQ(events_of("id: 1\nretry: 500\n\ndata: x\n\nid: 2\ndata: y\n\nid: 3\ndata: not ended\n", 5, parser),
            (Events{"|1|", "|-|x", "|2|y"}));
  EXPECT_EQ(parser.last_event_id(), "2");
  EXPECT_EQ(parser.retry_ms(), 500U);
  SseParser strange(1000);
  EXPECT_EQ(events_of("retry: soon\nretry:\nretry: -1\nretry: 1.5\n\n", 5, strange), Events{});
  EXPECT_EQ(strange.retry_ms(), std::nullopt);
  EXPECT_EQ(strange.last_event_id(), "");
}

TEST(Sse, AnEventOverTheLimitEndsTheStream) {
  for (const std::string& endless :
       {"data: " + std::string(2000, 'x'), std::string(2000, 'x'), ": " + std::string(2000, 'x'), [] {
          std::string many;
          for (int i = 0; i < 2000; ++i) many += "data: x\n";
          return many;
        }()}) {
    SseParser parser(1000);
    bool taken = true;
    for (std::size_t at = 0; taken && at < endless.size(); at += 100) taken = parser.feed(endless.substr(at, 100));
    EXPECT_FALSE(taken);
    EXPECT_FALSE(parser.feed("data: a\n\n"));
    EXPECT_FALSE(parser.next());
  }
}

TEST(Sse, WhatIsWrittenIsReadBack) {
  std::string stream;
  append_comment(stream, "keep-alive");
  append_event(stream, "1-1", {}, {});
  append_retry(stream, 250);
  append_event(stream, "1-2", "message", "{\"a\":1}\n");
  append_event(stream, {}, {}, "two\nlines");
  append_event(stream, {}, {}, "three\r\nlines\rin all");
  append_comment(stream, "two\nlines");
  EXPECT_TRUE(stream.starts_with(
      ": keep-alive\n\nid: 1-1\ndata: \n\nretry: 250\n\nevent: message\nid: 1-2\ndata: {\"a\":1}\n\n"))
      << stream;
  EXPECT_EQ(events_of(stream), (Events{"|1-1|", "message|1-2|{\"a\":1}", "|-|two\nlines", "|-|three\nlines\nin all"}));
}

}  // namespace
}  // namespace meantime::mcp
