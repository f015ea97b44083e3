// SPDX-License-Identifier: MIT
#include "mcp/client_rules.hpp"

#include <gtest/gtest.h>

#include <array>

#include "support/mcp_messages.hpp"

namespace meantime::mcp {
namespace {

using test::read;
using Transport = EraProbe::Transport;
using Kind = EraProbe::Step::Kind;

std::string result(std::string_view members) {
  return R"({"jsonrpc":"2.0","id":1,"result":{)" + std::string(members) + "}}";
}

std::string error(int code, std::string_view data = {}) {
  std::string out;
  append_error(out, "1", code, "no", data);
  out.pop_back();
  return out;
}

TEST(EraProbe, AsksInTheNewestFirstAndStaysWhereItIsUnderstood) {
  for (const auto transport : {Transport::stdio, Transport::http}) {
    EraProbe probe(transport);
    const auto first = probe.start();
    EXPECT_EQ(first.kind, Kind::discover);
    EXPECT_EQ(first.revision, Revision::r2026_07_28);
    const auto next =
        probe.on_answer(read(result(R"("supportedVersions":["2026-07-28","2025-11-25"],"capabilities":{})")), 200);
    EXPECT_EQ(next.kind, Kind::ready);
    EXPECT_EQ(next.revision, Revision::r2026_07_28);
  }
}

TEST(EraProbe, WhatFollowsFromEachAnswerToTheFirstQuestion) {
  struct Row {
    std::string answer;
    int http_status;
    Kind kind;
    Revision revision;
  };
  const std::vector<Row> rows = {
      {result(R"("supportedVersions":["2025-06-18","2025-03-26"])"), 200, Kind::initialize, Revision::r2025_06_18},
      {result(R"("supportedVersions":["2031-01-01"])"), 200, Kind::give_up, Revision::r2026_07_28},
      {result(""), 200, Kind::initialize, newest_handshake},
      {error(-32022, R"({"supported":["2025-11-25"]})"), 400, Kind::initialize, Revision::r2025_11_25},
      {error(-32022, R"({"supported":["2026-07-28"]})"), 400, Kind::discover, Revision::r2026_07_28},
      {error(-32022, R"({"supported":["2031-01-01"]})"), 400, Kind::give_up, Revision::r2026_07_28},
      {error(-32022), 400, Kind::give_up, Revision::r2026_07_28},
      {error(-32021), 400, Kind::ready, Revision::r2026_07_28},
      {error(-32020), 400, Kind::ready, Revision::r2026_07_28},
      {error(-32601), 404, Kind::initialize, newest_handshake},
      {error(-32601), 200, Kind::initialize, newest_handshake},
      {error(-32600), 400, Kind::initialize, newest_handshake},
      {error(-32000), 400, Kind::initialize, newest_handshake},
      {error(-32602), 200, Kind::initialize, newest_handshake},
      {error(-32603), 500, Kind::initialize, newest_handshake},
      {error(-32600), 401, Kind::give_up, Revision::r2026_07_28},
      {error(-32600), 403, Kind::give_up, Revision::r2026_07_28},
      {error(-32600), 503, Kind::give_up, Revision::r2026_07_28},
  };
  for (const Row& row : rows) {
    EraProbe probe(Transport::http);
    EXPECT_EQ(probe.start().kind, Kind::discover);
    const auto step = probe.on_answer(read(row.answer), row.http_status);
    EXPECT_EQ(step.kind, row.kind) << row.answer << ": " << step.why;
    EXPECT_EQ(step.revision, row.revision) << row.answer;
    EXPECT_EQ(step.why.empty(), row.kind != Kind::give_up) << row.answer;
  }
}

TEST(EraProbe, AServerThatOffersWhatItRefusesIsAskedTwiceAndNoMore) {
  EraProbe probe(Transport::http);
  EXPECT_EQ(probe.start().kind, Kind::discover);
  const std::string refusal = error(-32022, R"({"supported":["2026-07-28"]})");
  EXPECT_EQ(probe.on_answer(read(refusal), 400).kind, Kind::discover);
  EXPECT_EQ(probe.on_answer(read(refusal), 400).kind, Kind::give_up);
}

TEST(EraProbe, StatusesWithoutAMessageFallBackUnlessTheySayNothingAboutTheProtocol) {
  for (const auto& [status, kind] : {std::pair{400, Kind::initialize},
                                     {404, Kind::initialize},
                                     {405, Kind::initialize},
                                     {415, Kind::initialize},
                                     {500, Kind::initialize},
                                     {401, Kind::give_up},
                                     {403, Kind::give_up},
                                     {407, Kind::give_up},
                                     {429, Kind::give_up},
                                     {502, Kind::give_up},
                                     {503, Kind::give_up},
                                     {504, Kind::give_up}}) {
    EraProbe probe(Transport::http);
    EXPECT_EQ(probe.start().kind, Kind::discover);
    const auto step = probe.on_http_error(status);
    EXPECT_EQ(step.kind, kind) << status << ": " << step.why;
    if (kind == Kind::initialize) {
      EXPECT_EQ(probe.on_http_error(status).kind, Kind::give_up) << status;
    }
  }
}

TEST(EraProbe, SilenceIsAnOldServerBehindLinesAndAFaultBehindHttp) {
  EraProbe lines(Transport::stdio);
  EXPECT_EQ(lines.start().kind, Kind::discover);
  EXPECT_EQ(lines.on_silence().kind, Kind::initialize);
  EXPECT_EQ(lines.on_silence().kind, Kind::give_up);
  EraProbe http(Transport::http);
  EXPECT_EQ(http.start().kind, Kind::discover);
  EXPECT_EQ(http.on_silence().kind, Kind::give_up);
}

TEST(EraProbe, AnInitializeEndsInTheVersionThatTheServerNames) {
  const auto after_fallback = [](const std::string& answer) {
    EraProbe probe(Transport::stdio);
    EXPECT_EQ(probe.start().kind, Kind::discover);
    EXPECT_EQ(probe.on_answer(read(error(-32601))).kind, Kind::initialize);
    return probe.on_answer(read(answer));
  };
  EXPECT_EQ(after_fallback(result(R"("protocolVersion":"2025-06-18")")).revision, Revision::r2025_06_18);
  EXPECT_EQ(after_fallback(result(R"("protocolVersion":"2024-11-05")")).kind, Kind::ready);
  EXPECT_EQ(after_fallback(result(R"("protocolVersion":"2026-07-28")")).kind, Kind::give_up);
  EXPECT_EQ(after_fallback(result(R"("protocolVersion":"1.0")")).kind, Kind::give_up);
  EXPECT_EQ(after_fallback(result("")).kind, Kind::give_up);
  EXPECT_EQ(after_fallback(error(-32603)).kind, Kind::give_up);
  const auto other = after_fallback(error(-32602, R"({"supported":["2025-03-26"]})"));
  EXPECT_EQ(other.kind, Kind::initialize);
  EXPECT_EQ(other.revision, Revision::r2025_03_26);
}

TEST(EraProbe, WhatIsPinnedIsNotProbed) {
  EXPECT_EQ(EraProbe(Transport::http, Revision::r2026_07_28).start().kind, Kind::ready);
  const auto step = EraProbe(Transport::http, Revision::r2025_06_18).start();
  EXPECT_EQ(step.kind, Kind::initialize);
  EXPECT_EQ(step.revision, Revision::r2025_06_18);
}

TEST(ClientRules, TheNewestCommonRevisionIsChosenWhateverTheOrder) {
  EXPECT_EQ(choose_revision(JsonSpan(R"(["2025-03-26","2026-07-28","x",7])")), Revision::r2026_07_28);
  EXPECT_EQ(choose_revision(JsonSpan(R"(["2025-03-26","2025-11-25"])")), Revision::r2025_11_25);
  EXPECT_EQ(choose_revision(JsonSpan("[]")), std::nullopt);
  EXPECT_EQ(choose_revision(JsonSpan()), std::nullopt);
}

TEST(ClientRules, EveryStatelessRequestSaysWhoAsksAndWhatItTakes) {
  const ClientMarks marks{.client_info = R"({"name":"meantime","version":"1"})",
                          .capabilities = R"({"roots":{}})",
                          .log_level = LogLevel::notice};
  const std::string own =
      R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}},)"
      R"("io.modelcontextprotocol/clientInfo":{"name":"meantime","version":"1"},"io.modelcontextprotocol/logLevel":"notice")";
  EXPECT_EQ(with_client_marks("", marks), R"({"_meta":{)" + own + "}}");
  EXPECT_EQ(with_client_marks(R"({"name":"a"})", marks, "17"),
            R"({"_meta":{)" + own + R"(,"progressToken":17},"name":"a"})");
  EXPECT_EQ(
      with_client_marks(
          R"({"name":"a","_meta":{"traceparent":"00-1","io.modelcontextprotocol/protocolVersion":"x","progressToken":1}})",
          marks, "\"t\""),
      R"({"name":"a","_meta":{"traceparent":"00-1",)" + own + R"(,"progressToken":"t"}})");
  std::string line;
  append_request(line, "1", "tools/list", with_client_marks("{}", ClientMarks{}));
  line.pop_back();
  EXPECT_TRUE(read_request(read(line), nullptr, nullptr)) << "our own server takes it";
}

