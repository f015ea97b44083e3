// SPDX-License-Identifier: MIT
// serve.hpp: `meantime serve`: the manager's tools as an MCP server, over standard input and output, HTTP, or both.
// Threads: the loop's.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "meantime/manager.hpp"
#include "meantime/offers.hpp"
#include "meantime/random.hpp"
#include "serve/session_options.hpp"
#include "serve/tools_ready.hpp"

namespace meantime::serve {

struct ServeOptions {
  SessionOptions session;
  std::string server_name = "meantime";
  std::string server_version;
  std::string instructions;  ///< For the model, before our own hint.
  /// Until it is set, lists and calls of tools that are not there yet wait; all else is answered. Null: all is ready.
  ToolsReady* tools_ready = nullptr;
  OfferSource* offers = nullptr;  ///< Resources, prompts and completion; null: none.
  bool stdio = false;
  int in_fd = 0;
  int out_fd = 1;
  config::HttpSettings http;  ///< No address: no HTTP.
  config::AuthSettings auth;
  config::SessionSettings::OverBudget over_budget = config::SessionSettings::OverBudget::envelope;
  std::function<std::vector<std::string>(std::string_view tool)> scopes_of;  ///< See McpServerOptions.
  std::function<void(std::string_view)> log;  ///< Hears where we listen, one sentence each. Null: nobody.
};

/// Offers every tool that is registered with `manager` until the client at `in_fd` goes (with stdio) or a signal comes;
/// drains the manager and gives the exit code: 0, 2 when a door cannot be opened, 128 + the signal's number after a
/// second one. Ignores SIGPIPE for the process.
[[nodiscard]] Task<int> run_serve(Loop& loop, TaskManager& manager, Clock& clock, Random& random, ServeOptions options);

}  // namespace meantime::serve
