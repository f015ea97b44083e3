// SPDX-License-Identifier: MIT
// flaky_store.hpp: a real store that a test can take away, hold up, and give back.
#pragma once

#include <memory>

#include "engine/loop.hpp"
#include "meantime/store.hpp"
#include "registry/wait_list.hpp"

namespace meantime::test {

class FlakyStore final : public Store {
 public:
  FlakyStore(std::unique_ptr<Store> store, Loop& loop, Deadlines& deadlines)
      : store_(std::move(store)), loop_(loop), deadlines_(deadlines) {}

  /// While away, every call answers `unavailable`. Coming back tells the listener.
  void go_away() { away_ = true; }
  void come_back() {
    away_ = false;
    if (listener_ != nullptr) listener_->on_available(true, {});
  }
  /// Tells the listener, as a store does that notices by itself.
  void say_away(std::string_view detail) {
    if (listener_ != nullptr) listener_->on_available(false, detail);
  }
  /// As a server that was restarted without its data: the records are another, empty store's from now on.
  void forget_all(std::unique_ptr<Store> empty) {
    store_->listen(nullptr);
    store_ = std::move(empty);
    store_->listen(listener_);
  }
  void say_forgotten() {
    if (listener_ != nullptr) listener_->on_forgotten();
  }
  /// While lost, the listener hears nothing.
  void lose_notices(bool lost) { store_->listen(lost ? nullptr : listener_); }
  /// While held, starts (or finishes) wait before they reach the store.
  void hold_starts() { hold_starts_ = true; }
  void hold_finishes() { hold_finishes_ = true; }
  void hold_looks() { hold_looks_ = true; }
  void hold_forgetting() { hold_forgetting_ = true; }
  void release() {
    hold_starts_ = hold_finishes_ = hold_forgetting_ = hold_looks_ = false;
    held_.wake_all(Woken::look);
  }
  /// The end of this task alone is refused, for a reason of its own.
  void refuse_end_of(std::optional<TaskId> task) { refused_ = task; }
  /// Goes away at once when the next end was answered.
  void go_away_after_an_end() { away_after_an_end_ = true; }
  std::size_t finishes = 0;  ///< That reached the store and were answered.

  Task<Result<StartVerdict>> start(const TaskStart& start) override {
    if (hold_starts_) {
      // The views end with the first suspension, so what they show is kept here.
      const Caller caller = *start.caller;
      const std::string tool(start.tool_name);
      const std::string key(start.idempotency_key);
      const std::string arguments(start.arguments);
      TaskStart kept = start;
      kept.caller = &caller;
      kept.tool_name = tool;
      kept.idempotency_key = key;
      kept.arguments = arguments;
      const std::vector<Redirect> redirects(start.redirects.begin(), start.redirects.end());
      kept.redirects = redirects;
      co_await held();
      if (away_) co_return away();
      co_return co_await store_->start(kept);
    }
    if (away_) co_return away();
    co_return co_await store_->start(start);
  }
  Task<Result<FinishVerdict>> finish(RunToken run, TaskEnd end) override {
    const std::string worker(run.worker);  // the view ends with the first suspension
    run.worker = worker;
    if (hold_finishes_) co_await held();
    if (away_) co_return away();
    if (refused_ == run.task_id) co_return fail(errc::corrupt, "flaky_store", "another program's value is in the way");
    auto verdict = co_await store_->finish(run, std::move(end));
    ++finishes;
    if (std::exchange(away_after_an_end_, false)) go_away();
    co_return verdict;
  }
  Task<Result<TaskRecord>> find(TaskId task) override {
    if (hold_looks_) co_await held();
    if (away_) co_return away();
    co_return co_await store_->find(task);
  }
  Task<Result<TextPage>> read_result(TaskId task, std::uint64_t offset, std::uint64_t limit) override {
    if (away_) co_return away();
    co_return co_await store_->read_result(task, offset, limit);
  }
  Task<Result<TaskList>> list(ListQuery query) override {
    if (away_) co_return away();
    co_return co_await store_->list(std::move(query));
  }
  Task<Result<void>> set_progress(RunToken run, Progress progress) override {
    if (away_) co_return away();
    co_return co_await store_->set_progress(run, std::move(progress));
  }
  Task<Result<void>> append_output(RunToken run, std::string bytes) override {
    if (away_) co_return away();
    co_return co_await store_->append_output(run, std::move(bytes));
  }
  Task<Result<std::string>> read_output(TaskId task, std::uint64_t offset, std::uint64_t limit) override {
    if (away_) co_return away();
    co_return co_await store_->read_output(task, offset, limit);
  }
  Task<Result<void>> request_cancel(TaskId task) override {
    if (away_) co_return away();
    co_return co_await store_->request_cancel(task);
  }
  Task<Result<void>> add_redirect(TaskId task, Redirect redirect) override {
    if (away_) co_return away();
    co_return co_await store_->add_redirect(task, std::move(redirect));
  }
  Task<Result<void>> ask_input(RunToken run, std::vector<InputRequest> requests) override {
    if (away_) co_return away();
    co_return co_await store_->ask_input(run, std::move(requests));
  }
  Task<Result<std::uint32_t>> answer_input(TaskId task, std::vector<InputResponse> responses) override {
    if (away_) co_return away();
    co_return co_await store_->answer_input(task, std::move(responses));
  }
  Task<Result<std::vector<InputResponse>>> input_responses(TaskId task) override {
    if (away_) co_return away();
    co_return co_await store_->input_responses(task);
  }
  Task<Result<std::vector<TaskId>>> cancel_requests() override {
    if (away_) co_return away();
    co_return co_await store_->cancel_requests();
  }
  Outbox& outbox() noexcept override { return store_->outbox(); }
  Task<Result<void>> heartbeat() override {
    if (away_) co_return away();
    co_return co_await store_->heartbeat();
  }
  Milliseconds lease() const noexcept override { return store_->lease(); }
  Task<Result<LostReport>> reap_lost(ReclaimPolicy policy) override {
    if (away_) co_return away();
    co_return co_await store_->reap_lost(std::move(policy));
  }
  Task<Result<std::uint64_t>> forget_ended(WallTime before) override {
    if (hold_forgetting_) co_await held();
    if (away_) co_return away();
    co_return co_await store_->forget_ended(before);
  }
  void listen(StoreListener* listener) override {
    listener_ = listener;
    store_->listen(listener);
  }
  void watch(const TaskId& task) override { store_->watch(task); }
  void unwatch(const TaskId& task) override { store_->unwatch(task); }
  Task<void> close() override { co_await store_->close(); }
  std::string_view worker() const noexcept override { return store_->worker(); }

 private:
  static std::unexpected<Error> away() { return fail(errc::unavailable, "flaky_store", "the store was taken away"); }
  Task<void> held() {
    Wait wait(held_, loop_, deadlines_, std::chrono::hours(1));
    co_await wait;
  }

  std::unique_ptr<Store> store_;
  Loop& loop_;
  Deadlines& deadlines_;
  StoreListener* listener_ = nullptr;
  WaitList held_;
  std::optional<TaskId> refused_;
  bool away_ = false;
  bool hold_starts_ = false;
  bool hold_finishes_ = false;
  bool away_after_an_end_ = false;
  bool hold_forgetting_ = false;
  bool hold_looks_ = false;
};

}  // namespace meantime::test
