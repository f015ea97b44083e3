// SPDX-License-Identifier: MIT
// inline_or_background.cpp: one quick and one slow tool under a budget of 100 ms. Prints what the caller sees.
#include <boost/asio/io_context.hpp>
#include <cstdio>

#include "meantime/manager.hpp"
#include "meantime/memory_store.hpp"
#include "meantime/system_clock.hpp"

using namespace std::chrono_literals;

meantime::Task<meantime::ToolReturn> greet(meantime::ToolContext&) {
  co_return meantime::ToolOutput("hello");
}

meantime::Task<meantime::ToolReturn> crawl(meantime::ToolContext& context) {
  for (int page = 1; page <= 3; ++page) {
    co_await context.sleep(100ms);
    context.progress({.value = static_cast<double>(page), .total = 3, .message = "pages"});
  }
  co_return meantime::ToolOutput("3 pages");
}

meantime::Task<void> session(meantime::TaskManager& manager) {
  for (const char* tool : {"greet", "crawl"}) {
    auto outcome = co_await manager.call({.tool = tool, .arguments = {}, .budget = 100ms});
    if (!outcome) {
      std::printf("%s: refused: %s\n", tool, outcome.error().detail.c_str());
    } else if (const auto* done = std::get_if<meantime::Finished>(&*outcome)) {
      std::printf("%s: inline: %s\n", tool, done->output.text.c_str());
    } else if (const auto* failed = std::get_if<meantime::Failed>(&*outcome)) {
      std::printf("%s: failed: %s\n", tool, failed->failure.error().c_str());
    } else {
      const meantime::TaskId id = std::get<meantime::Backgrounded>(*outcome).task_id;
      std::printf("%s: goes on as a task\n", tool);
      auto awaited = co_await manager.await_task(id);
      auto result = co_await manager.read_result(id, 0, 0);
      if (awaited && result) std::printf("%s: in the end: %s\n", tool, result->text.c_str());
    }
  }
}

int main() {
  boost::asio::io_context io;
  meantime::SystemClock clock(io);
  meantime::SystemRandom random;
  auto store = meantime::make_memory_store(io, clock);
  meantime::TaskManager manager(io, {clock, random, *store});
  (void)manager.add_tool({.name = "greet", .coroutine = greet});
  (void)manager.add_tool({.name = "crawl", .coroutine = crawl});
  auto running = session(manager);
  while (!running.done()) io.run_one();
  running.take();
}
