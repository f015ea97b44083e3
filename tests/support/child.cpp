// SPDX-License-Identifier: MIT
#include "support/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>

namespace meantime::test {
namespace {

// Only what may be called between fork and exec in a program with threads.
[[noreturn]] void become(const char* program, char* const* arguments, const int (&files)[3], pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before the line above
  // First out of the way of 0, 1 and 2, whatever their order.
  int moved[3];
  for (int i = 0; i < 3; ++i) {
    const int from = files[i] >= 0 ? files[i] : open("/dev/null", O_RDWR);
    moved[i] = fcntl(from, F_DUPFD_CLOEXEC, 3);
  }
  for (int i = 0; i < 3; ++i) dup2(moved[i], i);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execv(program, arguments);
  _exit(127);
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, ChildFiles files) {
  const std::string program = find_program(arguments.at(0));
  if (program.empty()) throw std::runtime_error(arguments[0] + " is not on PATH: run scripts/setup");
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const int given[3] = {files.in, files.out, files.err};
  const pid_t parent = getpid();
  // Closed by the kernel when the child has become the program: until then it holds all that is open here, and a port
  // that is given up here is not free yet.
  int became[2];
  if (pipe2(became, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const Descriptor read_end(became[0]);
  Descriptor write_end(became[1]);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("no process can be started");
  if (pid_ == 0) become(program.c_str(), argv.data(), given, parent);
  write_end.close();
  char nothing = 0;
  while (read(read_end.get(), &nothing, 1) < 0 && errno == EINTR) {
  }
  pidfd_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd_) throw std::runtime_error("a child process cannot be watched");
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    kill();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

Child::~Child() {
  kill();
}

void Child::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

void Child::pause() {
  signal(SIGSTOP);
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
}

void Child::resume() {
  signal(SIGCONT);
}

void Child::kill() {
  if (pid_ <= 0) return;
  signal(SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  pidfd_.close();
}

std::optional<int> Child::wait(std::chrono::milliseconds limit) {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  const auto give_up_at = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(give_up_at - std::chrono::steady_clock::now()).count();
    const int ready = poll(&ended, 1, static_cast<int>(left > 0 ? left : 0));
    if (ready > 0) break;
    if (ready == 0) return std::nullopt;
    if (errno != EINTR) throw std::runtime_error("a child process cannot be waited for");
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  pidfd_.close();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string run_program(const std::vector<std::string>& arguments, std::chrono::milliseconds limit) {
  // A file in memory takes whatever it prints, so that it never waits for a reader.
  const Descriptor printed(memfd_create("printed", MFD_CLOEXEC));
  Child child(arguments, {.out = printed.get(), .err = printed.get()});
  const auto code = child.wait(limit);
  std::string text(static_cast<std::size_t>(lseek(printed.get(), 0, SEEK_END)), '\0');
  if (pread(printed.get(), text.data(), text.size(), 0) < 0) text.clear();
  if (code == 0) return text;
  throw std::runtime_error(arguments[0] + (code ? " ended with code " + std::to_string(*code) : " took too long") +
                           ": " + text);
}

std::string find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) return access(program.c_str(), X_OK) == 0 ? program : "";
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    auto file = (std::filesystem::path(folder) / program).string();
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

}  // namespace meantime::test
