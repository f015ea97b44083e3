// SPDX-License-Identifier: MIT
#include "auth/jwt_authenticator.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>

#include "support/manual_clock.hpp"

namespace meantime::auth {
namespace {

namespace json = boost::json;

constexpr std::string_view issuer = "https://as.example/tenant";
constexpr std::string_view resource = "https://mcp.example/mcp";

// An issuer that answers from memory; a test may hold its answers back.
class Issuer {
 public:
  Issuer() { publish(); }
  void publish() {
    auto jwk = json::parse(key_.jwk(false)).as_object();
    jwk["kid"] = kid_;
    pages_["https://as.example/jwks"] = json::serialize(json::object{{"keys", json::array{jwk}}});
    pages_["https://as.example/.well-known/oauth-authorization-server/tenant"] =
        json::serialize(json::object{{"issuer", issuer}, {"jwks_uri", "https://as.example/jwks"}});
  }
  void rotate() {
    key_ = SigningKey::make();
    kid_ += "+";
    publish();
  }
  [[nodiscard]] std::string sign(json::object claims, json::object header = {{"typ", "at+jwt"}}) const {
    header["kid"] = kid_;
    return *key_.sign(std::move(header), claims);
  }
  Fetch fetch() {
    return [this](WebRequest request) { return answer(std::move(request)); };
  }
  std::map<std::string, std::string> pages_;
  std::vector<std::string> asked_;
  bool away_ = false;

 private:
  Task<Result<WebAnswer>> answer(WebRequest request) {
    asked_.push_back(request.url);
    if (away_) co_return fail(errc::unavailable, "test", "the line is cut");
    const auto found = pages_.find(request.url);
    if (found == pages_.end()) co_return WebAnswer{.status = 404};
    co_return WebAnswer{.status = 200, .headers = {}, .body = found->second};
  }
  SigningKey key_ = SigningKey::make();
  std::string kid_ = "one";
};

class JwtCallers : public testing::Test {
 protected:
  [[nodiscard]] std::int64_t now() const { return clock_.wall_now().time_since_epoch() / std::chrono::seconds(1); }
  [[nodiscard]] json::object claims() const {
    return {{"iss", issuer},      {"aud", resource}, {"sub", "alice"},
            {"exp", now() + 600}, {"iat", now()},    {"scope", "a b"}};
  }
  [[nodiscard]] json::object claims_with(std::string_view name, const json::value& value) const {
    auto all = claims();
    all[name] = value;
    return all;
  }
  Verdict ask(const std::string& token) {
    const auto header = "Bearer " + token;
    auto asked = authenticator_.authenticate({.authorization = header});
    EXPECT_TRUE(asked.done());
    return asked.take();
  }
  void expect_refused(const std::string& token, std::string_view why) {
    const auto verdict = ask(token);
    ASSERT_FALSE(verdict) << why;
    EXPECT_EQ(verdict.error().status, 401);
    EXPECT_EQ(verdict.error().error, "invalid_token");
    EXPECT_NE(verdict.error().description.find(why), std::string::npos) << verdict.error().description;
    EXPECT_NE(verdict.error().www_authenticate.find("error=\"invalid_token\""), std::string::npos);
    EXPECT_NE(verdict.error().www_authenticate.find(
                  "resource_metadata=\"https://mcp.example/.well-known/oauth-protected-resource/mcp\""),
              std::string::npos);
    EXPECT_NE(verdict.error().www_authenticate.find("scope=\"a\""), std::string::npos);
  }

