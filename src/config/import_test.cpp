// SPDX-License-Identifier: MIT
// The servers of other MCP clients, each file as its client writes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "config/config.hpp"
#include "support/config_texts.hpp"
#include "support/temp_folder.hpp"

namespace meantime::config {
namespace {

using test::notes_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

class Import : public ::testing::Test {
 protected:
  Import() {
    setenv("HOME", folder_.path().c_str(), 1);
    setenv("MEANTIME_TEST_KEY", "geheim", 1);
    unsetenv("MEANTIME_TEST_NONE");
  }
  ~Import() override {
    if (!home_.empty()) setenv("HOME", home_.c_str(), 1);
    unsetenv("MEANTIME_TEST_KEY");
  }
  std::filesystem::path write(const char* name, std::string_view text) {
    const auto path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  }
  // The servers of one file, which has no problems.
  std::vector<UpstreamSettings> servers_of(const char* name, std::string_view text) {
    Loaded loaded = load_config(write(name, text));
    for (const Problem& problem : loaded.problems) ADD_FAILURE() << problem.text();
    notes_ = notes_of(loaded.config);
    return std::move(loaded.config.upstreams);
  }
  std::vector<std::string> problems_of(const char* name, std::string_view text) {
    std::vector<std::string> out;
    for (const Problem& problem : load_config(write(name, text)).problems) out.push_back(problem.text());
    return out;
  }

  test::TempFolder folder_;
  std::vector<std::string> notes_;
  std::string home_ = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
};

TEST_F(Import, TakesTheBlockOfClaudeDesktopAsItIs) {
  const auto servers = servers_of("claude_desktop_config.json", R"({
    "globalShortcut": "Ctrl+Space",
    "mcpServers": {
      "filesystem": { "command": "sh", "args": ["-y", "@modelcontextprotocol/server-filesystem", "/tmp", 5] },
      "a b/c": { "command": "sh", "env": { "KEY": "value", "N": 1, "ON": true } }
    }
  })");
  ASSERT_THAT(servers, SizeIs(2));
  EXPECT_EQ(servers[0].name, "filesystem");
  EXPECT_THAT(servers[0].command, ElementsAre("sh", "-y", "@modelcontextprotocol/server-filesystem", "/tmp", "5"));
  EXPECT_EQ(servers[0].prefix, "filesystem_");
  EXPECT_EQ(servers[0].folder, "");
  EXPECT_THAT(servers[0].environment_from, Contains("PATH"));
  EXPECT_EQ(servers[1].prefix, "a_b_c_");
  EXPECT_THAT(servers[1].environment, ElementsAre(Pair("KEY", "value"), Pair("N", "1"), Pair("ON", "true")));
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(Import, AServerAloneKeepsTheNamesOfItsTools) {
  const auto servers =
      servers_of("c.json", R"({"mcpServers":{"one":{"command":"sh"},"two":{"command":"sh","disabled":true}}})");
  ASSERT_THAT(servers, SizeIs(1));
  EXPECT_EQ(servers[0].prefix, "");
}

TEST_F(Import, TakesAProjectsFileOfClaudeCode) {
  const auto servers = servers_of("project/.mcp.json", R"({"mcpServers": {
    "local": {"type": "stdio", "command": "./run.sh", "args": ["${MEANTIME_TEST_NONE:-else}", "${MEANTIME_TEST_KEY:-x}"]},
    "remote": {"type": "http", "url": "https://${MEANTIME_TEST_NONE:-api.example.com}/mcp",
               "headers": {"Authorization": "Bearer ${MEANTIME_TEST_KEY}"}},
    "asks": {"type": "http", "url": "https://asks.example.com/mcp",
             "oauth": {"clientId": "me", "callbackPort": 8080}}
  }})");
  ASSERT_THAT(servers, SizeIs(2)) << "run.sh is not there";
  EXPECT_THAT(notes_,
              ElementsAre(AllOf(HasSubstr(".mcp.json:2:43: server 'local' is left out:"), HasSubstr("run.sh"))));
  EXPECT_EQ(servers[0].http->url, "https://api.example.com/mcp");
  EXPECT_EQ(servers[0].http->headers.at("Authorization"), "Bearer geheim");
  EXPECT_FALSE(servers[0].http->oauth);
  EXPECT_EQ(servers[1].http->oauth->client_id, "me");
  EXPECT_EQ(servers[1].http->oauth->redirect_port, 8080);

