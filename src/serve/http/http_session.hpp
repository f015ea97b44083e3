// SPDX-License-Identifier: MIT
// http_session.hpp: a session of the handshake family over HTTP: its open requests, which a broken connection does not
// cancel, its streams, and what of them can be asked for again. Threads: the loop's.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "engine/deadlines.hpp"
#include "mcp/event_log.hpp"
#include "serve/http/event_stream.hpp"
#include "serve/server/handshake_client.hpp"
#include "serve/server/mcp_server.hpp"

namespace meantime::serve {

class HttpSession final : Notices {
 public:
  HttpSession(HttpDoor& door, std::string id, std::shared_ptr<const auth::Principal> who);
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;
  ~HttpSession() override;

  const std::string id;
  HandshakeClient client;

  /// Answers `read` on `exchange`. False: a request with this id is open.
  [[nodiscard]] bool open(const mcp::ServerRequest& read, const mcp::HttpHead& head, http::Exchange& exchange,
                          std::string headers);
  /// The messages of one body of 2025-03-26, answered together.
  void open_batch(const std::vector<std::string_view>& messages, http::Exchange& exchange, std::string headers);
  void one_way(const mcp::Message& message);
  /// A GET: the stream for what belongs to no request, or the rest of a stream that broke.
  void stream(http::Exchange& exchange, std::optional<std::string_view> last_event_id, std::string headers);
  /// The client ends it (DELETE), or it is forgotten: streams end, what still runs is given up.
  void close();
  /// Streams of GET end; what is open may be answered.
  void end_streams();
  /// Somebody spoke: it is not idle.
  void touch();

 private:
  class Request;
  class GetStream;
  class Batch;
  class Watch;

  bool notice(std::string_view json) override;
  void gone(const std::string& key);
  void gone(GetStream& stream);
  [[nodiscard]] bool idle() const noexcept { return open_.empty() && streams_.empty(); }

  HttpDoor& door_;
  mcp::EventLog log_;
  std::unordered_map<std::string, std::shared_ptr<Request>> open_;
  std::list<std::unique_ptr<GetStream>> streams_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // watches of connections may outlive the session
  Deadline idle_;
};

}  // namespace meantime::serve
