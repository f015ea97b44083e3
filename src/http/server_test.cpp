// SPDX-License-Identifier: MIT
// What a well-behaved client gets, over real sockets.
#include "http/server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "http/server_fixture.hpp"

namespace meantime::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(ServerTest, AnswersOneRequestAfterTheOtherOnOneConnection) {
  start();
  auto peer = connect();
  peer.send(get("/a"));
  EXPECT_EQ(peer.receive_answer(),
            "HTTP/1.1 200 OK\r\nDate: Mon, 21 Sep 2026 14:13:20 GMT\r\nContent-Type: text/plain\r\n"
            "Content-Length: 7\r\n\r\nGET /a ");
  peer.send(post("/b", "body"));
  EXPECT_THAT(peer.receive_answer(), EndsWith("\r\n\r\nPOST /b body"));
  peer.send(get("/c", "Connection: close\r\n"));
  EXPECT_THAT(peer.receive_all(), HasSubstr("Connection: close\r\n"));
  await_connections(0);
}

TEST_F(ServerTest, AnswersRequestsThatWereSentAheadInTheirOrder) {
  start();
  auto peer = connect();
  std::string all;
  for (int i = 0; i < 500; ++i) all += post("/" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x'));
  peer.send(all);
  for (int i = 0; i < 500; ++i) {
    EXPECT_THAT(peer.receive_answer(),
                EndsWith("POST /" + std::to_string(i) + " " + std::string(static_cast<std::size_t>(i), 'x')));
  }
}

TEST_F(ServerTest, HoldsRequestsThatWereSentAheadUntilTheAnswerBeforeThemIsComplete) {
  start();
  answer_later();
  auto peer = connect();
  std::string all;
  for (int i = 0; i < 200; ++i) all += get("/" + std::to_string(i));
  peer.send(all);
  for (int i = 1; i <= 200; ++i) {
    await_request(i);
    EXPECT_EQ(handler.requests, i);
    open->respond(200, "text/plain", std::to_string(i));
    EXPECT_THAT(peer.receive_answer(), EndsWith("\r\n\r\n" + std::to_string(i)));
  }
  test::run_until(io, [&] { return notes.destroyed == 200; });
  EXPECT_EQ(notes.gone, 0);
}

TEST_F(ServerTest, AnAnswerMayComeLater) {
  start();
  answer_later();
  auto peer = connect();
  peer.send(get("/"));
  await_request();
  EXPECT_FALSE(open->started());
  open->respond(202, {}, {}, "X-Mine: 1\r\n");
  EXPECT_THAT(peer.receive_answer(), AllOf(StartsWith("HTTP/1.1 202 Accepted\r\n"), HasSubstr("X-Mine: 1\r\n"),
                                           HasSubstr("Content-Length: 0\r\n"), Not(HasSubstr("Content-Type"))));
  EXPECT_EQ(notes.destroyed, 1);
  EXPECT_EQ(notes.gone, 0);
}

TEST_F(ServerTest, AStreamIsChunkedAndItsPiecesLeaveAsTheyAreWritten) {
  start();
  answer_later();
  auto peer = connect();
  peer.send(get("/"));
  await_request();
  open->start_stream(200, "text/event-stream", "X-Accel-Buffering: no\r\n");
  open->write("data: 1\n\n");
  EXPECT_THAT(peer.receive_until("data: 1\n\n\r\n"),
              AllOf(HasSubstr("Transfer-Encoding: chunked\r\n"), Not(HasSubstr("Content-Length")),
                    EndsWith("\r\n\r\n9\r\ndata: 1\n\n\r\n")));
  open->write("");
  open->write("0123456789abcdef");
  EXPECT_EQ(peer.receive_until("f\r\n"), "10\r\n0123456789abcdef\r\n");
  open->end();
  EXPECT_EQ(peer.receive_until("\r\n\r\n"), "0\r\n\r\n");
  peer.send(get("/"));
  await_request(2);
  EXPECT_EQ(notes.gone, 0);
}

TEST_F(ServerTest, ForHttp10AStreamEndsWithTheConnection) {
  start();
  handler.answer = [](Request&, Exchange& exchange) {
    exchange.start_stream(200, "text/plain");
    exchange.write("a");
    exchange.write("b");
    exchange.end();
  };
  auto peer = connect();
  peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(peer.receive_all(), AllOf(EndsWith("\r\n\r\nab"), HasSubstr("Connection: close")));
}

TEST_F(ServerTest, KeepsAConnectionOfHttp10OpenWhenAsked) {
  start();
  auto peer = connect();
  peer.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(peer.receive_answer(), HasSubstr("Connection: keep-alive\r\n"));
  peer.send("GET /b HTTP/1.0\r\n\r\n");
  EXPECT_THAT(peer.receive_all(), AllOf(HasSubstr("Connection: close\r\n"), EndsWith("GET /b ")));
}

TEST_F(ServerTest, TheAnswerToHeadHasTheLengthButNoBody) {
  start();
  auto peer = connect();
  peer.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n" + get("/b"));
  EXPECT_THAT(peer.receive_until("\r\n\r\n"), HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(peer.receive_until("/b "), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, AnAnswerWithoutContentHasNoLength) {
  start();
  handler.answer = [](Request&, Exchange& exchange) { exchange.respond(204, {}, {}); };
  auto peer = connect();
  peer.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(peer.receive_until("\r\n\r\n"), Not(HasSubstr("Content-Length")));
}

TEST_F(ServerTest, GivesLeaveToSendTheBodyWhenTheClientWaitsForIt) {
  start();
  auto peer = connect();
  peer.send("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(peer.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("body");
  EXPECT_THAT(peer.receive_answer(), EndsWith("POST /a body"));
}

TEST_F(ServerTest, TheHandlerMayRefuseARequestBeforeItsBodyIsSent) {
  start();
  handler.look_at_head = [](Request& head, Exchange& exchange) {
    if (head.header("authorization")) return true;
    exchange.respond(401, "text/plain", "who are you?");
    return false;
  };
  auto peer = connect();
  peer.send("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_THAT(peer.receive_all(),
              AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("Connection: close"), EndsWith("who are you?")));
  EXPECT_EQ(handler.requests, 0);
  auto known = connect();
  known.send("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: me\r\nContent-Length: 4\r\n\r\nb");
  test::run_ready(io);
  known.send("ody");
  EXPECT_THAT(known.receive_answer(), EndsWith("POST /a body"));
}

TEST_F(ServerTest, ABigBodyAndABigAnswerArriveWhole) {
  start();
  handler.answer = [](Request& request, Exchange& exchange) {
    const std::string body = request.take_body();
    exchange.respond(200, "text/plain", body);
  };
  std::string big;
  for (int i = 0; i < 2'000'000; ++i) big += std::to_string(i % 10007);
  auto peer = connect();
  peer.send(post("/", big));
  const std::string answer = peer.receive_answer();
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + big));
}

TEST_F(ServerTest, ARequestThatNobodyAnswersGets500) {
  start();
  handler.answer = [](Request&, Exchange&) {};
  auto peer = connect();
  peer.send(get("/"));
  EXPECT_THAT(peer.receive_all(), StartsWith("HTTP/1.1 500 "));
}

TEST_F(ServerTest, TellsAConversationWhenItsClientHasGone) {
  start();
  answer_later();
  auto peer = connect();
  peer.send(get("/"));
  await_request();
  peer.close();
  test::run_until(io, [&] { return notes.destroyed == 1; });
  EXPECT_EQ(notes.gone, 1);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, TheClientIsInTheRequest) {
  start();
  handler.answer = [](Request& request, Exchange& exchange) {
    exchange.respond(200, {},
                     request.peer->address + (request.peer->is_unix() ? "unix" : "") + std::string(request.query));
  };
  auto peer = connect();
  peer.send(get("/?a=b"));
  EXPECT_THAT(peer.receive_answer(), EndsWith("\r\n\r\n127.0.0.1a=b"));
}

TEST_F(ServerTest, ListensOnAUnixSocketOfItsUsersOwn) {
  const test::TempFolder folder;
  const std::string path = folder.path() / "socket";
  start();
  ASSERT_TRUE(server->listen_unix(path).has_value());
  struct stat file{};
  ASSERT_EQ(::stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
  handler.answer = [](Request& request, Exchange& exchange) {
    exchange.respond(200, {}, std::to_string(request.peer->user.value_or(0)));
  };
  test::RawPeer peer(io, path);
  peer.send(get("/"));
  EXPECT_THAT(peer.receive_answer(), EndsWith("\r\n\r\n" + std::to_string(getuid())));

  Server second(loop, deadlines, handler);
  const auto taken = second.listen_unix(path);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, errc::unavailable);
  test::run(io, server->stop(Milliseconds(0)));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ServerTest, ReplacesAUnixSocketThatNobodyListensOnAndNothingElse) {
  const test::TempFolder folder;
  const std::string path = folder.path() / "socket";
  {
    const test::Descriptor left(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un place{};
    place.sun_family = AF_UNIX;
    path.copy(place.sun_path, sizeof place.sun_path - 1);
    ASSERT_EQ(::bind(left.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place), 0);
  }
  start();
  EXPECT_TRUE(server->listen_unix(path).has_value());
  const std::string other = folder.path() / "file";
  std::ofstream(other) << "precious";
  const auto refused = server->listen_unix(other);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
  EXPECT_TRUE(std::filesystem::exists(other));
  EXPECT_FALSE(server->listen_unix(std::string(200, 'x')).has_value());
  EXPECT_FALSE(server->listen_unix("").has_value());
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  start();
  const auto taken = server->listen("127.0.0.1", port);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, errc::unavailable);
  EXPECT_THAT(taken.error().detail, HasSubstr(std::to_string(port)));
  const auto name = server->listen("example.org", 0);
  ASSERT_FALSE(name.has_value());
  EXPECT_EQ(name.error().code, errc::invalid_argument);
  const auto no_file = server->listen("127.0.0.1", 0, {.certificate = "/nowhere.pem", .key = "/nowhere.key"});
  ASSERT_FALSE(no_file.has_value());
  EXPECT_THAT(no_file.error().detail, HasSubstr("/nowhere.pem"));
}

TEST_F(ServerTest, WhenItStopsIdleConnectionsCloseAndOpenAnswersMayEnd) {
  start();
  answer_later();
  auto idle = connect();
  auto busy = connect();
  await_connections(2);
  busy.send(get("/"));
  await_request();
  Task<void> stopping = server->stop(Milliseconds(5000));
  EXPECT_EQ(idle.receive_all(), "");
  EXPECT_FALSE(stopping.done());
  EXPECT_THROW(connect(), std::runtime_error);
  open->respond(200, "text/plain", "done");
  EXPECT_THAT(busy.receive_all(), AllOf(HasSubstr("Connection: close\r\n"), EndsWith("done")));
  test::run(io, std::move(stopping));
  EXPECT_EQ(notes.gone, 0);
  server.reset();
}

TEST_F(ServerTest, WhenItStopsAnswersThatDoNotEndAreDroppedAfterTheGrace) {
  start();
  answer_later();
  auto peer = connect();
  peer.send(get("/"));
  await_request();
  Task<void> stopping = server->stop(Milliseconds(5000));
  clock.advance(Milliseconds(4999));
  EXPECT_EQ(notes.gone, 0);
  clock.advance(Milliseconds(1));
  test::run(io, std::move(stopping));
  EXPECT_EQ(notes.gone, 1);
  EXPECT_TRUE(peer.is_closed());
  server.reset();
}

}  // namespace
}  // namespace meantime::http
