// SPDX-License-Identifier: MIT
#include "process/child.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "meantime/system_clock.hpp"
#include "process/output_capture.hpp"
#include "support/co_test.hpp"
#include "support/manual_clock.hpp"
#include "support/watched_process.hpp"

namespace meantime::process {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

ChildOptions shell(std::string script) {
  ChildOptions options;
  options.argv = {"sh", "-c", std::move(script)};
  return options;
}

Task<std::string> read_all_out(Child& child) {
  std::string all;
  for (;;) {
    const std::string_view part = co_await child.read_out();
    if (part.empty()) co_return all;
    all += part;
  }
}

Task<std::string> read_all_err(Child& child) {
  std::string all;
  for (;;) {
    const std::string_view part = co_await child.read_err();
    if (part.empty()) co_return all;
    all += part;
  }
}

// Reads until `end` stands at the end of what came.
Task<std::string> read_until(Child& child, std::string_view end) {
  std::string all;
  while (!all.ends_with(end)) {
    const std::string_view part = co_await child.read_out();
    if (part.empty()) break;
    all += part;
  }
  co_return all;
}

// After each test: no descriptor and no child of this process is left.
class ChildTest : public ::testing::Test {
 protected:
  ChildTest() {
    clock.make_alarm([] {})->set(clock.now());  // makes the loop open the descriptors that are its own
    test::run_ready(loop);
    descriptors_ = open_descriptors();
  }
  ~ChildTest() override {
    test::run_until(loop, test::no_child_is_left);
    test::run_ready(loop);
    EXPECT_EQ(open_descriptors(), descriptors_);
  }
  Child start(ChildOptions options) {
    Result<Child> child = Child::start(loop, clock, std::move(options));
    if (!child) throw std::runtime_error(child.error().detail);
    return std::move(*child);
  }
  Error refusal(ChildOptions options) {
    Result<Child> child = Child::start(loop, clock, std::move(options));
    if (child) throw std::runtime_error("it started");
    return child.error();
  }

  boost::asio::io_context loop;
  SystemClock clock{loop};

 private:
  std::size_t descriptors_ = 0;
};

TEST_F(ChildTest, TellsTheExitCode) {
  Child child = start(shell("exit 7"));
  const ExitStatus status = test::run(loop, child.wait());
  EXPECT_EQ(status.code, 7);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.text(), "exit code 7");
}

TEST_F(ChildTest, TellsTheSignal) {
  Child child = start(shell("kill -SEGV $$"));
  const ExitStatus status = test::run(loop, child.wait());
  EXPECT_EQ(status.code, std::nullopt);
  EXPECT_EQ(status.signal, SIGSEGV);
  EXPECT_THAT(status.text(), HasSubstr("signal 11 (SEGV)"));
}

TEST_F(ChildTest, KeepsTheTwoOutputsApart) {
  Child child = start(shell("echo out; echo err >&2"));
  EXPECT_EQ(test::run(loop, read_all_out(child)), "out\n");
  EXPECT_EQ(test::run(loop, read_all_err(child)), "err\n");
  EXPECT_TRUE(test::run(loop, child.wait()).ok());
}

TEST_F(ChildTest, MergesTheTwoOutputsWhenAsked) {
  ChildOptions options = shell("echo one; echo two >&2; echo three");
  options.err = Stream::with_stdout();
  Child child = start(std::move(options));
  EXPECT_EQ(test::run(loop, read_all_out(child)), "one\ntwo\nthree\n");
  test::run(loop, child.wait());
}

