// SPDX-License-Identifier: MIT
#include "tools/command_tool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <charconv>

#include "meantime/system_clock.hpp"
#include "support/co_test.hpp"
#include "support/watched_process.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A call as the manager makes it, without its budget.
class Call final : public ToolContext {
 public:
  explicit Call(std::string arguments) : arguments_(std::move(arguments)) {}
  [[nodiscard]] std::string_view arguments() const noexcept override { return arguments_; }
  [[nodiscard]] const Caller& caller() const noexcept override { return caller_; }
  void progress(Progress) override { ADD_FAILURE() << "a command tells no progress"; }
  void append_output(std::string_view bytes) override { output += bytes; }
  void log(LogLine) override { ADD_FAILURE() << "a command writes no log"; }
  [[nodiscard]] Task<Result<std::vector<InputResponse>>> ask(std::vector<InputRequest>) override {
    co_return fail(errc::unsupported, "test.ask", "a command asks nothing");
  }
  [[nodiscard]] std::stop_token stop_token() override { return stop.get_token(); }
  [[nodiscard]] Task<void> sleep(Milliseconds) override { co_return; }

  std::string output;
  std::stop_source stop;

 private:
  std::string arguments_;
  Caller caller_;
};

class CommandTool : public ::testing::Test {
 protected:
  ~CommandTool() override { test::run_until(loop, test::no_child_is_left); }
  static CommandSpec shell(std::string script) {
    CommandSpec spec;
    spec.tool.name = "test_tool";
    spec.script = std::move(script);
    return spec;
  }
  static CommandSpec command(std::vector<ArgvTemplate::Group> argv, std::string input_schema = "") {
    CommandSpec spec;
    spec.tool.name = "test_tool";
    spec.tool.input_schema = std::move(input_schema);
    spec.argv = std::move(argv);
    return spec;
  }
  Tool make(CommandSpec spec) {
    Result<Tool> tool = make_command_tool(loop, clock, std::move(spec));
    if (!tool) throw std::runtime_error(tool.error().detail);
    return *tool;
  }
  ToolReturn run(CommandSpec spec, std::string arguments = "{}") {
    const Tool tool = make(std::move(spec));
    Call call(std::move(arguments));
    ToolReturn returned = test::run(loop, tool.coroutine(call));
    live_output = call.output;
    return returned;
  }

  boost::asio::io_context loop;
  SystemClock clock{loop};
  std::string live_output;
};

constexpr const char* one_name =
    R"({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]})";

TEST_F(CommandTool, GivesTheOutputAndTheExitCode) {
  const ToolReturn returned =
      run(command({{"printf"}, {"%s-%s"}, {"{name}"}, {"b"}}, one_name), R"({"name": "a  'x'"})");
  ASSERT_TRUE(returned);
  EXPECT_EQ(returned->text, "a  'x'-b");
  EXPECT_EQ(returned->exit_code, 0);
  EXPECT_FALSE(returned->cut);
  EXPECT_EQ(live_output, "a  'x'-b");
}

TEST_F(CommandTool, AFailureTellsTheCodeTheEndOfStandardErrorAndTheOutput) {
  CommandSpec spec = shell("echo partial; echo no such thing >&2; exit 3");
  spec.exit_messages[3] = "not found";
  const ToolReturn returned = run(spec);
  ASSERT_FALSE(returned);
  EXPECT_EQ(returned.error().error(), "CommandFailed: exit code 3 (not found): no such thing");
  ASSERT_TRUE(returned.error().output);
  EXPECT_EQ(returned.error().output->text, "partial\n");
  EXPECT_EQ(returned.error().output->exit_code, 3);
}

TEST_F(CommandTool, AnExitCodeCanMeanSuccess) {
  CommandSpec spec = shell("exit 1");
  spec.ok_exit_codes = {0, 1};
  const ToolReturn returned = run(spec);
  ASSERT_TRUE(returned);
  EXPECT_EQ(returned->exit_code, 1);
}

TEST_F(CommandTool, ASignalIsAFailureThatNamesIt) {
  const ToolReturn returned = run(shell("kill -KILL $$"));
  ASSERT_FALSE(returned);
  EXPECT_EQ(returned.error().error(), "CommandFailed: killed by signal 9 (KILL)");
}

TEST_F(CommandTool, StandardErrorGoesWhereItIsToldTo) {
  CommandSpec spec = shell("echo one; echo two >&2; echo three");
  EXPECT_EQ(run(spec)->text, "one\nthree\n");
  EXPECT_THAT(live_output, HasSubstr("two"));
  spec.error_output = ErrorOutput::merged;
  EXPECT_EQ(run(spec)->text, "one\ntwo\nthree\n");
  spec.error_output = ErrorOutput::appended;
  EXPECT_EQ(run(spec)->text, "one\nthree\ntwo\n");
  spec.error_output = ErrorOutput::discarded;
  EXPECT_EQ(run(spec)->text, "one\nthree\n");
  EXPECT_THAT(live_output, Not(HasSubstr("two")));
}

