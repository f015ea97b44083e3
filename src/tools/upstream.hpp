// SPDX-License-Identifier: MIT
// upstream.hpp: one MCP server over stdio, as its client: starts it, passes lines both ways, starts it again when it
// dies, and makes a tool call of ours a coroutine.
// Threads: the loop's. Knows JSON-RPC, not what the messages are about.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/line_writer.hpp"
#include "engine/wake.hpp"
#include "mcp/json_rpc.hpp"
#include "mcp/line_framer.hpp"
#include "meantime/tool.hpp"
#include "process/child.hpp"

namespace meantime::tools {

struct UpstreamOptions {
  std::string name;  ///< How errors call it; empty: the program's file name.
  std::vector<std::string> command;
  std::optional<std::vector<std::string>> environment;  ///< Absent: our own.
  std::string folder;
  std::size_t max_line_bytes = std::size_t{64} << 20;
  std::size_t max_queued_bytes = std::size_t{16} << 20;  ///< Unread by the upstream; beyond it requests are refused.
  Milliseconds backoff_first{100};                       ///< Before a restart; doubles up to...
  Milliseconds backoff_most{30'000};
  Milliseconds handshake_timeout{30'000};     ///< Of a replayed initialize.
  bool sigpipe_is_ignored = false;            ///< See process::ChildOptions.
  std::function<void(std::string_view)> log;  ///< One sentence each; null: dropped.
};

/// Hears what an upstream sends that is no answer to a call of ours. Called on the loop; may call back.
class UpstreamListener {
 public:
  virtual ~UpstreamListener() = default;
  /// Any other valid message; its views end with this call.
  virtual void on_message(const mcp::Message& message) = 0;
  /// Progress of call number `call`.
  virtual void on_call_progress(std::uint64_t call, const mcp::Message& notification) = 0;
  /// An answer of which only the id could be read: why not the rest.
  virtual void on_unreadable_answer(mcp::JsonSpan id, std::string_view why) = 0;
  /// It ended, or could not be started again: everything unanswered stays unanswered. Calls of ours have failed
  /// already.
  virtual void on_down(const Error& why) = 0;
  /// Around a batch of messages that came together.
  virtual void begin_batch() {}
  virtual void end_batch() {}
  /// A client that does not keep up: suspends the reading of the upstream while it must.
  [[nodiscard]] virtual Task<void> room() = 0;
};

class Upstream {
 public:
  /// All outlive the upstream.
  Upstream(boost::asio::io_context& loop, Clock& clock, UpstreamListener& listener, UpstreamOptions options);
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  /// Kills what still runs: stop() first.
  ~Upstream();

  /// Starts the program. Errors: those of Child::start; then nothing runs.
  [[nodiscard]] Result<void> start();
  /// Ends it: input closed, then TERM, then KILL. No call may follow but the destructor.
  [[nodiscard]] Task<void> stop();

  /// Around a batch of lines to send: they leave together.
  void begin_batch();
  void end_batch();
  /// Sends one line (without newline) as it is; while a restart is due soon it is kept for then.
  /// Errors: unavailable (down, or it does not read its input), with what became of it and when to ask again.
  Result<void> send(std::string_view line);

  /// Makes the request for a call: our id, our progress token, all else as the client sent it.
  [[nodiscard]] std::string make_call(const mcp::Message& request, std::uint64_t& call);
  /// Sends a request of make_call(), the context's arguments, and waits for its answer, which is kept as raw JSON.
  /// Errors: a result with isError is ToolError, a JSON-RPC error McpError, an upstream that died UpstreamError.
  /// Cancel: dropping it tells the upstream with notifications/cancelled.
  [[nodiscard]] Task<ToolReturn> run_call(ToolContext& context);
  /// The same for a tool of a known name, with the context's arguments as they are.
  [[nodiscard]] Task<ToolReturn> call_tool(ToolContext& context, std::string tool);
  /// What a cancel of this call tells the upstream; raw JSON.
  void set_cancel_reason(std::uint64_t call, std::string_view reason);

  /// Our own request: the answer's result as raw JSON. Errors: unavailable, corrupt (an error answer, quoted).
  [[nodiscard]] Task<Result<std::string>> request(std::string_view method, std::string_view params);

  /// The handshake that a restart repeats: the client's own lines, once they were answered. Without it a restart
  /// happens only when somebody sends something.
  void remember_handshake(std::string initialize) { initialize_ = std::move(initialize); }
  void remember_initialized(std::string_view line) { initialized_ = line; }
  [[nodiscard]] const std::string& name() const noexcept { return options_.name; }
  /// How often it was started again. Ids of its requests may repeat from one run to the next.
  [[nodiscard]] std::uint64_t restarts() const noexcept { return restarts_; }

 private:
  struct Link;
  class Exchange;
  enum class State : std::uint8_t { down, replaying, up };

  Task<ToolReturn> exchange(std::uint64_t call, std::string line, ToolContext* context);
  Task<void> run();
  Result<void> open_link();
  Task<void> read(Link& link);
  Task<void> watch_exit(Link& link);
  Task<void> replay();
  Task<void> pause(Milliseconds duration);
  void take(const mcp::Line& line);
  void take_answer(const mcp::Message& message);
  void take_progress(const mcp::Message& message);
  void refuse(const mcp::Line& line, std::string_view why);
  void fail_all(const Error& why);
  void log(std::string_view text);
  [[nodiscard]] std::optional<std::uint64_t> call_of(mcp::JsonSpan id) const noexcept;
  [[nodiscard]] std::string id_of(std::uint64_t call) const;

  boost::asio::io_context& loop_;
  Clock& clock_;
  UpstreamListener& listener_;
  UpstreamOptions options_;
  std::string id_prefix_;
  std::uint64_t last_call_ = 0;
  std::unordered_map<std::uint64_t, Exchange*> exchanges_;
  std::string initialize_;
  std::string initialized_;
  std::string held_;  // lines for the next start
  Error down_;
  SteadyTime restart_at_ = SteadyTime::max();
  std::uint64_t restarts_ = 0;
  std::uint32_t logged_ = 0;
  Milliseconds backoff_;
  State state_ = State::down;
  bool stopping_ = false;
  bool wanted_ = false;  // somebody sent something while it was down
  Wake wake_;
  LineWriter* batched_ = nullptr;
  std::unique_ptr<Link> link_;
  Task<void> replay_;
  Task<void> run_;
};

}  // namespace meantime::tools
