// SPDX-License-Identifier: MIT
// mcp_client.hpp: one MCP server of either family, as its client: one call goes out and one answer comes back, whatever
// the server makes of it in between (questions, a task, a new session). Threads: the loop's.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "client/options.hpp"
#include "engine/loop.hpp"
#include "mcp/capabilities.hpp"
#include "mcp/protocol.hpp"
#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"
#include "meantime/task.hpp"
#include "meantime/tool.hpp"

namespace meantime::client {

/// A JSON-RPC error that the server answered.
struct RpcError {
  int code = 0;
  std::string message;
  std::string raw;  ///< The whole error object as it came.
};

/// What a request ended with: the server's own error, or why there is no answer of it.
using Failure = std::variant<RpcError, Error>;

/// A result.
struct Reply {
  std::string result;     ///< Raw JSON object, byte for byte.
  bool is_error = false;  ///< Of tools/call: result.isError.
};
using Answer = std::expected<Reply, Failure>;

/// As one sentence, for logs and for callers that tell the two not apart.
[[nodiscard]] std::string text_of(const Failure& failure);
[[nodiscard]] Error to_error(Failure failure);

/// Hears of one request while it is open. Outlives the Task of the request.
class RequestHooks {
 public:
  virtual ~RequestHooks() = default;
  virtual void on_progress(const Progress& /*progress*/) {}
  virtual void on_log(LogLine /*line*/) {}
  /// Whose request it is. What a server asks or logs without saying for which request is heard only while everything
  /// that is open belongs to one owner: nobody sees what is another's.
  [[nodiscard]] virtual std::string_view owner() const noexcept { return {}; }
  /// The server asks for something: answer in the order of `requests`, whose keys are unique over the request's life.
  /// Errors: unsupported (it cannot be asked that), anything else (it fails the request, where it hangs on it).
  [[nodiscard]] virtual Task<Result<std::vector<InputResponse>>> on_input(std::vector<InputRequest> requests);
};

struct Request {
  std::string_view method;
  std::string_view params;        ///< Raw JSON object, or empty. Valid until the Task ends.
  RequestHooks* hooks = nullptr;  ///< Null: nothing is heard, nothing can be asked.
  /// What this request's caller can be asked, of what the client declares; stateless servers only. Absent: all of it.
  std::optional<mcp::ClientCapabilities> capabilities;
  /// What its caller wants to hear; absent: the client's. Servers of the handshake family have one level for all: they
  /// are told the most talkative one that was ever wanted.
  std::optional<LogLevel> log_level;
};

/// Who the server says it is.
struct ServerDescription {
  mcp::Revision revision = mcp::newest_handshake;
  mcp::ServerCapabilities capabilities;
  std::string server_info;   ///< Raw JSON; may be empty.
  std::string instructions;  ///< May be empty.
  std::string raw;           ///< The result of `initialize` or `server/discover`.
};

enum class ListKind : unsigned char { tools, prompts, resources, resource_templates };

/// Hears what belongs to no request. Called on the loop; may send requests, neither closes nor destroys the
/// client.
class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  /// After each connect, the first one and later ones: what is known of the server may be old.
  virtual void on_connected(const ServerDescription& /*server*/) {}
  virtual void on_down(const Error& /*why*/) {}
  /// Also when the stream that tells was away for a while: then something may have changed.
  virtual void on_list_changed(ListKind /*list*/) {}
  virtual void on_resource_updated(std::string_view /*uri*/) {}
  virtual void on_log(LogLine /*line*/) {}
  /// Every other notification, as it came (notifications/elicitation/complete, those of extensions).
  virtual void on_notification(std::string_view /*method*/, std::string_view /*params*/) {}
};

class McpClient {
 public:
  /// All outlive the client. `events` null: nobody listens.
  McpClient(Loop& loop, Clock& clock, StdioOptions server, ClientOptions options, ClientEvents* events = nullptr);
  McpClient(Loop& loop, Clock& clock, http::Client& http, HttpOptions server, ClientOptions options,
            ClientEvents* events = nullptr);
  McpClient(const McpClient&) = delete;
  McpClient& operator=(const McpClient&) = delete;
  /// Drops what is open and kills what runs: close() first. Never from inside a hook or event.
  ~McpClient();

  /// Starts the server and finds out what it speaks; nothing where that is done. Requests do it by themselves, also
  /// again after the server ended, with growing pauses. Any number may wait.
  /// Errors: not_found, invalid_argument (its program or URL), unavailable (it ended, did not answer in time, refused;
  /// with retry_after while it pauses), unsupported (no revision in common), corrupt (it answered nonsense).
  [[nodiscard]] Task<Result<void>> connect();
  /// Of the last connect; empty before the first.
  [[nodiscard]] const ServerDescription* server() const noexcept;
  [[nodiscard]] const std::string& name() const noexcept;

  /// One request, to its end. Questions of the server go to the hooks, tasks are followed to their result, a lost
  /// session is made anew. No time limit of its own. Errors (as Error): those of connect; unavailable (the server ended
  /// or broke the stream: whether the work was done is not known), overloaded, corrupt.
  /// Cancel: dropping the Task tells the server in the way of its family, for a task with tasks/cancel.
  [[nodiscard]] Task<Answer> request(Request request);
  /// tools/call. `arguments` is raw JSON or empty, `meta` raw members for `_meta` besides our own (`"a":1,"b":2`);
  /// `capabilities` as in Request.
  [[nodiscard]] Task<Answer> call_tool(std::string_view tool, std::string_view arguments, RequestHooks* hooks,
                                       std::string_view meta = {},
                                       std::optional<mcp::ClientCapabilities> capabilities = {},
                                       std::optional<LogLevel> log_level = {});

  /// All pages of a list: the raw objects. A server that does not offer the list has an empty one. Tools whose header
  /// annotations are invalid are left out with a line in the log. Errors: as request; timed_out.
  [[nodiscard]] Task<Result<std::vector<std::string>>> list(ListKind kind);

  /// Hear of changes of one resource, also after a reconnect.
  /// Errors: as request; unsupported (the server does not tell).
  [[nodiscard]] Task<Result<void>> subscribe(std::string uri);
  [[nodiscard]] Task<Result<void>> unsubscribe(std::string uri);

  /// Ends the connection in order: what is open gets `cancelled`, the program its end of input, the session its DELETE.
  /// No call may follow but the destructor.
  [[nodiscard]] Task<void> close();

  /// Ends the server's program or session in order; the next request starts it again, without a pause. Nothing may be
  /// open: then nothing is done. on_connected() comes with the new start, on_down() does not.
  [[nodiscard]] Task<void> rest();

  /// Requests that are open now.
  [[nodiscard]] std::size_t open() const noexcept;
  /// A caller waits for an answer, or wants to hear of changes of a resource.
  [[nodiscard]] bool busy() const noexcept;
  /// When a request of a caller last began or ended; the start of the last connection, if that was later.
  [[nodiscard]] SteadyTime last_used() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace meantime::client
