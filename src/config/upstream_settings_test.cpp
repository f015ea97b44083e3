// SPDX-License-Identifier: MIT
#include "config/upstream_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>

#include "mcp/json_span.hpp"
#include "support/config_texts.hpp"
#include "support/temp_folder.hpp"

namespace meantime::config {
namespace {

using namespace std::chrono_literals;
using test::config_of;
using test::problems_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

boost::json::value json(std::string_view text) {
  return boost::json::parse(text);
}

class Environment : public ::testing::Test {
 protected:
  Environment() { setenv("MEANTIME_TEST_SECRET", "geheim", 1); }
  ~Environment() override { unsetenv("MEANTIME_TEST_SECRET"); }
};
using UpstreamSettingsTest = Environment;

TEST_F(UpstreamSettingsTest, OfAServerOverHttpAreReadInFull) {
  const Config config = config_of(R"(
    [upstreams.docs]
    url = "https://docs.example.com/mcp"
    transport = "http"
    headers = { "X-Team" = "a", "X-Key" = "k-{env:MEANTIME_TEST_SECRET}-{other}" }
    bearer_token_env = "MEANTIME_TEST_SECRET"
    protocol = "2025-11-25"
    start = "eager"
    start_limit = "5s"
    resources = false
    prompts = false
    prefix = "docs_"
    allow = ["search*", "read_?"]
    deny = ["*_all"]
    [upstreams.docs.tls]
    ca = "/etc/passwd"
    cert = "/etc/passwd"
    key = "/etc/passwd"
  )");
  ASSERT_EQ(config.upstreams.size(), 1U);
  const UpstreamSettings& docs = config.upstreams[0];
  ASSERT_TRUE(docs.http);
  EXPECT_EQ(docs.http->url, "https://docs.example.com/mcp");
  EXPECT_THAT(docs.http->headers, ElementsAre(Pair("X-Key", "k-geheim-{other}"), Pair("X-Team", "a")));
  EXPECT_EQ(docs.http->bearer_token, "geheim");
  EXPECT_FALSE(docs.http->oauth);
  EXPECT_EQ(docs.http->tls_ca, "/etc/passwd");
  EXPECT_EQ(docs.protocol, "2025-11-25");
  EXPECT_EQ(docs.start, UpstreamSettings::Start::eager);
  EXPECT_EQ(docs.start_limit, 5s);
  EXPECT_FALSE(docs.resources || docs.prompts);
  EXPECT_TRUE(docs.filter.passes("search_all_of_it") && docs.filter.passes("read_1"));
  EXPECT_FALSE(docs.filter.passes("search_all") || docs.filter.passes("read_12") || docs.filter.passes("write"));
}

TEST_F(UpstreamSettingsTest, OAuthIsReadyWhereNothingElseIsSaid) {
  EXPECT_TRUE(config_of("[upstreams.a]\nurl = \"https://a/mcp\"").upstreams[0].http->oauth);
  EXPECT_FALSE(config_of("[upstreams.a]\nurl = \"https://a/mcp\"\noauth = false").upstreams[0].http->oauth);
  EXPECT_FALSE(config_of("[upstreams.a]\nurl = \"https://a/mcp\"\nheaders = { authorization = \"Basic x\" }")
                   .upstreams[0]
                   .http->oauth);
  EXPECT_FALSE(config_of("[upstreams.a]\ncommand = [\"true\"]").upstreams[0].http);
  const Config config = config_of(R"(
    [upstreams.a]
    url = "https://a/mcp"
    [upstreams.a.oauth]
    kind = "client_credentials"
    issuer = "https://login"
    client_id = "me"
    client_secret_env = "MEANTIME_TEST_SECRET"
    client_metadata_url = "https://me/client.json"
    scopes = ["read", "write"]
    redirect_port = 8765
  )");
  const OauthClientSettings& oauth = *config.upstreams[0].http->oauth;
  EXPECT_EQ(oauth.kind, OauthClientSettings::Kind::client_credentials);
  EXPECT_EQ(oauth.issuer, "https://login");
  EXPECT_EQ(oauth.client_id, "me");
  EXPECT_EQ(oauth.client_secret, "geheim");
  EXPECT_EQ(oauth.client_metadata_url, "https://me/client.json");
  EXPECT_THAT(oauth.scopes, ElementsAre("read", "write"));
  EXPECT_EQ(oauth.redirect_port, 8765);
}

TEST_F(UpstreamSettingsTest, SecretsMayStandInFilesBesideTheConfiguration) {
  const test::TempFolder folder;
  std::ofstream(folder.path() / "token") << "t0ken\n";
  std::ofstream(folder.path() / "key.pem") << "-----BEGIN PRIVATE KEY-----\n";
  std::ofstream(folder.path() / "c.toml") << R"(
    [upstreams.a]
    url = "https://a/mcp"
    bearer_token_file = "token"
    headers = { "X-Again" = "{file:token}" }
    [upstreams.b]
    url = "https://b/mcp"
    oauth = { kind = "client_credentials", client_id = "me", private_key_file = "key.pem" })";
  const Loaded loaded = load_config(folder.path() / "c.toml");
  ASSERT_THAT(loaded.problems, IsEmpty());
  const UpstreamHttp& a = *loaded.config.upstreams[0].http;
  EXPECT_EQ(a.bearer_token, "t0ken");
  EXPECT_EQ(a.bearer_token_file, folder.path() / "token");
  EXPECT_EQ(a.headers.at("X-Again"), "t0ken");
  EXPECT_THAT(loaded.config.upstreams[1].http->oauth->private_key, HasSubstr("BEGIN PRIVATE KEY"));
}

TEST_F(UpstreamSettingsTest, MistakesAreProblemsThatShowNoSecret) {
  const std::string url = "[upstreams.u]\nurl = \"https://h/mcp\"\n";
  const std::vector<std::pair<std::string, const char*>> mistakes{
      {"[upstreams.u]", "c.toml:1:12: [upstreams.u] has no command and no url"},
      {"[upstreams.u]\ncommand = [\"true\"]\nurl = \"https://h\"", "c.toml:3:7: [upstreams.u] has a command and a url"},
      {url + "transport = \"stdio\"", "contradicts its url"},
      {"[upstreams.u]\ncommand = [\"true\"]\ntransport = \"http\"", "contradicts its command"},
      {url + "folder = \"/\"", "'folder' in [upstreams.u] is for an upstream with a command"},
      {url + "idle_stop = \"1m\"", "is for an upstream with a command"},
      {"[upstreams.u]\ncommand = [\"true\"]\nheaders = {}", "is for an upstream with a url"},
      {"[upstreams.u]\nurl = \"h/mcp\"", "'url' in [upstreams.u]"},
      {"[upstreams.u]\nurl = \"https://u:geheim@h/\"", "'url' in [upstreams.u]"},
      {url + "protocol = \"2024-11-05\"", "must be one of \"auto\", \"2025-03-26\""},
      {url + "headers = { \"a b\" = \"geheim\" }", "is no name of a header"},
      {url + "headers = { Host = \"geheim\" }", "is a header that meantime sets itself"},
      {url + "headers = { X = \"geheim\\n\" }", "has a value that no header can have"},
      {url + "headers = { X = \"{env:MEANTIME_NOT_SET}\" }", "variable 'MEANTIME_NOT_SET' is not set"},
      {url + "bearer_token_env = \"MEANTIME_NOT_SET\"", "variable 'MEANTIME_NOT_SET' is not set"},
      {url + "bearer_token_file = \"/no/such\"", "/no/such: there is no such file"},
      {url + "bearer_token_file = \"x\"\nbearer_token_env = \"y\"", "exclude each other"},
      {url + "bearer_token_env = \"MEANTIME_TEST_SECRET\"\nheaders = { Authorization = \"geheim\" }",
       "has a bearer token and an Authorization header"},
      {url + "bearer_token_env = \"MEANTIME_TEST_SECRET\"\noauth = true", "has oauth and a token of its own"},
      {url + "oauth = 5", "must be a table"},
      {url + "oauth = { kind = \"client_credentials\", client_id = \"x\" }", "needs client_id, and client_secret_file"},
      {url + "oauth = { client_secret_env = \"MEANTIME_TEST_SECRET\" }", "and not its client_id"},
      {url + "oauth = { scopes = [\"a b\"] }", "is no scope"},
      {url + "tls = { cert = \"/etc/passwd\" }", "go together"},
      {url + "title = \"x\"", "one title cannot be that of all tools"},
      {url + "start = \"now\"", "must be one of \"lazy\", \"eager\""},
      {url + "prefix = \"a b\"", "cannot be a tool's name"},
  };
  for (const auto& [text, expected] : mistakes) {
    EXPECT_THAT(problems_of(text), ElementsAre(AllOf(HasSubstr(expected), Not(HasSubstr("geheim"))))) << text;
  }
}

TEST(ToolRules, OfOneToolGoBeforeThoseOfItsUpstream) {
  const Config config = config_of(R"(
    [upstreams.u]
    command = ["true"]
    budget = "5s"
    annotations = { openWorldHint = false, readOnlyHint = false }
    scopes = ["use"]
    [upstreams.u.tools.look]
    title = "Look"
    description = "Looks."
    annotations = { readOnlyHint = true, "x-more" = [1, { a = "b" }] }
    task_only = true
    asks_inline = true
    scopes = ["look", "see"]
  )");
  const ToolRules look = config.upstreams[0].rules_of("look");
  Tool tool;
  tool.description = "Its own.";
  tool.listing =
      R"({"outputSchema":{"maximum":1e400,"big":123456789012345678901},"annotations":{"title":"T","readOnlyHint":false}})";
  look.apply_to(tool);
  EXPECT_EQ(tool.budget, 5s);
  EXPECT_TRUE(tool.task_only && tool.asks_inline);
  EXPECT_EQ(tool.description, "Looks.");
  EXPECT_THAT(tool.listing, HasSubstr(R"("outputSchema":{"maximum":1e400,"big":123456789012345678901})"))
      << "as it was";
  EXPECT_THAT(tool.listing, HasSubstr(R"("title":"Look")"));
  EXPECT_THAT(*look.scopes, ElementsAre("look", "see"));
  EXPECT_EQ(json(mcp::member(mcp::JsonSpan(tool.listing), "annotations").raw()),
            json(R"({"title":"T","readOnlyHint":true,"openWorldHint":false,"x-more":[1,{"a":"b"}]})"));
  Tool other;
  other.description = "Its own.";
  config.upstreams[0].rules_of("other").apply_to(other);
  EXPECT_EQ(other.description, "Its own.");
  EXPECT_EQ(json(other.listing), json(R"({"annotations":{"readOnlyHint":false,"openWorldHint":false}})"));
  EXPECT_THAT(*config.upstreams[0].rules_of("other").scopes, ElementsAre("use"));
}

TEST(ToolRules, OfACommandReachItsListing) {
  const Config config = config_of(R"(
    [tools.t]
    description = "d"
    command = ["true"]
    title = "T \"1\""
    annotations = '{"readOnlyHint": true}'
    scopes = ["t"]
    task_only = true
    [tools.t.output_schema]
    type = "object"
    properties.n = { type = "integer", minimum = 1 }
  )");
  EXPECT_EQ(json(config.commands[0].tool.listing), json(R"({"title":"T \"1\"","annotations":{"readOnlyHint":true},
                     "outputSchema":{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}})"));
  EXPECT_TRUE(config.commands[0].tool.task_only);
  EXPECT_THAT(*config.command_rules.at("t").scopes, ElementsAre("t"));
}

TEST(ToolRules, ThatClientsWouldRefuseAreProblems) {
  const std::string start = "[tools.t]\ndescription = \"d\"\ncommand = [\"true\"]\n";
  EXPECT_THAT(
      problems_of(start + "annotations = { readOnlyHint = \"yes\" }"),
      ElementsAre(HasSubstr("c.toml:4:15: 'readOnlyHint' of 'annotations' in [tools.t] must be true or false")));
  EXPECT_THAT(problems_of(start + "annotations = { title = 1 }"), ElementsAre(HasSubstr("must be a string")));
  EXPECT_THAT(problems_of(start + "annotations = '[1]'"), ElementsAre(HasSubstr("must be an object of JSON")));
  EXPECT_THAT(problems_of(start + "annotations = '{\"a\": }'"), ElementsAre(HasSubstr("must be an object of JSON: ")));
  EXPECT_THAT(problems_of(start + "annotations = { d = 2020-01-01 }"), ElementsAre(HasSubstr("JSON does not have")));
  EXPECT_THAT(problems_of(start + "output_schema = 5"), ElementsAre(HasSubstr("must be a table, or a string of JSON")));
  EXPECT_THAT(problems_of(start + "output_schema = { type = \"array\" }"),
              ElementsAre(HasSubstr("c.toml:4:17: 'output_schema' in [tools.t]: must describe an object")));
  EXPECT_THAT(problems_of(start + "output_schema = { type = \"object\", required = 5 }"),
              ElementsAre(HasSubstr("'output_schema' in [tools.t]: ")));
  EXPECT_THAT(problems_of(start + "no_background = true\ntask_only = true"),
              ElementsAre(HasSubstr("no_background and task_only exclude each other")));
}

TEST(NameFilter, TakesPatterns) {
  struct Row {
    const char* pattern;
    const char* name;
    bool fits;
  };
  for (const Row& row :
       {Row{"*", "", true}, Row{"", "", true}, Row{"", "a", false}, Row{"a*", "abc", true}, Row{"a*", "ba", false},
        Row{"*c", "abc", true}, Row{"a*c", "abcbc", true}, Row{"a?c", "abc", true}, Row{"a?c", "ac", false},
        Row{"**a**", "a", true}, Row{"a", "A", false}, Row{"a*b*c", "axbx", false}, Row{"[a]", "a", false},
        Row{"*.*", "a.b", true}}) {
    EXPECT_EQ(fits_pattern(row.pattern, row.name), row.fits) << row.pattern << " " << row.name;
  }
  const std::string stars = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";
  EXPECT_FALSE(fits_pattern(stars, std::string(10'000, 'a'))) << "and soon";
}

TEST(SessionSettings, KnowWhatAClientGets) {
  const Config config = config_of("[session]\nover_budget = \"wait\"\n[session.budgets]\n\"claude-desktop\" = \"8s\"");
  EXPECT_EQ(config.session.over_budget, SessionSettings::OverBudget::wait);
  EXPECT_EQ(config.session.budget_cap("claude-desktop"), 8s);
  EXPECT_EQ(config.session.budget_cap("cursor"), std::nullopt);
  EXPECT_THAT(problems_of("[session]\nover_budget = \"no\""), ElementsAre(HasSubstr("\"envelope\", \"wait\"")));
}

}  // namespace
}  // namespace meantime::config