  chmod(write("project/run.sh", "#!/bin/sh\n").c_str(), 0755);
  const auto again = load_config(folder_.path() / "project/.mcp.json").config.upstreams;
  ASSERT_THAT(again, SizeIs(3));
  EXPECT_EQ(again[0].folder, folder_.path() / "project");
  EXPECT_THAT(again[0].command, ElementsAre("./run.sh", "else", "geheim"));
}

TEST_F(Import, TakesTheFilesOfVsCodeWithCommentsAndInputs) {
  constexpr std::string_view text = R"({
    // The team's servers.
    "inputs": [
      { "type": "promptString", "id": "api-key", "description": "API key", "password": true },
      { "type": "pickString", "id": "zone", "options": ["a", "b"], "default": "b" },
    ],
    "servers": {
      "here": {
        "type": "stdio",
        "command": "sh", /* found in PATH */
        "args": ["${workspaceFolder}/x", "${input:zone}", "${workspaceFolderBasename}", "${userHome}", "${env:MEANTIME_TEST_KEY}"],
        "envFile": "${workspaceFolder}/.env",
        "env": { "B": "own" },
      },
      "there": { "type": "http", "url": "https://example.com/mcp", "headers": { "X-Key": "${input:api-key}" }, },
    },
  })";
  write("work/.env", "# words\nexport A=1\nB=\"two\"\n\nC = 3\n=4\nD='x y'\r\n");
  auto servers = servers_of("work/.vscode/mcp.json", text);
  ASSERT_THAT(servers, SizeIs(1));
  EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("server 'there' is left out: it needs the input 'api-key'"),
                                        HasSubstr("MEANTIME_INPUT_API_KEY"))));
  const std::string work = folder_.path() / "work";
  EXPECT_THAT(servers[0].command, ElementsAre("sh", work + "/x", "b", "work", folder_.path().string(), "geheim"));
  EXPECT_EQ(servers[0].folder, work);
  EXPECT_THAT(servers[0].environment,
              AllOf(Contains(Pair("A", "1")), Contains(Pair("B", "own")), Contains(Pair("D", "x y"))));

  setenv("MEANTIME_INPUT_API_KEY", "k", 1);
  servers = servers_of("work/.vscode/mcp.json", text);
  unsetenv("MEANTIME_INPUT_API_KEY");
  ASSERT_THAT(servers, SizeIs(2));
  EXPECT_EQ(servers[1].http->headers.at("X-Key"), "k");

  servers = servers_of("settings.json", R"({"editor.tabSize": 2, "mcp": {"servers": {"s": {"command": "sh"}}}})");
  EXPECT_THAT(servers, SizeIs(1));
}

