// SPDX-License-Identifier: MIT
// client_bench.cpp: calls of the MCP client to tiny_echo over pipes, one at a time and 16 in flight, beside bare lines
// on the same pipes: calls a second, and processor time of this side a call.
// Usage: client_bench <tiny_echo> [--calls N]
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "client/mcp_client.hpp"
#include "meantime/system_clock.hpp"
#include "process/child.hpp"

namespace {

using namespace meantime;  // NOLINT(google-build-using-namespace): one small program
using Time = std::chrono::steady_clock;

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Figures {
  double calls_a_second = 0;
  double processor_us = 0;
};

Task<void> lane(client::McpClient& client, int calls, client::RequestHooks& hooks) {
  for (int i = 0; i < calls; ++i) {
    const auto answer = co_await client.call_tool("echo", R"({"text":"the same text for everyone"})", &hooks);
    if (!answer) std::abort();
  }
}

Figures measure(boost::asio::io_context& io, client::McpClient& client, int lanes, int calls) {
  client::RequestHooks hooks;
  const auto began = Time::now();
  const double processor = processor_seconds();
  std::vector<Task<void>> all;
  for (int i = 0; i < lanes; ++i) all.push_back(lane(client, calls / lanes, hooks));
  for (const Task<void>& each : all) {
    while (!each.done()) io.run_one();
  }
  const double seconds = std::chrono::duration<double>(Time::now() - began).count();
  return {calls / seconds, (processor_seconds() - processor) / calls * 1e6};
}

// The same lines without a client: `lanes` in one write, then as many line ends read.
Task<void> bare(process::Child& child, int lanes, int calls) {
  std::string lines;
  for (int i = 0; i < lanes; ++i) {
    lines +=
        R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"the same text for everyone"}}})"
        "\n";
  }
  for (int done = 0; done < calls; done += lanes) {
    if (!co_await child.write(lines)) std::abort();
    for (int open = lanes; open > 0;) {
      for (const char each : co_await child.read_out()) open -= each == '\n' ? 1 : 0;
    }
  }
}

Figures measure_bare(boost::asio::io_context& io, process::Child& child, int lanes, int calls) {
  const auto began = Time::now();
  const double processor = processor_seconds();
  const Task<void> all = bare(child, lanes, calls);
  while (!all.done()) io.run_one();
  const double seconds = std::chrono::duration<double>(Time::now() - began).count();
  return {calls / seconds, (processor_seconds() - processor) / calls * 1e6};
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fputs("usage: client_bench <tiny_echo> [--calls N]\n", stderr);
    return 2;
  }
  const int calls = count > 3 && std::string_view(arguments[2]) == "--calls" ? std::atoi(arguments[3]) : 160'000;
  boost::asio::io_context io;
  const auto work = boost::asio::make_work_guard(io);
  Loop loop(io);
  SystemClock clock(io);
  {
    client::McpClient client(loop, clock, client::StdioOptions{.command = {arguments[1]}}, {});
    auto child = process::Child::start(
        io, clock, {.argv = {arguments[1]}, .in = process::Stream::pipe(), .err = process::Stream::null()});
    if (!child) return 1;
    auto connecting = client.connect();
    while (!connecting.done()) io.run_one();
    if (!connecting.take()) return 1;
    for (const int lanes : {1, 16}) {
      const int share = lanes == 1 ? calls / 8 : calls;
      const Figures limit = measure_bare(io, *child, lanes, share);
      const Figures ours = measure(io, client, lanes, share);
      std::printf("%2d at once: bare lines %8.0f/s %6.2f us, client %8.0f/s %6.2f us CPU a call\n", lanes,
                  limit.calls_a_second, limit.processor_us, ours.calls_a_second, ours.processor_us);
    }
    auto closing = client.close();
    while (!closing.done()) io.run_one();
  }
  return 0;
}
