// SPDX-License-Identifier: MIT
#include "config/door_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/config_texts.hpp"
#include "support/temp_folder.hpp"

namespace meantime::config {
namespace {

using namespace std::chrono_literals;
using test::config_of;
using test::notes_of;
using test::problems_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(ListenAddress, IsAnAddressWithAPortOrASocketsPath) {
  EXPECT_EQ(parse_listen("127.0.0.1:7420"), (ListenAddress{"127.0.0.1", 7420, {}}));
  EXPECT_EQ(parse_listen("[::1]:0"), (ListenAddress{"::1", 0, {}}));
  EXPECT_EQ(parse_listen("localhost:80"), (ListenAddress{"127.0.0.1", 80, {}}));
  EXPECT_EQ(parse_listen("unix:/run/x.sock"), (ListenAddress{"", 0, "/run/x.sock"}));
  for (const char* wrong :
       {"", "7420", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[::1]",
        "[1.2.3.4]:80", "example.com:80", ":80", "unix:", "1.2.3.4.5:80", "[]:80"}) {
    const auto address = parse_listen(wrong);
    ASSERT_FALSE(address) << wrong;
    EXPECT_THAT(address.error().detail, HasSubstr("write an address and a port, as \"127.0.0.1:7420\"")) << wrong;
  }
  EXPECT_THAT(parse_listen("unix:/" + std::string(200, 'x')).error().detail, HasSubstr("over 107 bytes"));
}

TEST(ListenAddress, KnowsWhoCanReachIt) {
  for (const char* local : {"127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "unix:/x"})
    EXPECT_TRUE(parse_listen(local)->is_local());
  for (const char* wide : {"0.0.0.0:1", "[::]:1", "10.0.0.5:1", "[fe80::1]:1"})
    EXPECT_FALSE(parse_listen(wide)->is_local());
  EXPECT_TRUE(parse_listen("[::]:1")->is_any());
  EXPECT_FALSE(parse_listen("10.0.0.5:1")->is_any());
  for (const char* text : {"127.0.0.1:1", "[::1]:7420", "unix:/run/x"}) EXPECT_EQ(parse_listen(text)->text(), text);
}

TEST(DoorSettings, WithoutATableTheDoorIsClosedAndWithAnEmptyOneItIsOnLoopback) {
  EXPECT_THAT(config_of("").http.listen, IsEmpty());
  const Config config = config_of("[http]");
  ASSERT_EQ(config.http.listen.size(), 1U);
  EXPECT_EQ(config.http.listen[0].text(), "127.0.0.1:7420");
  EXPECT_EQ(config.http.resource(), "http://127.0.0.1:7420/mcp");
  EXPECT_THAT(config.http.hosts(), ElementsAre("localhost", "127.0.0.1", "[::1]"));
  EXPECT_EQ(config.auth.kind, AuthSettings::Kind::none);
}

TEST(DoorSettings, AreReadInFull) {
  const Config config = config_of(R"(
    [http]
    listen = ["10.0.0.5:443", "unix:run/x.sock"]
    path = "/tools/mcp"
    tls_certificate = "/etc/passwd"
    tls_key = "/etc/group"
    allowed_origins = ["https://app.example.com", "http://localhost:3000"]
    allowed_hosts = ["MCP.internal", "[fd00::1]"]
    public_url = "https://mcp.example.com/tools/mcp"
    look_ups_per_second = 5
    [http.limits]
    body = "1MB"
    head = "8KB"
    headers = 50
    connections = 100
    idle = "1m"
    head_time = "5s"
    body_time = "20s"
    unread = "2MB"
    write_stall = "15s"
    [http.sessions]
    most = 10
    most_per_caller = 3
    idle = "10m"
    replay_events = 7
    replay_bytes = "64KB"
    [auth]
    kind = "oauth"
    issuer = "https://login.example.com"
    jwks_url = "https://login.example.com/keys"
    audience = "https://mcp.example.com"
    scopes_required = ["mcp"]
    scopes_offered = ["mcp", "mcp:admin"]
    leeway = "10s"
    resource_name = "Tools"
    documentation_url = "https://example.com/docs"
  )");
  const HttpSettings& http = config.http;
  ASSERT_EQ(http.listen.size(), 2U);
  EXPECT_EQ(http.listen[1].unix_socket, "/etc/run/x.sock");  // beside the file
  EXPECT_EQ(http.path, "/tools/mcp");
  EXPECT_EQ(http.tls_certificate, "/etc/passwd");
  EXPECT_EQ(http.tls_key, "/etc/group");
  EXPECT_THAT(http.allowed_origins, ElementsAre("https://app.example.com", "http://localhost:3000"));
  EXPECT_THAT(http.hosts(), UnorderedElementsAre("mcp.internal", "[fd00::1]", "mcp.example.com", "10.0.0.5",
                                                 "localhost", "127.0.0.1", "[::1]"));
  EXPECT_EQ(http.resource(), "https://mcp.example.com/tools/mcp");
  EXPECT_EQ(http.look_ups_per_second, 5);
  EXPECT_EQ(http.limits.body_bytes, 1U << 20);
  EXPECT_EQ(http.limits.head_bytes, 8U << 10);
  EXPECT_EQ(http.limits.headers, 50U);
  EXPECT_EQ(http.limits.connections, 100U);
  EXPECT_EQ(http.limits.idle, 1min);
  EXPECT_EQ(http.limits.head_time, 5s);
  EXPECT_EQ(http.limits.body_time, 20s);
  EXPECT_EQ(http.limits.unread_bytes, 2U << 20);
  EXPECT_EQ(http.limits.write_stall, 15s);
  EXPECT_EQ(http.sessions.most, 10U);
  EXPECT_EQ(http.sessions.most_per_caller, 3U);
  EXPECT_EQ(http.sessions.idle, 10min);
  EXPECT_EQ(http.sessions.replay_events, 7U);
  EXPECT_EQ(http.sessions.replay_bytes, 64U << 10);
  EXPECT_EQ(config.auth.kind, AuthSettings::Kind::oauth);
  EXPECT_EQ(config.auth.issuer, "https://login.example.com");
  EXPECT_EQ(config.auth.jwks_url, "https://login.example.com/keys");
  EXPECT_THAT(config.auth.audience, ElementsAre("https://mcp.example.com"));
  EXPECT_THAT(config.auth.scopes_required, ElementsAre("mcp"));
  EXPECT_THAT(config.auth.scopes_offered, ElementsAre("mcp", "mcp:admin"));
  EXPECT_EQ(config.auth.leeway, 10s);
  EXPECT_EQ(config.auth.resource_name, "Tools");
  EXPECT_EQ(config.auth.documentation_url, "https://example.com/docs");
  EXPECT_THAT(notes_of(config), IsEmpty());
}

TEST(DoorSettings, AWiderDoorThanLoopbackNeedsToKnowItsCallers) {
  EXPECT_THAT(problems_of("[http]\nlisten = \"0.0.0.0:7420\""),
              ElementsAre(AllOf(HasSubstr("c.toml:2:10: 0.0.0.0:7420 can be reached from other machines"),
                                HasSubstr("[auth] kind = \"tokens\""))));
  EXPECT_THAT(problems_of("[http]\nlisten = [\"127.0.0.1:1\", \"10.0.0.5:1\"]\n[auth]\nkind = \"none\""),
              ElementsAre(HasSubstr("10.0.0.5:1 can be reached from other machines")));
  const std::string tokens = "\n[auth]\nkind = \"tokens\"\ntoken_file = \"/etc/passwd\"";
  EXPECT_THAT(problems_of("[http]\nlisten = \"[::]:1\"" + tokens),
              ElementsAre(AllOf(HasSubstr("cannot be told which 'Host' is right"), HasSubstr("public_url"))));
  EXPECT_THAT(problems_of("[http]\nlisten = \"[::]:1\"\nallowed_hosts = [\"box\"]" + tokens), IsEmpty());
  EXPECT_THAT(problems_of("[http]\nlisten = \"10.0.0.5:1\"\n[auth]\nkind = \"oauth\"\nissuer = \"https://a\""),
              ElementsAre(HasSubstr("which is known by its URL: write public_url")));
}

TEST(DoorSettings, TokensThatTravelUnprotectedAreWorthANote) {
  const std::string start =
      "[auth]\nkind = \"tokens\"\ntoken_file = \"/etc/passwd\"\n[http]\nlisten = \"10.0.0.5:1\"\n";
  EXPECT_THAT(notes_of(config_of(start)), ElementsAre(HasSubstr("c.toml:5:10: tokens travel unprotected")));
  EXPECT_THAT(notes_of(config_of(start + "public_url = \"https://a/mcp\"")), IsEmpty());
}

TEST(DoorSettings, MistakesAreProblemsWithTheirPlaceAndRemedy) {
  const std::vector<std::pair<std::string, const char*>> mistakes{
      {"[http]\nlisten = \"all\"", "c.toml:2:10: 'listen' in [http]: 'all' has no port"},
      {"[http]\nlisten = []", "names no address"},
      {"[http]\npath = \"mcp\"", "'path' in [http] must begin with /"},
      {"[http]\npath = \"/a?b\"", "must begin with /"},
      {"[http]\npath = \"/.well-known/mcp\"", "/.well-known/ is taken"},
      {"[http]\ntls_key = \"/etc/passwd\"", "tls_certificate and tls_key in [http] go together"},
      {"[http]\ntls_key = \"/no/such\"\ntls_certificate = \"/etc/passwd\"", "there is no file '/no/such'"},
      {"[http]\npublic_url = \"ftp://x\"", "only http and https"},
      {"[http]\npublic_url = \"https://x/#y\"", "fragment"},
      {"[http]\npublic_url = \"https://x/?y\"", "must have no query"},
      {"[http]\npublic_url = \"https://user:pw@x/\"", "'public_url' in [http]"},
      {"[http]\nallowed_origins = [\"example.com\"]", "is no origin"},
      {"[http]\nallowed_origins = [\"https://a/b\"]", "is no origin"},
      {"[http]\nallowed_hosts = [\"https://a\"]", "is no host name"},
      {"[http]\nallowed_hosts = [\"a:80\"]", "is no host name"},
      {"[http]\nallowed_hosts = [\"a/b\"]", "is no host name"},
      {"[http.limits]\nbody = \"1B\"", "must be at least 1024 bytes"},
      {"[http.limits]\nbdy = \"1MB\"", "did you mean 'body'?"},
      {"[http.limits]\nheaders = 1", "must be from 8"},
      {"[http.sessions]\nidle = \"1ms\"", "must be at least 1s"},
      {"[auth]", "has no kind"},
      {"[auth]\nkind = \"token\"", "must be one of \"none\", \"tokens\", \"oauth\""},
      {"[auth]\nkind = \"tokens\"", "which tokens?"},
      {"[auth]\nkind = \"oauth\"", "whose tokens?"},
      {"[auth]\nkind = \"oauth\"\nissuer = \"login\"", "'issuer' in [auth]"},
      {"[auth]\nkind = \"none\"\ntoken_file = \"x\"", "'token_file' in [auth] is for kind = \"tokens\""},
      {"[auth]\nkind = \"none\"\nscopes_required = [\"a\"]", "nobody has scopes"},
      {"[auth]\nkind = \"tokens\"\ntoken_file = \"/etc/passwd\"\nscopes_required = [\"a b\"]", "is no scope"},
  };
  for (const auto& [text, expected] : mistakes)
    EXPECT_THAT(problems_of(text), ElementsAre(HasSubstr(expected))) << text;
}

TEST(DoorSettings, AProgramsOptionMayOpenTheDoorAndIsAskedTheSame) {
  Config config = config_of("");
  config.http.listen.push_back(*parse_listen("0.0.0.0:1"));
  EXPECT_THAT(why_not_open(config.http, config.auth), HasSubstr("can be reached from other machines"));
  config.http.listen = {*parse_listen("unix:/run/x")};
  EXPECT_EQ(why_not_open(config.http, config.auth), "");
  EXPECT_EQ(config.http.resource(), "");
  EXPECT_THAT(config.http.hosts(), ElementsAre("localhost", "127.0.0.1", "[::1]"));
}

}  // namespace
}  // namespace meantime::config
