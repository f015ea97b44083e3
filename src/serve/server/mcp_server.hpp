// SPDX-License-Identifier: MIT
// mcp_server.hpp: an MCP server over a TaskManager: every method of both families, for any number of clients, without
// knowing how their messages travel. Threads: the loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/rate_limiter.hpp"
#include "engine/deadlines.hpp"
#include "meantime/manager.hpp"
#include "meantime/offers.hpp"
#include "meantime/random.hpp"
#include "serve/builtin_tools.hpp"
#include "serve/server/answer.hpp"
#include "serve/server/parked.hpp"
#include "serve/server/reply.hpp"
#include "serve/server/request_info.hpp"
#include "serve/server/server_events.hpp"
#include "serve/server/tool_table.hpp"
#include "serve/server/work.hpp"
#include "serve/session_options.hpp"
#include "serve/tools_ready.hpp"

namespace meantime::serve {

struct McpServerOptions {
  SessionOptions session;
  std::string name = "meantime";
  std::string version;
  std::string instructions;               ///< For the model, before our own hint.
  Milliseconds poll_interval{1'000};      ///< What clients are told to wait between two tasks/get.
  Milliseconds list_ttl{0};               ///< How long a list may be kept (2026-07-28); 0: ask again each time.
  Milliseconds parked_for{600'000};       ///< How long a call waits for its client to come back with answers.
  std::size_t most_parked = 10'000;       ///< Calls; more are refused.
  std::size_t most_listened_tasks = 256;  ///< Of one subscriptions/listen.
  /// Clients without tasks (2026-07-28): wait for the tool, however long it takes, in place of an envelope.
  bool wait_without_tasks = false;
  /// What a caller's token must hold to call this tool, beside what the door asks for. Null: nothing more.
  std::function<std::vector<std::string>(std::string_view tool)> scopes_of;
  auth::RateLimit look_ups{.per_second = 0};  ///< Of tasks by their id, for each caller; 0: no limit.
  /// Until it is set, lists wait, and so do calls of tools that are not there yet. Null: all is ready.
  ToolsReady* tools_ready = nullptr;
  /// Of resources, prompts and completions; outlives the server. Null: none.
  OfferSource* offers = nullptr;
};

class McpServer final : OfferListener {
 public:
  /// All outlive the server. The manager's on_tools_changed is the server's from here on.
  McpServer(boost::asio::io_context& loop, TaskManager& manager, Clock& clock, Random& random,
            McpServerOptions options);
  McpServer(const McpServer&) = delete;
  McpServer& operator=(const McpServer&) = delete;
  ~McpServer();

  /// Takes a request that passed the checks of the protocol. The answer goes to `reply`, perhaps inside this call: then
  /// null is returned. `head` is for headers that depend on the tool; null on stdio. The message's text may go after
  /// this call, `reply` and `session` must stay until the request is answered or destroyed.
  [[nodiscard]] std::unique_ptr<OpenRequest> open(const mcp::ServerRequest& request, const mcp::HttpHead* head,
                                                  std::shared_ptr<const auth::Principal> who, HandshakeClient* session,
                                                  Reply& reply);

  /// Answers a request in its revision's shape.
  void finish(Work& work, Answer answer);
  /// Answers a request of 2026-07-28 with what it asks, and keeps it until its client comes back with answers.
  void park(std::unique_ptr<Work> work);

  [[nodiscard]] const std::string& identity() const noexcept { return identity_; }
  /// Ends the streams of subscriptions/listen in order: before a door closes.
  void end_listening();
  void listen(ServerEvents* events) { events_.push_back(events); }
  void forget(ServerEvents* events) { std::erase(events_, events); }

  TaskManager& manager;
  Clock& clock;
  Random& random;
  Deadlines deadlines;
  const McpServerOptions options;
  boost::asio::io_context& loop;
  BuiltinTools builtins;
  ToolTable tools;
  Parked parked;
  auth::RateLimiter look_ups;

 private:
  [[nodiscard]] std::unique_ptr<OpenRequest> resume(RequestInfo info, const mcp::ServerRequest& request, Reply& reply);
  [[nodiscard]] std::unique_ptr<OpenRequest> run(std::unique_ptr<Work> work);
  static std::coroutine_handle<> ended(void* work) noexcept;
  void take_names();
  void on_list_changed(OfferKind kind) override;
  void on_resource_updated(std::string_view uri) override;
  void tell(ServerEvents::List list);

  std::string identity_;  // serverInfo, raw JSON
  std::vector<ServerEvents*> events_;
};

}  // namespace meantime::serve