TEST_F(Import, TakesTheDialectsOfOtherClients) {
  struct Row {
    const char* client;
    const char* file;
    const char* text;
    const char* expected;  // command, or url; then what was filtered
  };
  const std::vector<Row> rows{
      {"Cursor", ".cursor/mcp.json",
       R"({"mcpServers":{"s":{"url":"https://h/mcp","headers":{"K":"${env:MEANTIME_TEST_KEY}"}}}})",
       "https://h/mcp K=geheim"},
      {"Windsurf", "mcp_config.json", R"({"mcpServers":{"s":{"serverUrl":"https://h/mcp","disabledTools":["x"]}}})",
       "https://h/mcp -x"},
      {"Cline", "cline_mcp_settings.json",
       R"({"mcpServers":{"s":{"command":"sh","autoApprove":["a"],"timeout":60,"disabled":false,"transportType":"stdio"}}})",
       "sh"},
      {"Roo", "mcp_settings.json",
       R"({"mcpServers":{"s":{"type":"streamable-http","url":"https://h/mcp","alwaysAllow":[],"watchPaths":[]}}})",
       "https://h/mcp"},
      {"Gemini", "settings.json",
       R"({"theme":"x","mcpServers":{"s":{"httpUrl":"https://h/mcp","headers":{"K":"$MEANTIME_TEST_KEY"},"timeout":5000,
           "trust":true,"includeTools":["a","b"],"excludeTools":["c"],"oauth":{"enabled":true,"clientId":"i","scopes":["r"]}}}})",
       "https://h/mcp K=geheim +a +b -c"},
      {"Zed", "settings.json",
       R"({"context_servers":{"s":{"source":"custom","command":"sh","args":["-c"],"env":null}}})", "sh -c"},
      {"older Zed", "settings.json",
       R"({"context_servers":{"s":{"command":{"path":"sh","args":["-c"],"env":{"K":"v"}},"settings":{}}}})",
       "sh -c K=v"},
      {"opencode", "opencode.json",
       R"({"$schema":"x","mcp":{"s":{"type":"local","command":["sh","-c"],"environment":{"K":"{env:MEANTIME_TEST_KEY}"},"enabled":true}}})",
       "sh -c K=geheim"},
      {"opencode, remote", "opencode.jsonc", R"({"mcp":{"s":{"type":"remote","url":"https://h/mcp","oauth":false}}})",
       "https://h/mcp"},
      {"Copilot", "mcp-config.json", R"({"mcpServers":{"s":{"type":"local","command":"sh","tools":["*"]}}})", "sh +*"},
      {"Amp", "settings.json", R"({"amp.mcpServers":{"s":{"command":"sh"}}})", "sh"},
      {"a README", "c.json", R"({"s":{"command":"sh","args":["1"]}})", "sh 1"},
      {"LM Studio, sse", "mcp.json", R"({"mcpServers":{"s":{"type":"sse","url":"https://h/sse"}}})", "https://h/sse"},
      {"with a byte order mark", "c.json", "\xEF\xBB\xBF{\"mcpServers\":{\"s\":{\"command\":\"sh\"}}}", "sh"},
  };
  for (const Row& row : rows) {
    const auto servers = servers_of(row.file, row.text);
    ASSERT_THAT(servers, SizeIs(1)) << row.client;
    const UpstreamSettings& s = servers[0];
    std::string found = s.http ? s.http->url : "";
    for (const auto& each : s.command) found += (found.empty() ? "" : " ") + each;
    for (const auto& [name, text] : s.environment) found += " " + name + "=" + text;
    for (const auto& [name, text] : s.http ? s.http->headers : std::map<std::string, std::string>{}) {
      found += " " + name + "=" + text;
    }
    for (const auto& each : s.filter.allow) found += " +" + each;
    for (const auto& each : s.filter.deny) found += " -" + each;
    EXPECT_EQ(found, row.expected) << row.client;
  }
}