TEST(ClientRules, TheHeadersRepeatTheBody) {
  using Fields = std::vector<HeaderField>;
  const Revision now = Revision::r2026_07_28;
  EXPECT_EQ(request_headers(now, "tools/list", JsonSpan("{}")),
            (Fields{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/list"}}));
  EXPECT_EQ(request_headers(now, "resources/read", JsonSpan(R"({"uri":"x:\u00e9"})")),
            (Fields{{"MCP-Protocol-Version", "2026-07-28"},
                    {"Mcp-Method", "resources/read"},
                    {"Mcp-Name", "=?base64?eDrDqQ==?="}}));
  EXPECT_EQ(request_headers(now, "tasks/get", JsonSpan(R"({"taskId":"t"})")).back(), (HeaderField{"Mcp-Name", "t"}));
  const auto annotated =
      read_param_headers(JsonSpan(R"({"properties":{"r":{"type":"string","x-mcp-header":"Region"}}})"));
  ASSERT_TRUE(annotated);
  EXPECT_EQ(request_headers(now, "tools/call", JsonSpan(R"({"name":"sql","arguments":{"r":"eu"}})"), *annotated),
            (Fields{{"MCP-Protocol-Version", "2026-07-28"},
                    {"Mcp-Method", "tools/call"},
                    {"Mcp-Name", "sql"},
                    {"Mcp-Param-Region", "eu"}}));
  EXPECT_EQ(request_headers(Revision::r2025_11_25, "tools/call", JsonSpan(R"({"name":"sql"})"), *annotated),
            (Fields{{"MCP-Protocol-Version", "2025-11-25"}}));
  EXPECT_EQ(request_headers(Revision::r2025_03_26, "tools/call", JsonSpan(R"({"name":"sql"})")), Fields{});
}

TEST(ClientRules, AResultOfAnUnknownTypeIsInvalidAndAMissingTypeIsComplete) {
  const auto kind = [](std::string_view members, Family family = Family::stateless) {
    const std::string line = result(members);
    return result_kind(read(line), family);
  };
  EXPECT_EQ(kind(R"("content":[])"), ResultKind::complete);
  EXPECT_EQ(kind(R"("resultType":"complete")"), ResultKind::complete);
  EXPECT_EQ(kind(R"("resultType":"input_required")"), ResultKind::input_required);
  EXPECT_EQ(kind(R"("resultType":"task")"), ResultKind::task);
  EXPECT_EQ(kind(R"("resultType":"riddle")"), ResultKind::unknown);
  EXPECT_EQ(kind(R"("resultType":7)"), ResultKind::unknown);
  EXPECT_EQ(kind(R"("resultType":"riddle")", Family::handshake), ResultKind::complete);
}

TEST(ClientRules, ARoundOfInputIsReadAndAnsweredWithTheSameState) {
  const std::string line = result(
      R"("resultType":"input_required","inputRequests":{"who":{"method":"elicitation/create","params":{"message":"?"}}},"requestState":"b64.m\u0061c")");
  const auto round = read_input_round(read(line));
  ASSERT_TRUE(round) << round.error();
  ASSERT_EQ(round->requests.size(), 1U);
  EXPECT_EQ(round->requests[0], (InputRequest{"who", "elicitation/create", R"({"message":"?"})"}));
  const std::array given{InputResponse{"who", R"({"action":"decline"})"}};
  EXPECT_EQ(retry_params(R"({"name":"a","requestState":"old","inputResponses":{"x":{}}})", given, round->request_state),
            R"({"name":"a","inputResponses":{"who":{"action":"decline"}},"requestState":"b64.m\u0061c"})");
  EXPECT_EQ(retry_params("", {}, JsonSpan("\"s\"")), R"({"requestState":"s"})");
  EXPECT_EQ(retry_params(R"({"name":"a"})", given, JsonSpan()),
            R"({"name":"a","inputResponses":{"who":{"action":"decline"}}})");
  for (const std::string_view bad : {R"("resultType":"input_required")", R"("inputRequests":[])", R"("requestState":7)",
                                     R"("inputRequests":{"a":{}})"}) {
    const std::string broken = result(bad);
    EXPECT_FALSE(read_input_round(read(broken))) << bad;
  }
}

TEST(ClientRules, WhatAnErrorAsksOfTheClient) {
  const auto remedy = [](int code, Family family, int status) {
    const std::string line = error(code);
    return remedy_of(read(line), family, status);
  };
  EXPECT_EQ(remedy(-32022, Family::stateless, 400), ErrorRemedy::other_version);
  EXPECT_EQ(remedy(-32020, Family::stateless, 400), ErrorRemedy::list_again);
  EXPECT_EQ(remedy(-32021, Family::stateless, 400), ErrorRemedy::none);
  EXPECT_EQ(remedy(-32601, Family::stateless, 404), ErrorRemedy::none);
  EXPECT_EQ(remedy(-32600, Family::handshake, 404), ErrorRemedy::new_session);
  EXPECT_EQ(remedy(-32022, Family::handshake, 400), ErrorRemedy::none);
  EXPECT_EQ(remedy_of(read(result("")), Family::stateless, 200), ErrorRemedy::none);
}

}  // namespace
}  // namespace meantime::mcp
