// SPDX-License-Identifier: MIT
// wrap_bench.cpp: the same client straight to tiny_echo and through `meantime wrap`, in turns, in one run: one call at
// a time and 16 in flight. The client does what SDKs' clients do, and no more: an event loop's poll before each read,
// each message made and parsed with a JSON library, answers matched by id, each request a write of its own. Also: from
// start to first answer, and memory at rest. Usage: wrap_bench <tiny_echo> [--calls N] [--check] -- <meantime> wrap --
// (the upstream's command is appended)
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

extern char** environ;

namespace {

using Time = std::chrono::steady_clock;

double seconds_since(Time::time_point start) {
  return std::chrono::duration<double>(Time::now() - start).count();
}

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// A server behind two pipes, spoken to with blocking reads and writes.
class Peer {
 public:
  explicit Peer(const std::vector<std::string>& command) : began_(Time::now()) {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) die("pipe2");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    if (::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) die(argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_ = out[0];
    send(
        R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})"
        "\n");
    wait_for(1);
    first_answer_ = seconds_since(began_);
    send("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    ::close(to_);
    ::close(from_);
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }

  [[nodiscard]] double first_answer() const { return first_answer_; }
  [[nodiscard]] double rss_megabytes() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/statm");
    long total = 0;
    long resident = 0;
    file >> total >> resident;
    return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / 1e6;
  }
  // Of the server's process alone, not of what stands behind it.
  [[nodiscard]] double cpu_seconds() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/schedstat");
    double nanoseconds = 0;
    file >> nanoseconds;
    return nanoseconds / 1e9;
  }

  // One call after the other; microseconds of each.
  std::vector<double> one_at_a_time(int calls) {
    std::vector<double> took;
    took.reserve(static_cast<std::size_t>(calls));
    for (int i = 0; i < calls; ++i) {
      const auto start = Time::now();
      send(call_line());
      wait_for(1);
      took.push_back(seconds_since(start) * 1e6);
    }
    return took;
  }
  // Calls per second with `width` in flight: a new one for each answer.
  double in_flight(int calls, int width) {
    const auto start = Time::now();
    int sent = 0;
    for (; sent < width; ++sent) send(call_line());
    for (int answered = 0; answered < calls;) {
      const int got = wait_for(1);
      answered += got;
      for (int i = 0; i < got && sent < calls; ++i, ++sent) send(call_line());
    }
    return calls / seconds_since(start);
  }

 private:
  std::string call_line() {
    open_.insert(++id_);
    return boost::json::serialize(boost::json::object{
               {"jsonrpc", "2.0"},
               {"id", id_},
               {"method", "tools/call"},
               {"params", {{"name", "echo"}, {"arguments", {{"text", "hello, how are you today?"}}}}}}) +
           "\n";
  }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(to_, bytes.data(), bytes.size());
      if (written < 0) die("write");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  // Reads until at least so many answers have come; gives how many.
  int wait_for(int answers) {
    int seen = 0;
    while (seen < answers) {
      pollfd readable{from_, POLLIN, 0};
      if (::poll(&readable, 1, -1) < 0) die("poll");
      const ssize_t got = ::read(from_, buffer_, sizeof buffer_);
      if (got <= 0) die("the server ended");
      in_.append(buffer_, static_cast<std::size_t>(got));
      std::size_t start = 0;
      for (std::size_t end; (end = in_.find('\n', start)) != std::string::npos; start = end + 1) {
        take(boost::json::parse(std::string_view(in_).substr(start, end - start)));
        ++seen;
      }
      in_.erase(0, start);
    }
    return seen;
  }
  void take(const boost::json::value& answer) {
    const auto& object = answer.as_object();
    const bool known = object.at("id") == 0 || open_.erase(object.at("id").to_number<std::int64_t>()) == 1;
    if (!known || !object.contains("result")) {
      std::fprintf(stderr, "not the answer that was waited for: %s\n", boost::json::serialize(answer).c_str());
      std::exit(1);
    }
  }

  Time::time_point began_;
  double first_answer_ = 0;
  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::int64_t id_ = 0;
  std::unordered_set<std::int64_t> open_;
  std::string in_;
  char buffer_[65536];
};

double at(std::vector<double> values, double part) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

struct Figures {
  std::vector<double> p50, p99, alone, wide, cpu;

  void measure(Peer& peer, int calls) {
    const auto start = Time::now();
    const auto took = peer.one_at_a_time(calls);
    alone.push_back(calls / seconds_since(start));
    p50.push_back(at(took, 0.5));
    p99.push_back(at(took, 0.99));
    const double before = peer.cpu_seconds();
    wide.push_back(peer.in_flight(calls * 4, 16));
    cpu.push_back((peer.cpu_seconds() - before) / (calls * 4) * 1e6);
  }
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto dashes = std::ranges::find(words, "--");
  if (words.empty() || dashes == words.end()) {
    std::fprintf(stderr, "usage: wrap_bench <tiny_echo> [--calls N] [--check] -- <meantime> wrap --\n");
    return 2;
  }
  const std::vector<std::string> direct{words[0]};
  std::vector<std::string> wrapped(dashes + 1, words.end());
  wrapped.push_back(words[0]);
  const auto calls_flag = std::find(words.begin(), dashes, "--calls");
  const int calls = calls_flag != dashes ? std::atoi((calls_flag + 1)->c_str()) : 20'000;
  const bool check = std::find(words.begin(), dashes, "--check") != dashes;

  Figures limit;
  Figures ours;
  std::vector<double> first_direct, first_ours, idle, used;
  // New processes for each round: where the scheduler puts them decides much, and it decides once.
  constexpr int rounds = 9;
  for (int round = 0; round < rounds; ++round) {
    Peer to_limit(direct);
    Peer to_ours(wrapped);
    first_direct.push_back(to_limit.first_answer() * 1e3);
    first_ours.push_back(to_ours.first_answer() * 1e3);
    idle.push_back(to_ours.rss_megabytes());
    to_limit.one_at_a_time(calls / rounds / 10);
    to_ours.one_at_a_time(calls / rounds / 10);
    limit.measure(to_limit, calls / rounds);
    ours.measure(to_ours, calls / rounds);
    used.push_back(to_ours.rss_megabytes());
  }
  const auto row = [](const char* name, const std::vector<double>& a, const std::vector<double>& b) {
    std::printf("%-34s %12.1f %12.1f %8.2f\n", name, at(a, 0.5), at(b, 0.5), at(b, 0.5) / at(a, 0.5));
  };
  std::printf("%-34s %12s %12s %8s\n", "median of 9 rounds", "limit", "wrap", "ratio");
  row("one at a time: p50, us", limit.p50, ours.p50);
  row("one at a time: p99, us", limit.p99, ours.p99);
  row("one at a time: calls/s", limit.alone, ours.alone);
  row("16 in flight: calls/s", limit.wide, ours.wide);
  row("16 in flight: own CPU, us a call", limit.cpu, ours.cpu);
  row("start to first answer, ms", first_direct, first_ours);
  std::printf("memory at rest: %.1f MB; after all calls: %.1f MB\n", at(idle, 0.5), at(used, 0.5));
  const bool good = at(ours.p50, 0.5) <= at(limit.p50, 0.5) + 100 && at(ours.wide, 0.5) >= 0.7 * at(limit.wide, 0.5);
  std::printf("goal (p50 <= limit + 100 us, >= 70 %% of the limit's calls/s with 16): %s\n", good ? "met" : "missed");
  return check && !good ? 1 : 0;
}
