// SPDX-License-Identifier: MIT
// server_fixture.hpp: for this folder's tests: a server on a turned clock, whose handler is a function of the test.
#pragma once

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "http/server.hpp"
#include "support/co_test.hpp"
#include "support/manual_clock.hpp"
#include "support/raw_peer.hpp"
#include "support/temp_folder.hpp"

namespace meantime::http {

/// Answers by a function. What a request is answered with later is noted in `events`.
class FunctionHandler final : public Handler {
 public:
  std::function<void(Request&, Exchange&)> answer = [](Request& request, Exchange& exchange) {
    exchange.respond(200, "text/plain",
                     std::string(request.method) + " " + std::string(request.path) + " " + std::string(request.body));
  };
  std::function<bool(Request&, Exchange&)> look_at_head;
  int requests = 0;

  void on_request(Request& request, Exchange& exchange) override {
    ++requests;
    answer(request, exchange);
  }
  bool on_head(Request& head, Exchange& exchange) override { return !look_at_head || look_at_head(head, exchange); }
};

/// Notes what happens to it.
class NotedConversation final : public Conversation {
 public:
  struct Notes {
    int made = 0;
    int gone = 0;
    int drained = 0;
    int destroyed = 0;
  };
  explicit NotedConversation(Notes& notes) : notes_(notes) { ++notes_.made; }
  NotedConversation(const NotedConversation&) = delete;
  NotedConversation& operator=(const NotedConversation&) = delete;
  ~NotedConversation() override { ++notes_.destroyed; }
  void on_gone() override { ++notes_.gone; }
  void on_drained() override { ++notes_.drained; }

 private:
  Notes& notes_;
};

class ServerTest : public testing::Test {
 protected:
  /// Makes the server, with a port.
  void start(ServerOptions options = {}) {
    server.emplace(loop, deadlines, handler, options);
    const auto bound = server->listen("127.0.0.1", 0);
    ASSERT_TRUE(bound.has_value()) << bound.error().detail;
    port = *bound;
  }
  test::RawPeer connect() { return test::RawPeer(io, port); }
  /// Keeps each exchange open, for the test to answer.
  void answer_later() {
    handler.answer = [this](Request&, Exchange& exchange) {
      open = &exchange;
      exchange.keep(std::make_unique<NotedConversation>(notes));
    };
  }
  void await_request(int number = 1) {
    test::run_until(io, [&] { return handler.requests == number; });
  }
  void await_connections(std::size_t number) {
    test::run_until(io, [&] { return server->connections() == number; });
  }
  void TearDown() override {
    if (!server) return;
    test::run(io, server->stop(Milliseconds(0)));
    EXPECT_EQ(server->connections(), 0U);
    EXPECT_EQ(notes.destroyed, notes.made) << "a conversation was left";
  }

  boost::asio::io_context io;
  test::ManualClock clock{io};
  Loop loop{io};
  Deadlines deadlines{clock};
  FunctionHandler handler;
  NotedConversation::Notes notes;
  Exchange* open = nullptr;
  std::optional<Server> server;
  std::uint16_t port = 0;
};

inline std::string get(std::string_view path, std::string_view extra = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(extra) + "\r\n";
}
inline std::string post(std::string_view path, std::string_view body, std::string_view extra = {}) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(extra) + "\r\n" + std::string(body);
}

}  // namespace meantime::http
