// SPDX-License-Identifier: MIT
// Clients that are slow, greedy, broken or gone: each costs the server little, and nobody else anything.
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "http/server_fixture.hpp"
#include "support/certificates.hpp"

namespace meantime::http {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class HostileTest : public ServerTest {
 protected:
  // Sends `piece` again and again, up to a gigabyte, until the server has closed the connection. Gives the bytes sent.
  std::size_t flood(test::RawPeer& peer, const std::string& piece) {
    std::size_t sent = 0;
    std::string_view rest = piece;
    while (sent < (1UL << 30U)) {
      const std::size_t now = peer.try_send(rest);
      sent += now;
      rest.remove_prefix(now);
      if (rest.empty()) rest = piece;
      test::run_ready(io);
      if (server->connections() == 0) break;
    }
    return sent;
  }
  // Somebody else is still served.
  void expect_service() {
    auto peer = connect();
    const auto answer =
        std::exchange(handler.answer, [](Request&, Exchange& exchange) { exchange.respond(200, {}, "served"); });
    peer.send(get("/"));
    EXPECT_THAT(peer.receive_answer(), EndsWith("served"));
    handler.answer = answer;
  }
};

TEST_F(HostileTest, ABodyThatComesSteadilyStillHasToEndInItsTime) {
  start({.body = Milliseconds(20'000)});
  auto peer = connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  for (int i = 0; i < 19; ++i) {
    peer.send(std::string(1000, 'x'));
    clock.advance(Milliseconds(1000));
    ASSERT_FALSE(peer.is_closed());
  }
  peer.send(std::string(1000, 'x'));
  clock.advance(Milliseconds(1001));
  EXPECT_THAT(peer.receive_all(), AllOf(StartsWith("HTTP/1.1 408 "), HasSubstr("took too long")));
}

TEST_F(HostileTest, AHeadThatComesByteByByteEndsAfterItsLimit) {
  start();
  auto peer = connect();
  const std::string head = get("/");
  for (std::size_t i = 0; i < 9; ++i) {
    peer.send(head.substr(i, 1));
    clock.advance(Milliseconds(1000));
    ASSERT_FALSE(peer.is_closed());
  }
  peer.send(head.substr(9, 1));
  clock.advance(Milliseconds(1100));
  EXPECT_THAT(peer.receive_all(),
              AllOf(StartsWith("HTTP/1.1 408 Request Timeout\r\n"), HasSubstr("Connection: close\r\n")));
  EXPECT_EQ(handler.requests, 0);
  expect_service();
}

TEST_F(HostileTest, AConnectionOnWhichNothingHappensIsClosed) {
  start();
  auto silent = connect();
  auto used = connect();
  await_connections(2);
  clock.advance(Milliseconds(50'000));
  used.send(get("/"));
  used.receive_answer();
  clock.advance(Milliseconds(25'001));
  EXPECT_EQ(silent.receive_all(), "");
  EXPECT_FALSE(used.is_closed());
  clock.advance(Milliseconds(50'000));
  EXPECT_EQ(used.receive_all(), "");
  await_connections(0);
}

TEST_F(HostileTest, ABodyThatTricklesIsCutOffAndOneThatFlowsIsNot) {
  start();
  auto slow = connect();
  auto steady = connect();
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
  slow.send(head);
  steady.send(head);
  const std::string bytes(5000, 'x');
  for (int i = 0; i < 14; ++i) {
    slow.send("x");
    steady.send(bytes);
    clock.advance(Milliseconds(1000));
  }
  EXPECT_FALSE(slow.is_closed());
  clock.advance(Milliseconds(1001));
  EXPECT_THAT(slow.receive_all(), StartsWith("HTTP/1.1 408 "));
  for (int i = 14; i < 20; ++i) {
    steady.send(bytes);
    clock.advance(Milliseconds(1000));
  }
  EXPECT_THAT(steady.receive_answer(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HostileTest, EachBadRequestGetsAnAnswerThatSaysWhyAndTheEnd) {
  start();
  for (const auto& [request, status] : std::vector<std::pair<std::string, std::string>>{
           {"GET / HTTP/1.1\n\n", "400"},
           {"GET / HTTP/1.1\r\n\r\n", "400"},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", "413"},
           {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n", "413"},
           {"GET /" + std::string(30'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", "414"},
           {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(30'000, 'x') + "\r\n\r\n", "431"},
           {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
           {"GET / HTTP/3.0\r\n\r\n", "505"},
           {"\x16\x03\x01\x02\x01", "400"},
           {"\r\n\r\n\r\n\r\n", "400"}}) {
    auto peer = connect();
    peer.send(request);
    EXPECT_THAT(peer.receive_all(), AllOf(StartsWith("HTTP/1.1 " + status + " "), HasSubstr("Connection: close\r\n"),
                                          HasSubstr(R"({"error":")")))
        << request.substr(0, 80);
  }
  EXPECT_EQ(handler.requests, 0);
  expect_service();
}

TEST_F(HostileTest, WhatFollowsABadRequestIsNotServed) {
  start();
  auto peer = connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 30\r\n\r\n" + get("/smuggled") +
            get("/too"));
  EXPECT_THAT(peer.receive_all(), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(handler.requests, 0);
}

TEST_F(HostileTest, AGigabyteInChunksIsCutOffAtTheLimit) {
  start({.max_body = 4UL << 20U});
  auto peer = connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::size_t sent = flood(peer, "100000\r\n" + std::string(1UL << 20U, 'x') + "\r\n");
  // Its 4 MiB, what is taken so that it can read the answer, and what the kernel holds.
  EXPECT_LT(sent, 64UL << 20U);
  EXPECT_THAT(peer.receive_all(), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(handler.requests, 0);
}

TEST_F(HostileTest, AGigabyteThatIsAnnouncedIsRefusedBeforeItIsSent) {
  start();
  auto peer = connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n");
  EXPECT_THAT(peer.receive_until("}\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_LT(flood(peer, std::string(1UL << 20U, 'x')), 64UL << 20U);
  EXPECT_EQ(handler.requests, 0);
}

TEST_F(HostileTest, OneThatWaitsToCloseAfterARefusalIsClosed) {
  start();
  auto peer = connect();
  peer.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(peer.receive_until("}\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(server->connections(), 1U);
  clock.advance(Milliseconds(2000));
  await_connections(0);
}

TEST_F(HostileTest, AReaderOfAStreamThatDoesNotReadIsDropped) {
  start({.max_unread = 256UL << 10U});
  answer_later();
  auto peer = connect();
  peer.set_receive_buffer(4096);
  peer.send(get("/events"));
  await_request();
  open->start_stream(200, "text/event-stream");
  const std::string event = "data: " + std::string(10'000, 'x') + "\n\n";
  std::size_t written = 0;
  std::size_t most = 0;
  while (notes.gone == 0) {
    open->write(event);
    most = std::max(most, open->queued());
    test::run_ready(io);
    written += event.size();
    ASSERT_LT(written, 1UL << 30U);
  }
  EXPECT_LT(most, (256UL << 10U) + 2 * event.size());
  EXPECT_EQ(notes.destroyed, 1);
  await_connections(0);
  expect_service();
}

TEST_F(HostileTest, AReaderThatTakesNothingForTooLongIsDropped) {
  start();
  const std::string big(20UL << 20U, 'x');
  handler.answer = [&](Request&, Exchange& exchange) { exchange.respond(200, "text/plain", big); };
  auto peer = connect();
  peer.send(get("/"));
  await_request();
  clock.advance(Milliseconds(29'999));
  EXPECT_EQ(server->connections(), 1U);
  clock.advance(Milliseconds(1));
  await_connections(0);
  expect_service();
}

TEST_F(HostileTest, AReaderThatTakesALittleNowAndThenGetsAll) {
  start();
  const std::string big(8UL << 20U, 'x');
  handler.answer = [&](Request&, Exchange& exchange) { exchange.respond(200, "text/plain", big); };
  auto peer = connect();
  peer.set_receive_buffer(64 << 10);
  peer.send(get("/"));
  peer.receive_until("\r\n\r\n");
  for (std::size_t taken = 0; taken < big.size(); taken += 1UL << 20U) {
    EXPECT_EQ(peer.receive(1UL << 20U).size(), 1UL << 20U);
    clock.advance(Milliseconds(20'000));
  }
}

TEST_F(HostileTest, TellsAWriterWhenTheReaderHasCaughtUp) {
  start();
  answer_later();
  auto peer = connect();
  peer.send(get("/"));
  await_request();
  open->start_stream(200, "text/plain");
  const std::string piece(1UL << 20U, 'x');
  std::size_t written = 0;
  while (open->queued() < piece.size()) {
    open->write(piece);
    written += piece.size();
    test::run_ready(io);
  }
  EXPECT_EQ(notes.drained, 0);
  peer.receive_until("\r\n\r\n");
  for (std::size_t i = 0; i < written / piece.size(); ++i) peer.receive_until("\r\n"), peer.receive(piece.size() + 2);
  test::run_until(io, [&] { return notes.drained == 1; });
  EXPECT_EQ(open->queued(), 0U);
  open->end();
  EXPECT_EQ(peer.receive_until("\r\n\r\n"), "0\r\n\r\n");
}

TEST_F(HostileTest, AClientThatVanishesInTheMidstOfAnswersIsNoticed) {
  start();
  answer_later();
  for (int way = 0; way < 4; ++way) {
    auto peer = connect();
    peer.send(get("/"));
    await_request(way + 1);
    if (way % 2 == 1) {
      open->start_stream(200, "text/plain");
      open->write("a piece");
      peer.receive_until("a piece");
    }
    way < 2 ? peer.close() : peer.reset();
    test::run_until(io, [&] { return notes.gone == way + 1; });
  }
  await_connections(0);
}

TEST_F(HostileTest, AClientThatEndsItsSideGetsTheAnswerThatIsCompleteAndIsGoneOtherwise) {
  start();
  auto peer = connect();
  peer.send(get("/now"));
  peer.end_sending();
  EXPECT_THAT(peer.receive_all(), EndsWith("GET /now "));
  const std::string big(20UL << 20U, 'x');
  handler.answer = [&](Request&, Exchange& exchange) { exchange.respond(200, "text/plain", big); };
  auto slow = connect();
  slow.send(get("/big"));
  slow.end_sending();
  await_request(2);
  EXPECT_EQ(slow.receive_all().size() > big.size(), true);
  answer_later();
  auto waiting = connect();
  waiting.send(get("/later"));
  waiting.end_sending();
  test::run_until(io, [&] { return notes.gone == 1; });
  await_connections(0);
}

TEST_F(HostileTest, ConnectionsOverTheLimitAreToldSoAndTheOthersAreServed) {
  start({.max_connections = 3});
  std::vector<test::RawPeer> taken;
  for (int i = 0; i < 3; ++i) taken.push_back(connect());
  await_connections(3);
  for (int i = 0; i < 200; ++i) {
    auto more = connect();
    if (i >= 100) continue;  // they leave at once
    EXPECT_THAT(more.receive_all(), StartsWith("HTTP/1.1 503 ")) << i;
  }
  for (auto& peer : taken) {
    peer.send(get("/"));
    EXPECT_THAT(peer.receive_answer(), StartsWith("HTTP/1.1 200 "));
  }
  taken.pop_back();
  await_connections(2);
  expect_service();
}

TEST_F(HostileTest, WithoutDescriptorsItWaitsAndGoesOnWhenThereAreSome) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "the undefined-behaviour sanitizer needs a descriptor itself: it looks at memory through a pipe";
#endif
#endif
  start();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  auto peer = connect();  // in the listener's queue
  auto second = connect();
  const test::Descriptor next(::dup(0));
  const rlimit none{static_cast<rlim_t>(next.get()), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  peer.send(get("/"));
  for (int i = 0; i < 10; ++i) clock.advance(Milliseconds(100));
  EXPECT_EQ(handler.requests, 0);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  clock.advance(Milliseconds(100));
  EXPECT_THAT(peer.receive_answer(), StartsWith("HTTP/1.1 200 "));
  second.send(get("/"));
  EXPECT_THAT(second.receive_answer(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HostileTest, ThousandsOfIdleConnectionsDisturbNobody) {
  start();
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const std::size_t many = std::min<std::size_t>(3000, (files.rlim_cur - 100) / 2);
  std::vector<test::RawPeer> peers;
  for (std::size_t i = 0; i < many; ++i) {
    peers.push_back(connect());
    if (i % 100 == 0) test::run_ready(io);
  }
  await_connections(many);
  expect_service();
  for (auto& peer : peers) peer.send(get("/"));
  for (auto& peer : peers) EXPECT_THAT(peer.receive_answer(), StartsWith("HTTP/1.1 200 "));
  await_connections(many);
  clock.advance(Milliseconds(76'000));
  await_connections(0);
}

TEST_F(HostileTest, WhoeverDoesNotFinishTheTlsHandshakeIsClosed) {
  const test::Certificates certificates;
  start();
  const auto tls = server->listen("127.0.0.1", 0,
                                  {.certificate = certificates.server_certificate(), .key = certificates.server_key()});
  ASSERT_TRUE(tls.has_value());
  test::RawPeer silent(io, *tls);
  test::RawPeer plain(io, *tls);
  await_connections(2);
  plain.send(get("/"));
  plain.receive_all();
  EXPECT_EQ(server->connections(), 1U);
  clock.advance(Milliseconds(10'000));
  EXPECT_TRUE(silent.is_closed());
  EXPECT_EQ(handler.requests, 0);
}

TEST_F(HostileTest, AServerThatIsDestroyedTellsItsConversations) {
  start();
  answer_later();
  auto peer = connect();
  peer.send(get("/"));
  await_request();
  server.reset();
  EXPECT_EQ(notes.gone, 1);
  EXPECT_EQ(notes.destroyed, 1);
  EXPECT_TRUE(peer.is_closed());
}

}  // namespace
}  // namespace meantime::http