  boost::asio::io_context loop_;
  test::ManualClock clock_{loop_};
  Issuer issuer_;
  JwtAuthenticator authenticator_{
      {.resource = std::string(resource), .issuers = {std::string(issuer)}, .scopes = {"a"}},
      {.issuer = std::string(issuer)},
      issuer_.fetch(),
      clock_};
};

TEST_F(JwtCallers, AreKnownByIssuerAndSubject) {
  const auto alice = ask(issuer_.sign(claims()));
  ASSERT_TRUE(alice) << alice.error().description;
  EXPECT_EQ((*alice)->owner, "https://as.example/tenant alice");
  EXPECT_EQ((*alice)->name, "alice");
  EXPECT_EQ((*alice)->scopes, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE((*alice)->every_scope);
}

TEST_F(JwtCallers, AClientWithoutASubjectIsNeverTakenForAUser) {
  auto all = claims();
  all.erase("sub");
  all["client_id"] = "robot";
  const auto robot = ask(issuer_.sign(all));
  ASSERT_TRUE(robot) << robot.error().description;
  const auto user = ask(issuer_.sign(claims_with("sub", "robot")));
  ASSERT_TRUE(user);
  EXPECT_NE((*robot)->owner, (*user)->owner);
  expect_refused(issuer_.sign(claims_with("sub", "(client) robot")), "subject");
  all.erase("client_id");
  expect_refused(issuer_.sign(all), "neither");
}

TEST_F(JwtCallers, KeysAreFoundThroughTheIssuersMetadataAndFetchedOnce) {
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(ask(issuer_.sign(claims_with("sub", json::string("user " + std::to_string(i))))));
  EXPECT_EQ(issuer_.asked_,
            (std::vector<std::string>{"https://as.example/.well-known/oauth-authorization-server/tenant",
                                      "https://as.example/jwks"}));
}

TEST_F(JwtCallers, KeysAreFoundThroughOpenIdsMetadata) {
  auto pages = issuer_.pages_.extract("https://as.example/.well-known/oauth-authorization-server/tenant");
  pages.key() = "https://as.example/tenant/.well-known/openid-configuration";
  issuer_.pages_.insert(std::move(pages));
  EXPECT_TRUE(ask(issuer_.sign(claims())));
}

TEST_F(JwtCallers, MetadataOfAnotherIssuerIsNotBelieved) {
  issuer_.pages_["https://as.example/.well-known/oauth-authorization-server/tenant"] =
      R"({"issuer":"https://as.example/other","jwks_uri":"https://as.example/jwks"})";
  const auto verdict = ask(issuer_.sign(claims()));
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().status, 503);
}

TEST_F(JwtCallers, AKnownTokenNeedsNoKeyAndNoSignature) {
  const auto token = issuer_.sign(claims());
  ASSERT_TRUE(ask(token));
  issuer_.away_ = true;
  const auto asked = issuer_.asked_.size();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(ask(token));
  EXPECT_EQ(issuer_.asked_.size(), asked);
}

TEST_F(JwtCallers, AKnownTokenExpiresLikeAnyOther) {
  const auto token = issuer_.sign(claims_with("exp", now() + 30));
  ASSERT_TRUE(ask(token));
  clock_.jump_wall(std::chrono::seconds(89));
  EXPECT_TRUE(ask(token)) << "clocks may differ by a minute";
  clock_.jump_wall(std::chrono::seconds(1));
  expect_refused(token, "expired");
}

TEST_F(JwtCallers, WhatIsWrongIsSaid) {
  expect_refused(issuer_.sign(claims_with("iss", "https://as.example")), "another issuer");
  expect_refused(issuer_.sign(claims_with("iss", "https://as.example/tenant/")), "another issuer");
  expect_refused(issuer_.sign(claims_with("aud", "https://mcp.example/mcp/")), "another resource");
  expect_refused(issuer_.sign(claims_with("aud", json::array{"https://a", "https://b"})), "another resource");
  expect_refused(issuer_.sign(claims_with("aud", nullptr)), "another resource");
  expect_refused(issuer_.sign(claims_with("exp", now() - 60)), "expired");
  expect_refused(issuer_.sign(claims_with("exp", "soon")), "no time");
  expect_refused(issuer_.sign(claims_with("exp", nullptr)), "no time");
  expect_refused(issuer_.sign(claims_with("exp", 1e300)), "no time");
  expect_refused(issuer_.sign(claims_with("nbf", now() + 61)), "not valid yet");
  expect_refused(issuer_.sign(claims_with("iat", now() + 61)), "in the future");
  expect_refused(issuer_.sign(claims_with("sub", "a\nb")), "subject");
  expect_refused(issuer_.sign(claims_with("sub", json::string(600, 'a'))), "subject");
  expect_refused(issuer_.sign(claims_with("cnf", json::object{{"jkt", "x"}})), "bound to a key");
  expect_refused(issuer_.sign(claims(), {{"typ", "dpop+jwt"}}), "not an access token");
  expect_refused("abc", "not a signed JWT");
  auto all = claims();
  all.erase("exp");
  expect_refused(issuer_.sign(all), "no exp");
  const Issuer other;
  expect_refused(other.sign(claims()), "signature");
}

TEST_F(JwtCallers, SmallDifferencesOfClocksAndFormsAreFine) {
  EXPECT_TRUE(ask(issuer_.sign(claims_with("exp", now() - 59))));
  EXPECT_TRUE(ask(issuer_.sign(claims_with("nbf", now() + 60))));
  EXPECT_TRUE(ask(issuer_.sign(claims_with("exp", static_cast<double>(now()) + 0.5))));
  EXPECT_TRUE(ask(issuer_.sign(claims_with("aud", json::array{"https://a", resource}))));
  for (const std::string_view type : {"JWT", "jwt", "AT+JWT", "application/at+jwt"})
    EXPECT_TRUE(ask(issuer_.sign(claims(), {{"typ", type}}))) << type;
  EXPECT_TRUE(ask(issuer_.sign(claims(), {})));
  auto all = claims();
  all.erase("scope");
  all["scp"] = json::array{"a", "c"};
  EXPECT_TRUE(ask(issuer_.sign(all)));
  all["scp"] = "c a";
  EXPECT_TRUE(ask(issuer_.sign(all)));
}

TEST_F(JwtCallers, WithoutTheScopesThatAllNeedTheAnswerIs403) {
  const auto verdict = ask(issuer_.sign(claims_with("scope", "b")));
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().status, 403);
  EXPECT_NE(verdict.error().www_authenticate.find("error=\"insufficient_scope\""), std::string::npos);
  EXPECT_NE(verdict.error().www_authenticate.find("scope=\"a\""), std::string::npos);
  EXPECT_NE(verdict.error().www_authenticate.find("resource_metadata="), std::string::npos);
  EXPECT_EQ(verdict.error().body(), R"({"error":"insufficient_scope","error_description":"This needs the scope a."})");
  const auto alice = ask(issuer_.sign(claims()));
  ASSERT_TRUE(alice);
  EXPECT_FALSE(authenticator_.refuse_without(**alice, std::vector<std::string>{"b"}));
  const auto refused = authenticator_.refuse_without(**alice, std::vector<std::string>{"b", "tool:x"});
  ASSERT_TRUE(refused);
  EXPECT_NE(refused->www_authenticate.find("scope=\"b tool:x\""), std::string::npos);
}

TEST_F(JwtCallers, NewKeysAreFetchedWhenATokenNamesOne) {
  ASSERT_TRUE(ask(issuer_.sign(claims())));
  clock_.advance(std::chrono::seconds(31));
  issuer_.rotate();
  EXPECT_TRUE(ask(issuer_.sign(claims())));
}

TEST_F(JwtCallers, TokensWithMadeUpKeysDoNotMakeUsAskAllTheTime) {
  ASSERT_TRUE(ask(issuer_.sign(claims())));
  const auto asked = issuer_.asked_.size();
  Issuer stranger;
  for (int i = 0; i < 100; ++i) {
    stranger.rotate();
    expect_refused(stranger.sign(claims()), "signature");
  }
  EXPECT_EQ(issuer_.asked_.size(), asked) << "they were fetched a moment ago";
  clock_.advance(std::chrono::seconds(30));
  for (int i = 0; i < 100; ++i) expect_refused(stranger.sign(claims()), "signature");
  EXPECT_EQ(issuer_.asked_.size(), asked + 1);
}

TEST_F(JwtCallers, OldKeysGoOnWhileTheIssuerIsAway) {
  ASSERT_TRUE(ask(issuer_.sign(claims())));
  clock_.advance(std::chrono::hours(2));
  clock_.jump_wall(std::chrono::hours(2));
  issuer_.away_ = true;
  EXPECT_TRUE(ask(issuer_.sign(claims())));
}

TEST_F(JwtCallers, WhileThereAreNoKeysTheAnswerSaysWhenToComeAgain) {
  issuer_.away_ = true;
  const auto verdict = ask(issuer_.sign(claims()));
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().status, 503);
  EXPECT_EQ(verdict.error().retry_after, std::chrono::seconds(5));
  issuer_.away_ = false;
  clock_.advance(std::chrono::seconds(5));
  EXPECT_TRUE(ask(issuer_.sign(claims())));
}

