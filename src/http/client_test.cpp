// SPDX-License-Identifier: MIT
// The client against our server, and against servers that misbehave.
#include "http/client.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <thread>

#include "http/server_fixture.hpp"
#include "meantime/asio.hpp"
#include "support/certificates.hpp"

namespace meantime::http {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ClientTest : public ServerTest {
 protected:
  std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port) + std::string(path);
  }
  Result<Response> send(ClientRequest request) { return test::run(io, client.send(std::move(request))); }

  Client client{loop};
};

TEST_F(ClientTest, SendsMethodHeadersAndBodyAndGivesTheAnswer) {
  start();
  handler.answer = [](Request& request, Exchange& exchange) {
    exchange.respond(201, "text/plain",
                     std::string(request.method) + " " + std::string(request.path) + "?" + std::string(request.query) +
                         " " + std::string(request.header("x-mine").value_or("-")) + " " +
                         std::string(request.header("content-type").value_or("-")) + " " +
                         std::string(request.header("x-empty").value_or("-")) + " " + std::string(request.body),
                     "X-Back: 1\r\n");
  };
  const auto response = send({.method = "POST",
                              .url = url("/a?b=c"),
                              .headers = {{"X-Mine", "2"}, {"X-Empty", ""}, {"Content-Type", "application/json"}},
                              .body = "{}"});
  ASSERT_TRUE(response.has_value()) << response.error().detail;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "POST /a?b=c 2 application/json  {}");
  EXPECT_EQ(response->header("x-back"), "1");
  EXPECT_EQ(response->header("content-type"), "text/plain");
  EXPECT_EQ(response->header("nothing"), std::nullopt);
  for (const std::string method : {"GET", "DELETE", "PUT", "OPTIONS", "MADE-UP"}) {
    const auto other = send({.method = method, .url = url("/x")});
    ASSERT_TRUE(other.has_value()) << other.error().detail;
    EXPECT_THAT(other->body, testing::StartsWith(method + " /x? - - - "));
  }
  const auto head = send({.method = "HEAD", .url = url()});
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->body, "");
}

TEST_F(ClientTest, UsesAConnectionAgain) {
  start();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(send({.url = url()}).has_value());
    EXPECT_EQ(server->connections(), 1U);
  }
}

