// SPDX-License-Identifier: MIT
// http_test.cpp: the client before HTTP endpoints: headers, sessions, streams that break, and servers that misbehave.
#include "client/http_door.hpp"

namespace meantime::test {
namespace {

using client::ListKind;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

using Seen = HttpDoor::Seen;
constexpr std::string_view here = R"({"content":[{"type":"text","text":"here"}]})";

std::string event(std::string_view id, std::string_view data) {
  std::string out;
  if (!id.empty()) out += "id: " + std::string(id) + "\n";
  return out + "data: " + std::string(data) + "\n\n";
}
std::string answer_event(std::string_view id, const Seen& seen) {
  return event(id, R"({"jsonrpc":"2.0","id":)" + seen.id + ",\"result\":" + std::string(here) + "}");
}

TEST_F(HttpClientTest, AStatelessRequestCarriesWhatItSaysInItsHeaders) {
  open(true);
  EXPECT_EQ(text_of(call("écho")), here);
  EXPECT_EQ(client->server()->revision, mcp::Revision::r2026_07_28);
  const Seen& seen = *door->last("tools/call");
  EXPECT_EQ(seen.headers.at("mcp-protocol-version"), "2026-07-28");
  EXPECT_EQ(seen.headers.at("mcp-method"), "tools/call");
  EXPECT_EQ(seen.headers.at("mcp-name"), "=?base64?w6ljaG8=?=");
  EXPECT_EQ(seen.headers.at("accept"), "application/json, text/event-stream");
  EXPECT_EQ(seen.headers.at("content-type"), "application/json");
  EXPECT_FALSE(seen.headers.contains("mcp-session-id"));
}

TEST_F(HttpClientTest, ASessionIsKeptAndEnded) {
  open(false);
  EXPECT_EQ(text_of(call()), here);
  EXPECT_EQ(client->server()->revision, mcp::Revision::r2025_11_25);
  EXPECT_EQ(door->last("notifications/initialized")->headers.at("mcp-session-id"), "session-1");
  EXPECT_EQ(door->last("tools/call")->headers.at("mcp-protocol-version"), "2025-11-25");
  EXPECT_FALSE(door->last("initialize")->headers.contains("mcp-session-id"));
  run(io, client->close());
  EXPECT_EQ(door->requests.back().method, "DELETE");
  EXPECT_EQ(door->requests.back().headers.at("mcp-session-id"), "session-1");
}

TEST_F(HttpClientTest, ASessionThatIsGoneIsMadeAnewAndTheCallIsAnswered) {
  open(false);
  EXPECT_EQ(text_of(call()), here);
  ++door->sessions;  // the server was restarted
  EXPECT_EQ(text_of(call()), here);
  EXPECT_EQ(door->count("initialize"), 2U);
  EXPECT_EQ(door->count("server/discover"), 1U) << "the family is remembered";
  EXPECT_EQ(events.connects, 2);
}

TEST_F(HttpClientTest, ManyCallsThatLoseTheirSessionMakeOneNewOne) {
  open(false);
  ASSERT_TRUE(call());
  ++door->sessions;
  std::vector<Task<client::Answer>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(client->call_tool("echo", "{}", nullptr));
  for (auto& each : calls) EXPECT_EQ(text_of(run(io, std::move(each))), here);
  EXPECT_EQ(door->count("initialize"), 2U);
}

class BothFamiliesOverHttp : public HttpClientTest, public testing::WithParamInterface<const char*> {
 protected:
  static bool stateless() { return std::string_view(GetParam()) == "stateless"; }
};
INSTANTIATE_TEST_SUITE_P(Http, BothFamiliesOverHttp, testing::Values("handshake", "stateless"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(BothFamiliesOverHttp, AStreamBringsProgressLogLinesAndTheAnswer) {
  open(stateless());
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.rpc_method != "tools/call") return false;
    door->stream(exchange).write(
        event("", R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
                      std::string(mcp::read_message(seen.body)->param.meta_progress_token.raw()) +
                      R"(,"progress":1}})") +
        ": alive\n\n" +
        event("", R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}})") +
        answer_event("", seen));
    exchange.end();
    return true;
  };
  HeardHooks hooks;
  EXPECT_EQ(text_of(call("echo", "{}", &hooks)), here);
  EXPECT_THAT(hooks.steps, ElementsAre(Progress{1, {}, ""}));
  EXPECT_EQ(hooks.logs.size(), 1U);
}