TEST_F(JwtCallers, RememberedTokensAreLimited) {
  JwtAuthenticator few({.resource = std::string(resource)}, {.issuer = std::string(issuer), .remembered = 3},
                       issuer_.fetch(), clock_);
  for (int i = 0; i < 100; ++i) {
    const auto header = "Bearer " + issuer_.sign(claims_with("sub", json::string(std::to_string(i))));
    EXPECT_TRUE(few.authenticate({.authorization = header}).take());
    EXPECT_TRUE(few.authenticate({.authorization = header}).take());
  }
}

TEST(JwtKeys, ThoseThatWaitShareOneFetchAndMayLeave) {
  boost::asio::io_context loop;
  test::ManualClock clock(loop);
  Issuer issuer_server;
  std::vector<std::coroutine_handle<>> held;
  struct Hold {
    std::vector<std::coroutine_handle<>>& held;
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) { held.push_back(handle); }
    static void await_resume() noexcept {}
  };
  const struct Slow {
    static Task<Result<WebAnswer>> get(Fetch fetch, std::vector<std::coroutine_handle<>>& waiting, WebRequest request) {
      co_await Hold{waiting};
      co_return co_await fetch(std::move(request));
    }
  } slow{};
  KeySource keys(
      {.issuer = std::string(issuer), .jwks_url = "https://as.example/jwks"},
      [&](WebRequest request) { return slow.get(issuer_server.fetch(), held, std::move(request)); }, clock);
  auto first = keys.keys_for("one");
  auto second = keys.keys_for("one");
  auto third = keys.keys_for("one");
  EXPECT_FALSE(first.done() || second.done() || third.done());
  first.reset();
  ASSERT_EQ(held.size(), 1U);
  held[0].resume();
  ASSERT_TRUE(second.done() && third.done());
  EXPECT_EQ(*second.take(), *third.take());
  EXPECT_EQ(issuer_server.asked_.size(), 1U);
}

