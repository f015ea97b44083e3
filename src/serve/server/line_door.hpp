// SPDX-License-Identifier: MIT
// line_door.hpp: an MCP server for one client on a stream of lines (stdio): both families, chosen for each request.
// Threads: the loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "engine/line_writer.hpp"
#include "serve/server/handshake_client.hpp"
#include "serve/server/mcp_server.hpp"
#include "serve/session.hpp"

namespace meantime::serve {

class LineDoor final : public Session, Notices {
 public:
  /// All outlive the door.
  LineDoor(McpServer& server, std::shared_ptr<const auth::Principal> who, LineWriter& out);
  LineDoor(const LineDoor&) = delete;
  LineDoor& operator=(const LineDoor&) = delete;
  ~LineDoor() override;

  void on_line(const mcp::Line& line) override;
  void begin_batch() override { out_.hold(); }
  void end_batch() override { out_.release(); }
  [[nodiscard]] bool busy() const noexcept override { return waiting_ > 0; }
  void on_idle(std::function<void()> tell) override { on_idle_ = std::move(tell); }
  [[nodiscard]] Task<void> close() override;

 private:
  class Request;
  class Batch;

  bool notice(std::string_view json) override;
  void take(std::string_view text, std::shared_ptr<Batch> batch);
  [[nodiscard]] bool take_batch(std::string_view line);
  void refuse(const mcp::Refusal& refusal, const std::shared_ptr<Batch>& batch);
  void request(const mcp::Message& message, std::shared_ptr<Batch> batch);
  void notification(const mcp::Message& message);
  void send(std::string_view json);
  void gone(const std::string& key, bool counted);

  McpServer& server_;
  LineWriter& out_;
  HandshakeClient client_;
  std::unordered_map<std::string, std::unique_ptr<Request>> open_;
  std::size_t waiting_ = 0;  // of open_: those that will be answered by themselves
  std::function<void()> on_idle_;
};

}  // namespace meantime::serve
