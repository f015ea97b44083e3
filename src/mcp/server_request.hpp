// SPDX-License-Identifier: MIT
// server_request.hpp: what a server must know of a request before it does anything: which family and revision it
// speaks, what its client can take, and whether its marks and headers are right. Pure; the order of the checks is
// fixed: family, _meta, headers against the body, version, Mcp-Method and Mcp-Name, method.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "mcp/capabilities.hpp"
#include "mcp/json_rpc.hpp"
#include "mcp/methods.hpp"
#include "mcp/protocol.hpp"
#include "meantime/tool.hpp"

namespace meantime::mcp {

class HandshakeSession;

/// The head of an HTTP request, as far as MCP looks at it. Views live as long as the request.
class HttpHead {
 public:
  /// The field's value without the white space around it; none where it is absent. `name` in lower case.
  [[nodiscard]] virtual std::optional<std::string_view> header(std::string_view name) const = 0;
  /// There is more than one field of that name.
  [[nodiscard]] virtual bool repeated(std::string_view name) const = 0;
  /// All fields whose names begin with `prefix` (lower case), in order: name in lower case, value.
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> fields_under(
      std::string_view prefix) const = 0;

 protected:
  ~HttpHead() = default;
};

/// A request (or a body) that gets no further: what to answer.
struct Refusal {
  int http_status = 400;
  int code = 0;
  std::string message;
  std::string data;  ///< Raw JSON; may be empty.
  std::string id;    ///< Raw JSON; empty: it could not be read.
  UnknownId unknown_id = UnknownId::absent;
};

/// Appends the JSON-RPC error and a newline.
void append_refusal(std::string& out, const Refusal& refusal);

/// A body that is no message. `unknown_id` as the session has it; the stateless family leaves the id out.
[[nodiscard]] Refusal refuse_unreadable(const RpcFault& fault, UnknownId unknown_id = UnknownId::absent);

/// A request that passed. Views into the message, which it outlives in no case, and into the session where there is
/// one.
struct ServerRequest {
  const Message* message = nullptr;
  Family family = Family::handshake;
  Revision revision = newest_handshake;
  Method method = Method::unknown;
  ClientCapabilities client;
  std::string_view client_name;       ///< Of clientInfo, escapes as they stand; may be empty. For display only.
  JsonSpan progress_token;            ///< String or number; none: no progress is wanted.
  std::optional<LogLevel> log_level;  ///< Lowest that the client wants for this request; none: no log lines.
  JsonSpan input_responses;           ///< Object, stateless only.
  JsonSpan request_state;             ///< String, stateless only.
};

/// Which family a message belongs to. `head` null: it came over stdio. `in_session`: its `initialize` was answered on
/// this connection, or its session is known. A stateless notification over HTTP is stray: 202, and nothing is done.
[[nodiscard]] Family choose_family(const Message& message, const HttpHead* head, bool in_session);

/// Reads a request. `session` is that of the connection (stdio) or of the Mcp-Session-Id header; null: there is none
/// (a door answers 404 itself where the header names a session that is gone).
/// Errors: as Refusal, HTTP status included, in the order above.
[[nodiscard]] std::expected<ServerRequest, Refusal> read_request(const Message& message, const HttpHead* head,
                                                                 const HandshakeSession* session);

/// Of a notification or response over HTTP: why it is refused; none: it is taken (202).
[[nodiscard]] std::optional<Refusal> check_one_way(const Message& message, const HttpHead& head,
                                                   const HandshakeSession* session);

/// The HTTP status that an error of a request leaves with, as long as no stream has begun.
[[nodiscard]] int http_status_of(Family family, int code) noexcept;

/// A level as text; none for anything else.
[[nodiscard]] std::optional<LogLevel> read_log_level(JsonSpan level) noexcept;
[[nodiscard]] std::string_view log_level_name(LogLevel level) noexcept;

/// Whether an Accept header takes this media type ("application/json"); an absent header takes everything.
[[nodiscard]] bool accepts(std::optional<std::string_view> accept, std::string_view media_type) noexcept;
/// Whether a Content-Type is application/json, whatever its parameters.
[[nodiscard]] bool is_json_content(std::optional<std::string_view> content_type) noexcept;

/// A session id as it may stand in a header: 1 to 256 of 0x21 to 0x7E.
[[nodiscard]] bool is_session_id(std::string_view id) noexcept;

}  // namespace meantime::mcp
