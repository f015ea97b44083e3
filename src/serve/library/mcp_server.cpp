// SPDX-License-Identifier: MIT
// The doors of meantime/mcp_server.hpp over the server that `meantime serve` has, too.
#include "meantime/mcp_server.hpp"

#include <unistd.h>

#include <csignal>
#include <utility>

#include "auth/authenticator.hpp"
#include "engine/loop.hpp"
#include "http/server.hpp"
#include "serve/http/http_door.hpp"
#include "serve/server/line_door.hpp"
#include "serve/server/mcp_server.hpp"
#include "serve/stdio.hpp"

namespace meantime {
namespace {

serve::McpServerOptions options_of(const McpServerPorts& ports, McpServerSettings settings) {
  serve::McpServerOptions options;
  options.session.owner = std::move(settings.owner);
  options.session.budget = settings.budget;
  options.session.linger = settings.linger;
  options.session.drain_grace = settings.drain_grace;
  options.name = std::move(settings.name);
  options.version = std::move(settings.version);
  options.instructions = std::move(settings.instructions);
  options.poll_interval = settings.poll_interval;
  options.list_ttl = settings.list_ttl;
  options.offers = ports.offers;
  return options;
}

serve::HttpDoorOptions options_of(McpHttpSettings settings) {
  serve::HttpDoorOptions options;
  options.path = std::move(settings.path);
  options.hosts = mcp::HostRules(std::move(settings.allowed_hosts), std::move(settings.allowed_origins));
  options.retry = settings.retry;
  options.longest_hold = settings.longest_hold;
  return options;
}

bool is_loopback(std::string_view address) {
  return address == "localhost" || address == "::1" || address == "127.0.0.1";
}

}  // namespace

Task<int> serve_mcp_stdio(McpServerPorts ports, McpServerSettings settings) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto who = std::make_shared<const auth::Principal>(
      auth::Principal{.owner = settings.owner, .name = settings.owner, .scopes = {}, .every_scope = true});
  serve::McpServer server(ports.loop, ports.manager, ports.clock, ports.random, options_of(ports, std::move(settings)));
  serve::StdioClient client(ports.loop, STDIN_FILENO, STDOUT_FILENO);
  LineWriter out(ports.loop, client);
  serve::LineDoor door(server, who, out);
  co_return co_await serve::run_stdio(ports.loop, ports.manager, ports.clock, server.options.session, door, client, out,
                                      mcp::LineFramer(server.options.session.max_line_bytes));
}

struct McpHttpServer::Impl {
  Impl(const McpServerPorts& ports, McpServerSettings settings, McpHttpSettings http_settings)
      : loop(ports.loop),
        authenticator(auth::make_open_authenticator(settings.owner)),
        server(ports.loop, ports.manager, ports.clock, ports.random, options_of(ports, std::move(settings))),
        door(server, *authenticator, options_of(std::move(http_settings))),
        http(loop, server.deadlines, door) {}

  Loop loop;
  std::unique_ptr<auth::Authenticator> authenticator;
  serve::McpServer server;
  serve::HttpDoor door;
  http::Server http;
};

McpHttpServer::McpHttpServer(McpServerPorts ports, McpServerSettings settings, McpHttpSettings http)
    : impl_(std::make_unique<Impl>(ports, std::move(settings), std::move(http))) {}

McpHttpServer::~McpHttpServer() = default;

Result<std::uint16_t> McpHttpServer::listen(std::string_view address, std::uint16_t port) {
  if (!is_loopback(address)) {
    return fail(errc::invalid_argument, "mcp.listen",
                "'" + std::string(address) +
                    "' can be reached from other machines, and this server asks nobody who "
                    "they are: listen on 127.0.0.1, or put `meantime serve` with [auth] in front");
  }
  return impl_->http.listen(address, port);
}

Result<void> McpHttpServer::listen_unix(const std::string& path) {
  return impl_->http.listen_unix(path);
}

Task<void> McpHttpServer::stop(Milliseconds grace) {
  impl_->door.close_streams();  // they have no end of their own, and would take all the grace
  return impl_->http.stop(grace);
}

}  // namespace meantime