TEST_P(BothFamiliesOverHttp, AStreamThatStaysOpenAfterItsAnswerDelaysNothing) {
  open(stateless(), {}, {.linger = Milliseconds(10)});
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.rpc_method != "tools/call") return false;
    door->stream(exchange).write(answer_event("", seen));
    return true;
  };
  EXPECT_EQ(text_of(call()), here);
  run_until(io, [&] { return door->gone == 1; });
}

TEST_P(BothFamiliesOverHttp, AStreamThatBreaksWithoutAnIdFailsItsCall) {
  open(stateless());
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.rpc_method != "tools/call") return false;
    door->stream(exchange).end();
    return true;
  };
  const auto answer = call();
  EXPECT_EQ(code_of(answer), errc::unavailable);
  EXPECT_THAT(text_of(answer), HasSubstr("before its answer"));
}

TEST_P(BothFamiliesOverHttp, ADroppedCallIsCancelledInTheWayOfItsFamily) {
  open(stateless());
  bool opened = false;
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.rpc_method != "tools/call") return false;
    door->stream(exchange);
    opened = true;
    return true;
  };
  ASSERT_TRUE(run(io, client->connect()));
  std::string id;
  {
    const auto held = client->call_tool("echo", "{}", nullptr);
    run_until(io, [&] { return opened; });
    id = door->last("tools/call")->id;
  }
  run_until(io, [&] { return door->gone == 1 && (stateless() || door->count("notifications/cancelled") == 1); });
  if (stateless()) {
    EXPECT_EQ(door->count("notifications/cancelled"), 0U);
  } else {
    EXPECT_THAT(door->last("notifications/cancelled")->body, HasSubstr(R"("requestId":)" + id));
  }
}

TEST_P(BothFamiliesOverHttp, WhatIsNoAnswerFailsItsCallWithWhatItWas) {
  struct Case {
    int status;
    std::string_view type;
    std::string body;
    errc code;
    std::string_view says;
  };
  const std::vector<Case> cases{
      {200, "text/html", "<html>Log in</html>", errc::corrupt, "is the URL right?"},
      {200, "application/json", R"({"jsonrpc":"2.0","id":"other","result":{}})", errc::corrupt, "not the request"},
      {200, "application/json", R"({"jsonrpc":"2.0","id":1)", errc::corrupt, "no answer"},
      {200, "application/json", "", errc::corrupt, "no answer"},
      {202, "", "", errc::corrupt, "HTTP status 202"},
      {500, "text/plain", "it \x01 broke", errc::unavailable, "HTTP status 500: it   broke"},
      {413, "", "", errc::unavailable, "HTTP status 413"},
      {200, "application/json", R"({"jsonrpc":"2.0","id":1,"result":{"x":")" + std::string(2 << 20, 'x') + "\"}}",
       errc::overloaded, "1048576 bytes"},
      {200, "text/event-stream", "data: " + std::string(2 << 20, 'x') + "\n\n", errc::corrupt, "1048576 bytes"},
      {200, "text/event-stream", "data: [\n\ndata: {}\n\nodd\n\n", errc::unavailable, "before its answer"},
  };
  open(stateless(), {}, {.max_message_bytes = 1U << 20});
  ASSERT_TRUE(run(io, client->connect()));
  for (const Case& each : cases) {
    door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
      if (seen.rpc_method != "tools/call") return false;
      exchange.respond(each.status, each.type, each.body);
      return true;
    };
    const auto answer = call();
    EXPECT_EQ(code_of(answer), each.code) << each.status << " " << each.body.substr(0, 60);
    EXPECT_THAT(text_of(answer), HasSubstr(std::string(each.says)));
  }
  door->behaviour = nullptr;
  EXPECT_EQ(text_of(call()), here) << "and the next call is answered";
}

TEST_P(BothFamiliesOverHttp, AnErrorWithoutAnIdIsTheAnswer) {
  open(stateless());
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.rpc_method != "tools/call") return false;
    exchange.respond(400, "application/json", R"({"jsonrpc":"2.0","error":{"code":-32600,"message":"too odd"}})");
    return true;
  };
  const auto answer = call();
  ASSERT_FALSE(answer);
  EXPECT_EQ(std::get<client::RpcError>(answer.error()).message, "too odd");
}

TEST_P(BothFamiliesOverHttp, ManyCallsAtOnceGetTheirOwnAnswers) {
  open(stateless());
  ASSERT_TRUE(run(io, client->connect()));
  std::vector<Task<client::Answer>> calls;
  for (int i = 0; i < 200; ++i) calls.push_back(client->call_tool("echo", "{}", nullptr));
  for (auto& each : calls) EXPECT_EQ(text_of(run(io, std::move(each))), here);
}

