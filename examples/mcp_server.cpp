// SPDX-License-Identifier: MIT
// An MCP server of one's own: a tool that may take its time, a resource, a prompt. `example_mcp_server` speaks on its
// standard streams, as editors start it; `example_mcp_server --http` prints the address it answers at.
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "meantime/asio.hpp"
#include "meantime/manager.hpp"
#include "meantime/mcp_server.hpp"
#include "meantime/memory_store.hpp"
#include "meantime/random.hpp"
#include "meantime/system_clock.hpp"

using namespace meantime;
using namespace std::string_view_literals;

namespace {

// A call that is over its budget of 2 s goes on as a task; the client is told how to get the result.
Task<ToolReturn> crawl(ToolContext& context) {
  for (int page = 1; page <= 5; ++page) {
    context.progress({.value = static_cast<double>(page), .total = 5, .message = "crawling"});
    co_await context.sleep(std::chrono::seconds(1));
  }
  co_return "5 pages";
}

Task<RpcAnswer> read_note(RequestContext&, std::string uri, UriVariables variables) {
  co_return R"({"contents":[{"uri":")" + uri + R"(","mimeType":"text/plain","text":"Note of )" + variables.at("day") +
      R"("}]})";
}

Task<RpcAnswer> review(RequestContext&, std::string) {
  co_return R"({"messages":[{"role":"user","content":{"type":"text","text":"Please review my notes."}}]})";
}

Task<int> serve(McpServerPorts ports, bool over_http) {
  McpServerSettings settings;
  settings.name = "notes";
  settings.version = "1.0";
  settings.linger = std::chrono::seconds(0);
  if (!over_http) co_return co_await serve_mcp_stdio(ports, settings);
  McpHttpServer server(ports, settings);
  const auto port = server.listen("127.0.0.1", 0);
  if (!port) {
    std::fprintf(stderr, "%s\n", port.error().detail.c_str());
    co_return 1;
  }
  std::printf("http://127.0.0.1:%u/mcp\n", static_cast<unsigned>(*port));
  std::fflush(stdout);
  boost::asio::signal_set signals(ports.loop, SIGTERM, SIGINT);
  co_await signals.async_wait(await);
  co_await server.stop(std::chrono::seconds(1));
  co_await ports.manager.drain(std::chrono::seconds(5));
  co_return 0;
}

}  // namespace

int main(int count, char** arguments) {
  boost::asio::io_context loop;
  SystemClock clock(loop);
  SystemRandom random;
  const auto store = make_memory_store(loop, clock);
  TaskManager manager(loop, {clock, random, *store});
  Tool tool;
  tool.name = "crawl";
  tool.description = "Crawls a site of five pages";
  tool.budget = std::chrono::seconds(2);
  tool.coroutine = crawl;
  Offers offers(loop);
  const bool added =
      manager.add_tool(std::move(tool)) &&
      offers.add(ResourceTemplate{.uri_template = "notes://{day}", .name = "Notes", .read = read_note}) &&
      offers.add(Prompt{.name = "review", .description = "Review my notes", .get = review});
  if (!added) return 1;
  Task<int> serving = serve({loop, manager, clock, random, &offers}, count > 1 && arguments[1] == "--http"sv);
  while (!serving.done()) loop.run_one();
  return serving.take();
}