TEST_F(ClientTest, WhatMustNotBeSentTwiceIsNotSentAgainWhenAKeptConnectionBreaks) {
  start();
  std::optional<Server> second;
  auto* old = &server;
  auto* young = &second;
  for (const bool only_once : {false, true}) {
    ASSERT_TRUE(send({.url = url()}).has_value());
    handler.requests = 0;
    const auto usual = handler.answer;
    handler.answer = [&](Request& request, Exchange& exchange) {
      if (handler.requests > 1) return usual(request, exchange);
      exchange.keep(std::make_unique<NotedConversation>(notes));
    };
    auto sent = client.send({.method = "POST", .url = url(), .body = "x", .only_once = only_once});
    await_request(1);
    {
      // It gives up its port, and dies before it answers when another listens there.
      const Task<void> stopping = (*old)->stop(Milliseconds(60'000));
      young->emplace(loop, deadlines, handler);
      ASSERT_TRUE((*young)->listen("127.0.0.1", port).has_value());
    }
    old->reset();
    std::swap(old, young);
    const auto response = test::run(io, std::move(sent));
    EXPECT_EQ(response.has_value(), !only_once) << (response ? "" : response.error().detail);
    EXPECT_EQ(handler.requests, only_once ? 1 : 2);
    if (!response) {
      EXPECT_EQ(response.error().op, "http.client");
      EXPECT_EQ(response.error().code, errc::unavailable);
    }
    handler.answer = usual;
  }
}

TEST_F(ClientTest, SendsManyRequestsAtATime) {
  start();
  answer_later();
  std::vector<Exchange*> exchanges;
  handler.answer = [&](Request&, Exchange& exchange) {
    exchanges.push_back(&exchange);
    exchange.keep(std::make_unique<NotedConversation>(notes));
    open = &exchange;
  };
  std::vector<Task<Result<Response>>> sent;
  for (int i = 0; i < 50; ++i) sent.push_back(client.send({.url = url()}));
  await_request(50);
  for (Exchange* exchange : exchanges) exchange->respond(200, {}, "ok");
  for (auto& task : sent) {
    const auto response = test::run(io, std::move(task));
    ASSERT_TRUE(response.has_value()) << response.error().detail;
    EXPECT_EQ(response->body, "ok");
  }
}

TEST_F(ClientTest, BigBodiesArriveWholeInBothDirections) {
  start();
  handler.answer = [](Request& request, Exchange& exchange) { exchange.respond(200, {}, request.body); };
  std::string big;
  for (int i = 0; i < 2'000'000; ++i) big += std::to_string(i % 10007);
  const auto response = send({.method = "POST", .url = url(), .body = big});
  ASSERT_TRUE(response.has_value()) << response.error().detail;
  EXPECT_TRUE(response->body == big);
  const auto too_big = send({.method = "POST", .url = url(), .body = big, .max_body = 1000});
  ASSERT_FALSE(too_big.has_value());
  EXPECT_EQ(too_big.error().code, errc::overloaded);
  EXPECT_THAT(too_big.error().detail, HasSubstr("1000 bytes"));
}

TEST_F(ClientTest, ReadsAStreamAsItComes) {
  start();
  answer_later();
  auto opening = client.open({.url = url()});
  await_request();
  open->start_stream(200, "text/event-stream");
  auto stream = test::run(io, std::move(opening));
  ASSERT_TRUE(stream.has_value()) << stream.error().detail;
  EXPECT_EQ((*stream)->head().status, 200);
  EXPECT_EQ((*stream)->head().header("content-type"), "text/event-stream");
  for (int i = 0; i < 3; ++i) {
    const std::string event = "data: " + std::to_string(i) + "\n\n";
    auto reading = (*stream)->read();
    test::run_ready(io);
    EXPECT_FALSE(reading.done());
    open->write(event);
    const auto piece = test::run(io, std::move(reading));
    ASSERT_TRUE(piece.has_value()) << piece.error().detail;
    EXPECT_EQ(*piece, event);
  }
  open->end();
  const auto last = test::run(io, (*stream)->read());
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(*last, std::nullopt);
  EXPECT_EQ(notes.gone, 0);
}

TEST_F(ClientTest, AReaderThatDoesNotReadHoldsTheServerBackAndLosesNothing) {
  start();
  answer_later();
  auto opening = client.open({.url = url()});
  await_request();
  open->start_stream(200, "text/plain");
  auto stream = test::run(io, std::move(opening));
  ASSERT_TRUE(stream.has_value());
  const std::string piece(1UL << 20U, 'x');
  std::size_t sent = 0;
  // As much as the kernel's buffers and the client's take; then it stands still.
  while (open->queued() < (1UL << 20U)) {
    open->write(piece);
    sent += piece.size();
    for (int i = 0; i < 100; ++i) test::run_ready(io);
    ASSERT_LT(sent, 1UL << 30U);
  }
  open->end();
  std::size_t received = 0;
  for (;;) {
    auto got = test::run(io, (*stream)->read());
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    if (!got->has_value()) break;
    EXPECT_LE((*got)->size(), 1UL << 20U);
    received += (*got)->size();
  }
  EXPECT_EQ(received, sent);
}

TEST_F(ClientTest, DroppingAStreamOrATaskEndsTheExchange) {
  start();
  answer_later();
  auto opening = client.open({.url = url()});
  await_request();
  open->start_stream(200, "text/event-stream");
  {
    auto stream = test::run(io, std::move(opening));
    ASSERT_TRUE(stream.has_value());
    auto reading = (*stream)->read();
    EXPECT_FALSE(reading.done());
    reading.reset();
  }
  test::run_until(io, [&] { return notes.gone == 1; });
  {
    auto sending = client.send({.url = url()});
    await_request(2);
    sending.reset();
  }
  test::run_until(io, [&] { return notes.gone == 2; });
}

TEST_F(ClientTest, ClosingTheClientEndsWhatIsUnderWay) {
  start();
  answer_later();
  auto own = std::make_unique<Client>(loop);
  auto sending = own->send({.url = url()});
  auto opening = own->open({.url = url()});
  await_request(2);
  own.reset();
  const auto response = test::run(io, std::move(sending));
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, errc::cancelled);
  const auto stream = test::run(io, std::move(opening));
  ASSERT_FALSE(stream.has_value());
  EXPECT_EQ(stream.error().code, errc::cancelled);
  test::run_until(io, [&] { return notes.gone == 2; });
}

TEST_F(ClientTest, GivesUpAfterItsTimeLimits) {
  start();
  answer_later();
  const auto late = send({.url = url(), .total_timeout = Milliseconds(50)});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, errc::timed_out);
  await_request();
  const auto silent = send({.url = url(), .idle_timeout = Milliseconds(500)});
  ASSERT_FALSE(silent.has_value());
  EXPECT_EQ(silent.error().code, errc::timed_out);
  test::run_until(io, [&] { return notes.gone == 2; });
}

