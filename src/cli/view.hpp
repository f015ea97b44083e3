// SPDX-License-Identifier: MIT
// view.hpp: what check, await, output, list and cancel share: the store, who may see what, and news of changes.
// Heavy: for .cpp files only. Threads: the loop's.
#pragma once

#include <boost/asio/signal_set.hpp>
#include <functional>
#include <optional>
#include <string>

#include "cli/arguments.hpp"
#include "cli/event.hpp"
#include "cli/machine.hpp"

namespace meantime::cli {

/// One look at the store, for as long as a command runs.
class View final : public StoreListener {
 public:
  explicit View(const ViewOptions& options);
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View() override;

  /// Opens the store, runs `body` on the loop and closes the store. Answers the exit code.
  int run(const std::function<Task<int>()>& body);

  /// The task that a person means: a whole id, or the unique beginning of a recent one. Errors: not_found,
  /// invalid_argument (several fit), unavailable.
  [[nodiscard]] Task<Result<TaskRecord>> resolve(std::string text);
  /// Errors: not_found (also another owner's), unavailable.
  [[nodiscard]] Task<Result<TaskRecord>> find(TaskId task);
  [[nodiscard]] Task<Result<TaskList>> list(ListQuery query);
  /// Ends the tasks of workers that died, so that what is shown is so.
  [[nodiscard]] Task<Result<void>> look_for_lost();

  /// From now on changed() speaks of this task.
  void watch(const TaskId& task);
  /// Suspends until something changed, the user interrupted, or `at_most` is over; false: only time has passed.
  [[nodiscard]] Task<bool> changed(Milliseconds at_most);
  /// SIGINT or SIGTERM came, after catch_signals().
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }
  void catch_signals();

  /// Says what is wrong, as JSON on standard output with --json; answers the exit code.
  int report(const Error& error, std::string_view task = {}) const;

  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] SteadyTime now() const { return machine_.clock.now(); }
  [[nodiscard]] WallTime wall_now() const { return machine_.clock.wall_now(); }
  [[nodiscard]] const ViewOptions& options() const noexcept { return options_; }

 private:
  void on_ended(const TaskId& task) override;
  void on_cancel_requested(const TaskId& task) override;
  void on_changed(const TaskId& task) override;
  void on_worker_died() override;
  void on_redirected(const TaskId& /*task*/) override {}
  void on_input_answered(const TaskId& /*task*/) override {}
  void on_available(bool available, std::string_view detail) override;
  void on_forgotten() override {}
  [[nodiscard]] Task<int> open_and_run(const std::function<Task<int>()>& body);

  const ViewOptions& options_;
  Machine machine_;
  Event event_;
  boost::asio::signal_set signals_;
  std::unique_ptr<Store> store_;
  bool is_remote_ = false;
  std::string away_;  // why the store cannot be reached; empty: it can, or is not known to be away
  std::unique_ptr<Alarm> alarm_;
  bool news_ = false;
  bool time_over_ = false;
  bool worker_died_ = false;
  bool interrupted_ = false;
};

}  // namespace meantime::cli