TEST_F(CommandTool, AHundredMegabytesBecomeAHeadAndATail) {
  CommandSpec spec = shell("echo BEGIN; head -c 104857600 /dev/zero | tr '\\0' a; echo END");
  spec.max_output_bytes = 10'000;
  const Tool tool = make(spec);
  // The manager bounds partial output; here only its amount is of interest.
  struct Counting final : public ToolContext {
    [[nodiscard]] std::string_view arguments() const noexcept override { return ""; }
    [[nodiscard]] const Caller& caller() const noexcept override { return who; }
    void progress(Progress) override {}
    void append_output(std::string_view more) override { bytes += more.size(); }
    void log(LogLine) override { ADD_FAILURE() << "a command writes no log"; }
    [[nodiscard]] Task<Result<std::vector<InputResponse>>> ask(std::vector<InputRequest>) override {
      co_return fail(errc::unsupported, "test.ask", "a command asks nothing");
    }
    [[nodiscard]] std::stop_token stop_token() override { return {}; }
    [[nodiscard]] Task<void> sleep(Milliseconds) override { co_return; }
    Caller who;
    std::uint64_t bytes = 0;
  } call;
  const ToolReturn returned = test::run(loop, tool.coroutine(call));
  ASSERT_TRUE(returned);
  EXPECT_TRUE(returned->cut);
  EXPECT_THAT(returned->text, StartsWith("BEGIN\naaa"));
  EXPECT_TRUE(returned->text.ends_with("aaaEND\n"));
  EXPECT_LT(returned->text.size(), 10'100U);
  EXPECT_EQ(call.bytes, 104'857'610U);
}

TEST_F(CommandTool, ColoursAreTakenOutUnlessTheyAreWanted) {
  CommandSpec spec = shell("printf '\\033[31mred\\033[0m\\n'");
  EXPECT_EQ(run(spec)->text, "red\n");
  spec.strip_control = false;
  EXPECT_EQ(run(spec)->text, "\x1B[31mred\x1B[0m\n");
}

TEST_F(CommandTool, AShellScriptGetsArgumentsAsVariablesAndNeverAsCode) {
  CommandSpec spec = shell("printf '%s|%s' \"$ARG_name\" \"$ARG_count\"");
  spec.tool.input_schema = R"({"type": "object", "properties": {"count": {"type": "integer", "default": 4}}})";
  EXPECT_EQ(run(spec, R"({"name": "$(echo x); `echo y`\"'"})")->text, "$(echo x); `echo y`\"'|4");
  EXPECT_EQ(run(spec, R"({"name": "a", "count": 9})")->text, "a|9");
  // A name that is no variable's, and one that would be ours to set, change nothing of the script's surroundings.
  EXPECT_EQ(run(spec, R"({"x;y": "z", "PATH": "/evil", "name": "n"})")->text, "n|4");
}

TEST_F(CommandTool, StandardInputIsNothingATextOrAllArguments) {
  CommandSpec spec = command({{"cat"}}, one_name);
  EXPECT_EQ(run(spec, R"({"name": "x"})")->text, "");
  spec.input = CommandInput::text;
  spec.input_text = "Dear {name},\n";
  EXPECT_EQ(run(spec, R"({"name": "Ada"})")->text, "Dear Ada,\n");
  spec.input = CommandInput::arguments;
  EXPECT_EQ(run(spec, R"({"name": "Ada"})")->text, R"({"name": "Ada"})");
}

TEST_F(CommandTool, TheEnvironmentIsAnAllowList) {
  setenv("MEANTIME_TEST_SECRET", "hidden", 1);
  setenv("MEANTIME_TEST_OPEN", "shown", 1);
  CommandSpec spec = command({{"env"}});
  spec.environment_from = {"PATH", "MEANTIME_TEST_O*"};
  spec.environment = {{"FIXED", "value"}, {"PATH", "/usr/bin:/bin"}};
  const std::string seen = run(spec)->text;
  unsetenv("MEANTIME_TEST_SECRET");
  unsetenv("MEANTIME_TEST_OPEN");
  EXPECT_EQ(seen, "MEANTIME_TEST_OPEN=shown\nFIXED=value\nPATH=/usr/bin:/bin\n");
}

TEST_F(CommandTool, RunsInTheFolderItWasGiven) {
  CommandSpec spec = command({{"pwd"}});
  spec.folder = "/usr";
  EXPECT_EQ(run(spec)->text, "/usr\n");
}

TEST_F(CommandTool, LimitsAreToldWhenTheyEndTheCommand) {
  CommandSpec spec = shell("while :; do :; done");
  spec.limits.cpu_seconds = 1;
  const ToolReturn returned = run(spec);
  ASSERT_FALSE(returned);
  EXPECT_THAT(returned.error().message, HasSubstr("limit of 1 s of processor time"));
}