TEST_F(Import, TakesTheServersOfCodexFromItsToml) {
  write("codex.toml", R"(
    model = "o"
    [mcp_servers.a]
    command = "sh"
    args = ["-c"]
    env_vars = ["EXTRA"]
    enabled_tools = ["x"]
    startup_timeout_sec = 20
    [mcp_servers.b]
    url = "https://h/mcp"
    bearer_token_env_var = "MEANTIME_TEST_KEY"
    env_http_headers = { "X-K" = "MEANTIME_TEST_KEY" }
  )");
  const auto servers = servers_of("c.toml", "[import]\nfiles = \"codex.toml\"");
  ASSERT_THAT(servers, SizeIs(2));
  EXPECT_THAT(servers[0].environment_from, Contains("EXTRA"));
  EXPECT_THAT(servers[0].filter.allow, ElementsAre("x"));
  EXPECT_EQ(servers[1].http->bearer_token, "geheim");
  EXPECT_EQ(servers[1].http->headers.at("X-K"), "geheim");
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(Import, GathersSeveralFilesAndATableAddsToAServer) {
  write("a.json", R"({"mcpServers":{"one":{"command":"sh"},"two":{"command":"sh"},"not":{"command":"sh"}}})");
  write("b.json", R"({"mcpServers":{"two":{"command":"sh","args":["again"]},"three":{"url":"https://h/mcp"}}})");
  const auto servers = servers_of("c.toml", R"(
    [import]
    files = ["a.json", "~/b.json"]
    skip = ["not"]
    [upstreams.two]
    budget = "3s"
    deny = ["rm*"]
    idle_stop = "10m"
    tools.big.task_only = true
    [upstreams.three]
    command = ["sh", "own"]
  )");
  ASSERT_THAT(servers, SizeIs(3));
  EXPECT_EQ(servers[0].prefix, "one_");
  EXPECT_THAT(servers[1].command, ElementsAre("sh"));
  EXPECT_EQ(servers[1].prefix, "two_");
  EXPECT_EQ(servers[1].rules_of("x").budget, std::chrono::seconds(3));
  EXPECT_EQ(servers[1].rules_of("big").task_only, true);
  EXPECT_FALSE(servers[1].filter.passes("rm_all"));
  EXPECT_EQ(servers[1].idle_stop, std::chrono::minutes(10));
  EXPECT_THAT(servers[2].command, ElementsAre("sh", "own"));
  EXPECT_EQ(servers[2].prefix, "") << "a table with a command of its own is no addition";
  EXPECT_THAT(notes_,
              ElementsAre(HasSubstr("b.json:1:16: server 'two' is left out: there is one of that name already")));
}

TEST_F(Import, InputsMayStandInTheConfiguration) {
  write("v.json", R"({"servers":{"s":{"command":"sh","args":["${input:key}","${workspaceFolder}"]}}})");
  const auto servers =
      servers_of("c.toml", "[import]\nfiles = [\"v.json\"]\nworkspace = \"/usr\"\ninputs = { key = \"k\" }");
  ASSERT_THAT(servers, SizeIs(1));
  EXPECT_THAT(servers[0].command, ElementsAre("sh", "k", "/usr"));
  EXPECT_EQ(servers[0].folder, "/usr");
}

TEST_F(Import, WhatTheMachineLacksLeavesOutOneServerOnly) {
  const auto servers = servers_of("c.json", R"({"mcpServers":{
    "no-program": {"command": "no-such-program-anywhere"},
    "no-variable": {"command": "sh", "env": {"K": "${MEANTIME_TEST_NONE}"}},
    "no-folder": {"command": "sh", "cwd": "/no/such"},
    "no-file": {"command": "sh", "envFile": "/no/such"},
    "fine": {"command": "sh", "strange": 1}
  }})");
  ASSERT_THAT(servers, SizeIs(1));
  EXPECT_THAT(notes_,
              ElementsAre(HasSubstr("server 'no-program' is left out: "),
                          HasSubstr("server 'no-variable' is left out: the environment variable 'MEANTIME_TEST_NONE'"),
                          HasSubstr("server 'no-folder' is left out: there is no folder '/no/such'"),
                          HasSubstr("server 'no-file' is left out: envFile '/no/such' there is no such file"),
                          HasSubstr("c.json:6:31: 'strange' of server 'fine' is passed over")));
}

