// SPDX-License-Identifier: MIT
// conformance_client.cpp: a host built on the client library, for the client scenarios of the official conformance
// suite: conformance_client URL, with the scenario in MCP_CONFORMANCE_SCENARIO and its data in MCP_CONFORMANCE_CONTEXT.
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/digest.hpp"
#include "auth/http_fetch.hpp"
#include "auth/oauth_client.hpp"
#include "client/mcp_client.hpp"
#include "core/json_writer.hpp"
#include "meantime/random.hpp"
#include "meantime/system_clock.hpp"

namespace meantime {
namespace {

using client::Answer;
using client::ListKind;
using mcp::JsonSpan;
using mcp::member;

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value == nullptr ? std::string() : std::string(value);
}

// The user of this host: accepts forms as they are proposed, and agrees to every authorization.
class Host final : public client::RequestHooks {
 public:
  Task<Result<std::vector<InputResponse>>> on_input(std::vector<InputRequest> requests) override {
    std::vector<InputResponse> out;
    for (const InputRequest& each : requests) out.push_back({each.key, answer(each)});
    if (between) co_await between();
    co_return out;
  }
  /// Runs while a question is open.
  std::function<Task<bool>()> between;

 private:
  static std::string answer(const InputRequest& request) {
    if (request.method == "roots/list") return R"({"roots":[]})";
    if (request.method == "sampling/createMessage") {
      return R"({"role":"assistant","content":{"type":"text","text":"Yes."},"model":"none"})";
    }
    std::string out;
    JsonWriter writer(out);
    writer.begin_object().field("action", "accept").key("content").begin_object();
    const JsonSpan schema = member(JsonSpan(request.params), "requestedSchema");
    mcp::for_each_member(member(schema, "properties"), [&](JsonSpan name, JsonSpan property) {
      if (const JsonSpan proposed = member(property, "default")) {
        writer.key(name.text()).raw(proposed.raw());
      } else if (member(property, "type").is("boolean")) {
        writer.field(name.text(), true);
      }
    });
    writer.end_object().end_object();
    return out;
  }
};

// The suite's authorization server sends the browser on at once.
class Browser final : public auth::Consent {
 public:
  explicit Browser(http::Client& http) : http_(http) {}
  Result<std::string> redirect_uri(std::string_view /*last*/) override { return "http://localhost:39999/callback"; }
  Task<Result<std::string>> ask(std::string authorize_url) override {
    http::ClientRequest request;
    request.url = std::move(authorize_url);
    auto answer = co_await http_.send(std::move(request));
    if (!answer) co_return std::unexpected(answer.error());
    const auto location = answer->header("location");
    if (!location) co_return fail(errc::unavailable, "browser", "was not sent on");
    co_return std::string(*location);
  }

 private:
  http::Client& http_;
};

auth::OauthSettings oauth_settings(const std::string& scenario, JsonSpan context) {
  const auto text = [&](std::string_view name) { return member(context, name).text(); };
  auth::OauthSettings settings;
  settings.client_metadata_url = "https://conformance-test.local/client-metadata.json";
  settings.client_id = text("client_id");
  settings.client_secret = text("client_secret");
  settings.private_key = text("private_key_pem");
  settings.private_key_algorithm = text("signing_algorithm");
  settings.issuer = text("issuer");
  if (scenario.starts_with("auth/client-credentials")) settings.grant = auth::Grant::client_credentials;
  if (scenario == "auth/enterprise-managed-authorization") {
    settings.grant = auth::Grant::enterprise;
    settings.id_token = [token = text("idp_id_token")]() -> Result<std::string> { return token; };
    settings.idp_issuer = text("idp_issuer");
    settings.idp_token_endpoint = text("idp_token_endpoint");
    settings.idp_client_id = text("idp_client_id");
  }
  if (scenario == "auth/wif-jwt-bearer") {
    settings.grant = auth::Grant::workload;
    settings.assertion = [token = text("valid_jwt")]() -> Result<std::string> { return token; };
  }
  return settings;
}

class Run {
 public:
  Run(boost::asio::io_context& io, std::string url, std::string scenario, std::string context)
      : loop_(io),
        clock_(io),
        http_(loop_),
        browser_(http_),
        scenario_(std::move(scenario)),
        context_text_(std::move(context)) {
    mcp::JsonScanner scanner(context_text_);
    if (!scanner.value(context_) || !scanner.at_end()) context_ = {};
    client::HttpOptions server;
    server.url = url;
    if (scenario_.starts_with("auth/")) {
      auth_ = std::make_unique<auth::OauthClient>(
          "suite", url, oauth_settings(scenario_, context_),
          auth::OauthParts{
              .fetch = auth::fetch_over(http_), .clock = &clock_, .random = &random_, .consent = &browser_});
      server.auth = auth_.get();
    }
    client::ClientOptions options;
    options.capabilities.elicitation_form = true;
    options.log = [](std::string_view line) { std::cerr << line << '\n'; };
    if (const auto pinned = mcp::parse_revision(environment("MEANTIME_PINNED"))) options.revision = pinned;
    client_ = std::make_unique<client::McpClient>(loop_, clock_, http_, std::move(server), std::move(options));
  }

  Task<bool> go() {
    bool good = false;
    if (const auto connected = co_await client_->connect(); !connected) {
      std::cerr << connected.error().detail << '\n';
    } else {
      good = co_await play();
    }
    co_await client_->close();
    co_return good;
  }