TEST_F(ClientTest, SaysWhyThereIsNoAnswerWithoutShowingSecrets) {
  start();
  const auto refused =
      send({.url = "http://user:secret@127.0.0.1:1/secret?secret=1", .headers = {{"Authorization", "secret"}}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_THAT(refused.error().detail, AllOf(HasSubstr("127.0.0.1"), Not(HasSubstr("secret"))));
  const auto unknown = send({.url = "http://nowhere.invalid/secret"});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, errc::unavailable);
  EXPECT_THAT(unknown.error().detail, AllOf(HasSubstr("nowhere.invalid"), Not(HasSubstr("secret"))));
  const auto not_tls = send({.url = "https://127.0.0.1:" + std::to_string(port) + "/"});
  ASSERT_FALSE(not_tls.has_value());
  EXPECT_EQ(not_tls.error().code, errc::unavailable);
  EXPECT_THAT(not_tls.error().detail, HasSubstr("TLS"));
}

TEST_F(ClientTest, RefusesRequestsThatCannotBeSent) {
  for (const ClientRequest& bad : std::vector<ClientRequest>{
           {.url = "ftp://a/"},
           {.url = "file:///etc/passwd"},
           {.url = "a"},
           {.url = ""},
           {.url = "http://"},
           {.url = "http://a:99999/"},
           {.url = std::string("http://a/\0", 10)},
           {.method = "G T", .url = "http://a/"},
           {.method = "", .url = "http://a/"},
           {.url = "http://a/", .headers = {{"A\r\nB", "c"}}},
           {.url = "http://a/", .headers = {{"A", "b\r\nC: d"}}},
           {.url = "http://a/", .headers = {{"", "b"}}},
           {.url = "http://a/", .headers = {{"Content-Length", "3"}}},
           {.url = "http://a/", .unix_socket = "/a", .addresses = Addresses::public_only},
       }) {
    const auto refused = send(bad);
    ASSERT_FALSE(refused.has_value()) << bad.url;
    EXPECT_EQ(refused.error().code, errc::invalid_argument) << bad.url << ": " << refused.error().detail;
  }
}

TEST_F(ClientTest, CallsNoPrivateAddressWhenOnlyPublicOnesAreAllowed) {
  start();
  ASSERT_TRUE(send({.url = url()}).has_value());  // leaves a connection that could be used again
  for (const std::string host : {"127.0.0.1", "localhost", "[::1]", "0.0.0.0", "0x7f.1", "[::ffff:127.0.0.1]"}) {
    const auto refused =
        send({.url = "http://" + host + ":" + std::to_string(port) + "/", .addresses = Addresses::public_only});
    ASSERT_FALSE(refused.has_value()) << host;
    EXPECT_EQ(refused.error().code, errc::invalid_argument) << host << ": " << refused.error().detail;
    EXPECT_THAT(refused.error().detail, HasSubstr("not public")) << host;
  }
  EXPECT_EQ(handler.requests, 1);
}

TEST_F(ClientTest, FollowsRedirectsOnlyWhenAskedAndKeepsSecretsFromOtherOrigins) {
  start();
  Server other(loop, deadlines, handler);
  const auto other_port = other.listen("127.0.0.1", 0);
  ASSERT_TRUE(other_port.has_value());
  std::vector<std::string> seen;
  handler.answer = [&](Request& request, Exchange& exchange) {
    seen.push_back(std::string(request.path) + " " + std::string(request.header("authorization").value_or("-")) + " " +
                   std::string(request.header("cookie").value_or("-")));
    if (request.path == "/here") return exchange.respond(302, {}, "moved", "Location: /there\r\n");
    if (request.path == "/away")
      return exchange.respond(307, {}, "moved", "Location: http://127.0.0.1:" + std::to_string(*other_port) + "/b\r\n");
    if (request.path == "/round") return exchange.respond(302, {}, "moved", "Location: /round\r\n");
    if (request.path == "/file") return exchange.respond(302, {}, "moved", "Location: file:///etc/passwd\r\n");
    exchange.respond(200, {}, "end");
  };
  const auto with_secrets = [&](std::string_view path, int redirects) {
    return ClientRequest{
        .url = url(path), .headers = {{"Authorization", "me"}, {"Cookie", "c"}}, .follow_redirects = redirects};
  };
  auto response = send(with_secrets("/here", 0));
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(response->body, "moved");
  response = send(with_secrets("/here", 1));
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->body, "end");
  EXPECT_EQ(response->url, url("/there"));
  EXPECT_EQ(seen.back(), "/there me c");
  response = send(with_secrets("/away", 1));
  ASSERT_TRUE(response.has_value()) << response.error().detail;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(seen.back(), "/b - -");
  response = send(with_secrets("/round", 3));
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, errc::unavailable);
  response = send(with_secrets("/file", 3));
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, errc::unavailable);
  test::run(io, other.stop(Milliseconds(0)));
}

