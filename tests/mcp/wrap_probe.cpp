// SPDX-License-Identifier: MIT
// wrap_probe.cpp: `wrap` alone, on a store in memory: what tests and benchmarks start when they want a process of it.
#include <boost/asio/io_context.hpp>
#include <cstdio>

#include "meantime/memory_store.hpp"
#include "meantime/random.hpp"
#include "meantime/system_clock.hpp"
#include "serve/wrap.hpp"

int main(int argc, char** argv) {
  using namespace meantime;
  boost::asio::io_context loop{1};
  SystemClock clock(loop);
  SystemRandom random;
  const auto store = make_memory_store(loop, clock);
  TaskManager manager(loop, {clock, random, *store});
  serve::WrapOptions options;
  options.command.assign(argv + 1, argv + argc);
  if (options.command.empty()) {
    std::fputs("usage: wrap_probe <command of an MCP server>\n", stderr);
    return 2;
  }
  Task<int> session = serve::run_wrap(loop, manager, clock, std::move(options), 0, 1);
  while (!session.done()) loop.run_one();
  return session.take();
}
