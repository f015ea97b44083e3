// SPDX-License-Identifier: MIT
// work.hpp: one request at work: its coroutine, what it tells and asks its client on the way, and its answer.
// Threads: the loop's. Lives in the door's OpenRequest, or parked while its client looks for what was asked.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "meantime/manager.hpp"
#include "serve/server/answer.hpp"
#include "serve/server/reply.hpp"
#include "serve/server/request_info.hpp"

namespace meantime::serve {

class McpServer;
class Opened;

class Work final {
 public:
  Work(McpServer& server, RequestInfo info, Reply& reply);
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  /// Drops what still runs: before its budget a tool is cancelled by it. Requests put to the client are withdrawn.
  ~Work();

  void progress(const Progress& progress);
  void log(const LogLine& line);
  /// The least level that the client wants; absent: none.
  [[nodiscard]] std::optional<LogLevel> log_level() const;
  /// A tool, prompt or resource wants something of the client.
  void asked(std::shared_ptr<InputRound> round);

  /// Puts a request of a running task to a handshake client; its answer goes to the task.
  void ask_for(const TaskId& asker, const InputRequest& request);
  /// Its client is gone: what it runs goes on as a task.
  void detach();
  /// Responses that came with the request: used as soon as they are asked for.
  void take_responses(mcp::JsonSpan input_responses);
  /// All that the open round asks is there: the round is answered, and the request goes on inside this call.
  [[nodiscard]] bool answer_if_complete();
  /// Which of the round's requests are not answered.
  [[nodiscard]] std::vector<InputRequest> open_requests() const;

  McpServer& server;
  RequestInfo info;
  Reply* reply;              ///< Null while nobody listens: parked.
  Opened* holder = nullptr;  ///< Null while parked, and before the first suspension.
  std::shared_ptr<InputRound> round;
  std::shared_ptr<BackgroundSwitch> background;  ///< Of a tool's call.
  bool inline_rounds = false;                    ///< What is asked is asked at once, though the client takes tasks.
  bool* ended_inside = nullptr;                  ///< Told when the request is answered inside a call.
  std::optional<Answer> late;                    ///< Ended while parked.
  bool wants_parking = false;                    ///< Asked before open() had a holder for it.
  std::string missing_capability;                ///< The last round was refused for it: what a failure then says.
  std::string line;                              ///< Of a request that may be parked: its text, until it is.
  std::string binding;                           ///< Of a parked one: what the repetition must be.
  Task<Answer> task;

 private:
  [[nodiscard]] bool cannot_ask(const std::vector<InputRequest>& requests);
  void ask_session();

  std::unordered_map<std::string, std::string> responses_;  // by key, raw JSON
  std::vector<std::uint64_t> asks_;                         // put to a handshake client
  TaskGroup group_;
  double last_progress_ = 0;
  bool progressed_ = false;
};

/// What the door owns.
class Opened final : public OpenRequest {
 public:
  explicit Opened(std::unique_ptr<Work> its_work) : work(std::move(its_work)) { work->holder = this; }
  void detach() override {
    if (work) work->detach();
  }
  std::unique_ptr<Work> work;
};

}  // namespace meantime::serve