TEST_F(ClientTest, SpeaksThroughAUnixSocket) {
  const test::TempFolder folder;
  const std::string path = folder.path() / "socket";
  start();
  ASSERT_TRUE(server->listen_unix(path).has_value());
  const auto response = send({.url = "http://anything/a", .unix_socket = path});
  ASSERT_TRUE(response.has_value()) << response.error().detail;
  EXPECT_EQ(response->body, "GET /a ");
}

TEST_F(ClientTest, VerifiesTheCertificateOfATlsServer) {
  const test::Certificates certificates;
  start();
  const auto tls_port = server->listen(
      "127.0.0.1", 0, {.certificate = certificates.server_certificate(), .key = certificates.server_key()});
  ASSERT_TRUE(tls_port.has_value()) << tls_port.error().detail;
  handler.answer = [](Request& request, Exchange& exchange) {
    exchange.respond(200, {}, std::string(request.peer->tls ? "tls " : "plain ") + std::string(request.body));
  };
  const std::string address = "https://127.0.0.1:" + std::to_string(*tls_port) + "/";
  const std::string big(5'000'000, 'x');
  const auto good = send({.method = "POST", .url = address, .body = big, .ca_file = certificates.ca()});
  ASSERT_TRUE(good.has_value()) << good.error().detail;
  EXPECT_TRUE(good->body == "tls " + big);
  const auto unknown = send({.url = address});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, errc::unavailable);
  EXPECT_THAT(unknown.error().detail, HasSubstr("certificate"));
  const auto unverified = send({.url = address, .verify = false});
  ASSERT_TRUE(unverified.has_value()) << unverified.error().detail;
  EXPECT_EQ(unverified->body, "tls ");
}

TEST_F(ClientTest, ServersThatAnswerNonsenseAreAnErrorNotACrash) {
  for (const std::string answer :
       {"", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n"}) {
    const test::Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place), 0);
    ASSERT_EQ(::listen(listener.get(), 8), 0);
    socklen_t size = sizeof place;
    ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&place), &size), 0);
    std::thread bad([&] {
      const test::Descriptor socket(::accept(listener.get(), nullptr, nullptr));
      char request[4096];
      if (::recv(socket.get(), request, sizeof request, 0) <= 0) return;
      ::send(socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    });
    const auto response = send({.url = "http://127.0.0.1:" + std::to_string(ntohs(place.sin_port)) + "/"});
    bad.join();
    ASSERT_FALSE(response.has_value()) << answer;
    EXPECT_EQ(response.error().code, errc::unavailable) << answer << response.error().detail;
  }
}

}  // namespace
}  // namespace meantime::http
