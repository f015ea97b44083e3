// SPDX-License-Identifier: MIT
#include "program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace meantime::test {
namespace {

using Time = std::chrono::steady_clock::time_point;

Time limit() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(60);
}

int left(Time until) {
  const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(rest.count(), 0));
}

void demand(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

int pidfd_of(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

void close_fd(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

[[noreturn]] void become(const std::vector<std::string>& argv, const std::vector<std::string>& environment) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  for (const std::string& setting : environment) putenv(const_cast<char*>(setting.c_str()));
  execvp(words.front(), words.data());
  _exit(127);
}

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Program::Program(const std::vector<std::string>& argv, const Options& options) : terminal_(options.terminal) {
  if (terminal_) {
    winsize size{.ws_row = 24, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    pid_ = forkpty(&out_, nullptr, nullptr, &size);
    demand(pid_ >= 0, "forkpty");
    if (pid_ == 0) become(argv, options.environment);
    fcntl(out_, F_SETFD, FD_CLOEXEC);
    return;
  }
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  demand(pipe2(in.data(), O_CLOEXEC) == 0 && pipe2(out.data(), O_CLOEXEC) == 0 && pipe2(err.data(), O_CLOEXEC) == 0,
         "pipe2");
  if (options.no_input) {
    close(in[0]);
    in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  pid_ = fork();
  demand(pid_ >= 0, "fork");
  if (pid_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    become(argv, options.environment);
  }
  close(in[0]);
  close(out[1]);
  close(err[1]);
  in_ = in[1];
  out_ = out[0];
  err_ = err[0];
}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      in_(std::exchange(other.in_, -1)),
      out_(std::exchange(other.out_, -1)),
      err_(std::exchange(other.err_, -1)),
      terminal_(other.terminal_),
      out_text_(std::move(other.out_text_)),
      err_text_(std::move(other.err_text_)) {}

Program::~Program() {
  close_fd(in_);
  close_fd(out_);
  close_fd(err_);
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

bool Program::read_some(Time until) {
  std::array<pollfd, 2> polled{{{out_, POLLIN, 0}, {err_, POLLIN, 0}}};
  if (out_ < 0 && err_ < 0) return false;
  const int ready = poll(polled.data(), polled.size(), left(until));
  if (ready == 0) throw std::runtime_error("waited in vain; so far: " + out_text_ + "\n" + err_text_);
  std::array<char, 65'536> bytes;
  for (int i = 0; i < 2; ++i) {
    if (polled[static_cast<std::size_t>(i)].revents == 0) continue;
    int& fd = i == 0 ? out_ : err_;
    const ssize_t count = read(fd, bytes.data(), bytes.size());
    if (count > 0) {
      (i == 0 ? out_text_ : err_text_).append(bytes.data(), static_cast<std::size_t>(count));
    } else {
      close_fd(fd);  // the end; a terminal says it with EIO
    }
  }
  return true;
}

const std::string& Program::read_until(std::string_view text) {
  const Time until = limit();
  while (out_text_.find(text) == std::string::npos) {
    if (!read_some(until))
      throw std::runtime_error("ended without '" + std::string(text) + "': " + out_text_ + err_text_);
  }
  return out_text_;
}

const std::string& Program::read_error_until(std::string_view text) {
  const Time until = limit();
  while (err_text_.find(text) == std::string::npos) {
    if (!read_some(until)) {
      throw std::runtime_error("ended without '" + std::string(text) + "': " + out_text_ + err_text_);
    }
  }
  return err_text_;
}

void Program::write(std::string_view bytes) const {
  demand(::write(terminal_ ? out_ : in_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "write");
}

void Program::close_input() {
  close_fd(in_);
}
void Program::hang_up() {
  close_fd(out_);
}
void Program::signal(int signal) const {
  kill(pid_, signal);
}

Ended Program::wait() {
  const Time until = limit();
  close_fd(in_);
  while (read_some(until)) {
  }
  const int fd = pidfd_of(pid_);
  pollfd polled{fd, POLLIN, 0};
  const bool ended = poll(&polled, 1, left(until)) == 1;
  close(fd);
  if (!ended) throw std::runtime_error("the program did not end");
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, std::move(out_text_), std::move(err_text_)};
}

void wait_for_end(pid_t pid) {
  const int fd = pidfd_of(pid);
  if (fd < 0) return;  // it has ended already
  pollfd polled{fd, POLLIN, 0};
  const int ready = poll(&polled, 1, left(limit()));
  close(fd);
  if (ready != 1) throw std::runtime_error("process " + std::to_string(pid) + " did not end");
}

Gate::Gate(std::filesystem::path path) : path_(std::move(path)) {
  demand(mkfifo(path_.c_str(), 0600) == 0, "mkfifo");
}

void Gate::open() const {
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  demand(fd >= 0, "open the gate");
  demand(write(fd, "\n", 1) == 1, "write to the gate");
  close(fd);
}

ProgramTest::ProgramTest() {
  std::string name = (std::filesystem::temp_directory_path() / "meantime-cli-XXXXXX").string();
  demand(mkdtemp(name.data()) != nullptr, "mkdtemp");
  folder_ = name;
  setenv("MEANTIME_STATE_DIR", folder_.c_str(), 1);
  setenv("MEANTIME", MEANTIME_PROGRAM, 1);
  for (const char* ours :
       {"NO_COLOR", "MEANTIME_CONFIG", "MEANTIME_STORE", "MEANTIME_STORE_PASSWORD", "MEANTIME_STORE_PASSWORD_FILE"}) {
    unsetenv(ours);
  }
  setenv("XDG_CONFIG_HOME", folder_.c_str(), 1);
  std::signal(SIGPIPE, SIG_IGN);
}

ProgramTest::~ProgramTest() {
  std::error_code ignored;  // the temporary folder is swept by the system, too
  std::filesystem::remove_all(folder_, ignored);
}

void ProgramTest::TearDown() {
  for (const pid_t pid : processes()) {
    // Supervisors end when they have recorded what became of their task; others should be gone.
    try {
      wait_for_end(pid);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << ": " << file_text("/proc/" + std::to_string(pid) + "/cmdline");
      kill(pid, SIGKILL);
    }
  }
  EXPECT_TRUE(processes().empty());
}

Program ProgramTest::start(std::vector<std::string> arguments, Program::Options options) {
  arguments.insert(arguments.begin(), MEANTIME_PROGRAM);
  return Program(arguments, options);
}

Ended ProgramTest::meantime(std::vector<std::string> arguments) {
  return start(std::move(arguments)).wait();
}

Ended ProgramTest::shell(const std::string& line) {
  return Program({"bash", "-c", line}, {}).wait();
}

std::string ProgramTest::background(const std::string& script, std::vector<std::string> options) {
  std::vector<std::string> arguments{"run", "--quiet", "--budget", "0"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.insert(arguments.end(), {"--", "sh", "-c", script});
  Ended ended = meantime(arguments);
  EXPECT_EQ(ended.code, 75) << ended.err;
  return last_line(ended.out);
}

std::string last_line(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return std::string(text.substr(text.rfind('\n') + 1));
}

Gate ProgramTest::gate(const std::string& name) const {
  return Gate(folder_ / name);
}

boost::json::object ProgramTest::record(const std::string& id) {
  const Ended ended = meantime({"check", "--json", id});
  return boost::json::parse(std::string_view(ended.out)).as_object();
}

std::vector<pid_t> ProgramTest::processes() const {
  std::vector<pid_t> found;
  const std::string mark = "MEANTIME_STATE_DIR=" + folder_.string() + '\0';
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
    const pid_t pid = static_cast<pid_t>(std::stol(name));
    if (pid == getpid()) continue;
    if (file_text(entry.path() / "environ").find(mark) != std::string::npos) found.push_back(pid);
  }
  return found;
}

pid_t ProgramTest::supervisor_of(const std::string& script_word) const {
  for (const pid_t pid : processes()) {
    const auto proc = std::filesystem::path("/proc") / std::to_string(pid);
    const std::string line = file_text(proc / "cmdline");
    if (line.starts_with(MEANTIME_PROGRAM) && line.find(script_word) != std::string::npos) return pid;
  }
  throw std::runtime_error("no supervisor with " + script_word);
}

}  // namespace meantime::test
