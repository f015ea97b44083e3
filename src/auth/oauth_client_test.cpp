// SPDX-License-Identifier: MIT
// Against an authorization server and an upstream that live in memory: tests/auth has real ones.
#include "auth/oauth_client.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <ranges>

#include "auth/digest.hpp"
#include "auth/jose.hpp"
#include "auth/oauth_rules.hpp"
#include "auth/token_store.hpp"
#include "auth/url.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_folder.hpp"

namespace meantime::auth {
namespace {

namespace json = boost::json;
using Texts = std::vector<std::string>;

constexpr std::string_view upstream_url = "https://up.example/mcp";
constexpr std::string_view prm_url = "https://up.example/.well-known/oauth-protected-resource/mcp";

// Authorization servers and documents by URL, and a log of what was asked of them.
class World {
 public:
  struct Asked {
    std::string url;
    Form form;
    std::vector<WebHeader> headers;
    [[nodiscard]] std::string get(std::string_view name) const {
      return std::string(only_field(form, name).value_or(""));
    }
    [[nodiscard]] std::string header(std::string_view name) const {
      for (const auto& each : headers) {
        if (each.name == name) return each.value;
      }
      return {};
    }
  };

  World() { add_server("https://as.example"); }

  void add_server(const std::string& issuer, json::object more = {}) {
    json::object document{
        {"issuer", issuer},
        {"authorization_endpoint", issuer + "/authorize"},
        {"token_endpoint", issuer + "/token"},
        {"registration_endpoint", issuer + "/register"},
        {"code_challenge_methods_supported", json::array{"S256"}},
        {"token_endpoint_auth_methods_supported", json::array{"none", "client_secret_basic", "private_key_jwt"}}};
    for (auto& [name, value] : more) document[name] = value;
    pages[issuer + "/.well-known/oauth-authorization-server"] = json::serialize(document);
    names(issuer);
  }
  void names(const std::string& issuer, json::object more = {}) {
    json::object document{{"resource", upstream_url}, {"authorization_servers", json::array{json::string(issuer)}}};
    for (auto& [name, value] : more) document[name] = value;
    pages[std::string(prm_url)] = json::serialize(document);
  }
  [[nodiscard]] std::size_t count(std::string_view url) const {
    return static_cast<std::size_t>(std::ranges::count_if(asked, [&](const Asked& each) { return each.url == url; }));
  }
  [[nodiscard]] const Asked& last(std::string_view url) const {
    for (const auto& each : std::views::reverse(asked)) {
      if (each.url == url) return each;
    }
    throw std::runtime_error("nobody asked " + std::string(url));
  }
  Fetch fetch() {
    return [this](WebRequest request) { return answer(std::move(request)); };
  }

  std::map<std::string, std::string> pages;
  std::vector<Asked> asked;
  std::vector<WebAnswer> token_answers;  // instead of the usual ones, the first first
  json::object token_more;
  bool away = false;
  int tokens = 0;

 private:
  Task<Result<WebAnswer>> answer(WebRequest request) {
    asked.push_back(
        {.url = request.url, .form = decode_form(request.body).value_or(Form{}), .headers = request.headers});
    if (away) co_return fail(errc::unavailable, "test", "the line is cut");
    if (request.method == "GET") {
      const auto page = pages.find(request.url);
      if (page == pages.end()) co_return WebAnswer{.status = 404};
      co_return WebAnswer{.status = 200, .headers = {}, .body = page->second};
    }
    if (request.url.ends_with("/register")) {
      co_return WebAnswer{
          .status = 201, .headers = {}, .body = R"({"client_id":"registered at )" + request.url + R"("})"};
    }
    if (!request.url.ends_with("/token")) co_return WebAnswer{.status = 404};
    if (!token_answers.empty()) {
      auto first = std::move(token_answers.front());
      token_answers.erase(token_answers.begin());
      co_return first;
    }
    json::object token{
        {"access_token", "token-" + std::to_string(++tokens)}, {"token_type", "Bearer"}, {"expires_in", 3600}};
    for (auto& [name, value] : token_more) token[name] = value;
    co_return WebAnswer{.status = 200, .headers = {}, .body = json::serialize(token)};
  }
};

// A user who says yes at once, or when let.
class User final : public Consent {
 public:
  Result<std::string> redirect_uri(std::string_view last) override {
    return last.empty() ? "http://127.0.0.1:7/callback" : std::string(last);
  }
  Task<Result<std::string>> ask(std::string url) override {
    asked.push_back(url);
    if (thinks) co_await Thinking{*this};
    if (says_no) co_return fail(errc::timed_out, "test", "the user is away");
    const auto query = decode_form(parse_url(url)->query);
    Form back{{"code", "code-1"}, {"state", std::string(*only_field(*query, "state"))}};
    for (const auto& each : more) back.push_back(each);
    co_return with_query(*only_field(*query, "redirect_uri"), back);
  }
  [[nodiscard]] std::string get(std::string_view name) const {
    const auto query = decode_form(parse_url(asked.back())->query);
    return std::string(only_field(*query, name).value_or("(absent)"));
  }
  void decide() { std::exchange(waiting, {}).resume(); }

