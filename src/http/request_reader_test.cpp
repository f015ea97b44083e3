// SPDX-License-Identifier: MIT
// A table of requests, good and bad, each read whole, byte by byte, and in every two parts.
#include "http/request_reader.hpp"

#include <gmock/gmock.h>

#include <cstring>

namespace meantime::http {
namespace {

using State = RequestReader::State;

State feed(RequestReader& reader, std::string_view bytes, std::size_t step) {
  State state = reader.parse();
  while (!bytes.empty() && state != State::refused) {
    const auto room = reader.room();
    EXPECT_FALSE(room.empty());
    if (room.empty()) break;
    const std::size_t n = std::min({step, room.size(), bytes.size()});
    std::memcpy(room.data(), bytes.data(), n);
    reader.add(n);
    bytes.remove_prefix(n);
    state = reader.parse();
  }
  return state;
}

struct Good {
  std::string text;
  std::string method;
  std::string path;
  std::string query;
  std::string body;
  bool keep_alive = true;
};

std::vector<Good> good_requests() {
  const std::string long_value(9000, 'v');
  const std::string long_body(100'000, 'b');
  return {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "", ""},
      {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "", ""},
      {"GET /a/b%20c?x=1&y=? HTTP/1.1\r\nhOsT:a\r\n\r\n", "GET", "/a/b%20c", "x=1&y=?", ""},
      {"GET /? HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "", ""},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS", "*", "", ""},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT", "a:1", "", ""},
      {"GET http://a:80/p?q HTTP/1.1\r\nHost: A:80\r\n\r\n", "GET", "/p", "q", ""},
      {"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "", ""},
      {"GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "q", ""},
      {"GET / HTTP/1.0\r\n\r\n", "GET", "/", "", "", false},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET", "/", "", "", true},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET", "/", "", "", false},
      {"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", "GET", "/", "", ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + long_value + "\r\n\r\n", "GET", "/", "", ""},
      {"MADE-UP / HTTP/1.1\r\nHost: a\r\n\r\n", "MADE-UP", "/", "", ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST", "/", "", ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "POST", "/", "", "hello"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + long_body, "POST", "/", "", long_body},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST", "/", "", ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n03;a=b\r\nllo\r\n0\r\nTrailer: "
       "x\r\n\r\n",
       "POST", "/", "", "hello"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + long_body + "\r\n0\r\n\r\n",
       "POST", "/", "", long_body},
  };
}

TEST(RequestReader, GivesTheSameRequestHoweverItsBytesAreCut) {
  const RequestReader::Limits limits;
  for (const Good& good : good_requests()) {
    for (std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, std::size_t{1'000'000}}) {
      RequestReader reader(limits);
      ASSERT_EQ(feed(reader, good.text, step), State::complete) << good.text.substr(0, 200) << step;
      Request& request = reader.request();
      EXPECT_EQ(request.method, good.method);
      EXPECT_EQ(request.path, good.path);
      EXPECT_EQ(request.query, good.query);
      EXPECT_EQ(request.body, good.body);
      EXPECT_EQ(reader.keep_alive(), good.keep_alive);
      EXPECT_EQ(request.take_body(), good.body);
      reader.drop_request();
      EXPECT_EQ(reader.parse(), State::empty);
      EXPECT_FALSE(reader.has_more());
    }
  }
}

struct Bad {
  std::string text;
  int status;
};

std::vector<Bad> bad_requests() {
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  return {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http://evil/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\r\nHost: a\r\n\r\n", 400},
      {"G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"\x16\x03\x01\x02", 400},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / FTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400},
      {std::string("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 34), 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n \r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n \r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n X: b\r\nHost: a\r\n\r\n", 400},
      {many + "\r\n", 431},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", 431},
      {"GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400},
      {head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
      {head + "Content-Length: 5, 5\r\n\r\nhello", 400},
      {head + "Content-Length: +5\r\n\r\nhello", 400},
      {head + "Content-Length: -5\r\n\r\nhello", 400},
      {head + "Content-Length: 0x5\r\n\r\nhello", 400},
      {head + "Content-Length:\r\n\r\n", 400},
      {head + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
      {head + "Content-Length: 67108865\r\n\r\n", 413},
      {head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {head + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 501},
      {head + "Transfer-Encoding: identity\r\n\r\n", 501},
      {head + "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n",
       400},
      {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\n4000001\r\n", 413},
      {head + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(1025, 'x') + "\r\nhello\r\n0\r\n\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(40'000, 'x') + "\r\nhello\r\n0\r\n\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n", 431},
      {head + "Expect: a miracle\r\n\r\n", 417},
  };
}

TEST(RequestReader, RefusesWhatIsNotARequestHoweverItsBytesAreCut) {
  const RequestReader::Limits limits;
  for (const Bad& bad : bad_requests()) {
    for (std::size_t step : {std::size_t{1}, std::size_t{1000}, std::size_t{1'000'000}}) {
      RequestReader reader(limits);
      EXPECT_EQ(feed(reader, bad.text, step), State::refused) << bad.text.substr(0, 200) << " in steps of " << step;
      EXPECT_EQ(reader.fault().status, bad.status)
          << bad.text.substr(0, 200) << " in steps of " << step << ": " << reader.fault().text;
      EXPECT_FALSE(reader.keep_alive());
      EXPECT_FALSE(reader.fault().text.empty());
    }
  }
}

TEST(RequestReader, KeepsRequestsThatWereSentAhead) {
  const RequestReader::Limits limits;
  RequestReader reader(limits);
  const std::string one = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none";
  const std::string two = "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(feed(reader, one + two + two.substr(0, 9), 1'000'000), State::complete);
  EXPECT_EQ(reader.request().path, "/1");
  EXPECT_EQ(reader.request().body, "one");
  reader.drop_request();
  EXPECT_TRUE(reader.has_more());
  ASSERT_EQ(reader.parse(), State::complete);
  EXPECT_EQ(reader.request().path, "/2");
  reader.drop_request();
  EXPECT_EQ(reader.parse(), State::head);
  EXPECT_EQ(feed(reader, two.substr(9), 1), State::complete);
  EXPECT_EQ(reader.request().path, "/2");
}

TEST(RequestReader, StopsTakingBytesWhenRequestsSentAheadFillItsBuffer) {
  const RequestReader::Limits limits;
  RequestReader reader(limits);
  ASSERT_EQ(feed(reader, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", 100), State::complete);
  reader.drop_request();
  std::size_t taken = 0;
  for (auto room = reader.room(); !room.empty(); room = reader.room()) {
    std::memset(room.data(), 'x', room.size());
    reader.add(room.size());
    taken += room.size();
    ASSERT_LE(taken, 64U << 10U);
  }
}

TEST(RequestReader, ReadsHeadersWithoutRegardToCase) {
  const RequestReader::Limits limits;
  RequestReader reader(limits);
  ASSERT_EQ(feed(reader, "GET / HTTP/1.1\r\nHost: a\r\nMCP-Session-Id: \t x \r\nmcp-session-id: y\r\n\r\n", 5),
            State::complete);
  const Request& request = reader.request();
  EXPECT_EQ(request.header("mcp-session-id"), "x");
  EXPECT_EQ(request.count("mcp-session-id"), 2U);
  EXPECT_EQ(request.header("mcp"), std::nullopt);
  EXPECT_EQ(request.headers.size(), 3U);
}

TEST(RequestReader, SaysThatTheClientWaitsForLeaveToSendTheBody) {
  const RequestReader::Limits limits;
  RequestReader reader(limits);
  EXPECT_EQ(feed(reader, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n", 100),
            State::body);
  EXPECT_TRUE(reader.take_expectation());
  EXPECT_FALSE(reader.take_expectation());
  EXPECT_EQ(feed(reader, "ok", 1), State::complete);
}

}  // namespace
}  // namespace meantime::http
