// SPDX-License-Identifier: MIT
// http_bench.cpp: an echo through our server beside a bare loop on Beast's parser, each in a process of its own, loaded
// by this one; and what an idle connection costs. `http_bench [echo|idle]`.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "http/bare_beast.hpp"
#include "http/server.hpp"
#include "meantime/system_clock.hpp"

namespace meantime::bench {
namespace {

using std::chrono::steady_clock;

bool small() {
  return std::getenv("MEANTIME_BENCH_SMALL") != nullptr;
}

class Echo final : public http::Handler {
 public:
  void on_request(http::Request& request, http::Exchange& exchange) override {
    exchange.respond(200, "application/json", request.body);
  }
};

void serve_ours(int port_pipe) {
  boost::asio::io_context io;
  SystemClock clock(io);
  Loop loop(io);
  Deadlines deadlines(clock);
  Echo echo;
  http::Server server(loop, deadlines, echo, {.max_connections = 20'000});
  const auto port = server.listen("127.0.0.1", 0);
  if (!port) throw std::runtime_error(port.error().detail);
  if (::write(port_pipe, &*port, sizeof *port) != sizeof *port) return;
  io.run();
}

void serve_bare(int port_pipe) {
  run_bare_beast([&](std::uint16_t port) {
    if (::write(port_pipe, &port, sizeof port) != sizeof port) std::exit(1);
  });
}

/// A server in a process of its own, which ends with this object.
class Served {
 public:
  explicit Served(const std::function<void(int)>& serve) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(ends[0]);
      serve(ends[1]);
      std::_Exit(0);
    }
    ::close(ends[1]);
    const bool told = ::read(ends[0], &port_, sizeof port_) == sizeof port_;
    ::close(ends[0]);
    if (!told) throw std::runtime_error("the server did not start");
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  ~Served() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Seconds of processor time so far.
  [[nodiscard]] double cpu() const {
    std::ifstream stat("/proc/" + std::to_string(pid_) + "/schedstat");
    double nanoseconds = 0;
    stat >> nanoseconds;
    return nanoseconds / 1e9;
  }
  [[nodiscard]] double resident_kb() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stod(line.substr(6));
    }
    return 0;
  }

 private:
  pid_t pid_ = 0;
  std::uint16_t port_ = 0;
};

int connected(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(port);
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0)
    throw std::runtime_error("cannot connect");
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

struct Load {
  double per_second = 0;
  double cpu_us = 0;  // of the server, a request
};

/// One request at a time on each of `connections`, until `requests` were answered.
Load load(const Served& served, int connections, int requests) {
  const std::string body(250, 'x');
  const std::string request =
      "POST /mcp HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\n"
      "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n"
      "Mcp-Name: echo\r\nUser-Agent: bench\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<int> sockets;
  for (int i = 0; i < connections; ++i) {
    sockets.push_back(connected(served.port()));
    epoll_event event{.events = EPOLLIN, .data = {.fd = sockets.back()}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, sockets.back(), &event);
  }
  const auto send_one = [&](int socket) {
    if (::send(socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      throw std::runtime_error("the server does not take requests");
  };
  // An answer of this size comes in one piece.
  const auto run = [&](int wanted) {
    int asked = 0;
    for (const int socket : sockets) send_one(socket), ++asked;
    char answer[4096];
    std::vector<epoll_event> ready(sockets.size());
    for (int done = 0; done < wanted;) {
      const int count = ::epoll_wait(epoll, ready.data(), static_cast<int>(ready.size()), 10'000);
      if (count <= 0) throw std::runtime_error("no answer");
      for (int i = 0; i < count; ++i) {
        const int socket = ready[static_cast<std::size_t>(i)].data.fd;
        const ssize_t got = ::recv(socket, answer, sizeof answer, 0);
        if (got < static_cast<ssize_t>(body.size()) || !std::string_view(answer, 15).starts_with("HTTP/1.1 200 OK"))
          throw std::runtime_error("a wrong answer");
        ++done;
        if (asked < wanted) send_one(socket), ++asked;
      }
    }
  };
  run(std::max(requests / 10, connections));
  const double cpu_before = served.cpu();
  const auto before = steady_clock::now();
  run(requests);
  const double seconds = std::chrono::duration<double>(steady_clock::now() - before).count();
  const double cpu = served.cpu() - cpu_before;
  for (const int socket : sockets) ::close(socket);
  ::close(epoll);
  return {.per_second = requests / seconds, .cpu_us = cpu / requests * 1e6};
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// In turns, so that what else this machine does falls on both.
void echo() {
  const int requests = small() ? 500 : 200'000;
  const int rounds = small() ? 1 : 5;
  const Served ours(serve_ours);
  const Served bare(serve_bare);
  std::vector<double> our_cpu, bare_cpu, our_rate, bare_rate;
  for (int round = 0; round < rounds; ++round) {
    const Load one = load(ours, 16, requests);
    const Load other = load(bare, 16, requests);
    our_cpu.push_back(one.cpu_us), our_rate.push_back(one.per_second);
    bare_cpu.push_back(other.cpu_us), bare_rate.push_back(other.per_second);
  }
  std::printf("echo of 250 bytes, 16 connections: %.1f us of CPU a request, %.0f/s\n", median(our_cpu),
              median(our_rate));
  std::printf("  limit: bare loop on Beast's parser: %.1f us, %.0f/s\n", median(bare_cpu), median(bare_rate));
}

void idle() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const std::size_t many = std::min<std::size_t>(small() ? 500 : 10'000, files.rlim_cur - 100);
  const Served ours(serve_ours);
  (void)load(ours, 16, 1000);
  const double before = ours.resident_kb();
  std::vector<int> sockets;
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t i = 0; i < many; ++i) {
    sockets.push_back(connected(ours.port()));
    if (::send(sockets.back(), request.data(), request.size(), MSG_NOSIGNAL) < 0) throw std::runtime_error("not sent");
    char answer[1024];
    if (::recv(sockets.back(), answer, sizeof answer, 0) <= 0) throw std::runtime_error("no answer");
  }
  const double after = ours.resident_kb();
  std::printf("%zu idle connections, each used once: %.2f KB each (%.1f MB before, %.1f MB after)\n", many,
              (after - before) / static_cast<double>(many), before / 1024, after / 1024);
  for (const int socket : sockets) ::close(socket);
}

}  // namespace
}  // namespace meantime::bench

int main(int count, char** arguments) {
  const std::string what = count > 1 ? arguments[1] : "";
  if (what.empty() || what == "echo") meantime::bench::echo();
  if (what.empty() || what == "idle") meantime::bench::idle();
  return 0;
}
