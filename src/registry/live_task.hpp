// SPDX-License-Identifier: MIT
// live_task.hpp: one call in flight, from its first instruction until its outcome is stored. It is its tool's context.
// Threads: the loop's only. Kept small: a million of them may be alive.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "engine/deadlines.hpp"
#include "engine/loop.hpp"
#include "meantime/outcome.hpp"
#include "meantime/tool.hpp"
#include "registry/asks.hpp"
#include "registry/callers.hpp"
#include "registry/wait_list.hpp"

namespace meantime {

class LiveTask;

/// A registered tool and what runs of it.
struct ToolEntry {
  Tool tool;
  std::function<Result<void>(std::string_view)> check_arguments;  ///< Null: anything goes.
  std::uint32_t running = 0;
  bool removed = false;
};

/// What a live task needs of the manager that runs it.
class LiveTaskHost {
 public:
  virtual Loop& loop() noexcept = 0;
  virtual Deadlines& deadlines() noexcept = 0;
  virtual std::coroutine_handle<> body_ended(LiveTask& task) noexcept = 0;  ///< Gives whom to resume next.
  virtual void budget_over(LiveTask& task) noexcept = 0;
  virtual void grace_over(LiveTask& task) = 0;
  virtual void run_time_over(LiveTask& task) = 0;
  virtual void progressed(LiveTask& task) = 0;
  virtual void printed(LiveTask& task) = 0;
  virtual void asked(Ask& ask) = 0;            ///< A tool asks its caller; one turn of the loop later.
  virtual void ask_as_task(Ask& ask) = 0;      ///< A front door wants it asked as a task's.
  virtual void ask_ended(LiveTask& task) = 0;  ///< Answered, failed or withdrawn.

 protected:
  ~LiveTaskHost() = default;
};

/// What a caller wants to hear until it is answered; as in ToolCall.
struct CallerEars {
  std::function<void(const Progress&)> on_progress;
  std::function<void(const LogLine&)> on_log;
  std::function<void(std::shared_ptr<InputRound>)> on_input;
  std::shared_ptr<BackgroundSwitch> background;
};

/// The caller who still waits for an inline answer; lives in the call's frame.
struct InlineCaller {
  enum class Verdict : std::uint8_t { none, ended, over_budget, stored, unsaved };
  std::coroutine_handle<> waiter;
  const CallerEars* ears = nullptr;
  Milliseconds budget{0};  ///< Begins anew with each answer to what the tool asks.
  Verdict verdict = Verdict::none;
  bool keyed = false;  ///< Its task is recorded already, and known by its id.
};

class LiveTask final : public ToolContext {
 public:
  enum class Stage : std::uint8_t {
    calling,     ///< Its caller waits; nobody else knows it.
    background,  ///< It has an id and stands in the registry.
    abandoned,   ///< Cancelled before the budget; may still be tidying up; leaves no record.
  };
  /// What the store said to the start. `elsewhere`: another task has its idempotency key, this one never was.
  enum class Start : std::uint8_t { none, pending, stored, failed, elsewhere };

  /// What only some tasks need.
  struct Extras {
    explicit Extras(LiveTask& task);
    std::optional<Progress> progress;
    bool progress_pending = false;   ///< Not yet handed to the store.
    std::string output;              ///< Partial output not yet handed to the store: at most its newest part.
    std::uint64_t output_total = 0;  ///< Bytes ever printed.
    bool flushing = false;
    std::optional<std::stop_source> stop;
    std::optional<ToolFailure> forced;   ///< Why the body was dropped.
    EndReason ending = EndReason::none;  ///< Somebody asked for its end: cancelled, timed_out, interrupted.
    std::string idempotency_key;
    std::vector<Redirect> redirects;  ///< As the store has them.
    std::unique_ptr<Asks> asks;       ///< Once the tool has asked something.
    WaitList changes;                 ///< Those who wait for progress and input requests.
    Ready drop;
    Deadline grace;
    Deadline run_time;
  };

  LiveTask(LiveTaskHost& host, ToolEntry& entry, CallerAccount& account, std::string arguments, SteadyTime started);
  ~LiveTask();
  static void* operator new(std::size_t size) { return detail::take_frame(size); }
  static void operator delete(void* at, std::size_t size) noexcept { detail::give_frame(at, size); }

  // ToolContext
  [[nodiscard]] std::string_view arguments() const noexcept override { return arguments_; }
  [[nodiscard]] const Caller& caller() const noexcept override { return account->caller; }
  [[nodiscard]] Askable askable() const noexcept override { return askable_; }
  [[nodiscard]] std::optional<LogLevel> log_level() const noexcept override { return log_level_; }
  void progress(Progress progress) override;
  void append_output(std::string_view bytes) override;
  void log(LogLine line) override;
  [[nodiscard]] Task<Result<std::vector<InputResponse>>> ask(std::vector<InputRequest> requests) override;
  [[nodiscard]] std::stop_token stop_token() override;
  [[nodiscard]] Task<void> sleep(Milliseconds duration) override;

  /// Runs the tool up to its first suspension. A body that throws before it is a coroutine fails like any other.
  void begin();
  [[nodiscard]] bool ended() const noexcept { return body.done() || (extras && extras->forced); }
  /// What the tool returned, threw, or was ended with. Once.
  [[nodiscard]] ToolReturn take_return();
  [[nodiscard]] static std::string over_run_time(const Tool& tool);
  [[nodiscard]] Extras& more();
  [[nodiscard]] bool listens() const noexcept { return extras && extras->stop; }
  void arm_budget(Milliseconds budget);
  void arm_budget_anew(Milliseconds budget);
  [[nodiscard]] Asks* asks() const noexcept { return extras ? extras->asks.get() : nullptr; }
  void disarm_budget() noexcept { budget_.disarm(); }

  LiveTaskHost& host;
  ToolEntry& entry;
  CallerAccount* account;
  Task<ToolReturn> body;
  InlineCaller* inline_caller = nullptr;
  std::unique_ptr<Extras> extras;
  WaitList waiters;
  WaitList start_waiters;        ///< Woken when the store has answered the start.
  LiveTask* previous = nullptr;  ///< All live tasks of the manager.
  LiveTask* next = nullptr;
  SteadyTime started;
  WallTime created_at{};  ///< Set with the id.
  TaskId id;
  std::uint32_t attempt = 1;
  Stage stage = Stage::calling;
  Start start = Start::none;
  Askable askable_;  ///< Set before it begins.
  std::optional<LogLevel> log_level_;
  bool counted = false;    ///< In the limits' counts.
  bool recording = false;  ///< Its end is being stored.
  bool telling = false;    ///< It is stored; its caller is told when what it asks is, too.

 private:
  ToolReturn take_body();

  std::string arguments_;
  Deadline budget_;
};

}  // namespace meantime
