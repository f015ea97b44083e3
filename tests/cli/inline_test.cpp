// SPDX-License-Identifier: MIT
// inline_test.cpp: commands that end within their budget, and command lines that are wrong.
#include <csignal>

#include "program.hpp"

namespace meantime::test {
namespace {

class Inline : public ProgramTest {};

TEST_F(Inline, S01_OutputAndExitCodeAreTheCommandsOwn) {
  const Ended ended = meantime({"run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(ended.code, 7);
  EXPECT_EQ(ended.out, "out\n");
  EXPECT_EQ(ended.err, "err\n");
  EXPECT_FALSE(std::filesystem::exists(folder() / "tasks.db")) << "within the budget nothing is written to disk";
}

TEST_F(Inline, ASignalThatEndsTheCommandIsPassedOnAsAShellDoes) {
  EXPECT_EQ(meantime({"run", "--", "sh", "-c", "kill -9 $$"}).code, 128 + SIGKILL);
  EXPECT_EQ(meantime({"run", "--", "sh", "-c", "kill -15 $$"}).code, 128 + SIGTERM);
}

TEST_F(Inline, AFileSizeLimitIsAFullStoreForUsAndTheUsualSignalForTheCommand) {
  const Ended listed = meantime({"run", "--", "sh", "-c", "ulimit -f 1; exec " MEANTIME_PROGRAM " list"});
  EXPECT_EQ(listed.code, 1) << listed.err;
  EXPECT_NE(listed.err.find("tasks.db"), std::string::npos) << listed.err;
  const std::string file = (folder() / "big").string();
  const Ended wrote = meantime({"run", "--", "sh", "-c", "ulimit -f 1; exec head -c 100000 /dev/zero >" + file});
  EXPECT_EQ(wrote.code, 128 + SIGXFSZ);
}

TEST_F(Inline, CommandsThatCannotRunAreNamed) {
  const Ended missing = meantime({"run", "--", "no-such-program-here"});
  EXPECT_EQ(missing.code, 127);
  EXPECT_NE(missing.err.find("no-such-program-here"), std::string::npos);
  EXPECT_EQ(meantime({"run", "--", "/etc/passwd"}).code, 126);
  EXPECT_EQ(meantime({"run", "--cwd", "/no/such/folder", "--", "true"}).code, 126);
}

TEST_F(Inline, OutputAppearsAsItComes) {
  const Gate go = gate("go");
  Program program = start({"run", "--", "sh", "-c", "printf early; read x < " + go.path() + "; printf late"});
  EXPECT_EQ(program.read_until("early"), "early");
  go.open();
  EXPECT_EQ(program.wait().out, "earlylate");
}

TEST_F(Inline, TheCommandReadsWhatIsPipedIn) {
  Program program = start({"run", "--", "cat"}, {.no_input = false});
  program.write("through the pipe");
  program.close_input();
  EXPECT_EQ(program.wait().out, "through the pipe");
}

TEST_F(Inline, AtATerminalTheCommandReadsNothingUnlessAsked) {
  Program silent = start({"run", "--", "sh", "-c", "cat; echo end"}, {.terminal = true});
  EXPECT_EQ(silent.wait().out, "end\r\n");
  Program reading = start({"run", "--stdin", "--", "sh", "-c", "echo ask; read x; echo got $x"}, {.terminal = true});
  reading.read_until("ask");
  reading.write("word\n");
  EXPECT_NE(reading.wait().out.find("got word"), std::string::npos);
}

TEST_F(Inline, BytesThatAreNoTextPassAsTheyAre) {
  const Ended ended = meantime({"run", "--", "printf", "a\\377\\000b\\303"});
  EXPECT_EQ(ended.out, std::string("a\xff\0b\xc3", 5));
}

TEST_F(Inline, AHundredMegabytesPass) {
  const Ended ended = shell("\"$MEANTIME\" run -- head -c 100000000 /dev/zero | wc -c");
  EXPECT_EQ(ended.out, "100000000\n");
}

TEST_F(Inline, WhenNobodyReadsTheCommandEnds) {
  const Ended ended = shell("\"$MEANTIME\" run -- sh -c 'while :; do echo y; done' | head -n 1; echo ${PIPESTATUS[0]}");
  EXPECT_EQ(ended.out, "y\n141\n");
}

TEST_F(Inline, AClosedOrFullStandardOutputHurtsNobody) {
  EXPECT_EQ(shell("\"$MEANTIME\" run -- echo x >&-").code, 0);
  EXPECT_EQ(shell("\"$MEANTIME\" run -- echo x <&- >&- 2>&-").code, 0);
  const Ended full = shell("\"$MEANTIME\" run -- echo x >/dev/full");
  EXPECT_EQ(full.code, 1);
  EXPECT_NE(full.err.find("No space left"), std::string::npos);
  EXPECT_EQ(shell("\"$MEANTIME\" version >/dev/full").code, 1);
}

TEST_F(Inline, CtrlCEndsTheCommand) {
  Program program = start({"run", "--", "sh", "-c", "echo ready; exec tail -f /dev/null"}, {.terminal = true});
  program.read_until("ready");
  program.write("\x03");
  EXPECT_EQ(program.wait().code, 130);
  EXPECT_EQ(meantime({"list", "--quiet"}).out, "") << "what was cancelled within the budget leaves no task";
}

TEST_F(Inline, ACommandMayAnswerCtrlCInItsOwnWay) {
  Program program =
      start({"run", "--", "bash", "-c", "trap 'echo bye; exit 9' INT; tail -f /dev/null & echo ready; wait"},
            {.terminal = true});
  program.read_until("ready");
  program.write("\x03");
  const Ended ended = program.wait();
  EXPECT_EQ(ended.code, 9);
  EXPECT_NE(ended.out.find("bye"), std::string::npos);
}

TEST_F(Inline, ASecondCtrlCKills) {
  Program program =
      start({"run", "--", "bash", "-c", "trap 'echo no' INT; tail -f /dev/null & echo ready; while :; do wait; done"},
            {.terminal = true});
  program.read_until("ready");
  program.write("\x03");
  program.read_until("no");
  program.write("\x03");
  EXPECT_EQ(program.wait().code, 128 + SIGKILL);
}

TEST_F(Inline, SigtermEndsTheCommand) {
  Program program = start({"run", "--", "sh", "-c", "echo ready; exec tail -f /dev/null"});
  program.read_until("ready");
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait().code, 128 + SIGTERM);
}

TEST_F(Inline, WhatTheCommandLeavesBehindEndsWithIt) {
  const Ended ended = meantime({"run", "--", "sh", "-c", "tail -f /dev/null & echo done"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.out, "done\n");
}

TEST_F(Inline, WrongCommandLinesExitTwoAndSayWhatIsMeant) {
  const Ended flag = meantime({"run", "--bugdet", "1s", "--", "true"});
  EXPECT_EQ(flag.code, 2);
  EXPECT_NE(flag.err.find("Did you mean '--budget'?"), std::string::npos);
  EXPECT_EQ(flag.out, "");
  EXPECT_EQ(meantime({"frobnicate"}).code, 2);
  EXPECT_EQ(meantime({"run", "--name", "two words", "--", "true"}).code, 2);
  EXPECT_EQ(meantime({"output", "-f", "--json", "x"}).code, 2);
  EXPECT_EQ(meantime({}).code, 2);
}

TEST_F(Inline, HelpAndVersionNeedNoStore) {
  EXPECT_NE(meantime({"--help"}).out.find("meantime run --budget"), std::string::npos);
  EXPECT_EQ(meantime({"version", "--json"}).out.find("{\"name\":\"meantime\",\"version\":\""), 0U);
  EXPECT_TRUE(std::filesystem::is_empty(folder()));
}

TEST_F(Inline, CompletionScriptsAreGoodBash) {
  EXPECT_EQ(shell("\"$MEANTIME\" completion bash | bash -n").code, 0);
  const Ended commands = shell(
      "eval \"$(\"$MEANTIME\" completion bash)\"; COMP_WORDS=(meantime c); COMP_CWORD=1; _meantime; "
      "echo ${COMPREPLY[@]}");
  EXPECT_EQ(commands.out, "check cancel config completion\n");
  const Ended options = shell(
      "eval \"$(\"$MEANTIME\" completion bash)\"; COMP_WORDS=(meantime run --bu); COMP_CWORD=2; _meantime; "
      "echo ${COMPREPLY[@]}");
  EXPECT_EQ(options.out, "--budget\n");
  for (const char* script : {"zsh", "fish"}) EXPECT_EQ(meantime({"completion", script}).code, 0);
}

}  // namespace
}  // namespace meantime::test
