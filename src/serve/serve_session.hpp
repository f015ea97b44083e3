// SPDX-License-Identifier: MIT
// serve_session.hpp: an MCP server of our own over lines: the manager's tools, under a budget.
// Threads: the loop's.
#pragma once

#include <string>
#include <vector>

#include "serve/builtin_tools.hpp"
#include "serve/client_calls.hpp"
#include "serve/serve_stdio.hpp"
#include "serve/session.hpp"

namespace meantime::serve {

class ServeSession final : public Session {
 public:
  /// All outlive the session.
  ServeSession(TaskManager& manager, Clock& clock, const ServeOptions& options, Outbox& out);
  ServeSession(const ServeSession&) = delete;
  ServeSession& operator=(const ServeSession&) = delete;
  ~ServeSession() override;

  void on_line(const mcp::Line& line) override;
  void begin_batch() override { out_.hold(); }
  void end_batch() override { out_.release(); }
  [[nodiscard]] bool busy() const noexcept override { return !calls_.empty() || !held_.empty(); }
  void on_idle(std::function<void()> tell) override { calls_.on_idle(std::move(tell)); }
  [[nodiscard]] Task<void> close() override { co_return; }

 private:
  /// A request that waits for the tools.
  struct Held {
    std::string id;
    std::string line;
  };

  void take_names();
  [[nodiscard]] bool must_wait(const mcp::Message& message) const;
  void hold(const mcp::Message& message, std::string_view line);
  void go_on();
  void request(const mcp::Message& message);
  void initialize(const mcp::Message& message);
  void list_tools(const mcp::Message& message);
  void call_tool(const mcp::Message& message);
  void refuse(std::string_view id, mcp::RpcCode code, std::string_view why, std::string_view data = {});

  TaskManager& manager_;
  const ServeOptions& options_;
  Outbox& out_;
  BuiltinTools builtins_;
  ClientCalls calls_;
  std::vector<Held> held_;
};

}  // namespace meantime::serve