  std::vector<std::string> asked;
  Form more;
  bool thinks = false;
  bool says_no = false;

 private:
  struct Thinking {
    User& user;
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) const { user.waiting = handle; }
    static void await_resume() noexcept {}
  };
  std::coroutine_handle<> waiting;
};

class Oauth : public testing::Test {
 protected:
  std::unique_ptr<OauthClient> make(OauthSettings settings = {}, TokenStore* store = nullptr, bool with_user = true) {
    return std::make_unique<OauthClient>("up", std::string(upstream_url), std::move(settings),
                                         OauthParts{.fetch = world_.fetch(),
                                                    .clock = &clock_,
                                                    .random = &random_,
                                                    .consent = with_user ? &user_ : nullptr,
                                                    .store = store});
  }
  static std::string value(const std::vector<WebHeader>& headers, std::string_view name) {
    for (const auto& each : headers) {
      if (each.name == name) return each.value;
    }
    return {};
  }
  static std::vector<WebHeader> headers(OauthClient& client) {
    auto got = client.credentials("POST", std::string(upstream_url)).take();
    EXPECT_TRUE(got) << got.error().detail;
    return got.value_or(std::vector<WebHeader>());
  }
  static std::string token(OauthClient& client) { return value(headers(client), "Authorization"); }
  static Refusal refusal(int status, std::string challenge, std::vector<WebHeader> sent = {}, int attempt = 0) {
    return {.status = status,
            .www_authenticate = {std::move(challenge)},
            .dpop_nonce = {},
            .sent = std::move(sent),
            .attempt = attempt};
  }
  static Result<bool> refuse(OauthClient& client, Refusal refusal) {
    return client.refused("POST", std::string(upstream_url), std::move(refusal)).take();
  }
  static Result<bool> refuse(OauthClient& client, std::string challenge = "Bearer") {
    return refuse(client, refusal(401, std::move(challenge)));
  }

