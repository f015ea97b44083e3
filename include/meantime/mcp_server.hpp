// SPDX-License-Identifier: MIT
// mcp_server.hpp: a program's own tools, resources and prompts as an MCP server, for clients of every revision: on its
// standard streams, or over Streamable HTTP on this machine. Threads: all on the loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "meantime/manager.hpp"
#include "meantime/offers.hpp"
#include "meantime/random.hpp"

namespace meantime {

/// What an MCP server is built from; all outlive it. The manager's on_tools_changed is the server's while it lives.
struct McpServerPorts {
  boost::asio::io_context& loop;
  TaskManager& manager;
  Clock& clock;
  Random& random;
  OfferSource* offers = nullptr;  ///< Of resources, prompts and completions; null: there are only tools.
};

/// How a server presents itself. Every member has a working default.
struct McpServerSettings {
  std::string name = "meantime";
  std::string version;
  std::string instructions;            ///< For the model, before the hint on how calls become tasks.
  std::string owner = "local";         ///< `user_id` of the tasks that clients make.
  std::optional<Milliseconds> budget;  ///< In place of the manager's and of a tool's own.
  Milliseconds poll_interval{1'000};   ///< What clients are told to wait between two looks at a task.
  Milliseconds list_ttl{0};            ///< How long clients may keep a list (2026-07-28).
  Milliseconds linger{600'000};        ///< On standard streams: how long tasks may go on when the client has left.
  Milliseconds drain_grace{5'000};     ///< On SIGTERM, and after `linger`.
};

/// Serves one client on this process's standard input and output until it leaves or SIGTERM comes; drains the manager.
/// Gives the exit code. Nothing else may write to standard output meanwhile.
[[nodiscard]] Task<int> serve_mcp_stdio(McpServerPorts ports, McpServerSettings settings);

/// Where an HTTP server answers, and to whom.
struct McpHttpSettings {
  std::string path = "/mcp";
  /// Host and Origin headers that are answered besides those of this machine: "name" or "name:port";
  /// "https://name[:port]".
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> allowed_origins;
  Milliseconds retry{1'000};  ///< How long clients wait before they come back for the rest of a stream that broke.
  /// How long a connection is kept for one request of a client that can come back for the rest (2025-11-25); 0: as long
  /// as the request takes. For ways on which long answers are cut.
  Milliseconds longest_hold{0};
};

/// One endpoint for any number of clients. It asks nobody who they are, so it listens on this machine only;
/// `meantime serve` is the server with authentication.
class McpHttpServer {
 public:
  McpHttpServer(McpServerPorts ports, McpServerSettings settings, McpHttpSettings http = {});
  McpHttpServer(const McpHttpServer&) = delete;
  McpHttpServer& operator=(const McpHttpServer&) = delete;
  /// Drops every connection and gives up what is not a task.
  ~McpHttpServer();

  /// Listens on a loopback address and gives the port, which is another than `port` only for 0.
  /// Errors: invalid_argument (another address than 127.0.0.1, ::1 or localhost), unavailable (the port is taken).
  [[nodiscard]] Result<std::uint16_t> listen(std::string_view address, std::uint16_t port);
  /// Listens on a unix socket of mode 0600. Errors: as http::Server::listen_unix.
  [[nodiscard]] Result<void> listen_unix(const std::string& path);

  /// Takes no more requests and returns when the open ones are answered, at the latest after `grace`. Once only.
  [[nodiscard]] Task<void> stop(Milliseconds grace);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace meantime
