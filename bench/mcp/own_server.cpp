// SPDX-License-Identifier: MIT
#include "mcp/own_server.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "meantime/manager.hpp"
#include "meantime/mcp_server.hpp"
#include "meantime/memory_store.hpp"
#include "meantime/random.hpp"
#include "meantime/sqlite_store.hpp"
#include "meantime/system_clock.hpp"

namespace meantime::bench {
namespace {

Task<ToolReturn> echo(ToolContext& context) {
  co_return std::string(context.arguments());
}

// {"ms":20}
Task<ToolReturn> job(ToolContext& context) {
  const std::string_view arguments = context.arguments();
  const std::size_t colon = arguments.find(':');
  const int wait = colon == std::string_view::npos ? 0 : std::atoi(std::string(arguments.substr(colon + 1)).c_str());
  co_await context.sleep(Milliseconds(wait));
  co_return "ended at " + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
}

void add(TaskManager& manager, std::string name, CoroutineBody body, bool background,
         std::optional<Milliseconds> budget) {
  Tool tool;
  tool.name = std::move(name);
  tool.description = "A tool of the benchmark.";
  tool.coroutine = std::move(body);
  tool.always_background = background;
  tool.budget = budget;
  if (!manager.add_tool(std::move(tool))) throw std::runtime_error("a tool was refused");
}

std::unique_ptr<Store> open_store(boost::asio::io_context& io, Clock& clock, Random& random,
                                  const std::filesystem::path& database) {
  if (database.empty()) return make_memory_store(io, clock);
  auto opened = open_sqlite_store(io, clock, random, {.file = database});
  if (!opened) throw std::runtime_error(opened.error().detail);
  return std::move(*opened);
}

}  // namespace

void serve_own(int port_pipe, const std::filesystem::path& database) {
  boost::asio::io_context io(1);
  SystemClock clock(io);
  SystemRandom random;
  const auto store = open_store(io, clock, random, database);
  TaskManager manager(io, {clock, random, *store});
  add(manager, "echo", echo, false, {});
  add(manager, "job", job, true, {});
  add(manager, "late", job, false, Milliseconds(late_budget_ms));
  McpHttpServer server({io, manager, clock, random}, {});
  const auto port = server.listen("127.0.0.1", 0);
  if (!port) throw std::runtime_error(port.error().detail);
  if (::write(port_pipe, &*port, sizeof *port) != sizeof *port) return;
  io.run();
}

}  // namespace meantime::bench