TEST_F(Import, MistakesAreProblemsOfTheFileWhereTheyAre) {
  struct Row {
    const char* text;
    const char* expected;
  };
  for (const Row& row : {
           Row{"{\"mcpServers\": {\n  \"s\": {\"command\": 5.5, }\n", "c.json:3:1: not JSON: "},
           Row{"{\"mcpServers\": {\n  \"s\": {\"comand\": \"sh\"}}}",
               "c.json:2:3: server 's' has no command and no url"},
           Row{"{\"mcpServers\": {\"s\": 5}}", "c.json:1:22: server 's' must be a table, not a whole number"},
           Row{"{\"mcpServers\": []}", "'mcpServers' must be a table of servers, not a list"},
           Row{"{\"mcpServers\": {\"s\": {\"command\": \"\"}}}", "has a command that names no program"},
           Row{"{\"mcpServers\": {\"s\": {\"command\": \"sh\", \"args\": \"x\"}}}",
               "has args that is no list but a string"},
           Row{"{\"mcpServers\": {\"s\": {\"command\": \"sh\", \"args\": [{}]}}}",
               "has args that is no string but a table"},
           Row{"{\"mcpServers\": {\"s\": {\"command\": \"sh\", \"env\": []}}}", "has env that is no table but a list"},
           Row{"{\"mcpServers\": {\"s\": {\"url\": \"h\"}}}", "has a url that cannot be used"},
           Row{"{\"mcpServers\": {\"s\": {\"url\": \"https://h\", \"headers\": {\"a b\": \"x\"}}}}",
               "is no name of a header"},
           Row{"{\"mcpServers\": {\"s\": {}, \"s\": {}}}", "c.json:1:26: not JSON: 's' stands here twice"},
           Row{"{\"budget\": \"5s\"}", "c.json:1:1: there are no servers in this file"},
           Row{"[]", "not JSON: the document must be an object"},
           Row{"", "not JSON: "},
           Row{"{} x", "c.json:1:4: not JSON: "},
           Row{"{\"a\": /* no end", "c.json:1:7: not JSON: "},
       }) {
    EXPECT_THAT(problems_of("c.json", row.text), ElementsAre(AllOf(HasSubstr(row.expected), Not(HasSubstr("geheim")))))
        << row.text;
  }
  const std::string deep = "{\"mcpServers\":" + std::string(90'000, '[');
  EXPECT_THAT(problems_of("c.json", deep), ElementsAre(HasSubstr("not JSON")));
  const std::string closed = "{\"a\":" + std::string(150, '[') + std::string(150, ']') + "}";
  EXPECT_THAT(problems_of("c.json", closed), ElementsAre(HasSubstr("nested more than 100 deep")));
}

TEST_F(Import, FilesThatCannotBeTakenAreProblems) {
  write("empty.json", "{\"theme\": 1}");
  write("bad.json", "{\"mcpServers\": {\"s\": {\"command\": []}}, }");
  EXPECT_THAT(problems_of("c.toml", "[import]"), ElementsAre(HasSubstr("c.toml:1:2: [import] names no file")));
  EXPECT_THAT(
      problems_of("c.toml",
                  "[import]\nfiles = [\"none.json\", \"empty.json\", \"bad.json\"]\nworkspace = \"/no/such\""),
      ElementsAre(AllOf(HasSubstr("c.toml:2:9: 'files' in [import]: '"), HasSubstr("none.json' there is no such file")),
                  HasSubstr("empty.json' has no servers"), HasSubstr("c.toml:3:13: 'workspace' in [import]"),
                  HasSubstr("bad.json:1:34: server 's' has a command that names no program")));
}

TEST_F(Import, AnythingThatIsNoServersFileIsRefusedWithoutACrash) {
  for (const char* text : {"{\"mcp\": {\"servers\": {\"command\": \"sh\"}}}", "{\"mcp\": 5}", "{\"mcpServers\": null}",
                           "{\"servers\": {\"s\": null}}", "{\"mcpServers\": {\"\": {\"command\": \"sh\"}}}",
                           "{\"mcpServers\": {\"s\": {\"command\": \"sh\", \"args\": [\"${\", \"${x\", \"$\"]}}}",
                           "{\"inputs\": 5, \"servers\": {\"s\": {\"command\": \"${input:x}\"}}}"}) {
    const Loaded loaded = read_config(text, folder_.path() / "c.json");
    EXPECT_LE(loaded.config.upstreams.size(), 1U) << text;
  }
}

}  // namespace
}  // namespace meantime::config
