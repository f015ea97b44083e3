// SPDX-License-Identifier: MIT
#include "config/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <fstream>

#include "config/size.hpp"
#include "meantime/system_clock.hpp"
#include "support/co_test.hpp"
#include "support/config_texts.hpp"

namespace meantime::config {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using test::config_of;
using test::problems_of;

std::vector<Problem> problems_in(const std::filesystem::path& file) {
  return load_config(file).problems;
}

TEST(Config, AnEmptyFileIsTheDefaults) {
  const Config config = config_of("");
  EXPECT_EQ(config.manager.budget, 10s);
  EXPECT_EQ(config.manager.retention, 24h);
  EXPECT_EQ(config.store.kind, StoreSettings::Kind::sqlite);
  EXPECT_TRUE(config.store.path.empty());
  EXPECT_EQ(config.session.names.await, "await_task");
  EXPECT_THAT(config.commands, IsEmpty());
}

TEST(Config, ReadsEverySetting) {
  const Config config = config_of(R"(
    budget = "2s"
    await_timeout = "1m"
    cancel_grace = "9s"
    retention = "2d"
    blocking_threads = 7
    drain_grace = "1m30s"
    [store]
    path = "tasks.db"
    fsync = "normal"
    lease = "30s"
    heartbeat = "5s"
    wait = "1s"
    [limits]
    running = 5
    running_per_owner = 4
    waiters = 3
    result = "2MB"
    error = 1000
    output = "1.5KB"
    unsaved = 7
    unsaved_bytes = "3MB"
    [rerun]
    max_attempts = 9
    [session]
    await_cap = "50s"
    preview_chars = 100
    [session.await_caps]
    "some client" = "3m"
    [session.names]
    check_task = "look"
    [log]
    level = "debug"
    format = "json"
  )");
  EXPECT_EQ(config.manager.budget, 2s);
  EXPECT_EQ(config.manager.await_timeout, 60s);
  EXPECT_EQ(config.manager.cancel_grace, 9s);
  EXPECT_EQ(config.manager.retention, 48h);
  EXPECT_EQ(config.manager.blocking_threads, 7U);
  EXPECT_EQ(config.drain_grace, 90s);
  EXPECT_EQ(config.store.path, "/etc/tasks.db");  // beside the file
  EXPECT_EQ(config.store.fsync, Fsync::normal);
  EXPECT_EQ(config.store.lease, 30s);
  EXPECT_EQ(config.manager.heartbeat, 5s);
  EXPECT_EQ(config.manager.store_wait, 1s);
  EXPECT_EQ(config.manager.limits.running, 5U);
  EXPECT_EQ(config.manager.limits.running_per_owner, 4U);
  EXPECT_EQ(config.manager.limits.waiters, 3U);
  EXPECT_EQ(config.manager.limits.result_bytes, 2U << 20);
  EXPECT_EQ(config.manager.limits.error_bytes, 1'000U);
  EXPECT_EQ(config.manager.limits.output_bytes, 1'536U);
  EXPECT_EQ(config.manager.limits.unsaved, 7U);
  EXPECT_EQ(config.manager.limits.unsaved_bytes, 3U << 20);
  EXPECT_EQ(config.manager.rerun_max_attempts, 9U);
  EXPECT_EQ(config.session.await_cap, 50s);
  EXPECT_EQ(config.session.preview_chars, 100U);
  EXPECT_EQ(config.session.await_caps.at("some client"), 3min);
  EXPECT_EQ(config.session.names.check, "look");
  EXPECT_EQ(config.session.names.cancel, "cancel_task");
  EXPECT_EQ(config.log.level, LogThreshold::debug);
  EXPECT_EQ(config.log.format, LogFormat::json);
}

TEST(Config, ReadsEverySettingOfACommand) {
  const Config config = config_of(R"(
    [tools.head]
    description = "The first lines of a file."
    command = ["head", ["-n", "{lines?}"], "--", "{file}"]
    input = { properties = { file = { type = "string" }, lines = { type = "integer" } }, required = ["file"] }
    allow_dash = ["lines"]
    env = { A = "b" }
    env_from = ["PATH", "LC_*"]
    folder = "/usr"
    stdin = "{file}"
    ok_exit_codes = [0, 1]
    exit_messages = { 2 = "bad", 3 = "worse" }
    max_output = "64KB"
    stderr = "appended"
    strip_control = false
    no_new_privileges = false
    stop_grace = "1s"
    limits = { cpu = "1500ms", memory = "512MB", processes = 5, open_files = 6, file_size = 7, core = 0 }
    budget = "5s"
    always_background = true
    max_run_time = "1h"
    idempotent = true
    rerun_if_lost = true
    max_running = 2
    max_result = "1KB"
  )");
  ASSERT_THAT(config.commands, SizeIs(1));
  const CommandSpec& spec = config.commands[0];
  EXPECT_EQ(spec.tool.name, "head");
  EXPECT_EQ(spec.tool.description, "The first lines of a file.");
  EXPECT_THAT(spec.argv, ElementsAre(ElementsAre("head"), ElementsAre("-n", "{lines?}"), ElementsAre("--"),
                                     ElementsAre("{file}")));
  EXPECT_EQ(boost::json::parse(spec.tool.input_schema), boost::json::parse(R"({"type": "object", "required": ["file"],
              "properties": {"file": {"type": "string"}, "lines": {"type": "integer"}}})"));
  EXPECT_THAT(spec.allow_dash, ElementsAre("lines"));
  EXPECT_EQ(spec.environment.at("A"), "b");
  EXPECT_THAT(spec.environment_from, ElementsAre("PATH", "LC_*"));
  EXPECT_EQ(spec.folder, "/usr");
  EXPECT_EQ(spec.input, CommandInput::text);
  EXPECT_EQ(spec.input_text, "{file}");
  EXPECT_THAT(spec.ok_exit_codes, ElementsAre(0, 1));
  EXPECT_EQ(spec.exit_messages.at(3), "worse");
  EXPECT_EQ(spec.max_output_bytes, 64U << 10);
  EXPECT_EQ(spec.error_output, ErrorOutput::appended);
  EXPECT_FALSE(spec.strip_control);
  EXPECT_FALSE(spec.no_new_privileges);
  EXPECT_EQ(spec.stop_grace, 1s);
  EXPECT_EQ(spec.limits, (process::ResourceLimits{2, 512ULL << 20, 5, 6, 7, 0}));
  EXPECT_EQ(spec.tool.budget, 5s);
  EXPECT_TRUE(spec.tool.always_background);
  EXPECT_EQ(spec.tool.max_run_time, 1h);
  EXPECT_TRUE(spec.tool.idempotent && spec.tool.rerun_if_lost);
  EXPECT_EQ(spec.tool.max_running, 2U);
  EXPECT_EQ(spec.tool.max_result_bytes, 1'024U);
}

TEST(Config, AnUpstreamsToolsHaveItsRulesUnlessTheyHaveTheirOwn) {
  const Config config = config_of(R"(
    [upstreams.files]
    command = ["sh", "-c", "cat"]
    env = { MODE = "x" }
    prefix = "files_"
    budget = "5s"
    idempotent = true
    [upstreams.files.tools.write_file]
    no_background = true
    idempotent = false
    [upstreams.files.tools.read_file]
    rerun_if_lost = true
  )");
  ASSERT_THAT(config.upstreams, SizeIs(1));
  const UpstreamSettings& files = config.upstreams[0];
  EXPECT_THAT(files.command, ElementsAre("sh", "-c", "cat"));
  EXPECT_EQ(files.prefix, "files_");
  Tool tool;
  files.rules_of("write_file").apply_to(tool);
  EXPECT_TRUE(tool.no_background);
  EXPECT_FALSE(tool.idempotent);
  EXPECT_EQ(tool.budget, 5s);
  EXPECT_TRUE(*files.rules_of("read_file").rerun_if_lost);
  EXPECT_EQ(files.rules_of("anything_else").budget, 5s);
}

TEST(Config, TellsAllProblemsAtOnceEachWithItsPlace) {
  EXPECT_THAT(
      problems_of("budgt = \"1s\"\nretention = 5\n[store]\nkind = \"rdis\"\n"),
      ElementsAre(HasSubstr("/etc/c.toml:1:1: unknown key 'budgt'; did you mean 'budget'?"),
                  HasSubstr("/etc/c.toml:2:13: 'retention' must be a duration in quotes"),
                  HasSubstr("/etc/c.toml:4:8: 'kind' in [store] must be one of \"sqlite\", \"memory\", \"redis\"")));
}

TEST(Config, BrokenTomlIsOneProblemWithItsPlace) {
  EXPECT_THAT(problems_of("budget = \"1s\"\nx = = 1"), ElementsAre(HasSubstr("/etc/c.toml:2:5: not TOML:")));
  EXPECT_THAT(problems_of("x = \"\xFF\""), ElementsAre(HasSubstr("not TOML")));
  EXPECT_THAT(problems_of("x = " + std::string(10'000, '[')), ElementsAre(HasSubstr("not TOML")));
  EXPECT_THAT(problems_of("a = 1\nb = [1, }\nc = 2"),
              ElementsAre(HasSubstr("c.toml:2:1: not TOML: this line cannot be read: look for a bracket")));
  EXPECT_THAT(problems_of("a = 1\n\n\xC4\xB0\xCD\x8A = 2\n"), ElementsAre(HasSubstr("c.toml:3:1: not TOML:")));
  EXPECT_THAT(problems_of(std::string_view("a = 1\n[\0\0x]", 11)),
              ElementsAre(HasSubstr("c.toml:2:2: not TOML: there is a control character (number 0)")));
}

TEST(Config, FlagsThatContradictEachOtherAreProblems) {
  constexpr std::string_view start = "[tools.t]\ndescription = \"d\"\ncommand = [\"true\"]\n";
  EXPECT_THAT(problems_of(std::string(start) + "no_background = true\nalways_background = true"),
              ElementsAre(HasSubstr("c.toml:5:21: no_background and always_background exclude each other")));
  EXPECT_THAT(problems_of(std::string(start) + "rerun_if_lost = true"),
              ElementsAre(HasSubstr("needs idempotent = true")));
  EXPECT_THAT(problems_of(std::string(start) + "stop_grace = \"1m\""),
              ElementsAre(HasSubstr("must be less than cancel_grace")));
  EXPECT_THAT(problems_of("[store]\nlease = \"5s\""), ElementsAre(HasSubstr("three heartbeats")));
  EXPECT_THAT(problems_of("[store]\nkind = \"memory\"\npath = \"x\""), ElementsAre(HasSubstr("has no path")));
}

TEST(Config, ARedisIsNamedByItsUrlAndKeptAsTheTableSays) {
  setenv("MEANTIME_TEST_PASSWORD", "geheim", 1);
  const Config config = config_of(R"(
    retention = "2h"
    [store]
    kind = "redis"
    url = "rediss://bot@cache:7000/3"
    password_env = "MEANTIME_TEST_PASSWORD"
    prefix = "{app}:"
    command_timeout = "500ms"
    lease = "30s"
    heartbeat = "4s"
    journal = "wait/redis.journal"
    [store.tls]
    ca = "/etc/passwd"
    server_name = "cache.internal"
  )");
  unsetenv("MEANTIME_TEST_PASSWORD");
  const RedisOptions& redis = config.store.redis;
  EXPECT_EQ(config.store.kind, StoreSettings::Kind::redis);
  EXPECT_EQ(redis.place(), "rediss://bot@cache:7000/3");
  EXPECT_EQ(redis.password, "geheim");
  EXPECT_EQ(redis.key_prefix, "{app}:");
  EXPECT_EQ(redis.command_timeout, 500ms);
  EXPECT_EQ(redis.lease, 30s);
  EXPECT_EQ(redis.retention, 2h);
  EXPECT_EQ(redis.tls.ca_file, "/etc/passwd");
  EXPECT_EQ(redis.tls.server_name, "cache.internal");
  EXPECT_EQ(config.store.lease, 30s);
  EXPECT_EQ(config.store.journal, "/etc/wait/redis.journal");  // beside the file
}

TEST(Config, AStoreMayBeNamedByOneText) {
  EXPECT_EQ(config_of("store = \"redis://cache/2\"").store.redis.place(), "redis://cache:6379/2");
  EXPECT_EQ(config_of("store = \"unix:///run/redis.sock\"").store.redis.unix_socket, "/run/redis.sock");
  EXPECT_EQ(config_of("store = \"memory\"").store.kind, StoreSettings::Kind::memory);
  EXPECT_EQ(config_of("store = \"t.db\"").store.path, "/etc/t.db");
  EXPECT_EQ(config_of("store = \"sqlite:memory\"").store.path, "/etc/memory");
  EXPECT_EQ(config_of("[store]\nurl = \"redis://cache\"").store.kind, StoreSettings::Kind::redis) << "the url says it";
  EXPECT_TRUE(config_of("[store]\nurl = \"redis://h\"\nlegacy_results = true").store.redis.legacy_results);
  EXPECT_EQ(config_of("retention = \"1h\"\nstore = \"redis://cache\"").store.redis.retention, 1h);
}

TEST(Config, StoreSettingsThatContradictEachOtherAreProblems) {
  const std::vector<std::pair<std::string_view, const char*>> mistakes{
      {"store = \"\"", "c.toml:1:9: 'store': a store is named by the path"},
      {"store = \"redis:/x\"", "c.toml:1:9: 'store': the URL of a Redis or Valkey begins with redis://"},
      {"store = \"http://x\"", "c.toml:1:9: 'store': the URL of a Redis or Valkey begins with redis://"},
      {"store = 5", "c.toml:1:9: 'store' must be a table"},
      {"[store]\nkind = \"redis\"", "c.toml:2:8: which Redis?"},
      {"[store]\nkind = \"redis\"\nurl = \"redis://:geheim@h:x\"", "c.toml:3:7: 'url' in [store]: the port"},
      {"[store]\nkind = \"sqlite\"\nurl = \"redis://h\"", "c.toml:3:7: a url is for kind = \"redis\""},
      {"[store]\nprefix = \"a:\"", "c.toml:2:10: 'prefix' in [store] is for kind = \"redis\""},
      {"[store]\nkind = \"memory\"\njournal = \"j\"", "'journal' in [store] is for kind = \"redis\""},
      {"[store]\nkind = \"memory\"\nfsync = \"full\"", "'fsync' in [store] is for kind = \"sqlite\""},
      {"[store]\nurl = \"redis://h\"\npath = \"t.db\"", "'path' in [store] is for kind = \"sqlite\""},
      {"[store]\nurl = \"redis://h\"\nprefix = \"\"", "must not be empty"},
      {"[store]\nurl = \"redis://h\"\ncommand_timeout = \"1ms\"", "at least 10ms"},
      {"[store]\nurl = \"redis://h?prefix=%7Ba%7D\"\nlegacy_results = true", "c.toml:3:18: legacy_results writes keys"},
      {"[store]\nurl = \"redis://h\"\nprefx = \"a\"", "did you mean 'prefix'?"},
      {"[store]\nurl = \"redis://:geheim@h\"\npassword_env = \"HOME\"", "the url has a password already"},
      {"[store]\nurl = \"redis://h\"\npassword_env = \"MEANTIME_NOT_SET\"", "'MEANTIME_NOT_SET' is not set"},
      {"[store]\nurl = \"redis://h\"\npassword_file = \"/no/such\"", "password file /no/such: there is no such file"},
      {"[store]\nurl = \"redis://h\"\npassword_file = \"/etc/passwd\"", "on one line"},
      {"[store]\nurl = \"redis://h\"\npassword_file = \"x\"\npassword_env = \"y\"", "exclude each other"},
      {"[store]\nurl = \"redis://h\"\n[store.tls]\nserver_name = \"x\"", "begins with rediss://"},
      {"[store]\nurl = \"rediss://h\"\n[store.tls]\nca = \"/no/such\"",
       "c.toml:4:6: 'ca' in [store.tls]: there is no file"},
      {"[store]\nurl = \"rediss://h\"\n[store.tls]\ncert = \"/etc/passwd\"", "go together"},
  };
  for (const auto& [text, expected] : mistakes) {
    const auto problems = problems_of(text);
    EXPECT_THAT(problems, ElementsAre(AllOf(HasSubstr(expected), ::testing::Not(HasSubstr("geheim"))))) << text;
  }
}

TEST(Config, NamesThatClashAreProblems) {
  EXPECT_THAT(problems_of("[tools.check_task]\ndescription = \"d\"\ncommand = [\"true\"]"),
              ElementsAre(HasSubstr("is the name of a built-in tool")));
  EXPECT_THAT(problems_of("[session.names]\ncheck_task = \"list_tasks\""),
              ElementsAre(HasSubstr("cannot both be called 'list_tasks'")));
  EXPECT_THAT(problems_of("[tools.\"a b\"]\ndescription = \"d\"\ncommand = [\"true\"]"),
              ElementsAre(HasSubstr("cannot be a tool's name")));
}

TEST(Config, CommandsThatCannotWorkAreProblems) {
  const auto of = [](std::string_view rest) {
    return problems_of("[tools.t]\ndescription = \"d\"\n" + std::string(rest));
  };
  EXPECT_THAT(of("command = [\"no-such-program-anywhere\"]"),
              ElementsAre(AllOf(HasSubstr("c.toml:3:11: 'command' in [tools.t]"), HasSubstr("install it"))));
  EXPECT_THAT(of("command = \"ls -l\""), ElementsAre(AllOf(HasSubstr("must be a list"), HasSubstr("shell = true"))));
  EXPECT_THAT(of(""), ElementsAre(HasSubstr("has no command")));
  EXPECT_THAT(of("command = [\"true\", \"{x}\"]"), ElementsAre(HasSubstr("{x} is not among the properties")));
  EXPECT_THAT(of("command = [\"true\"]\ninput = '{\"type\": \"object\", \"required\": 5}'"),
              ElementsAre(AllOf(HasSubstr("c.toml:4:9: 'input' in [tools.t]"), HasSubstr("/required must be a list"))));
  EXPECT_THAT(of("command = [\"true\"]\ninput = '{\"type\": \"string\"}'"),
              ElementsAre(HasSubstr("must describe an object")));
  EXPECT_THAT(of("command = [\"true\"]\ninput_file = \"/no/such.json\""),
              ElementsAre(AllOf(HasSubstr("c.toml:4:14: 'input_file'"), HasSubstr("no such file"))));
  EXPECT_THAT(of("command = [\"true\"]\ninput_file = \"/dev/zero\""), ElementsAre(HasSubstr("no regular file")));
  EXPECT_THAT(of("command = [\"true\"]\nfolder = \"/no/such\""), ElementsAre(HasSubstr("there is no folder")));
  EXPECT_THAT(of("command = [\"true\"]\nlimits = { cpus = \"1s\" }"),
              ElementsAre(HasSubstr("unknown key 'cpus' in [tools.t.limits]; did you mean 'cpu'?")));
  EXPECT_THAT(problems_of("[upstreams.u]\ncommand = [\"no-such-program-anywhere\"]"),
              ElementsAre(HasSubstr("install it")));
}

TEST(Config, ManyProblemsAreToldUpToAHundred) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "unknown" + std::to_string(i) + " = 1\n";
  const auto problems = problems_of(text);
  ASSERT_THAT(problems, SizeIs(101));
  EXPECT_THAT(problems.back(), HasSubstr("and 99900 more problems"));
}

TEST(Config, RelativePathsStartAtTheFileAndTheTildeIsHome) {
  setenv("HOME", "/home/somebody", 1);
  EXPECT_EQ(config_of("[store]\npath = \"~/t.db\"").store.path, "/home/somebody/t.db");
  EXPECT_EQ(config_of("[store]\npath = \"../var/t.db\"").store.path, "/var/t.db");
}

class ConfigFile : public ::testing::Test {
 protected:
  ConfigFile()
      : folder_(std::filesystem::path(::testing::TempDir()) / ("meantime-config-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~ConfigFile() override {
    std::filesystem::remove_all(folder_);
    for (const char* name : {"MEANTIME_CONFIG", "XDG_CONFIG_HOME"}) unsetenv(name);
  }
  std::filesystem::path write(const char* name, std::string_view text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  std::filesystem::path folder_;
};

TEST_F(ConfigFile, IsFoundByVariableThenInTheUsersFolder) {
  setenv("XDG_CONFIG_HOME", folder_.c_str(), 1);
  EXPECT_EQ(default_config_file(), folder_ / "meantime/config.toml");
  EXPECT_TRUE(config_for_start(std::nullopt));  // none there: the defaults
  write("meantime/config.toml", "budget = \"1s\"");
  EXPECT_EQ(config_for_start(std::nullopt)->manager.budget, 1s);
  setenv("MEANTIME_CONFIG", "/no/such/config.toml", 1);
  const auto named = config_for_start(std::nullopt);  // one that was named must be there
  ASSERT_FALSE(named);
  EXPECT_THAT(named.error().detail, HasSubstr("/no/such/config.toml: there is no such file"));
  EXPECT_EQ(config_for_start(write("other.toml", "budget = \"2s\""))->manager.budget, 2s);
  EXPECT_THAT(
      config_for_start(write("bad.toml", "a = 1\nb = 2")).error().detail,
      AllOf(HasSubstr("bad.toml:1:1: unknown key 'a'"), HasSubstr("\n"), HasSubstr("bad.toml:2:1: unknown key 'b'")));
}

TEST_F(ConfigFile, ThatCannotBeReadSaysSo) {
  EXPECT_THAT(problems_in(folder_).front().text(), HasSubstr("no regular file"));
  EXPECT_THAT(problems_in(folder_ / "none").front().text(), HasSubstr("no such file"));
  const auto huge = write("huge.toml", std::string((4U << 20) + 1, '#'));
  EXPECT_THAT(problems_in(huge).front().text(), HasSubstr("larger than 4 MB"));
}

TEST_F(ConfigFile, APasswordMayStandInAFileBesideIt) {
  write("secret", "geheim\n");
  const auto file = write("c.toml", "[store]\nurl = \"redis://bot@h\"\npassword_file = \"secret\"\n");
  EXPECT_EQ(load_config(file).config.store.redis.password, "geheim");
  write("secret", "\n");
  EXPECT_THAT(problems_in(file).front().text(), HasSubstr("c.toml:3:17: password file"));
  write("secret", std::string(70'000, 'x'));
  EXPECT_THAT(problems_in(file).front().text(), HasSubstr("larger than 64 KB"));
}

TEST_F(ConfigFile, ASchemaMayStandInAFileBesideIt) {
  write("s.json", R"({"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]})");
  const auto file =
      write("c.toml", "[tools.t]\ndescription = \"d\"\ncommand = [\"echo\", \"{x}\"]\ninput_file = \"s.json\"\n");
  const Loaded loaded = load_config(file);
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_THAT(loaded.config.commands.front().tool.input_schema, HasSubstr("integer"));
}

TEST_F(ConfigFile, AProgramMayStandBesideItToo) {
  chmod(write("tool.sh", "#!/bin/sh\necho mine\n").c_str(), 0755);
  const auto file = write("c.toml", "[tools.t]\ndescription = \"d\"\ncommand = [\"./tool.sh\"]\n");
  const Loaded loaded = load_config(file);
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_EQ(loaded.config.commands.front().argv.front().front(), (folder_ / "tool.sh").string());
}

// The example in the repository is right, and its tools run.
class FromExample final : public ToolContext {
 public:
  explicit FromExample(std::string arguments) : arguments_(std::move(arguments)) {}
  [[nodiscard]] std::string_view arguments() const noexcept override { return arguments_; }
  [[nodiscard]] const Caller& caller() const noexcept override { return caller_; }
  void progress(Progress) override {}
  void append_output(std::string_view) override {}
  void log(LogLine) override {}
  [[nodiscard]] Task<Result<std::vector<InputResponse>>> ask(std::vector<InputRequest>) override {
    co_return fail(errc::unsupported, "test.ask", "nobody is here");
  }
  [[nodiscard]] std::stop_token stop_token() override { return {}; }
  [[nodiscard]] Task<void> sleep(Milliseconds) override { co_return; }

 private:
  std::string arguments_;
  Caller caller_;
};

TEST(Example, HasNoProblemsAndItsToolsRun) {
  const auto file = std::filesystem::path(__FILE__).parent_path() / "../../examples/meantime.toml";
  const Loaded loaded = load_config(file);
  for (const Problem& problem : loaded.problems) ADD_FAILURE() << problem.text();
  boost::asio::io_context loop;
  SystemClock clock(loop);
  const auto tools = command_tools(loop, clock, loaded.config);
  ASSERT_TRUE(tools);
  const auto tool = std::ranges::find(*tools, "count_words", &Tool::name);
  ASSERT_NE(tool, tools->end());
  FromExample call(R"({"text": "one two three"})");
  const ToolReturn returned = test::run(loop, tool->coroutine(call));
  ASSERT_TRUE(returned);
  EXPECT_THAT(returned->text, HasSubstr("3"));
}

TEST(Example, TheOneInTheReadmeHasNoProblemsEither) {
  std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "../../README.md");
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  constexpr std::string_view fence = "```toml\n";
  const auto begin = readme.find(fence);
  ASSERT_NE(begin, std::string::npos);
  std::string text = readme.substr(begin + fence.size(), readme.find("```", begin + 3) - begin - fence.size());
  constexpr std::string_view program = "/usr/local/bin/report";  // of the reader's machine
  ASSERT_NE(text.find(program), std::string::npos);
  text.replace(text.find(program), program.size(), "/bin/echo");
  EXPECT_THAT(problems_of(text), IsEmpty());
  EXPECT_EQ(config_of(text).commands.size(), 1U);
}

TEST(Size, IsANumberWithAUnit) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("100"), 100U);
  EXPECT_EQ(parse_size("16MB"), 16U << 20);
  EXPECT_EQ(parse_size("16 MiB"), 16U << 20);
  EXPECT_EQ(parse_size("1.5kb"), 1'536U);
  EXPECT_EQ(parse_size("2GB"), 2ULL << 30);
  for (const char* wrong : {"", "MB", "-1", "1XB", "1e9", "1.2.3MB", "99999999999TB", "nan"}) {
    const auto size = parse_size(wrong);
    ASSERT_FALSE(size) << wrong;
    EXPECT_THAT(size.error().detail, HasSubstr("as 512KB")) << wrong;
  }
}

}  // namespace
}  // namespace meantime::config
