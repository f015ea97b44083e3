// SPDX-License-Identifier: MIT
#include "serve/http/http_front.hpp"

#include "auth/http_fetch.hpp"
#include "auth/jwt_authenticator.hpp"
#include "auth/token_file.hpp"

namespace meantime::serve {
namespace {

auth::ResourceSettings resource_of(const config::HttpSettings& http, const config::AuthSettings& auth) {
  auth::ResourceSettings settings;
  settings.resource = http.resource();
  if (auth.kind == config::AuthSettings::Kind::oauth) settings.issuers = {auth.issuer};
  settings.scopes = auth.scopes_required;
  settings.scopes_offered = auth.scopes_offered;
  settings.name = auth.resource_name;
  settings.documentation = auth.documentation_url;
  return settings;
}

Result<std::unique_ptr<auth::Authenticator>> authenticator_of(const config::HttpSettings& http,
                                                              const config::AuthSettings& settings, McpServer& server,
                                                              http::Client* client, std::string owner) {
  using Kind = config::AuthSettings::Kind;
  switch (settings.kind) {
    case Kind::tokens: {
      auto opened = auth::TokenFileAuthenticator::open(settings.token_file.string(), resource_of(http, settings),
                                                       server.clock, server.random);
      if (!opened) return std::unexpected(std::move(opened.error()));
      return std::move(*opened);
    }
    case Kind::oauth: {
      auth::JwtSettings jwt{.issuer = settings.issuer,
                            .jwks_url = settings.jwks_url,
                            .audience = settings.audience,
                            .leeway = std::chrono::duration_cast<std::chrono::seconds>(settings.leeway)};
      return std::make_unique<auth::JwtAuthenticator>(resource_of(http, settings), std::move(jwt),
                                                      auth::fetch_over(*client), server.clock);
    }
    default:
      return auth::make_open_authenticator(std::move(owner));
  }
}

HttpDoorOptions door_options(const config::HttpSettings& http) {
  HttpDoorOptions options;
  options.path = http.path;
  options.hosts = mcp::HostRules(http.hosts(), http.allowed_origins);
  options.most_sessions = http.sessions.most;
  options.most_sessions_per_caller = http.sessions.most_per_caller;
  options.session_idle = http.sessions.idle;
  options.longest_hold = http.longest_hold;
  options.replay = {.bytes = http.sessions.replay_bytes, .events = http.sessions.replay_events};
  return options;
}

http::ServerOptions server_options(const config::HttpLimits& limits) {
  http::ServerOptions options;
  options.max_head = limits.head_bytes;
  options.max_headers = limits.headers;
  options.max_body = limits.body_bytes;
  options.max_unread = limits.unread_bytes;
  options.max_connections = limits.connections;
  options.idle = limits.idle;
  options.head = limits.head_time;
  options.body = limits.body_time;
  options.write_stall = limits.write_stall;
  return options;
}

}  // namespace

HttpFront::~HttpFront() = default;

Result<std::unique_ptr<HttpFront>> HttpFront::open(Loop& loop, McpServer& server, const config::HttpSettings& http,
                                                   const config::AuthSettings& auth, std::string owner) {
  if (std::string why = config::why_not_open(http, auth); !why.empty()) {
    return fail(errc::invalid_argument, "http.open", std::move(why));
  }
  auto front = std::unique_ptr<HttpFront>(new HttpFront);
  if (auth.kind == config::AuthSettings::Kind::oauth) front->client_ = std::make_unique<http::Client>(loop);
  auto authenticator = authenticator_of(http, auth, server, front->client_.get(), std::move(owner));
  if (!authenticator) return std::unexpected(std::move(authenticator.error()));
  front->authenticator_ = std::move(*authenticator);
  front->door_ = std::make_unique<HttpDoor>(server, *front->authenticator_, door_options(http));
  front->server_ = std::make_unique<http::Server>(loop, server.deadlines, *front->door_, server_options(http.limits));
  if (auto listening = front->listen(http); !listening) return std::unexpected(std::move(listening.error()));
  return front;
}

Result<void> HttpFront::listen(const config::HttpSettings& settings) {
  const bool tls = !settings.tls_certificate.empty();
  for (const config::ListenAddress& address : settings.listen) {
    if (address.is_unix()) {
      if (auto opened = server_->listen_unix(address.unix_socket.string()); !opened) return opened;
      addresses_.push_back(address.text());
      continue;
    }
    const auto port = tls ? server_->listen(address.host, address.port,
                                            {settings.tls_certificate.string(), settings.tls_key.string()})
                          : server_->listen(address.host, address.port);
    if (!port) return std::unexpected(port.error());
    config::ListenAddress bound = address;
    bound.port = *port;
    addresses_.push_back((tls ? "https://" : "http://") + bound.text() + settings.path);
  }
  return {};
}

Task<void> HttpFront::close(Milliseconds grace) {
  door_->close_streams();
  co_await server_->stop(grace);
}

}  // namespace meantime::serve