TEST_P(BothFamiliesOverHttp, AServerThatIsNotThereIsAnErrorAndIsTriedAgainLater) {
  open(stateless());
  run(io, server->stop(Milliseconds(0)));
  server.reset();
  const auto connected = run(io, client->connect());
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, errc::unavailable);
}

TEST_F(HttpClientTest, AStreamOfASessionIsResumedWhereItBroke) {
  open(false, {}, {.retry_first = Milliseconds(1)});
  Seen asked;
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.rpc_method == "tools/call") {
      asked = seen;
      door->stream(exchange).write("id: s-1\nretry: 5\ndata:\n\n");
      exchange.end();
      return true;
    }
    const auto resumed = seen.headers.find("last-event-id");
    if (seen.method != "GET" || resumed == seen.headers.end()) return false;
    if (resumed->second == "s-1") {
      door->stream(exchange).write(event("s-2", R"({"jsonrpc":"2.0","method":"notifications/message","params":{}})"));
      exchange.end();
    } else {
      EXPECT_EQ(resumed->second, "s-2");
      EXPECT_EQ(seen.headers.at("mcp-session-id"), "session-1");
      door->stream(exchange).write(answer_event("s-3", asked));
      exchange.end();
    }
    return true;
  };
  EXPECT_EQ(text_of(call()), here);
  EXPECT_EQ(door->count("tools/call"), 1U) << "nothing runs twice";
}

TEST_F(HttpClientTest, AStreamThatIsResumedInVainFailsInTheEnd) {
  open(false, {}, {.retry_first = Milliseconds(1), .retry_most = Milliseconds(2), .max_resumes = 3});
  int resumes = 0;
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.rpc_method == "tools/call") {
      door->stream(exchange).write("id: s-1\ndata:\n\n");
      exchange.end();
      return true;
    }
    if (seen.method != "GET" || !seen.headers.contains("last-event-id")) return false;
    ++resumes;
    exchange.respond(503, "", "");
    return true;
  };
  EXPECT_EQ(code_of(call()), errc::unavailable);
  EXPECT_EQ(resumes, 3);
}

TEST_F(HttpClientTest, AQuestionOnACallsStreamIsAnsweredByAPostOfItsOwn) {
  open(false);
  Seen asked;
  http::Exchange* open_call = nullptr;
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.rpc_method == "tools/call") {
      asked = seen;
      open_call = &door->stream(exchange);
      open_call->write(
          event("", R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?"}})"));
      return true;
    }
    if (!seen.rpc_method.empty() || seen.method != "POST") return false;
    EXPECT_THAT(seen.body, HasSubstr(R"("id":"q","result":{"action":"accept")"));
    exchange.respond(202, "", "");
    open_call->write(answer_event("", asked));
    open_call->end();
    return true;
  };
  HeardHooks hooks;
  EXPECT_EQ(text_of(call("echo", "{}", &hooks)), here);
  EXPECT_EQ(hooks.asked.size(), 1U);
}

TEST_F(HttpClientTest, TheStreamOfASessionTellsOfChangesAndIsOpenedAgain) {
  open(false, {}, {.retry_first = Milliseconds(1)});
  int opened = 0;
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.method != "GET") return false;
    if (++opened == 2) {
      EXPECT_EQ(seen.headers.at("last-event-id"), "g-1");
    }
    door->stream(exchange).write(
        event("g-" + std::to_string(opened), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})"));
    if (opened == 1) exchange.end();
    return true;
  };
  ASSERT_TRUE(run(io, client->connect()));
  run_until(io, [&] { return events.lists.size() == 2; });
  EXPECT_EQ(opened, 2);
}

TEST_F(HttpClientTest, AListenStreamTellsOfChangesAndIsOpenedAgain) {
  open(true, {.backoff_first = Milliseconds(1)});
  int opened = 0;
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.rpc_method != "subscriptions/listen") return false;
    EXPECT_THAT(seen.body, HasSubstr(R"("notifications":{"toolsListChanged":true})"));
    ++opened;
    door->stream(exchange).write(event("", R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})"));
    if (opened == 1) exchange.end();
    return true;
  };
  ASSERT_TRUE(run(io, client->connect()));
  // One notice on each stream, and a word about what may have been missed in between.
  run_until(io, [&] { return events.lists.size() == 3; });
  EXPECT_EQ(opened, 2);
}

