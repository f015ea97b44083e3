// SPDX-License-Identifier: MIT
// gateway.cpp: HTTP in front of a server over stdio that costs nothing: `meantime serve`, and the gateways that npm
// has, beside the same calls straight over stdio; and what the gateway's processes take after it.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "http/bare_beast.hpp"
#include "mcp/benchmarks.hpp"
#include "mcp/gateway_program.hpp"

namespace meantime::bench {
namespace {

constexpr std::size_t lane_count = 16;
constexpr const char* bare_name = "limit: bare Beast, bare pipes";
constexpr const char* argument = R"({"text":"hello, how are you today?"})";

// As light as the HTTP client: a write for each call, a read for what is there, no JSON library.
class Straight {
 public:
  explicit Straight(const std::string& program) : process_(Process::Piped{}, {program}) {
    write(
        R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})"
        "\n");
    while (answers() == 0) {
    }
  }
  Figures measure(int calls) {
    const double server_before = process_.cpu();
    const double own_before = own_cpu();
    const auto before = steady_now();
    int sent = 0;
    for (; sent < static_cast<int>(lane_count); ++sent) call();
    for (int done = 0; done < calls;) {
      const int came = answers();
      done += came;
      for (int i = 0; i < came && sent < calls; ++i, ++sent) call();
    }
    const double seconds = std::chrono::duration<double>(steady_now() - before).count();
    return {.per_second = calls / seconds,
            .server_us = (process_.cpu() - server_before) / calls * 1e6,
            .client_us = (own_cpu() - own_before) / calls * 1e6};
  }

 private:
  void call() {
    line_ = R"({"jsonrpc":"2.0","id":)";
    line_ += std::to_string(++id_);
    line_ += R"(,"method":"tools/call","params":{"name":"echo","arguments":)";
    line_ += argument;
    line_ += "}}\n";
    write(line_);
  }
  void write(std::string_view bytes) const {
    if (::write(process_.input(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      throw std::runtime_error("tiny_echo takes no calls");
    }
  }
  int answers() {
    pollfd readable{process_.output(), POLLIN, 0};
    (void)::poll(&readable, 1, -1);
    const ssize_t got = ::read(process_.output(), buffer_.data(), buffer_.size());
    if (got <= 0) throw std::runtime_error("tiny_echo ended");
    return static_cast<int>(std::count(buffer_.begin(), buffer_.begin() + got, '\n'));
  }

  Process process_;
  std::string line_;
  std::array<char, 65536> buffer_{};
  std::uint64_t id_ = 0;
};

struct Contender {
  std::string name;
  std::unique_ptr<Process> process;
  std::uint16_t port;
  Family family;
  int share;  // of the calls: slow ones make fewer
  std::vector<Figures> rounds;
};

Contender peer(const Places& places, std::string name, const std::vector<std::string>& arguments) {
  const std::uint16_t port = free_port();
  std::vector<std::string> command{places.node};
  for (const std::string& each : arguments) {
    command.push_back(each == "PORT" ? std::to_string(port) : each);
  }
  auto process = std::make_unique<Process>(std::move(command));
  wait_for_port(port);
  return {std::move(name), std::move(process), port, Family::y2025, 50, {}};
}

void run(Contender& contender, int calls) {
  Lanes lanes(contender.port, lane_count);
  Calls plan(lanes, true, contender.family, "echo", argument);
  (void)lanes.run(plan.next(calls / 10 + static_cast<int>(lane_count)));
  contender.rounds.push_back(measure(*contender.process, lanes, plan.next(calls), calls));
}

}  // namespace

void gateway(const Places& places) {
  const int calls = places.small ? 320 : 30'000;
  const int rounds = places.small ? 1 : 5;
  const Folder folder;
  Straight straight(places.tiny_echo);
  std::vector<Figures> limit;
  std::vector<Contender> all;
  for (const Family family : {Family::y2026, Family::y2025}) {
    auto process = start_gateway(places, folder);
    const std::uint16_t port = process->port();
    all.push_back({family == Family::y2026 ? "meantime serve, 2026-07-28" : "meantime serve, 2025-11-25",
                   std::move(process),
                   port,
                   family,
                   1,
                   {}});
  }
  auto bare_gateway = std::make_unique<Process>([&](int pipe) {
    run_bare_gateway(places.tiny_echo, [&](std::uint16_t port) {
      if (::write(pipe, &port, sizeof port) != sizeof port) ::_exit(1);
    });
  });
  const std::uint16_t bare_port = bare_gateway->port();
  all.push_back({bare_name, std::move(bare_gateway), bare_port, Family::y2026, 1, {}});
  if (places.peers.empty() || places.node.empty()) {
    std::puts("(no node or no node_modules with supergateway and mcp-proxy: their rows are left out)");
  } else {
    all.push_back(peer(places, "supergateway --stateful",
                       {places.peers + "/supergateway/dist/index.js", "--stdio", places.tiny_echo, "--outputTransport",
                        "streamableHttp", "--stateful", "--port", "PORT", "--logLevel", "none"}));
    all.push_back(peer(places, "mcp-proxy",
                       {places.peers + "/mcp-proxy/dist/bin/mcp-proxy.mjs", "--host", "127.0.0.1", "--port", "PORT",
                        "--server", "stream", places.tiny_echo}));
  }
  for (int round = 0; round < rounds; ++round) {
    limit.push_back(straight.measure(calls));
    for (Contender& each : all) run(each, std::max<int>(calls / each.share, lane_count * 2));
  }
  std::puts("gateway in front of one upstream over stdio that costs nothing, 16 at once:");
  const Figures ours = median(all.front().rounds);
  print("straight over stdio, without HTTP", median(limit));
  const auto bare = std::ranges::find(all, bare_name, &Contender::name);
  const double bare_rate = median(bare->rounds).per_second;
  for (const Contender& each : all) {
    const Figures figures = median(each.rounds);
    print(each.name.c_str(), figures, bare_rate);
    std::printf(
        "    after load: %.1f MB with its upstream, %.1f MB alone; meantime makes %.1f times its calls (%.1f by the "
        "medians)\n",
        each.process->tree_mb(), each.process->resident_mb(), ours.per_second / figures.per_second,
        figures.p50_us / ours.p50_us);
  }
}

}  // namespace meantime::bench
