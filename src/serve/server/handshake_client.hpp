// SPDX-License-Identifier: MIT
// handshake_client.hpp: one client of the handshake family while its session lasts: what it is, what we asked it, and
// where messages go that belong to no request of its own. Threads: the loop's.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <unordered_map>

#include "auth/authenticator.hpp"
#include "mcp/handshake_session.hpp"
#include "meantime/coroutine.hpp"
#include "meantime/task_id.hpp"
#include "serve/server/answer.hpp"
#include "serve/server/reply.hpp"
#include "serve/server/server_events.hpp"

namespace meantime::serve {

class McpServer;

/// Where messages go that belong to no request: a GET stream, or the pipe.
class Notices {
 public:
  virtual ~Notices() = default;
  /// One JSON text. False: nobody listens, it is dropped.
  virtual bool notice(std::string_view json) = 0;
};

class HandshakeClient final : public ServerEvents {
 public:
  /// Hears the answer to a request that was put to the client: raw result, or why there is none.
  using OnAnswer = std::function<void(std::expected<std::string, std::string>)>;

  HandshakeClient(McpServer& server, Notices& notices, std::shared_ptr<const auth::Principal> who);
  HandshakeClient(const HandshakeClient&) = delete;
  HandshakeClient& operator=(const HandshakeClient&) = delete;
  ~HandshakeClient() override;

  mcp::HandshakeSession state;
  const std::shared_ptr<const auth::Principal> who;

  /// Puts a request to the client on the stream of one of its own; the number withdraws it.
  /// `related_task`: the question is of this task (2025-11-25).
  std::uint64_t ask(Reply& on, std::string_view method, std::string_view params, OnAnswer on_answer,
                    std::string_view related_task = {});
  /// Withdraws it: the client is told, its answer is dropped. `on` null: the client is not told.
  void withdraw(std::uint64_t ask, Reply* on);
  /// A response of the client. Unknown ones are dropped.
  void on_response(const mcp::Message& message);

  /// Tells the client of a task of its own until it has ended (notifications/tasks/status, progress).
  void follow(const TaskId& task, std::string progress_token);
  [[nodiscard]] Task<Answer> subscribe(std::string uri);
  void unsubscribe(const std::string& uri);

  void on_list_changed(List list) override;
  void on_resource_updated(std::string_view uri) override;
  void on_closing() override {}

 private:
  Task<void> follow_to_the_end(TaskId task, std::string progress_token);

  McpServer& server_;
  Notices& notices_;
  std::unordered_map<std::uint64_t, OnAnswer> asked_;  // by tag
  std::uint64_t last_ask_ = 0;
  std::size_t following_ = 0;
  TaskGroup group_;
};

}  // namespace meantime::serve