  boost::asio::io_context loop_;
  test::ManualClock clock_{loop_};
  SystemRandom random_;
  World world_;
  User user_;
};

TEST_F(Oauth, TheWholeWayToAToken) {
  const auto client = make();
  EXPECT_TRUE(headers(*client).empty()) << "nobody has asked for one yet";
  const auto again = refuse(
      *client, R"(Bearer resource_metadata="https://up.example/.well-known/oauth-protected-resource/mcp", scope="a")");
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_TRUE(*again);
  EXPECT_EQ(token(*client), "Bearer token-1");
  EXPECT_EQ(user_.get("resource"), upstream_url);
  EXPECT_EQ(user_.get("scope"), "a");
  const auto& asked = world_.last("https://as.example/token");
  EXPECT_EQ(asked.get("grant_type"), "authorization_code");
  EXPECT_EQ(asked.get("code"), "code-1");
  EXPECT_EQ(asked.get("resource"), upstream_url);
  EXPECT_EQ(asked.get("redirect_uri"), "http://127.0.0.1:7/callback");
  EXPECT_EQ(base64url(bytes_of(sha256(asked.get("code_verifier")))), user_.get("code_challenge"));
  EXPECT_EQ(asked.get("client_id"), "registered at https://as.example/register");
  EXPECT_EQ(world_.count(prm_url), 1U);
}

TEST_F(Oauth, TokensGoToTheUpstreamAndNowhereElse) {
  const auto client = make();
  ASSERT_TRUE(*refuse(*client));
  for (const std::string url : {"https://evil.example/mcp", "http://up.example/mcp", "https://up.example:8443/mcp",
                                "https://up.example.evil/", "nonsense"}) {
    EXPECT_TRUE(client->credentials("POST", url).take()->empty()) << url;
    EXPECT_FALSE(*client->refused("POST", url, refusal(401, "Bearer")).take()) << url;
  }
  EXPECT_EQ(value(*client->credentials("GET", "https://up.example/other").take(), "Authorization"), "Bearer token-1");
}

TEST_F(Oauth, NoTokenOverPlainHttp) {
  OauthClient client("up", "http://up.example/mcp", {},
                     {.fetch = world_.fetch(), .clock = &clock_, .random = &random_, .consent = &user_});
  const auto refused = client.refused("POST", "http://up.example/mcp", refusal(401, "Bearer")).take();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("https"), std::string::npos);
  EXPECT_TRUE(world_.asked.empty());
}

TEST_F(Oauth, TenThatAreRefusedAtOnceAskTheUserOnce) {
  const auto client = make();
  user_.thinks = true;
  std::vector<Task<Result<bool>>> waiting;
  waiting.reserve(10);
  for (int i = 0; i < 10; ++i)
    waiting.push_back(client->refused("POST", std::string(upstream_url), refusal(401, "Bearer")));
  waiting[0].reset();  // the one that began it leaves
  waiting[3].reset();
  EXPECT_EQ(user_.asked.size(), 1U);
  user_.decide();
  for (auto& each : waiting) {
    if (each) EXPECT_TRUE(each.done() && *each.take());
  }
  EXPECT_EQ(world_.tokens, 1);
}

TEST_F(Oauth, AnObjectThatGoesWhileTheUserThinksLeavesNothing) {
  auto client = make();
  user_.thinks = true;
  auto waiting = client->refused("POST", std::string(upstream_url), refusal(401, "Bearer"));
  waiting.reset();
  client.reset();
  EXPECT_EQ(world_.count("https://as.example/token"), 0U);
}

TEST_F(Oauth, WhoWasRefusedWithAnOldTokenTakesTheNewOne) {
  const auto client = make();
  ASSERT_TRUE(*refuse(*client));
  EXPECT_TRUE(*refuse(*client, refusal(401, "Bearer", {{"Authorization", "Bearer old"}})));
  EXPECT_EQ(world_.tokens, 1);
}

TEST_F(Oauth, ATokenIsRenewedBeforeItExpires) {
  world_.token_more = {{"refresh_token", "r1"}};
  const auto client = make();
  ASSERT_TRUE(*refuse(*client));
  clock_.jump_wall(std::chrono::seconds(3569));
  EXPECT_EQ(token(*client), "Bearer token-1");
  clock_.jump_wall(std::chrono::seconds(1));
  world_.token_more = {};
  EXPECT_EQ(token(*client), "Bearer token-2");
  EXPECT_EQ(world_.last("https://as.example/token").get("grant_type"), "refresh_token");
  EXPECT_EQ(world_.last("https://as.example/token").get("refresh_token"), "r1");
  EXPECT_EQ(world_.last("https://as.example/token").get("resource"), upstream_url);
  clock_.jump_wall(std::chrono::seconds(3600));
  EXPECT_EQ(token(*client), "Bearer token-3") << "a server that sends no new refresh token leaves the old one in force";
  EXPECT_EQ(user_.asked.size(), 1U);
}

TEST_F(Oauth, WhileTheServerIsAwayATokenThatStillCountsIsUsed) {
  world_.token_more = {{"refresh_token", "r1"}};
  const auto client = make();
  ASSERT_TRUE(*refuse(*client));
  world_.away = true;
  clock_.jump_wall(std::chrono::seconds(3580));
  EXPECT_EQ(token(*client), "Bearer token-1");
  clock_.jump_wall(std::chrono::seconds(20));
  clock_.advance(std::chrono::seconds(10));
  EXPECT_EQ(client->credentials("POST", std::string(upstream_url)).take().error().code, errc::unavailable);
}

TEST_F(Oauth, ARefreshTokenThatIsRefusedMeansANewConsent) {
  world_.token_more = {{"refresh_token", "r1"}};
  const auto client = make();
  ASSERT_TRUE(*refuse(*client));
  world_.token_answers.push_back({.status = 400, .headers = {}, .body = R"({"error":"invalid_grant"})"});
  EXPECT_TRUE(*refuse(*client, refusal(401, "Bearer", headers(*client))));
  EXPECT_EQ(user_.asked.size(), 2U);
  EXPECT_EQ(token(*client), "Bearer token-2");
}

TEST_F(Oauth, MoreScopesAreAskedForWithThoseThereWere) {
  const auto client = make();
  ASSERT_TRUE(*refuse(*client, R"(Bearer scope="read")"));
  EXPECT_TRUE(*refuse(*client, refusal(403, R"(Bearer error="insufficient_scope", scope="write")", headers(*client))));
  EXPECT_EQ(user_.get("scope"), "read write");
  EXPECT_FALSE(
      *refuse(*client, refusal(403, R"(Bearer error="insufficient_scope", scope="write")", headers(*client), 1)))
      << "asking again would change nothing";
  EXPECT_FALSE(*refuse(*client, refusal(403, "Bearer", headers(*client))));
  EXPECT_FALSE(
      *refuse(*client, refusal(403, R"(Bearer error="insufficient_scope", scope="admin")", headers(*client), 3)))
      << "not for ever";
  EXPECT_EQ(user_.asked.size(), 2U);
}

TEST_F(Oauth, AnotherAuthorizationServerSeesNothingOfTheOldOnes) {
  world_.token_more = {{"refresh_token", "r1"}};
  const auto client = make();
  ASSERT_TRUE(*refuse(*client));
  world_.add_server("https://as2.example");
  ASSERT_TRUE(*refuse(*client, refusal(401, "Bearer", headers(*client))));
  for (const auto& each : world_.asked) {
    if (!each.url.starts_with("https://as2.example/")) continue;
    for (const auto& [name, field] : each.form) {
      EXPECT_NE(field, "r1");
      EXPECT_EQ(field.find("as.example"), std::string::npos) << name;
    }
  }
  EXPECT_EQ(world_.count("https://as2.example/register"), 1U);
  EXPECT_EQ(world_.last("https://as2.example/token").get("grant_type"), "authorization_code");
}

TEST_F(Oauth, AnswersFromTheWrongIssuerNeverReachTheTokenEndpoint) {
  for (const auto& [advertised, sent] :
       {std::pair(true, ""), std::pair(true, "https://evil.example"), std::pair(true, "https://as.example/"),
        std::pair(false, "https://evil.example")}) {
    world_.add_server("https://as.example", {{"authorization_response_iss_parameter_supported", advertised}});
    user_.more = *sent != '\0' ? Form{{"iss", sent}} : Form{};
    const auto client = make();
    EXPECT_EQ(refuse(*client).error().code, errc::invalid_argument);
  }
  EXPECT_EQ(world_.count("https://as.example/token"), 0U);
  user_.more = {{"iss", "https://as.example"}};
  EXPECT_TRUE(*refuse(*make()));
}

TEST_F(Oauth, DocumentsThatAreNotTheirOwnAreNotUsed) {
  world_.names("https://as.example", {{"resource", "https://evil.example/mcp"}});
  EXPECT_EQ(refuse(*make()).error().code, errc::invalid_argument);
  world_.names("https://as.example");
  world_.add_server("https://as.example", {{"issuer", "https://evil.example"}});
  EXPECT_EQ(refuse(*make()).error().code, errc::corrupt);
  world_.add_server("https://as.example", {{"code_challenge_methods_supported", nullptr}});
  EXPECT_EQ(refuse(*make()).error().code, errc::unsupported) << "no PKCE, no code";
  EXPECT_EQ(refuse(*make(), R"(Bearer resource_metadata="http://169.254.169.254/latest")").error().code,
            errc::invalid_argument);
  EXPECT_EQ(world_.count("http://169.254.169.254/latest"), 0U);
  EXPECT_TRUE(user_.asked.empty());
}

TEST_F(Oauth, WithoutResourceMetadataTheServerIsTheUpstreamsOwnHost) {
  world_.pages.clear();
  const auto guessed = make();
  ASSERT_TRUE(*refuse(*guessed));
  EXPECT_TRUE(user_.asked.back().starts_with("https://up.example/authorize?"));
  EXPECT_EQ(world_.count("https://up.example/register"), 1U);
  EXPECT_EQ(user_.get("resource"), upstream_url);
  world_.add_server("https://up.example", {{"authorization_endpoint", "https://up.example/oauth/authorize"}});
  world_.pages.erase(std::string(prm_url));
  ASSERT_TRUE(*refuse(*make()));
  EXPECT_TRUE(user_.asked.back().starts_with("https://up.example/oauth/authorize?"));
}

TEST_F(Oauth, AServerThatIsNamedAndHasNoDocumentIsNotGuessedAt) {
  world_.pages.erase("https://as.example/.well-known/oauth-authorization-server");
  EXPECT_EQ(refuse(*make()).error().code, errc::corrupt);
}

TEST_F(Oauth, AfterARefusalNobodyIsAskedAgainAtOnce) {
  const auto client = make();
  user_.says_no = true;
  EXPECT_EQ(refuse(*client).error().code, errc::timed_out);
  EXPECT_EQ(refuse(*client).error().code, errc::timed_out);
  EXPECT_EQ(user_.asked.size(), 1U);
  user_.says_no = false;
  clock_.advance(std::chrono::seconds(30));
  EXPECT_TRUE(*refuse(*client));
  EXPECT_EQ(user_.asked.size(), 2U);
}

TEST_F(Oauth, WithoutAUserTheErrorSaysWhatToDo) {
  const auto refused = refuse(*make({}, nullptr, false));
  EXPECT_EQ(refused.error().code, errc::unsupported);
  EXPECT_NE(refused.error().detail.find("meantime login up"), std::string::npos);
}

TEST_F(Oauth, WhatWasLearnedOutlivesTheProcess) {
  const test::TempFolder folder;
  const auto store = make_file_token_store(folder.path());
  world_.token_more = {{"refresh_token", "r1"}};
  ASSERT_TRUE(*refuse(*make({}, store.get())));
  const auto next = make({}, store.get(), false);
  EXPECT_EQ(token(*next), "Bearer token-1");
  clock_.jump_wall(std::chrono::hours(1));
  EXPECT_EQ(token(*next), "Bearer token-2") << "renewed without a user";
  EXPECT_EQ(world_.count("https://as.example/register"), 1U);
  EXPECT_EQ(next->store_problem(), "");
}

TEST_F(Oauth, AClientThatTheServerHasForgottenRegistersAnew) {
  const auto client = make();
  world_.token_answers.push_back({.status = 401, .headers = {}, .body = R"({"error":"invalid_client"})"});
  EXPECT_FALSE(refuse(*client));
  clock_.advance(std::chrono::seconds(30));
  EXPECT_TRUE(*refuse(*client));
  EXPECT_EQ(world_.count("https://as.example/register"), 2U);
}

TEST_F(Oauth, AProgramGetsItsTokenWithASecret) {
  const auto client =
      make({.grant = Grant::client_credentials, .client_id = "me", .client_secret = "s"}, nullptr, false);
  ASSERT_TRUE(*refuse(*client, R"(Bearer scope="a")"));
  const auto& asked = world_.last("https://as.example/token");
  EXPECT_EQ(asked.get("grant_type"), "client_credentials");
  EXPECT_EQ(asked.get("resource"), upstream_url);
  EXPECT_EQ(asked.get("scope"), "a");
  EXPECT_EQ(asked.header("Authorization"), "Basic " + base64("me:s"));
  clock_.jump_wall(std::chrono::hours(1));
  EXPECT_EQ(token(*client), "Bearer token-2") << "there is nothing to refresh, and nobody to ask";
}

TEST_F(Oauth, AProgramGetsItsTokenWithAKey) {
  world_.add_server("https://as.example", {{"token_endpoint_auth_methods_supported", json::array{"private_key_jwt"}},
                                           {"token_endpoint_auth_signing_alg_values_supported", json::array{"ES256"}}});
  const auto key = SigningKey::make();
  ASSERT_TRUE(*refuse(
      *make({.grant = Grant::client_credentials, .client_id = "me", .private_key = key.jwk(true)}, nullptr, false)));
  const auto assertion = parse_jwt(world_.last("https://as.example/token").get("client_assertion"));
  ASSERT_TRUE(assertion);
  EXPECT_EQ(assertion->claims.at("aud"), "https://as.example");
  EXPECT_TRUE(KeySet::parse(R"({"keys":[)" + key.jwk(false) + "]}")->verify(*assertion));
}

TEST_F(Oauth, AWorkloadShowsItsTokenAndDoesNotInsist) {
  int reads = 0;
  const auto client =
      make({.grant = Grant::workload,
            .client_id = "me",
            .assertion = [&reads]() -> Result<std::string> { return "workload-" + std::to_string(++reads); }},
           nullptr, false);
  world_.token_answers.push_back({.status = 400, .headers = {}, .body = R"({"error":"invalid_grant"})"});
  EXPECT_FALSE(refuse(*client));
  EXPECT_FALSE(refuse(*client));
  EXPECT_EQ(world_.count("https://as.example/token"), 1U);
  clock_.advance(std::chrono::seconds(30));
  ASSERT_TRUE(*refuse(*client));
  const auto& asked = world_.last("https://as.example/token");
  EXPECT_EQ(asked.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
  EXPECT_EQ(asked.get("assertion"), "workload-2") << "read anew: platforms replace it";
  EXPECT_EQ(asked.get("client_id"), "me");
}

TEST_F(Oauth, ACompanysUserIsVouchedForByItsProvider) {
  world_.token_answers.push_back(
      {.status = 200,
       .headers = {},
       .body =
           R"({"access_token":"jag","issued_token_type":"urn:ietf:params:oauth:token-type:id-jag","token_type":"N_A"})"});
  const auto client = make({.grant = Grant::enterprise,
                            .client_id = "me",
                            .client_secret = "s",
                            .id_token = []() -> Result<std::string> { return "id"; },
                            .idp_token_endpoint = "https://idp.example/token",
                            .idp_client_id = "idp-me"},
                           nullptr, false);
  ASSERT_TRUE(*refuse(*client));
  const auto& exchange = world_.last("https://idp.example/token");
  EXPECT_EQ(exchange.get("grant_type"), "urn:ietf:params:oauth:grant-type:token-exchange");
  EXPECT_EQ(exchange.get("audience"), "https://as.example");
  EXPECT_EQ(exchange.get("resource"), upstream_url);
  EXPECT_EQ(exchange.get("subject_token"), "id");
  EXPECT_EQ(exchange.get("client_id"), "idp-me");
  const auto& asked = world_.last("https://as.example/token");
  EXPECT_EQ(asked.get("assertion"), "jag");
  EXPECT_EQ(asked.header("Authorization"), "Basic " + base64("me:s"));
}

TEST_F(Oauth, ProofsOfPossessionWithTheNoncesThatAreWanted) {
  world_.token_answers.push_back(
      {.status = 400, .headers = {{"dpop-nonce", "as-nonce"}}, .body = R"({"error":"use_dpop_nonce"})"});
  world_.token_more = {{"token_type", "DPoP"}};
  const auto client = make();
  ASSERT_TRUE(*refuse(*client, "DPoP algs=\"ES256\""));
  const auto proof_to_server = parse_jwt(world_.last("https://as.example/token").header("DPoP"));
  ASSERT_TRUE(proof_to_server);
  EXPECT_EQ(proof_to_server->claims.at("nonce"), "as-nonce");
  EXPECT_EQ(proof_to_server->claims.at("htu"), "https://as.example/token");
  auto first = headers(*client);
  EXPECT_EQ(value(first, "Authorization"), "DPoP token-1");
  auto wanted = refusal(401, R"(DPoP error="use_dpop_nonce")", first);
  wanted.dpop_nonce = "rs-nonce";
  EXPECT_TRUE(*refuse(*client, wanted));
  const auto second = headers(*client);
  const auto proof = parse_jwt(value(second, "DPoP"));
  ASSERT_TRUE(proof);
  EXPECT_EQ(proof->claims.at("nonce"), "rs-nonce");
  EXPECT_EQ(proof->claims.at("htm"), "POST");
  EXPECT_EQ(proof->claims.at("ath"), json::string(base64url(bytes_of(sha256("token-1")))));
  EXPECT_NE(value(headers(*client), "DPoP"), value(second, "DPoP")) << "each proof serves once";
  wanted.sent = second;
  EXPECT_FALSE(*refuse(*client, wanted)) << "the same nonce again would not help";
}

TEST_F(Oauth, ATokenThatShouldBeBoundAndIsNotIsRefused) {
  EXPECT_EQ(refuse(*make(), "DPoP").error().code, errc::corrupt);
  world_.add_server("https://as.example", {{"dpop_signing_alg_values_supported", json::array{"RS256"}}});
  EXPECT_EQ(refuse(*make(), "DPoP").error().code, errc::unsupported);
}

TEST_F(Oauth, ABoundTokenKeepsItsKeyBetweenRuns) {
  const test::TempFolder folder;
  const auto store = make_file_token_store(folder.path());
  world_.token_more = {{"token_type", "DPoP"}};
  const auto first = make({}, store.get());
  ASSERT_TRUE(*refuse(*first, "DPoP"));
  const auto key = [](const std::string& proof) { return json::serialize(parse_jwt(proof)->header.at("jwk")); };
  const auto proof = value(headers(*first), "DPoP");
  const auto later = value(headers(*make({}, store.get(), false)), "DPoP");
  ASSERT_NE(later, "");
  EXPECT_EQ(key(later), key(proof));
}

TEST_F(Oauth, NoSecretStandsInAnyError) {
  const std::string secret = "very-secret";
  std::vector<Error> errors;
  const auto collect = [&](Result<bool> result) {
    if (!result) errors.push_back(result.error());
  };
  for (const int status : {400, 401, 403, 500, 302}) {
    world_.token_answers.push_back(
        {.status = status, .headers = {}, .body = R"({"error":"invalid_request","access_token":"very-secret"})"});
    collect(refuse(
        *make({.grant = Grant::client_credentials, .client_id = "me", .client_secret = secret}, nullptr, false)));
  }
  world_.token_answers.push_back(
      {.status = 200, .headers = {}, .body = R"({"access_token":"very-secret\n","token_type":"Bearer"})"});
  collect(refuse(*make()));
  world_.token_answers.push_back(
      {.status = 200, .headers = {}, .body = R"({"access_token":"very-secret","token_type":"mac"})"});
  collect(refuse(*make()));
  collect(
      refuse(*make({.grant = Grant::client_credentials, .client_id = "me", .private_key = secret}, nullptr, false)));
  EXPECT_EQ(errors.size(), 8U);
  for (const auto& each : errors) EXPECT_EQ(each.detail.find(secret), std::string::npos) << each.detail;
}

TEST_F(Oauth, LoggingInAsksForATokenBeforeAnybodyNeedsIt) {
  const auto client = make();
  ASSERT_TRUE(client->log_in().take());
  EXPECT_EQ(token(*client), "Bearer token-1");
  EXPECT_EQ(user_.get("scope"), "(absent)");
}

TEST_F(Oauth, FixedHeadersAreNeverChanged) {
  const auto fixed = make_fixed_auth({{"Authorization", "Bearer x"}});
  EXPECT_EQ(*fixed->credentials("GET", "https://h").take(), (std::vector<WebHeader>{{"Authorization", "Bearer x"}}));
  EXPECT_FALSE(*fixed->refused("GET", "https://h", {}).take());
}

}  // namespace
}  // namespace meantime::auth
