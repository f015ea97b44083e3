// SPDX-License-Identifier: MIT
#include "cli/arguments.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>

namespace meantime::cli {
namespace {

template <class Wanted>
Wanted read(std::initializer_list<const char*> words) {
  auto parsed = parse_arguments({words.begin(), words.size()});
  if (const auto* stop = std::get_if<Stop>(&parsed)) {
    ADD_FAILURE() << stop->err;
    return {};
  }
  return std::get<Wanted>(std::get<Command>(parsed));
}

Stop refused(std::initializer_list<const char*> words) {
  auto parsed = parse_arguments({words.begin(), words.size()});
  const auto* stop = std::get_if<Stop>(&parsed);
  EXPECT_NE(stop, nullptr);
  return stop != nullptr ? *stop : Stop{};
}

bool mentions(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Arguments, RunTakesTheRestOfTheLineAsItIs) {
  const auto run = read<RunArguments>({"run", "--budget", "1m30s", "--name", "n", "--", "make", "-j4", "--", "-x"});
  EXPECT_EQ(run.budget, std::chrono::seconds{90});
  EXPECT_EQ(run.name, "n");
  EXPECT_EQ(run.command, (std::vector<std::string>{"make", "-j4", "--", "-x"}));
}

TEST(Arguments, RunNeedsNoDashesBeforeACommand) {
  EXPECT_EQ(read<RunArguments>({"run", "-b", "0", "ls", "-la", "--budget", "7"}).command,
            (std::vector<std::string>{"ls", "-la", "--budget", "7"}));
  EXPECT_EQ(read<RunArguments>({"run", "sh", "-c", "x", "--", "y"}).command,
            (std::vector<std::string>{"sh", "-c", "x", "--", "y"}));
  EXPECT_EQ(read<RunArguments>({"run", "--", "--strange"}).command, (std::vector<std::string>{"--strange"}));
}

TEST(Arguments, EveryCommandIsRead) {
  EXPECT_EQ(read<CheckArguments>({"check", "abc", "--json"}).task, "abc");
  EXPECT_EQ(read<AwaitArguments>({"await", "abc", "--timeout", "5s"}).timeout, std::chrono::seconds{5});
  EXPECT_EQ(read<AwaitArguments>({"await", "abc"}).timeout, std::nullopt);
  EXPECT_TRUE(read<OutputArguments>({"output", "-f", "abc"}).follow);
  EXPECT_EQ(read<OutputArguments>({"output", "abc", "--offset", "7", "--limit", "9"}).limit, 9U);
  const auto list = read<ListArguments>({"list", "--status", "failed", "--tool", "t", "--owner", "", "--limit", "5"});
  EXPECT_EQ(list.status, TaskStatus::failed);
  EXPECT_EQ(list.tool, "t");
  EXPECT_EQ(list.limit, 5U);
  EXPECT_TRUE(read<CancelArguments>({"cancel", "--wait", "abc"}).wait);
  EXPECT_EQ(read<ServeArguments>({"serve", "--stdio", "--config", "f"}).config, "f");
  EXPECT_EQ(read<ConfigCheckArguments>({"config", "check", "f"}).file, "f");
  EXPECT_EQ(read<DoctorArguments>({"doctor", "--config", "f", "--store", "redis://h"}).store, "redis://h");
  EXPECT_EQ(read<CompletionArguments>({"completion", "zsh"}).shell, "zsh");
  EXPECT_TRUE(read<VersionArguments>({"version", "--json"}).json);
  EXPECT_FALSE(read<VersionArguments>({"--version"}).json);
}

TEST(Arguments, WrapTakesBudgetsOfSingleTools) {
  const auto wrap = read<WrapArguments>({"wrap", "--budget", "2s", "--tool-budget", "build=1m", "--tool-budget",
                                         "a=b=0", "--no-background", "x", "--no-background", "y", "--check-tool",
                                         "look", "--output-schemas", "drop", "--", "npx", "-y", "server"});
  EXPECT_EQ(wrap.budget, std::chrono::seconds{2});
  EXPECT_EQ(wrap.budgets.at("build"), std::chrono::minutes{1});
  EXPECT_EQ(wrap.budgets.at("a=b"), Milliseconds{0});
  EXPECT_EQ(wrap.no_background, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(wrap.tool_names.at("check"), "look");
  EXPECT_EQ(wrap.output_schemas, "drop");
  EXPECT_EQ(wrap.command, (std::vector<std::string>{"npx", "-y", "server"}));
}

TEST(Arguments, MistakesAreNamedWithTheRemedyAndExitTwo) {
  const std::vector<std::pair<Stop, const char*>> mistakes{
      {refused({"rnu"}), "Did you mean 'run'?"},
      {refused({"config", "chekc", "f"}), "Did you mean 'check'?"},
      {refused({"run", "--bugdet", "5s", "--", "x"}), "Did you mean '--budget'?"},
      {refused({"list", "--limt=5"}), "Did you mean '--limit'?"},
      {refused({"list", "surplus"}), "unexpected 'surplus'"},
      {refused({"run", "--budget", "5q", "--", "x"}), "'5q' is no duration"},
      {refused({"run"}), "which command?"},
      {refused({"wrap", "--"}), "which command?"},
      {refused({"check"}), "task"},
      {refused({"list", "--status", "done"}), "running, completed or failed"},
      {refused({"list", "--limit", "5000"}), "1000"},
      {refused({"list", "--limit", "-3"}), "--limit"},
      {refused({"output", "x", "--offset", "many"}), "--offset"},
      {refused({"output", "x", "--offset", "-1"}), "--offset"},
      {refused({"output", "x", "--limit", "99999999999999999999999"}), "--limit"},
      {refused({"run", "--budget", "999999d", "--", "x"}), "at most 36500d"},
      {refused({"serve", "--stdio"}), "--config"},
      {refused({"completion", "tcsh"}), "tcsh"},
      {refused({"wrap", "--tool-budget", "x", "--", "y"}), "TOOL=DURATION"},
      {refused({"\xff\xfe"}), "unknown command"},
      {refused({"--\xff"}), "unknown option"},
  };
  for (const auto& [stop, expected] : mistakes) {
    EXPECT_EQ(stop.exit_code, 2) << expected;
    EXPECT_TRUE(mentions(stop.err, expected)) << stop.err;
    EXPECT_TRUE(mentions(stop.err, "--help")) << stop.err;
    EXPECT_EQ(stop.out, "");
  }
}

TEST(Arguments, HelpGoesToStandardOutputAndShowsHowToBegin) {
  for (const Stop& stop : {refused({"--help"}), refused({"help"})}) {
    EXPECT_EQ(stop.exit_code, 0);
    EXPECT_TRUE(mentions(stop.out, "meantime run --budget 2s"));
    EXPECT_EQ(stop.err, "");
  }
  EXPECT_TRUE(mentions(refused({"run", "--help"}).out, "Usage: meantime run [OPTIONS] -- COMMAND"));
  EXPECT_TRUE(mentions(refused({"config", "check", "--help"}).out, "Usage: meantime config check"));
  EXPECT_EQ(refused({}).exit_code, 2);
}

TEST(Arguments, EveryOptionHasAHelpText) {
  std::set<std::string> names;
  for (const auto& command : describe_commands()) {
    names.insert(command.name);
    EXPECT_FALSE(command.summary.empty()) << command.name;
    for (const auto& option : command.options) EXPECT_FALSE(option.summary.empty()) << command.name << option.name;
  }
  EXPECT_EQ(names, (std::set<std::string>{"run", "check", "await", "output", "list", "cancel", "wrap", "serve",
                                          "config", "doctor", "completion", "version", "token", "login", "redirect",
                                          "deliveries", "destinations"}));
}

}  // namespace
}  // namespace meantime::cli
