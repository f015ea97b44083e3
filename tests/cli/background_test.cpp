// SPDX-License-Identifier: MIT
// background_test.cpp: commands over their budget: found, followed, awaited and cancelled from other processes.
#include <csignal>
#include <fstream>

#include "program.hpp"

namespace meantime::test {
namespace {

namespace json = boost::json;

class Background : public ProgramTest {
 protected:
  // Waits until a task of this name stands in the list, and answers its id.
  std::string wait_for_task(const std::string& name) {
    Program list = start({"list", "--watch", "--quiet", "--tool", name});
    const std::string& text = list.read_until("\n");
    std::string id = text.substr(0, text.find('\n'));
    list.signal(SIGINT);
    EXPECT_EQ(list.wait().code, 130);
    return id;
  }
};

json::object parsed(const std::string& text) {
  return json::parse(std::string_view(text)).as_object();
}

TEST_F(Background, S03_OverBudgetTheEnvelopeIsPrintedAndTheCommandGoesOn) {
  const Gate go = gate("go");
  const Ended ended = meantime({"run", "--budget", "50ms", "--name", "slow", "--", "sh", "-c",
                                "echo first; read x < " + go.path() + "; echo second"});
  EXPECT_EQ(ended.code, 75);
  ASSERT_TRUE(ended.out.starts_with("first\n")) << ended.out;
  const json::object envelope = parsed(ended.out.substr(6));
  EXPECT_EQ(envelope.size(), 4U);
  EXPECT_EQ(envelope.at("tool_name"), "slow");
  EXPECT_EQ(envelope.at("status"), "running");
  const std::string id(envelope.at("task_id").as_string());
  EXPECT_NE(std::string(envelope.at("message").as_string()).find(id), std::string::npos);
  EXPECT_NE(ended.err.find("meantime await " + id), std::string::npos);

  EXPECT_EQ(meantime({"check", id}).code, 75);
  EXPECT_EQ(record(id).at("status"), "running");
  go.open();
  const Ended awaited = meantime({"await", id});
  EXPECT_EQ(awaited.code, 0) << awaited.err;
  EXPECT_EQ(awaited.out, "first\nsecond\n");
  EXPECT_EQ(meantime({"output", id}).out, "first\nsecond\n");
  EXPECT_EQ(meantime({"check", id}).code, 0);
}

TEST_F(Background, F32_ElapsedTimeRunsFromTheStartOfTheCommand) {
  const Gate go = gate("go");
  const std::string id = [&] {
    const Ended ended = meantime({"run", "-q", "--budget", "300ms", "--", "sh", "-c", "read x < " + go.path()});
    return ended.out.substr(0, ended.out.find('\n'));
  }();
  EXPECT_GE(record(id).at("elapsed_seconds").to_number<double>(), 0.3);
  go.open();
  EXPECT_EQ(meantime({"await", id}).code, 0);
}

TEST_F(Background, OutputIsFollowedFromAnotherProcess) {
  const Gate one = gate("one");
  const Gate two = gate("two");
  const std::string id =
      background("echo a; read x < " + one.path() + "; echo b; read x < " + two.path() + "; printf c; exit 4");
  Program follow = start({"output", "-f", id});
  follow.read_until("a\n");
  one.open();
  follow.read_until("a\nb\n");
  two.open();
  const Ended ended = follow.wait();
  EXPECT_EQ(ended.out, "a\nb\nc");
  EXPECT_EQ(ended.code, 3);
  EXPECT_NE(ended.err.find("exit code 4"), std::string::npos);
}

TEST_F(Background, S11_AFailedCommandIsAFailedTaskWithItsExitCodeAndOutput) {
  const std::string id = background("echo why; exit 3");
  const Ended awaited = meantime({"await", id});
  EXPECT_EQ(awaited.code, 3);
  EXPECT_EQ(awaited.out, "why\n");
  const auto task = record(id);
  EXPECT_EQ(task.at("status"), "failed");
  EXPECT_EQ(task.at("reason"), "tool_error");
  EXPECT_EQ(task.at("error"), "CommandFailed: exit code 3");
  EXPECT_EQ(task.at("exit_code"), 3);
}

TEST_F(Background, S12_CancelFromAnotherProcessEndsTheCommandAndWakesWhoWaits) {
  const std::string id = background("trap 'echo bye; exit 1' TERM; echo ready; tail -f /dev/null & wait");
  Program waiting = start({"await", id});
  Program follow = start({"output", "-f", id});
  follow.read_until("ready");
  const Ended cancelled = meantime({"cancel", "--wait", id});
  EXPECT_EQ(cancelled.code, 0) << cancelled.err;
  EXPECT_EQ(waiting.wait().code, 5);
  EXPECT_EQ(follow.wait().out, "ready\nbye\n");
  const auto task = record(id);
  EXPECT_EQ(task.at("status"), "failed");
  EXPECT_EQ(task.at("reason"), "cancelled");
  EXPECT_EQ(task.at("error"), "Task was cancelled.");
  EXPECT_EQ(meantime({"check", id}).code, 5);
  EXPECT_EQ(meantime({"cancel", id}).code, 1) << "what has ended stays as it is";
}

TEST_F(Background, S27_ATaskWhoseSupervisorWasKilledIsLostAndWaitersWake) {
  const std::string id = background("exec tail -f /dev/null #victim");
  const pid_t supervisor = supervisor_of("#victim");
  Program waiting = start({"await", id});
  Program follow = start({"output", "-f", id});
  kill(supervisor, SIGKILL);
  const Ended awaited = waiting.wait();
  EXPECT_EQ(awaited.code, 3);
  EXPECT_NE(awaited.err.find("Task was lost"), std::string::npos) << awaited.err;
  EXPECT_EQ(follow.wait().code, 3);
  EXPECT_EQ(record(id).at("reason"), "lost");
}

TEST_F(Background, F35_SigtermToTheSupervisorRecordsAnInterruptedTask) {
  const std::string id = background("echo part; exec tail -f /dev/null #victim");
  const pid_t supervisor = supervisor_of("#victim");
  Program follow = start({"output", "-f", id});
  follow.read_until("part");
  kill(supervisor, SIGTERM);
  const Ended awaited = meantime({"await", id});
  EXPECT_EQ(follow.wait().code, 3);
  EXPECT_EQ(awaited.code, 3);
  EXPECT_EQ(awaited.out, "part\n") << "what was printed so far is kept";
  EXPECT_EQ(record(id).at("reason"), "interrupted");
}

TEST_F(Background, ClosingTheTerminalSendsTheCommandToTheBackground) {
  const Gate go = gate("go");
  Program program = start({"run", "--budget", "1h", "--name", "left", "--", "sh", "-c",
                           "echo ready; read x < " + go.path() + "; echo done"},
                          {.terminal = true});
  program.read_until("ready");
  program.hang_up();
  EXPECT_EQ(program.wait().code, 128 + SIGHUP);
  const std::string id = wait_for_task("left");
  go.open();
  const Ended awaited = meantime({"await", id});
  EXPECT_EQ(awaited.code, 0);
  EXPECT_EQ(awaited.out, "ready\ndone\n");
}

TEST_F(Background, KillingTheFrontSendsTheCommandToTheBackground) {
  const Gate go = gate("go");
  Program program =
      start({"run", "--budget", "1h", "--name", "left", "--", "sh", "-c", "echo ready; read x < " + go.path()});
  program.read_until("ready");
  program.signal(SIGKILL);
  const std::string id = wait_for_task("left");
  EXPECT_EQ(record(id).at("status"), "running");
  go.open();
  EXPECT_EQ(meantime({"await", id}).code, 0);
}

TEST_F(Background, ABudgetIsKeptEvenWhenTheTerminalReadsNothing) {
  const Gate go = gate("go");
  Program program = start({"run", "--budget", "100ms", "--name", "chatty", "--", "sh", "-c",
                           "head -c 3000000 /dev/zero; read x < " + go.path()});
  const std::string id = wait_for_task("chatty");
  go.open();
  EXPECT_EQ(meantime({"await", "-q", id}).code, 0) << "the command was not held back by a reader that sleeps";
  EXPECT_EQ(record(id).at("result_bytes").to_number<int>(), 3'000'000);
  EXPECT_EQ(program.wait().code, 75);
}

TEST_F(Background, AHundredMegabytesOfOutputKeepHeadAndTailInBoundedMemory) {
  const Gate go = gate("go");
  const std::string id =
      background("echo head; head -c 100000000 /dev/zero; echo tail; read x < " + go.path() + " #big");
  const pid_t supervisor = supervisor_of("#big");
  go.open();
  std::string most;
  std::ifstream status("/proc/" + std::to_string(supervisor) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) most = line.substr(6);
  }
  EXPECT_LT(std::stol(most), 600'000) << "kB; with the sanitizers' share";
  const Ended awaited = meantime({"await", id});
  EXPECT_EQ(awaited.code, 0);
  EXPECT_TRUE(awaited.out.starts_with("head\n"));
  EXPECT_TRUE(awaited.out.ends_with("tail\n"));
  EXPECT_LT(awaited.out.size(), 9'000'000U);
  EXPECT_NE(awaited.out.find("bytes left out"), std::string::npos);
  EXPECT_EQ(record(id).at("result_cut"), true);
}

TEST_F(Background, F11_ATaskWithBytesThatAreNoTextIsReadAsText) {
  const std::string id = background("printf 'a\\377b'");
  EXPECT_EQ(meantime({"await", id}).out, "a\uFFFDb");
  const auto page = parsed(meantime({"output", "--json", id}).out);
  EXPECT_EQ(page.at("text"), "a\uFFFDb");
}

TEST_F(Background, WithoutAStoreTheCommandStaysInTheForeground) {
  const Ended ended =
      meantime({"run", "--budget", "0", "--store", "/dev/null/tasks.db", "--", "sh", "-c", "echo still here; exit 6"});
  EXPECT_EQ(ended.code, 6);
  EXPECT_EQ(ended.out, "still here\n");
  EXPECT_NE(ended.err.find("stays in the foreground"), std::string::npos);
}

TEST_F(Background, AnAwaitThatGivesUpTouchesNothing) {
  const Gate go = gate("go");
  const std::string id = background("read x < " + go.path());
  const Ended ended = meantime({"await", "--timeout", "50ms", id});
  EXPECT_EQ(ended.code, 124);
  EXPECT_EQ(ended.out, "");
  const auto timeout = parsed(meantime({"await", "--timeout", "0", "--json", id}).out);
  EXPECT_EQ(timeout.at("status"), "timeout");
  EXPECT_EQ(record(id).at("status"), "running");
  Program interrupted = start({"await", id}, {.terminal = true});
  interrupted.read_until("running");
  interrupted.write("\x03");
  EXPECT_EQ(interrupted.wait().code, 130);
  go.open();
  EXPECT_EQ(meantime({"await", id}).code, 0);
}

TEST_F(Background, SeveralProcessesWaitAndAllAreWoken) {
  const Gate go = gate("go");
  const std::string id = background("read x < " + go.path() + "; echo end");
  std::vector<Program> waiting;
  for (int i = 0; i < 5; ++i) waiting.push_back(start({"await", id}, {.terminal = true}));
  for (Program& each : waiting) each.read_until("running");  // all of them wait
  go.open();
  for (Program& each : waiting) {
    const Ended ended = each.wait();
    EXPECT_EQ(ended.code, 0);
    EXPECT_NE(ended.out.find("end"), std::string::npos);
  }
}

}  // namespace
}  // namespace meantime::test
