// SPDX-License-Identifier: MIT
// asks.hpp: what the tool of one live task asks of its caller, from the ask to its end. Decides nothing: its host does.
// Threads: the loop's only.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <coroutine>
#include <optional>
#include <string>
#include <vector>

#include "engine/loop.hpp"
#include "meantime/call_ways.hpp"

namespace meantime {

class Ask;
class Asks;
class LiveTask;

/// What a front door holds while it decides. Outlives the ask, the call and the manager without harm.
class Round final : public InputRound {
 public:
  explicit Round(Ask& ask);
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;
  ~Round() override;

  [[nodiscard]] const std::vector<InputRequest>& requests() const noexcept override { return requests_; }
  void answer(std::vector<InputResponse> responses) override;
  void refuse(Error why) override;
  void to_task() override;
  void let_go() noexcept { ask_ = nullptr; }

 private:
  Ask* ask_;  // null: decided, or gone
  const std::vector<InputRequest> requests_;
};

/// One ask of a tool: `co_await` it. Lives in the frame of ToolContext::ask; dropping it withdraws what is open.
class Ask {
 public:
  enum class Stage : std::uint8_t {
    asked,    ///< The host hears of it in the loop's next turn.
    offered,  ///< A front door decides.
    to_task,  ///< It has decided for a task: in the loop's next turn.
    as_task,  ///< Stands in the task's record.
    over,     ///< The tool goes on in the loop's next turn.
  };
  struct Request {
    InputRequest request;
    std::optional<std::string> response;
    bool saved = false;  ///< The store has it, or is just getting it.
  };

  Ask(LiveTask& task, Asks& asks, std::vector<InputRequest> requests);
  Ask(const Ask&) = delete;
  Ask& operator=(const Ask&) = delete;
  ~Ask();

  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter);
  [[nodiscard]] Result<std::vector<InputResponse>> await_resume();

  [[nodiscard]] LiveTask& task() noexcept { return task_; }
  [[nodiscard]] Stage stage() const noexcept { return stage_; }
  [[nodiscard]] std::vector<Request>& requests() noexcept { return requests_; }
  void offer(Round& round) noexcept;
  void show() noexcept;
  /// Gives open requests their responses; ends the ask with the last. False: nothing open has that key.
  bool answer(const std::string& key, std::string response);
  /// Ends the ask, if it has not ended: the tool gets `why`.
  void fail(Error why);

 private:
  friend class Asks;
  friend class Round;
  void on_turn();
  void decided_for_task();
  void end(std::optional<Error> why);
  void withdraw();
  void let_go_of_round() noexcept;

  LiveTask& task_;
  Asks& asks_;
  std::vector<Request> requests_;
  Round* round_ = nullptr;
  std::optional<Error> error_;
  std::coroutine_handle<> waiter_;
  Stage stage_ = Stage::asked;
  Ready ready_;
};

/// All asks of one task.
class Asks {
 public:
  explicit Asks(LiveTask& task);
  Asks(const Asks&) = delete;
  Asks& operator=(const Asks&) = delete;
  ~Asks() = default;

  /// Errors: invalid_argument (what may not be asked, a key used before, too many). The keys count as used then.
  [[nodiscard]] Result<void> admit(std::vector<InputRequest>& requests);
  [[nodiscard]] std::vector<InputRequest> open() const;
  [[nodiscard]] bool any_open() const noexcept;
  [[nodiscard]] bool any_offered() const noexcept;
  /// Those that stand in the record and that the store does not have; from now on it is getting them.
  [[nodiscard]] std::vector<InputRequest> take_unsaved();
  /// They did not arrive.
  void unsave(const std::vector<InputRequest>& requests) noexcept;
  /// The store has lost them, or they were another run's.
  void unsave_all() noexcept;
  /// Whether one of this key is open, and then whether the store has it.
  [[nodiscard]] std::optional<bool> open_and_saved(const std::string& key) const noexcept;
  /// False: nothing open has that key.
  bool answer(const std::string& key, const std::string& response);
  /// All that a front door was offered, or would be, stands in the record from now on.
  void show_all() noexcept;
  void fail_all(const Error& why);
  /// Those that asked for any of these.
  void fail_those(const std::vector<InputRequest>& requests, const Error& why);

  bool saving = false;
  /// Answered here while the store did not hear of it, and withdrawn: it must not show them as open for ever.
  std::vector<InputResponse> untold;

 private:
  friend class Ask;
  std::vector<Ask*> asks_;  // in the order asked
  boost::unordered_flat_set<std::string> used_;
  Ready withdrawn_;
};

}  // namespace meantime
