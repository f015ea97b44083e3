// SPDX-License-Identifier: MIT
// client_calls.hpp: the tool calls that a client waits for, by its own ids: answered once, or cancelled and not at all.
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/line_writer.hpp"
#include "mcp/json_rpc.hpp"
#include "meantime/coroutine.hpp"
#include "serve/call_answer.hpp"

namespace meantime::serve {

class ClientCalls;

/// One call that is not answered yet.
struct ClientCall {
  ClientCalls* owner = nullptr;
  std::string key;                  ///< The canonical id.
  std::string id;                   ///< Raw, as the client wrote it.
  std::string progress_token;       ///< Raw; empty: the client wants none.
  std::uint64_t upstream_call = 0;  ///< 0: none.
  bool structured_envelope = true;
  Task<Result<Outcome>> task;
};

class ClientCalls {
 public:
  explicit ClientCalls(LineWriter& out) : out_(out) {}

  /// Sets up a call; null when one with this id is under way. Then run() it.
  [[nodiscard]] ClientCall* open(const mcp::Message& request);
  /// Answers when `task` has ended, perhaps at once. The call is gone then.
  void run(ClientCall& call, Task<Result<Outcome>> task);
  /// Drops the call without an answer: its task is cancelled if it is within its budget.
  void cancel(ClientCall& call);

  [[nodiscard]] ClientCall* find(const std::string& key) noexcept;
  /// By the number that its upstream knows it by; set with watch_upstream().
  [[nodiscard]] ClientCall* of_upstream(std::uint64_t upstream_call) noexcept;
  void watch_upstream(ClientCall& call, std::uint64_t upstream_call);

  /// A progress notification to the client, if it asked for any.
  void send_progress(const ClientCall& call, const Progress& progress);

  [[nodiscard]] bool empty() const noexcept { return calls_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return calls_.size(); }
  /// Called when the last call was answered or dropped.
  void on_idle(std::function<void()> tell) { on_idle_ = std::move(tell); }

  AnswerStyle style;  ///< check_tool and revision, for all calls of the session.

 private:
  static std::coroutine_handle<> ended(void* call) noexcept;
  void answer(ClientCall& call);
  void erase(ClientCall& call);

  LineWriter& out_;
  std::unordered_map<std::string, std::unique_ptr<ClientCall>> calls_;
  std::unordered_map<std::uint64_t, ClientCall*> by_upstream_;
  std::function<void()> on_idle_;
};

/// params of notifications/progress.
[[nodiscard]] std::string progress_params(std::string_view token, const Progress& progress);

}  // namespace meantime::serve