TEST(ResourceMetadata, LiesWhereClientsLookForIt) {
  EXPECT_EQ(metadata_path("https://h/mcp"), "/.well-known/oauth-protected-resource/mcp");
  EXPECT_EQ(metadata_path("https://h"), "/.well-known/oauth-protected-resource");
  EXPECT_EQ(metadata_url("https://h:8443/a/b"), "https://h:8443/.well-known/oauth-protected-resource/a/b");
  const auto document = json::parse(metadata_document({.resource = "https://h/mcp",
                                                       .issuers = {"https://as"},
                                                       .scopes = {"a"},
                                                       .scopes_offered = {"a", "b"},
                                                       .name = "mean\"time"}));
  EXPECT_EQ(document.at("resource"), "https://h/mcp");
  EXPECT_EQ(document.at("authorization_servers"), (json::array{"https://as"}));
  EXPECT_EQ(document.at("scopes_supported"), (json::array{"a", "b"}));
  EXPECT_EQ(document.at("bearer_methods_supported"), (json::array{"header"}));
  EXPECT_EQ(document.at("resource_name"), "mean\"time");
}

TEST(OpenDoor, EverybodyIsTheSameOwner) {
  const auto open = make_open_authenticator("local");
  EXPECT_FALSE(open->asks());
  const auto verdict = open->authenticate({.authorization = "Bearer x", .several = true}).take();
  ASSERT_TRUE(verdict);
  EXPECT_EQ((*verdict)->owner, "local");
  EXPECT_TRUE((*verdict)->may(std::vector<std::string>{"anything"}));
}

}  // namespace
}  // namespace meantime::auth
