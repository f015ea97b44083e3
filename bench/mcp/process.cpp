// SPDX-License-Identifier: MIT
#include "mcp/process.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace meantime::bench {
namespace {

constexpr int start_limit_ms = 30'000;
constexpr int end_limit_ms = 3'000;

[[noreturn]] void die(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) die("pipe");
  return ends;
}

// Set where this process keeps one processor for itself: what its children may use.
std::optional<cpu_set_t>& for_servers() {
  static std::optional<cpu_set_t> processors;
  return processors;
}

// In the child: it ends with this process, and what it starts is in its group.
void begin_child() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);
  if (for_servers()) ::sched_setaffinity(0, sizeof(cpu_set_t), &*for_servers());
}

[[noreturn]] void become(std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

// The port in "http://127.0.0.1:1234/mcp" or "1234".
std::uint16_t port_in(std::string_view address) {
  if (const std::size_t colon = address.rfind(':'); colon != std::string_view::npos) address.remove_prefix(colon + 1);
  return static_cast<std::uint16_t>(std::atoi(std::string(address).c_str()));
}

std::uint16_t read_address(int output, const std::string& after) {
  std::string text;
  for (;;) {
    pollfd readable{output, POLLIN, 0};
    if (::poll(&readable, 1, start_limit_ms) <= 0) throw std::runtime_error("no address within 30 s; it said: " + text);
    std::array<char, 4096> piece{};
    const ssize_t got = ::read(output, piece.data(), piece.size());
    if (got <= 0) throw std::runtime_error("it ended without an address; it said: " + text);
    text.append(piece.data(), static_cast<std::size_t>(got));
    const std::size_t at = text.find(after);
    if (at == std::string::npos) continue;
    const std::size_t begin = at + after.size();
    const std::size_t end = text.find_first_of(" \r\n", begin);
    if (end != std::string::npos) return port_in(std::string_view(text).substr(begin, end - begin));
  }
}

double resident_mb_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

std::vector<pid_t> below(pid_t pid) {
  std::vector<pid_t> all;
  std::error_code ignored;  // the process may have gone
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", ignored)) {
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;) {
      all.push_back(child);
      for (const pid_t each : below(child)) all.push_back(each);
    }
  }
  return all;
}

}  // namespace

Process::Process(const std::function<void(int)>& serve) {
  const auto ends = make_pipe();
  pid_ = ::fork();
  if (pid_ < 0) die("fork");
  if (pid_ == 0) {
    begin_child();
    ::close(ends[0]);
    serve(ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  const bool told = ::read(ends[0], &port_, sizeof port_) == sizeof port_;
  ::close(ends[0]);
  if (!told) throw std::runtime_error("the server did not start");
}

Process::Process(std::vector<std::string> command, const std::vector<std::string>& variables,
                 const std::string& wait_for) {
  const auto ends = make_pipe();
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  pid_ = ::fork();
  if (pid_ < 0) die("fork");
  if (pid_ == 0) {
    begin_child();
    const int out = wait_for.empty() ? nowhere : ends[1];
    ::dup2(nowhere, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    for (const std::string& each : variables) {
      const std::size_t sign = each.find('=');
      ::setenv(each.substr(0, sign).c_str(), each.substr(sign + 1).c_str(), 1);
    }
    become(command);
  }
  ::close(nowhere);
  ::close(ends[1]);
  output_ = ends[0];  // open until the end: a server that logs must not get SIGPIPE
  if (!wait_for.empty()) port_ = read_address(output_, wait_for);
}

Process::Process(Piped, std::vector<std::string> command) {
  const auto in = make_pipe();
  const auto out = make_pipe();
  pid_ = ::fork();
  if (pid_ < 0) die("fork");
  if (pid_ == 0) {
    begin_child();
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    become(command);
  }
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  output_ = out[0];
}

Process::~Process() {
  if (input_ >= 0) ::close(input_);
  if (output_ >= 0) ::close(output_);
  const std::vector<pid_t> others = below(pid_);
  ::kill(pid_, SIGTERM);
  int status = 0;
  pid_t over = 0;
  for (int waited = 0; waited < end_limit_ms && over == 0; waited += 10) {
    over = ::waitpid(pid_, &status, WNOHANG);
    if (over == 0) ::poll(nullptr, 0, 10);
  }
  ::kill(-pid_, SIGKILL);
  if (over == 0) ::waitpid(pid_, &status, 0);
  for (const pid_t each : others) ::kill(each, SIGKILL);
}

double Process::cpu() const {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double Process::resident_mb() const {
  return resident_mb_of(pid_);
}

double Process::tree_mb() const {
  double sum = resident_mb_of(pid_);
  for (const pid_t each : below(pid_)) sum += resident_mb_of(each);
  return sum;
}

Apart::Apart() {
  ::sched_getaffinity(0, sizeof before_, &before_);
  if (CPU_COUNT(&before_) < 2) return;
  std::size_t first = 0;
  while (!CPU_ISSET(first, &before_)) ++first;
  cpu_set_t mine;
  CPU_ZERO(&mine);
  CPU_SET(first, &mine);
  cpu_set_t others = before_;
  CPU_CLR(first, &others);
  for_servers() = others;
  ::sched_setaffinity(0, sizeof mine, &mine);
}

Apart::~Apart() {
  for_servers().reset();
  ::sched_setaffinity(0, sizeof before_, &before_);
}

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof place;
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0 ||
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&place), &length) != 0) {
    die("no free port");
  }
  ::close(socket);
  return ntohs(place.sin_port);
}

double own_cpu() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string on_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = folder + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

Folder::Folder() {
  std::string name = (std::filesystem::current_path() / "meantime-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) die("no folder for the benchmark can be made");
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;  // what is left there harms nobody
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace meantime::bench
