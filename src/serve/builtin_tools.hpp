// SPDX-License-Identifier: MIT
// builtin_tools.hpp: check_task, await_task, list_tasks, cancel_task and redirect_task, as a model sees and calls them
// (S60). Threads: the loop's.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/json_span.hpp"
#include "meantime/manager.hpp"
#include "serve/session_options.hpp"

namespace meantime::serve {

class BuiltinTools {
 public:
  enum class Kind : std::uint8_t { check, await, list, cancel, redirect };
  /// Whose tasks, and the name of the client, which may limit await_task.
  struct Asker {
    std::string owner;
    std::string client;
    std::function<void()> missed = {};  ///< Told of a task_id that is unknown, foreign or expired. Null: nobody.
  };
  using OnProgress = std::function<void(const Progress&)>;

  /// All outlive this.
  BuiltinTools(TaskManager& manager, Clock& clock, const SessionOptions& options);

  /// Takes other names, all together, where one is taken. What was told to the model before stays as it was.
  void avoid(const std::set<std::string, std::less<>>& taken);
  [[nodiscard]] const BuiltinNames& names() const noexcept { return names_; }
  [[nodiscard]] std::optional<Kind> find(std::string_view name) const noexcept;

  /// Their entries in tools/list: raw JSON, one each. How long await_task waits is told for this client; redirect_task
  /// is there when `owner` may name a destination.
  [[nodiscard]] std::vector<std::string> definitions(const std::string& owner, const std::string& client = {}) const;
  /// What a model is told at the start: how calls become tasks and what to do then.
  [[nodiscard]] std::string instructions() const;

  /// Runs one; the arguments are read before it first suspends. Progress (null: not wanted) tells that it still waits.
  /// The outcome is always a finished CallToolResult, with isError where the request was wrong.
  [[nodiscard]] Task<Result<Outcome>> call(Kind kind, Asker asker, mcp::JsonSpan arguments, OnProgress on_progress);

 private:
  [[nodiscard]] Milliseconds await_cap(const std::string& client) const;

  TaskManager& manager_;
  Clock& clock_;
  const SessionOptions& options_;
  BuiltinNames names_;
};

}  // namespace meantime::serve
