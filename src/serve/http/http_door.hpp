// SPDX-License-Identifier: MIT
// http_door.hpp: the MCP endpoint over HTTP: both families on one path, who may come in, sessions of the handshake
// family, and the metadata document that says where tokens come from. Threads: the loop's.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/authenticator.hpp"
#include "engine/deadlines.hpp"
#include "http/exchange.hpp"
#include "mcp/event_log.hpp"
#include "mcp/host_rules.hpp"
#include "meantime/random.hpp"
#include "serve/server/mcp_server.hpp"

namespace meantime::serve {

class HttpSession;
class EventStream;

struct HttpDoorOptions {
  std::string path = "/mcp";
  mcp::HostRules hosts;
  std::size_t most_sessions = 10'000;
  std::size_t most_sessions_per_caller = 1'000;
  Milliseconds session_idle{3'600'000};
  mcp::EventLog::Limits replay;
  Milliseconds sign_of_life{15'000};  ///< Between comments on a stream that is silent; 0: none.
  Milliseconds retry{1'000};          ///< How long a client waits before it comes back for the rest of a stream.
  /// How long a connection is kept for one request of a client that can come back for the rest (2025-11-25); 0: as long
  /// as the request takes. For ways on which long answers are cut.
  Milliseconds longest_hold{0};
};

class HttpDoor final : public http::Handler {
 public:
  /// All outlive the door.
  HttpDoor(McpServer& server, auth::Authenticator& authenticator, HttpDoorOptions options);
  HttpDoor(const HttpDoor&) = delete;
  HttpDoor& operator=(const HttpDoor&) = delete;
  ~HttpDoor() override;

  void on_request(http::Request& request, http::Exchange& exchange) override;
  bool on_head(http::Request& head, http::Exchange& exchange) override;
  [[nodiscard]] std::size_t sessions() const noexcept { return sessions_.size(); }

  /// Ends sessions and listening streams in order: before the server stops.
  void close_streams();

  /// For the parts of the door.
  McpServer& server;
  const HttpDoorOptions options;
  void forget(const std::string& session);
  void add(EventStream& stream);
  void remove(EventStream& stream);

 private:
  class Admission;
  using Who = std::shared_ptr<const auth::Principal>;

  [[nodiscard]] bool guarded(http::Request& request, http::Exchange& exchange);
  void admit(http::Request& request, http::Exchange& exchange);
  [[nodiscard]] bool welcome(http::Request& head, http::Exchange& exchange);
  void turn_away(http::Request& request, http::Exchange& exchange, const auth::AuthFault& fault);
  [[nodiscard]] std::optional<auth::AuthFault> lacks_scopes(const mcp::ServerRequest& read, const auth::Principal& who);
  void serve(http::Request& request, http::Exchange& exchange, auth::Verdict verdict);
  void post(http::Request& request, http::Exchange& exchange, Who who);
  void take_request(const mcp::Message& message, http::Request& request, http::Exchange& exchange, Who who,
                    HttpSession* session);
  void take_one_way(const mcp::Message& message, http::Request& request, http::Exchange& exchange,
                    HttpSession* session);
  void initialize(const mcp::ServerRequest& read, http::Request& request, http::Exchange& exchange, Who who);
  void get(http::Request& request, http::Exchange& exchange, HttpSession* session);
  [[nodiscard]] HttpSession* session_of(const http::Request& request, const auth::Principal& who);
  [[nodiscard]] std::string cross_origin(const http::Request& request) const;
  void refuse(http::Request& request, http::Exchange& exchange, const mcp::Refusal& refusal);
  void say_alive();

  auth::Authenticator& authenticator_;
  std::unordered_map<std::string, std::unique_ptr<HttpSession>> sessions_;
  std::unordered_map<std::string, std::size_t> sessions_of_;  // by owner
  std::list<EventStream*> streams_;
  Deadline alive_;
};

}  // namespace meantime::serve
