// SPDX-License-Identifier: MIT
// conformance_auth_client.cpp: the least client there can be, in front of which OauthClient does what the auth
// scenarios of the conformance suite look at. The suite starts it with the server's URL and says the rest in the
// environment.
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <iostream>

#include "auth/conformance_settings.hpp"
#include "auth/http_fetch.hpp"
#include "auth/oauth_client.hpp"
#include "engine/loop.hpp"
#include "meantime/system_clock.hpp"
#include "support/co_test.hpp"

namespace meantime::test {
namespace {

constexpr std::string_view stateless = "2026-07-28";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

struct Call {
  std::string_view method;
  std::string_view params;  // without the braces
};

class SmallClient {
 public:
  SmallClient(auth::Fetch fetch, auth::RequestAuth& auth, std::string url, std::string version)
      : fetch_(std::move(fetch)), auth_(auth), url_(std::move(url)), version_(std::move(version)) {}

  // 0: every call was answered with 2xx.
  Task<int> work() {
    const bool old = version_ != stateless;
    const std::string hello =
        R"("protocolVersion":")" + version_ + R"(","capabilities":{},"clientInfo":{"name":"meantime","version":"1"})";
    const Call calls[] = {{old ? "initialize" : "server/discover", old ? std::string_view(hello) : ""},
                          {old ? "notifications/initialized" : "", ""},
                          {"tools/list", ""},
                          {"tools/call", R"("name":"test-tool","arguments":{})"}};
    for (const auto& call : calls) {
      if (call.method.empty()) continue;
      const int status = co_await send(call);
      std::cerr << call.method << ": " << status << "\n";
      if (status < 200 || status >= 300) co_return 1;
    }
    co_return 0;
  }

 private:
  Task<int> send(const Call& call) {
    const bool old = version_ != stateless;
    std::string params(call.params);
    if (!old) {
      params +=
          (params.empty() ? "" : ",") + std::string(R"("_meta":{"io.modelcontextprotocol/protocolVersion":")") +
          version_ +
          R"(","io.modelcontextprotocol/clientInfo":{"name":"meantime","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}})";
    }
    std::string body = R"({"jsonrpc":"2.0","method":")" + std::string(call.method) + R"(","params":{)" + params + "}";
    if (!call.method.starts_with("notifications/")) body += R"(,"id":)" + std::to_string(++last_id_);
    body += "}";
    for (int attempt = 0;; ++attempt) {
      auth::WebRequest request{
          .method = "POST",
          .url = url_,
          .headers = {{"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}},
          .body = body};
      if (!old || call.method != "initialize") request.headers.push_back({"MCP-Protocol-Version", version_});
      if (!old) request.headers.push_back({"Mcp-Method", std::string(call.method)});
      if (!old && call.method == "tools/call") request.headers.push_back({"Mcp-Name", "test-tool"});
      auto credentials = co_await auth_.credentials("POST", url_);
      if (!credentials) co_return failed(credentials.error());
      for (const auto& each : *credentials) request.headers.push_back(each);
      auto answer = co_await fetch_(std::move(request));
      if (!answer) co_return failed(answer.error());
      if (answer->status != 401 && answer->status != 403) co_return answer->status;
      auth::Refusal refusal{.status = answer->status,
                            .www_authenticate = {},
                            .dpop_nonce = std::string(answer->header("dpop-nonce").value_or("")),
                            .sent = *credentials,
                            .attempt = attempt};
      for (const auto each : answer->all("www-authenticate")) refusal.www_authenticate.emplace_back(each);
      auto again = co_await auth_.refused("POST", url_, std::move(refusal));
      if (!again) co_return failed(again.error());
      if (!*again) co_return answer->status;
    }
  }
  static int failed(const Error& error) {
    std::cerr << error.op << ": " << error.detail << "\n";
    return 0;
  }

  auth::Fetch fetch_;
  auth::RequestAuth& auth_;
  std::string url_;
  std::string version_;
  int last_id_ = 0;
};

int main_of(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: conformance_auth_client URL\n";
    return 2;
  }
  boost::asio::io_context io;
  Loop loop(io);
  SystemClock clock(io);
  SystemRandom random;
  http::Client http(loop);
  const auto fetch = auth::fetch_over(http);
  InstantConsent consent(fetch);
  const std::string url = argv[argc - 1];
  auth::OauthClient oauth(
      "conformance", url,
      settings_for_scenario(environment("MCP_CONFORMANCE_SCENARIO"), environment("MCP_CONFORMANCE_CONTEXT")),
      {.fetch = fetch, .clock = &clock, .random = &random, .consent = &consent});
  SmallClient client(fetch, oauth, url, environment("MCP_CONFORMANCE_PROTOCOL_VERSION"));
  return run(io, client.work());
}

}  // namespace
}  // namespace meantime::test

int main(int argc, char** argv) {
  return meantime::test::main_of(argc, argv);
}