TEST_F(CommandTool, ArgumentsThatCannotBePassedAreTheCallersFault) {
  const ToolReturn dash = run(command({{"echo"}, {"{name}"}}, one_name), R"({"name": "-n"})");
  ASSERT_FALSE(dash);
  EXPECT_EQ(dash.error().type, "InvalidArguments");
  EXPECT_THAT(dash.error().message, HasSubstr("begins with '-'"));
  const ToolReturn list = run(command({{"echo"}}), "[]");
  ASSERT_FALSE(list);
  EXPECT_THAT(list.error().message, HasSubstr("must be a JSON object"));
  const ToolReturn huge =
      run(command({{"echo"}, {"{name}"}}, one_name), R"({"name": ")" + std::string(1 << 20, 'x') + "\"}");
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().type, "CommandNotStarted");
  EXPECT_THAT(huge.error().message, HasSubstr("stdin"));
}

// Waits until the command has printed a line, and gives the number in it.
pid_t printed_pid(boost::asio::io_context& loop, const Call& call) {
  test::run_until(loop, [&] { return call.output.ends_with('\n'); });
  pid_t pid = 0;
  std::from_chars(call.output.data(), call.output.data() + call.output.size(), pid);
  return pid;
}

TEST_F(CommandTool, ACancelEndsTheWholeGroupThePoliteWay) {
  const Tool tool = make(shell("trap 'echo tidied; exit 9' TERM; sleep 1000 & echo $!; wait"));
  Call call("{}");
  Task<ToolReturn> running = tool.coroutine(call);
  const test::WatchedProcess sleeper(printed_pid(loop, call));
  call.stop.request_stop();
  const ToolReturn returned = test::run(loop, std::move(running));
  ASSERT_FALSE(returned);
  EXPECT_EQ(returned.error().message, "ended on request, exit code 9");
  EXPECT_EQ(returned.error().reason, EndReason::tool_error);  // the manager knows why it asked
  EXPECT_THAT(returned.error().output->text, HasSubstr("tidied"));
  EXPECT_TRUE(sleeper.ends());
}

TEST_F(CommandTool, ACommandThatIgnoresTheCancelIsKilledAfterTheGraceTime) {
  CommandSpec spec = shell("trap '' TERM; echo $$; while :; do sleep 1000; done");
  spec.stop_grace = 20ms;
  const Tool tool = make(spec);
  Call call("{}");
  Task<ToolReturn> running = tool.coroutine(call);
  const test::WatchedProcess command(printed_pid(loop, call));
  call.stop.request_stop();
  const ToolReturn returned = test::run(loop, std::move(running));
  ASSERT_FALSE(returned);
  EXPECT_THAT(returned.error().message, HasSubstr("killed by signal 9 (KILL)"));
}

TEST_F(CommandTool, DroppingTheCallKillsTheGroup) {
  const Tool tool = make(shell("sleep 1000 & echo $!; wait"));
  Call call("{}");
  Task<ToolReturn> running = tool.coroutine(call);
  const test::WatchedProcess sleeper(printed_pid(loop, call));
  running.reset();
  EXPECT_TRUE(sleeper.ends());
}

TEST_F(CommandTool, WhatIsLeftInTheBackgroundHoldsNothingUp) {
  const Tool tool = make(shell("sleep 1000 & echo $!"));
  Call call("{}");
  Task<ToolReturn> running = tool.coroutine(call);
  const test::WatchedProcess sleeper(printed_pid(loop, call));
  const ToolReturn returned = test::run(loop, std::move(running));
  ASSERT_TRUE(returned);
  EXPECT_TRUE(sleeper.ends());
}

TEST_F(CommandTool, AllThatIsWrongIsToldAtOnce) {
  CommandSpec spec = command({{"no-such-program-here"}, {"{city}"}, {"{town}"}, {"{oops"}},
                             R"({"type": "object", "properties": {"city": {"type": "strin"}}})");
  spec.folder = "/no/such/folder";
  spec.allow_dash = {"nobody"};
  spec.ok_exit_codes = {300};
  spec.environment = {{"1BAD", "x"}};
  std::vector<std::string> keys;
  for (const CommandFault& fault : faults_of(spec)) keys.push_back(fault.key);
  EXPECT_THAT(keys, ::testing::UnorderedElementsAre("command", "input", "command", "folder", "allow_dash", "env",
                                                    "ok_exit_codes"));
}

TEST_F(CommandTool, PlaceholdersMustBeDeclaredAndMayNotChooseTheProgram) {
  const auto first = [](const CommandSpec& spec) {
    const auto faults = faults_of(spec);
    return faults.empty() ? std::string("none") : faults.front().what;
  };
  EXPECT_THAT(first(command({{"{name}"}}, one_name)), HasSubstr("never choose what is run"));
  EXPECT_THAT(first(command({{"echo"}, {"{nam}"}}, one_name)), HasSubstr("{nam} is not among the properties"));
  EXPECT_THAT(first(command({{"echo"}, {"{a}"}}, R"({"properties": {"a": {}}})")), HasSubstr("write {a?}"));
  EXPECT_EQ(first(command({{"echo"}, {"{a}"}}, R"({"properties": {"a": {"default": 1}}})")), "none");
  EXPECT_EQ(first(command({{"echo"}, {"{a?}"}}, R"({"properties": {"a": {}}})")), "none");
  EXPECT_THAT(first(command({})), HasSubstr("names no program"));
}

}  // namespace
}  // namespace meantime