TEST_F(HttpClientTest, AHeaderMismatchListsTheToolsAgainAndTheCallCarriesItsHeaders) {
  open(true);
  door->tools =
      R"([{"name":"echo","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}])";
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.rpc_method != "tools/call" || seen.headers.contains("mcp-param-region")) return false;
    door->error(seen, exchange, 400, -32020);
    return true;
  };
  EXPECT_EQ(text_of(call("echo", R"({"region":"eu"})")), here);
  EXPECT_EQ(door->last("tools/call")->headers.at("mcp-param-region"), "eu");
  EXPECT_EQ(door->count("tools/call"), 2U);
}

TEST_F(HttpClientTest, AVersionThatIsRefusedLaterLeadsToTheOneOffered) {
  open(true);
  ASSERT_TRUE(run(io, client->connect()));
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.rpc_method == "tools/call" && seen.headers.at("mcp-protocol-version") == "2026-07-28") {
      door->error(seen, exchange, 400, -32022, R"({"supported":["2025-11-25"]})");
      return true;
    }
    if (seen.rpc_method != "initialize") return false;
    door->result(seen, exchange, R"({"protocolVersion":"2025-11-25","capabilities":{}})");
    return true;
  };
  EXPECT_EQ(text_of(call()), here);
  EXPECT_EQ(client->server()->revision, mcp::Revision::r2025_11_25);
}

TEST_F(HttpClientTest, AFaultOfCredentialsNeverLeadsToTheOtherFamily) {
  for (const int status : {401, 403, 502}) {
    open(false);
    door->behaviour = [&](const Seen& /*seen*/, http::Exchange& exchange) {
      exchange.respond(status, "", "");
      return true;
    };
    const auto connected = run(io, client->connect());
    ASSERT_FALSE(connected);
    EXPECT_THAT(connected.error().detail, HasSubstr(std::to_string(status)));
    EXPECT_EQ(door->count("initialize"), 0U);
    run(io, client->close());
    client.reset();
    run(io, server->stop(Milliseconds(0)));
  }
}

// Gives the second token where the first one is refused.
class TwoTokens final : public auth::RequestAuth {
 public:
  Task<Result<std::vector<auth::WebHeader>>> credentials(std::string /*method*/, std::string /*url*/) override {
    co_return std::vector<auth::WebHeader>{{"Authorization", "Bearer " + token}};
  }
  Task<Result<bool>> refused(std::string /*method*/, std::string /*url*/, auth::Refusal refusal) override {
    refusals.push_back(std::move(refusal));
    if (token == "good") co_return false;
    token = "good";
    co_return true;
  }
  std::string token = "stale";
  std::vector<auth::Refusal> refusals;
};

TEST_F(HttpClientTest, RefusedCredentialsAreRenewedAndTheRequestIsSentAgain) {
  TwoTokens tokens;
  open(true, {}, {.auth = &tokens});
  door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
    if (seen.headers.at("authorization") == "Bearer good") return false;
    exchange.respond(401, "", "", "WWW-Authenticate: Bearer a=1\r\nWWW-Authenticate: DPoP\r\n");
    return true;
  };
  EXPECT_EQ(text_of(call()), here);
  ASSERT_EQ(tokens.refusals.size(), 1U);
  EXPECT_THAT(tokens.refusals[0].www_authenticate, ElementsAre("Bearer a=1", "DPoP"));
  EXPECT_EQ(tokens.refusals[0].status, 401);
  // A refusal that stands is an error, not a loop.
  door->behaviour = [](const Seen& /*seen*/, http::Exchange& exchange) {
    exchange.respond(403, "", "");
    return true;
  };
  EXPECT_THAT(text_of(call()), HasSubstr("403"));
  run(io, client->close());
  client.reset();
}

TEST_F(HttpClientTest, ConfiguredHeadersGoWithEveryRequest) {
  open(true, {}, {.headers = {{"X-Team", "blue"}}});
  ASSERT_TRUE(call());
  for (const Seen& each : door->requests) EXPECT_EQ(each.headers.at("x-team"), "blue") << each.rpc_method;
}

TEST_F(HttpClientTest, AnUrlThatIsNoneIsRefused) {
  client = std::make_unique<client::McpClient>(loop, clock, http, client::HttpOptions{.url = "ftp://x"},
                                               client::ClientOptions{}, &events);
  const auto connected = run(io, client->connect());
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace meantime::test