 private:
  Task<bool> play() {
    if (scenario_.starts_with("sep-2640-client")) co_return co_await load_skill();
    const auto tools = co_await client_->list(ListKind::tools);
    if (!tools) {
      std::cerr << tools.error().detail << '\n';
      co_return false;
    }
    if (scenario_ == "http-custom-headers") co_return co_await make_calls(member(context_, "toolCalls"));
    if (scenario_ == "json-schema-2020-12-preservation") co_return co_await echo_schema(*tools);
    if (scenario_ == "http-standard-headers") co_await look_around();
    if (scenario_ == "sep-2322-client-request-state") {
      host_.between = [this] { return call("test_mrtr_unrelated", "{}"); };
    }
    bool good = true;
    for (const std::string& each : *tools) {
      const std::string name = member(JsonSpan(each), "name").text();
      if (name == "test_mrtr_unrelated" || name == "lookup_user") continue;
      const bool answered = co_await call(name, name == "add_numbers" ? R"({"a":5,"b":3})" : R"({"region":"eu"})");
      good = good && answered;
    }
    co_return good;
  }

  Task<bool> call(std::string name, std::string arguments) {
    const Answer answer = co_await client_->call_tool(name, arguments, &host_);
    if (!answer) std::cerr << name << ": " << client::text_of(answer.error()) << '\n';
    co_return answer.has_value();
  }

  Task<bool> make_calls(JsonSpan calls) {
    std::vector<JsonSpan> all;
    mcp::for_each_element(calls, [&](JsonSpan each) { all.push_back(each); });
    bool good = !all.empty();
    for (const JsonSpan each : all) {
      const bool answered = co_await call(member(each, "name").text(), std::string(member(each, "arguments").raw()));
      good = good && answered;
    }
    co_return good;
  }

  Task<bool> echo_schema(const std::vector<std::string>& tools) {
    for (const std::string& each : tools) {
      if (!member(JsonSpan(each), "name").is("json_schema_2020_12_tool")) continue;
      co_return co_await call("json_schema_echo",
                              R"({"schema":)" + std::string(member(JsonSpan(each), "inputSchema").raw()) + "}");
    }
    co_return false;
  }

  Task<void> look_around() {
    const auto resources = co_await client_->list(ListKind::resources);
    const auto prompts = co_await client_->list(ListKind::prompts);
    if (resources && !resources->empty()) {
      std::string params;
      JsonWriter(params).begin_object().field("uri", member(JsonSpan(resources->front()), "uri").text()).end_object();
      co_await client_->request({.method = "resources/read", .params = params});
    }
    if (prompts && !prompts->empty()) {
      std::string params;
      JsonWriter(params).begin_object().field("name", member(JsonSpan(prompts->front()), "name").text()).end_object();
      co_await client_->request({.method = "prompts/get", .params = params});
    }
  }

  Task<std::optional<std::string>> read(std::string uri) {
    std::string params;
    JsonWriter(params).begin_object().field("uri", uri).end_object();
    const Answer answer = co_await client_->request({.method = "resources/read", .params = params});
    if (!answer) co_return std::nullopt;
    std::optional<std::string> text;
    mcp::for_each_element(member(JsonSpan(answer->result), "contents"),
                          [&](JsonSpan each) { text = member(each, "text").text(); });
    co_return text;
  }

  // Lists the skills; loads the first one where the scenario is about loading, and goes on only with what it was
  // promised.
  Task<bool> load_skill() {
    const Answer listed = co_await client_->request({.method = "skills/list"});
    if (!listed) co_return false;
    if (scenario_ == "sep-2640-client-no-prefetch") co_return true;
    std::optional<JsonSpan> skill;
    mcp::for_each_element(member(JsonSpan(listed->result), "skills"), [&](JsonSpan each) {
      if (!skill) skill = each;
    });
    if (!skill) co_return false;
    std::vector<JsonSpan> files;
    mcp::for_each_element(member(*skill, "resources"), [&](JsonSpan each) { files.push_back(each); });
    for (const JsonSpan file : files) {
      const auto text = co_await read(member(file, "uri").text());
      if (!text) co_return false;
      const bool main = member(file, "uri").text() == member(*skill, "uri").text();
      if (member(file, "size").integer() != static_cast<std::int64_t>(text->size()) ||
          member(file, "digest").text() != "sha256:" + auth::hex(auth::sha256(*text)) ||
          (main && !front_matter_fits(*text, member(*skill, "frontmatter")))) {
        std::cerr << "the skill is not what its entry promises; it is not loaded\n";
        co_return true;
      }
    }
    co_return true;
  }

  static bool front_matter_fits(std::string_view text, JsonSpan promised) {
    bool fits = true;
    mcp::for_each_member(promised, [&](JsonSpan key, JsonSpan value) {
      fits = fits && text.find("\n" + key.text() + ": " + value.text() + "\n") != text.npos;
    });
    return fits;
  }

  Loop loop_;
  SystemClock clock_;
  SystemRandom random_;
  http::Client http_;
  Browser browser_;
  Host host_;
  std::string scenario_;
  std::string context_text_;
  JsonSpan context_;
  std::unique_ptr<auth::OauthClient> auth_;
  std::unique_ptr<client::McpClient> client_;
};

}  // namespace
}  // namespace meantime

int main(int count, char** arguments) {
  if (count < 2) {
    std::cerr << "usage: conformance_client URL\n";
    return 2;
  }
  boost::asio::io_context io;
  meantime::Run run(io, arguments[count - 1], meantime::environment("MCP_CONFORMANCE_SCENARIO"),
                    meantime::environment("MCP_CONFORMANCE_CONTEXT"));
  auto going = run.go();
  auto work = boost::asio::make_work_guard(io);
  while (!going.done()) io.run_one();
  return going.take() ? 0 : 1;
}