TEST_F(ChildTest, ReadsAGivenTextThenTheEnd) {
  ChildOptions options;
  options.argv = {"cat"};
  options.in = Stream::given(std::string(300'000, 'x'));
  Child child = start(std::move(options));
  EXPECT_EQ(test::run(loop, read_all_out(child)).size(), 300'000U);
  EXPECT_TRUE(test::run(loop, child.wait()).ok());
}

TEST_F(ChildTest, LinesGoThereAndBackWhileItRuns) {
  ChildOptions options;
  options.argv = {"cat"};
  options.in = Stream::pipe();
  Child child = start(std::move(options));
  for (int i = 0; i < 100; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    ASSERT_TRUE(test::run(loop, child.write(line)));
    ASSERT_EQ(test::run(loop, read_until(child, "\n")), line);
  }
  child.close_in();
  EXPECT_TRUE(test::run(loop, child.wait()).ok());
}

TEST_F(ChildTest, AWriterWaitsForAChildThatDoesNotRead) {
  ChildOptions options;
  options.argv = {"sh", "-c", "read go; cat | wc -c"};
  options.in = Stream::pipe();
  Child child = start(std::move(options));
  const std::string many(1 << 20, 'y');
  Task<Result<void>> writing = child.write(many);
  test::run_ready(loop);
  EXPECT_FALSE(writing.done());  // a pipe holds 64 KiB and `read` has found no end of line
  writing.reset();
  ASSERT_TRUE(child.status() == std::nullopt);
  test::run(loop, child.terminate(0ms));
}

TEST_F(ChildTest, WritingToAChildThatDoesNotListenIsAnErrorAndNoSignal) {
  ChildOptions options = shell("exec <&-; echo closed; read x <&1");
  options.in = Stream::pipe();
  Child child = start(std::move(options));
  EXPECT_EQ(test::run(loop, read_until(child, "closed\n")), "closed\n");
  test::run(loop, child.wait());
  const Result<void> written = test::run(loop, child.write("hello\n"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, errc::unavailable);
  EXPECT_THAT(written.error().detail, HasSubstr("no longer reads"));
}

TEST_F(ChildTest, AHundredMegabytesOfOutputCostBoundedMemory) {
  Child child = start(shell("head -c 104857600 /dev/zero | tr '\\0' a; echo END"));
  const auto drain = [](Child& from, OutputCapture& into) -> Task<void> {
    for (;;) {
      const std::string_view part = co_await from.read_out();
      if (part.empty()) co_return;
      into.add(part);
    }
  };
  OutputCapture capture(64 * 1024);
  test::run(loop, drain(child, capture));
  EXPECT_TRUE(test::run(loop, child.wait()).ok());
  EXPECT_EQ(capture.total_bytes(), 104'857'604U);
  EXPECT_TRUE(capture.cut());
  const std::string text = capture.text();
  EXPECT_LT(text.size(), 66'000U);
  EXPECT_TRUE(text.starts_with("aaaa"));
  EXPECT_TRUE(text.ends_with("aEND\n"));
  EXPECT_THAT(text, HasSubstr("[... 104792068 bytes left out ...]"));
}

TEST_F(ChildTest, DestroyingItLeavesNoSleeperOfItsGroup) {
  std::optional<Child> child = start(shell("sleep 1000 & echo $!; sleep 1000 | sleep 1000"));
  const std::string line = test::run(loop, read_until(*child, "\n"));
  pid_t sleeper = 0;
  std::from_chars(line.data(), line.data() + line.size(), sleeper);
  const test::WatchedProcess watched(sleeper);
  ASSERT_TRUE(watched.exists());
  EXPECT_FALSE(watched.has_ended());
  child.reset();
  EXPECT_TRUE(watched.ends());
}

TEST_F(ChildTest, TerminateEndsWhatTheProgramLeftBehind) {
  Child child = start(shell("trap '' TERM; sleep 1000 & trap 'exit 3' TERM; echo $!; wait"));
  const std::string line = test::run(loop, read_until(child, "\n"));
  pid_t sleeper = 0;
  std::from_chars(line.data(), line.data() + line.size(), sleeper);
  const test::WatchedProcess watched(sleeper);
  ASSERT_TRUE(watched.exists());
  test::run(loop, child.terminate(30s));
  EXPECT_EQ(child.status()->code, 3);
  EXPECT_TRUE(watched.ends());
}

TEST_F(ChildTest, TerminateKillsOnlyAfterTheGraceTime) {
  test::ManualClock manual(loop);
  Result<Child> child = Child::start(loop, manual, shell("trap '' TERM; echo ready; while :; do sleep 1000; done"));
  ASSERT_TRUE(child);
  EXPECT_EQ(test::run(loop, read_until(*child, "\n")), "ready\n");
  Task<ExitStatus> ending = child->terminate(5s);
  manual.advance(4'999ms);
  EXPECT_FALSE(ending.done());
  manual.advance(1ms);
  EXPECT_EQ(test::run(loop, std::move(ending)).signal, SIGKILL);
}

TEST_F(ChildTest, TerminateClosesTheInputFirstWhenAsked) {
  ChildOptions options;
  options.argv = {"sh", "-c", "cat >/dev/null; echo polite; exit 4"};
  options.in = Stream::pipe();
  Child child = start(std::move(options));
  const ExitStatus status = test::run(loop, child.terminate(30s, 30s));
  EXPECT_EQ(status.code, 4);
  EXPECT_EQ(test::run(loop, read_all_out(child)), "polite\n");
}

TEST_F(ChildTest, WakesAllWhoWaitAndThoseWhoGaveUpChangeNothing) {
  Child child = start(shell("read line"));
  Task<ExitStatus> first = child.wait();
  Task<ExitStatus> second = child.wait();
  Task<ExitStatus> third = child.wait();
  third.reset();
  EXPECT_TRUE(test::run(loop, std::move(first)).code.has_value());
  EXPECT_TRUE(test::run(loop, std::move(second)).code.has_value());
}

TEST_F(ChildTest, DestroyingItEndsPendingReadsAndWaits) {
  std::optional<Child> child = start(shell("sleep 1000"));
  Task<std::string_view> reading = child->read_out();
  Task<ExitStatus> waiting = child->wait();
  child.reset();
  EXPECT_EQ(test::run(loop, std::move(reading)), "");
  EXPECT_FALSE(test::run(loop, std::move(waiting)).code.has_value());
}

TEST_F(ChildTest, ALoopThatEndsFirstLeavesNoChild) {
  std::optional<test::WatchedProcess> watched;
  {
    boost::asio::io_context other;
    SystemClock other_clock(other);
    Result<Child> child = Child::start(other, other_clock, shell("sleep 1000"));
    ASSERT_TRUE(child);
    watched.emplace(child->pid());
  }
  EXPECT_TRUE(watched->has_ended());
}

TEST_F(ChildTest, AReleasedChildOutlivesItsObject) {
  ChildOptions options = shell("read line; exit 5");
  options.in = Stream::pipe();
  std::optional<Child> child = start(std::move(options));
  const pid_t pid = child->pid();
  EXPECT_EQ(getpgid(pid), pid);
  child->release();
  child.reset();
  int status = 0;  // its pipe is closed, so it ends by itself
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), 5);
}

TEST_F(ChildTest, AMissingProgramIsNamedWithTheRemedy) {
  ChildOptions options;
  options.argv = {"no-such-program-anywhere"};
  Error error = refusal(options);
  EXPECT_EQ(error.code, errc::not_found);
  EXPECT_THAT(error.detail, HasSubstr("no-such-program-anywhere"));
  EXPECT_THAT(error.detail, HasSubstr("install it"));
  options.argv = {"/no/such/file"};
  error = refusal(options);
  EXPECT_EQ(error.code, errc::not_found);
  EXPECT_THAT(error.detail, HasSubstr("'/no/such/file'"));
  options.argv.clear();
  EXPECT_EQ(refusal(options).code, errc::invalid_argument);
}

TEST_F(ChildTest, WhatCannotBeRunSaysWhy) {
  const std::filesystem::path folder = ::testing::TempDir() + "meantime-launch-" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  const auto file = [&](const char* name, const char* content, mode_t mode) {
    const std::string path = folder / name;
    std::ofstream(path) << content;
    chmod(path.c_str(), mode);
    return path;
  };
  ChildOptions options;
  options.argv = {file("plain", "echo hello\n", 0644)};
  EXPECT_THAT(refusal(options).detail, HasSubstr("chmod +x"));
  options.argv = {file("no-interpreter", "#!/no/such/interpreter\n", 0755)};
  EXPECT_THAT(refusal(options).detail, HasSubstr("first line"));
  options.argv = {file("no-line", "hello\n", 0755)};
  EXPECT_THAT(refusal(options).detail, HasSubstr("#!/bin/sh"));
  options.argv = {"true"};
  options.folder = folder / "missing";
  EXPECT_EQ(refusal(options).code, errc::invalid_argument);
  EXPECT_THAT(refusal(options).detail, HasSubstr("missing' of"));
  std::filesystem::remove_all(folder);
}

TEST_F(ChildTest, HasExactlyTheEnvironmentAndFolderItWasGiven) {
  ChildOptions options;
  options.argv = {"/bin/sh", "-c", "env | grep -v '^PWD=\\|^SHLVL=\\|^_='; pwd"};
  options.environment = {{"ONLY=this", "PATH=/usr/bin:/bin"}};
  options.folder = "/usr";
  Child child = start(std::move(options));
  EXPECT_THAT(test::run(loop, read_all_out(child)),
              ::testing::AnyOf("ONLY=this\nPATH=/usr/bin:/bin\n/usr\n", "PATH=/usr/bin:/bin\nONLY=this\n/usr\n"));
  test::run(loop, child.wait());
}

TEST_F(ChildTest, NoOtherDescriptorReachesIt) {
  const int leaky = open("/dev/null", O_RDONLY);  // as a careless library would: no O_CLOEXEC
  ChildOptions options;
  options.argv = {"/bin/ls", "-1", "/proc/self/fd"};
  Child child = start(std::move(options));
  EXPECT_EQ(test::run(loop, read_all_out(child)), "0\n1\n2\n3\n");  // 3: the folder that ls reads
  test::run(loop, child.wait());
  close(leaky);
}

TEST_F(ChildTest, StartsWithNothingBlockedAndSigpipeAtItsDefault) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const auto old_pipe = std::signal(SIGPIPE, SIG_IGN);
  const auto old_hup = std::signal(SIGHUP, SIG_IGN);
  ChildOptions options;
  options.argv = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"};
  Child child = start(std::move(options));
  std::signal(SIGPIPE, old_pipe);
  std::signal(SIGHUP, old_hup);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const std::string seen = test::run(loop, read_all_out(child));
  EXPECT_TRUE(seen.starts_with("SigBlk:\t0000000000000000\n")) << seen;
  // Whoever started the tests may ignore further ones; those are kept like nohup's choice.
  const auto ignored = std::stoull(seen.substr(seen.rfind('\t') + 1), nullptr, 16);
  EXPECT_EQ(ignored & (1ULL << (SIGPIPE - 1)), 0U) << seen;
  EXPECT_NE(ignored & (1ULL << (SIGHUP - 1)), 0U) << seen;
  test::run(loop, child.wait());
}

TEST_F(ChildTest, LimitsHoldBeforeTheFirstInstruction) {
  ChildOptions options = shell("ulimit -n; ulimit -v; ulimit -t; ulimit -f; ulimit -c");
  options.limits.open_files = 33;
  options.limits.address_space_bytes = 512ULL << 20;
  options.limits.cpu_seconds = 5;
  options.limits.file_size_bytes = 1ULL << 20;
  options.limits.core_bytes = 0;
  Child child = start(std::move(options));
  EXPECT_EQ(test::run(loop, read_all_out(child)), "33\n524288\n5\n2048\n0\n");
  test::run(loop, child.wait());
}

TEST_F(ChildTest, ACpuLimitEndsABusyLoop) {
  ChildOptions options = shell("while :; do :; done");
  options.limits.cpu_seconds = 1;
  Child child = start(std::move(options));
  EXPECT_EQ(test::run(loop, child.wait()).signal, SIGXCPU);
}

TEST_F(ChildTest, ASessionOfItsOwnHasNoTerminal) {
  ChildOptions options;
  options.argv = {"sh", "-c", "read _ _ _ _ _ session rest < /proc/$$/stat; echo $session $$"};
  options.new_session = true;
  Child child = start(std::move(options));
  const std::string pid = std::to_string(child.pid());
  EXPECT_EQ(test::run(loop, read_all_out(child)), pid + " " + pid + "\n");
  test::run(loop, child.wait());
}

TEST_F(ChildTest, NoNewPrivilegesAndDeathWithTheParentAreSet) {
  ChildOptions options;
  options.argv = {"grep", "NoNewPrivs", "/proc/self/status"};
  options.no_new_privileges = true;
  options.die_with_parent = true;
  Child child = start(std::move(options));
  EXPECT_EQ(test::run(loop, read_all_out(child)), "NoNewPrivs:\t1\n");
  test::run(loop, child.wait());
}

TEST_F(ChildTest, ManySpawnsLeakNothing) {
  for (int i = 0; i < 300; ++i) {
    ChildOptions options;
    options.argv = {"/bin/true"};
    Child child = start(std::move(options));
    ASSERT_TRUE(test::run(loop, child.wait()).ok());
  }
}

TEST_F(ChildTest, AHostThatIgnoresSigchldStillHearsTheEnd) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  Child child = start(shell("exit 7"));
  const ExitStatus status = test::run(loop, child.wait());
  std::signal(SIGCHLD, before);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.text(), HasSubstr("another part of this process"));
}

TEST(FindProgram, LooksThroughThePathAndSkipsTheCurrentFolder) {
  EXPECT_EQ(find_program("sh", "/no/such:/bin").value(), "/bin/sh");
  EXPECT_FALSE(find_program("sh", "::"));
  EXPECT_FALSE(find_program("", "/bin"));
  EXPECT_EQ(find_program("/etc", "").error().code, errc::invalid_argument);
  EXPECT_EQ(find_program("./sh", "", "/bin").value(), "./sh");
}

}  // namespace
}  // namespace meantime::process
