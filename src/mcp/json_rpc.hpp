// SPDX-License-Identifier: MIT
// json_rpc.hpp: JSON-RPC 2.0 as MCP uses it: one message read in one pass, errors with their codes, answers built by
// appending. Pure. Both families and all transports build on the same Message.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/json_span.hpp"

namespace meantime::mcp {

/// JSON-RPC's own error codes, and those of MCP's stateless family.
enum class RpcCode : std::int16_t {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
  header_mismatch = -32020,      ///< Stateless: a header is missing or contradicts the body.
  missing_capability = -32021,   ///< Stateless: the client did not declare what this needs.
  unsupported_version = -32022,  ///< Stateless.
};

/// The members that meantime acts on, of whatever stands in `params`. None where absent.
struct ParamSpans {
  JsonSpan name;              ///< tools/call, prompts/get
  JsonSpan arguments;         ///< tools/call, prompts/get
  JsonSpan uri;               ///< resources/read, subscribe, unsubscribe
  JsonSpan cursor;            ///< lists
  JsonSpan level;             ///< logging/setLevel
  JsonSpan protocol_version;  ///< initialize
  JsonSpan meta;              ///< _meta
  JsonSpan task;              ///< tools/call of 2025-11-25: the client asks for a task
  JsonSpan task_id;           ///< tasks/*
  JsonSpan input_responses;   ///< tasks/update, and the repeated request of a stateless client
  JsonSpan request_state;     ///< the repeated request of a stateless client
  JsonSpan notifications;     ///< subscriptions/listen
  JsonSpan request_id;        ///< notifications/cancelled: requestId
  JsonSpan reason;            ///< notifications/cancelled
  JsonSpan progress_token;    ///< notifications/progress: progressToken
  JsonSpan progress;
  JsonSpan total;
  JsonSpan message;
  JsonSpan meta_progress_token;   ///< _meta.progressToken
  JsonSpan meta_idempotency_key;  ///< _meta["meantime/idempotencyKey"]
  // _meta["io.modelcontextprotocol/..."]
  JsonSpan meta_protocol_version;  ///< A stateless request says what it speaks.
  JsonSpan meta_client_capabilities;
  JsonSpan meta_client_info;
  JsonSpan meta_log_level;
  JsonSpan meta_related_task;     ///< 2025-11-25
  JsonSpan meta_subscription_id;  ///< On what comes from a listen stream.
  JsonSpan meta_traceparent;      ///< W3C trace context: bare names.
  JsonSpan meta_tracestate;
};

/// One message. Views: into the line it was read from.
struct Message {
  enum class Kind : std::uint8_t { request, notification, result, error };

  Kind kind = Kind::notification;
  std::string_view line;
  JsonSpan id;  ///< String or integer; none for notifications, and for errors about an id nobody could read.
  JsonSpan method;
  JsonSpan params;
  JsonSpan result;
  JsonSpan error;
  ParamSpans param;
  JsonSpan result_is_error;     ///< result.isError
  JsonSpan result_next_cursor;  ///< result.nextCursor
  JsonSpan result_meta;         ///< result._meta
  JsonSpan result_type;         ///< result.resultType
  JsonSpan result_task_id;      ///< result.taskId
  JsonSpan result_status;       ///< result.status
  JsonSpan result_task;         ///< result.task: a task of 2025-11-25
  JsonSpan result_ttl_ms;       ///< result.ttlMs
  JsonSpan result_cache_scope;  ///< result.cacheScope

  [[nodiscard]] bool is_response() const noexcept { return kind == Kind::result || kind == Kind::error; }
};

/// A line that is no message: what to answer with. `id` is raw JSON, empty where it could not be read.
struct RpcFault {
  RpcCode code = RpcCode::parse_error;
  std::string message;
  std::string id;
};

/// Reads one line. Of members with the same name the last one wins.
/// Errors: parse_error (not JSON, not UTF-8, deeper than 512); invalid_request (an array: see read_batch; no
/// "jsonrpc":"2.0", an id that
///         is neither string nor integer, params that are no object, neither method nor result nor error).
[[nodiscard]] std::expected<Message, RpcFault> read_message(std::string_view line);

/// A body of 2025-03-26 that is an array of messages: its elements, each still to be read; they are checked already.
/// None: the body is no array. Errors: parse_error; invalid_request (an empty one, or more than `max_batch`).
inline constexpr std::size_t max_batch = 1'000;
[[nodiscard]] std::expected<std::optional<std::vector<std::string_view>>, RpcFault> read_batch(std::string_view body);

/// The id as text that is equal for equal ids: escapes written one way, numbers as they stand.
[[nodiscard]] std::string canonical_id(JsonSpan id);

/// How an error says that the request's id could not be read: JSON-RPC has null, MCP from 2025-11-25 on leaves it out.
enum class UnknownId : std::uint8_t { null, absent };

/// Append one message and a newline. `id`, `result`, `params`, `data` and `error` are raw JSON; empty params or data:
/// left out.
void append_result(std::string& out, std::string_view id, std::string_view result);
void append_error(std::string& out, std::string_view id, RpcCode code, std::string_view message,
                  std::string_view data = {}, UnknownId unknown = UnknownId::null);
/// Any code: what a tool or an upstream chose.
void append_error(std::string& out, std::string_view id, int code, std::string_view message, std::string_view data = {},
                  UnknownId unknown = UnknownId::null);
/// An error object as a peer sent it.
void append_raw_error(std::string& out, std::string_view id, std::string_view error);
void append_notification(std::string& out, std::string_view method, std::string_view params);
void append_request(std::string& out, std::string_view id, std::string_view method, std::string_view params);

}  // namespace meantime::mcp
