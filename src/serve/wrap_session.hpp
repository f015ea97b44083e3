// SPDX-License-Identifier: MIT
// wrap_session.hpp: one client and one upstream: what passes between them, and the tool calls that we take out of it.
// Threads: the loop's. Knows lines and messages, not where they come from or go to.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "mcp/protocol.hpp"
#include "serve/builtin_tools.hpp"
#include "serve/client_calls.hpp"
#include "serve/session.hpp"
#include "serve/tool_list.hpp"
#include "serve/wrap.hpp"
#include "tools/upstream.hpp"

namespace meantime::serve {

class WrapSession final : public Session, tools::UpstreamListener {
 public:
  using Log = std::function<void(std::string_view)>;

  /// All outlive the session; nothing runs before start().
  WrapSession(boost::asio::io_context& loop, TaskManager& manager, Clock& clock, const WrapOptions& options,
              LineWriter& out, Log log);
  WrapSession(const WrapSession&) = delete;
  WrapSession& operator=(const WrapSession&) = delete;
  ~WrapSession() override;

  /// Starts the upstream. Errors: it cannot be.
  [[nodiscard]] Result<void> start() { return upstream_.start(); }

  void on_line(const mcp::Line& line) override;
  void begin_batch() override;  // of either side's lines: they go to both
  void end_batch() override;
  [[nodiscard]] bool busy() const noexcept override { return !calls_.empty() || !forwarded_.empty(); }
  void on_idle(std::function<void()> tell) override;
  [[nodiscard]] Task<void> close() override { return upstream_.stop(); }

 private:
  // A request that went to the upstream under the client's own id.
  struct Forwarded {
    enum class Kind : std::uint8_t { other, initialize, tools_list };
    Kind kind = Kind::other;
    std::string id;
    bool first_page = true;
    std::string handshake;  // of initialize: the line
  };
  // A request of the upstream that the client has to answer.
  struct Asked {
    std::string id;        // as the client got it
    std::string original;  // as the upstream wrote it
  };
  struct KnownTool {
    ToolHandle handle;
    std::string registered;
  };

  void on_message(const mcp::Message& message) override;
  void on_call_progress(std::uint64_t call, const mcp::Message& notification) override;
  void on_unreadable_answer(mcp::JsonSpan id, std::string_view why) override;
  void on_down(const Error& why) override;
  Task<void> room() override;

  void client_request(const mcp::Message& message);
  void client_notification(const mcp::Message& message);
  void client_response(const mcp::Message& message);
  void call_tool(const mcp::Message& message);
  void call_upstream(ClientCall& call, const mcp::Message& message, const std::string& name);
  Result<KnownTool> known_tool(const std::string& name);
  void forward(const mcp::Message& message, Forwarded::Kind kind);
  void upstream_response(const mcp::Message& message);
  void upstream_request(const mcp::Message& message);
  void upstream_notification(const mcp::Message& message);
  void answer_initialize(const mcp::Message& message, const Forwarded& request);
  void answer_tools_list(const mcp::Message& message, const Forwarded& request);
  void refuse(std::string_view id, mcp::RpcCode code, std::string_view why);
  void pass(const mcp::Message& message);
  void tell_if_idle();

  TaskManager& manager_;
  const WrapOptions& options_;
  LineWriter& out_;
  Log log_;
  BuiltinTools builtins_;
  ClientCalls calls_;
  tools::Upstream upstream_;
  NoBackground inline_only_;
  std::unordered_map<std::string, Forwarded> forwarded_;  // by canonical id
  std::unordered_map<std::string, Asked> asked_;          // by canonical id, as the client got it
  std::unordered_map<std::string, KnownTool> known_;      // by the upstream's name
  std::unordered_set<std::string> registered_;
  ToolPage listed_;   // what the client was told last
  ToolPage listing_;  // while it reads page by page
  std::uint64_t relayed_ = 0;
  bool upstream_has_tasks_ = false;
  std::string client_name_;
  std::function<void()> on_idle_;
};

}  // namespace meantime::serve
