// SPDX-License-Identifier: MIT
// store_contract.hpp: what every store must do, as one parameterised suite. To put a store under it, describe it as a
// StoreKind and write INSTANTIATE_TEST_SUITE_P(Name, StoreContract, ::testing::Values(kind), name_of_kind).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "meantime/random.hpp"
#include "meantime/store.hpp"
#include "support/co_test.hpp"
#include "support/manual_clock.hpp"

namespace meantime::test {

/// One shared state and the workers over it.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  /// One more worker, as another process would be.
  [[nodiscard]] virtual std::unique_ptr<Store> join() = 0;
  /// Ends a worker as kill -9 would: without close().
  virtual void kill(std::unique_ptr<Store> worker) { worker.reset(); }
  /// Lets more than the lease go by; nobody renews meanwhile.
  virtual void let_lease_pass() = 0;
  /// Lets this much time go by, for what is due and what is held.
  virtual void let_pass(Milliseconds time) = 0;
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>(boost::asio::io_context&, ManualClock&)> make;
};
inline void PrintTo(const StoreKind& kind, std::ostream* out) {
  *out << kind.name;
}
inline std::string name_of_kind(const ::testing::TestParamInfo<StoreKind>& info) {
  return info.param.name;
}

/// Writes down what a store tells.
class Heard final : public StoreListener {
 public:
  std::vector<TaskId> ended;
  std::vector<TaskId> cancels;
  std::vector<TaskId> changed;
  std::vector<TaskId> redirected;
  std::vector<TaskId> answered;
  int died = 0;
  std::vector<bool> available;
  bool inside_call = false;  ///< Set around calls to the store: nothing may be told meanwhile.

  void on_ended(const TaskId& task) override { note(ended, task); }
  void on_cancel_requested(const TaskId& task) override { note(cancels, task); }
  void on_changed(const TaskId& task) override { note(changed, task); }
  void on_worker_died() override {
    EXPECT_FALSE(inside_call);
    ++died;
  }
  void on_redirected(const TaskId& task) override { note(redirected, task); }
  void on_input_answered(const TaskId& task) override { note(answered, task); }
  void on_available(bool is, std::string_view) override { available.push_back(is); }
  void on_forgotten() override {}

 private:
  void note(std::vector<TaskId>& list, const TaskId& task) {
    EXPECT_FALSE(inside_call) << "told from inside a call";
    list.push_back(task);
  }
};

/// What a test starts a task with.
struct Begin {
  std::string tool = "search";
  std::string owner = "ann";
  std::string key;
  bool rerun_if_lost = false;
  std::string arguments;
};

class StoreContract : public ::testing::TestWithParam<StoreKind> {
 protected:
  StoreContract() : state_(GetParam().make(loop_, clock_)), a_(state_->join()), b_(state_->join()) {
    a_->listen(&heard_a_);
    b_->listen(&heard_b_);
  }
  ~StoreContract() override {
    for (auto* store : {&a_, &b_}) {
      if (*store) run(loop_, (*store)->close());
    }
    a_.reset();
    b_.reset();
    state_.reset();
    run_ready(loop_);
  }

  template <class T>
  T wait(Task<T> task) {
    return run(loop_, std::move(task));
  }
  TaskId new_id() { return ids_.make(clock_.wall_now()); }

  Result<StartVerdict> try_start(Store& store, const TaskId& id, const Begin& begin = {}) {
    const Caller caller{begin.owner, "general", "discord"};
    const TaskStart start{.task_id = id,
                          .tool_name = begin.tool,
                          .caller = &caller,
                          .created_at = clock_.wall_now(),
                          .idempotency_key = begin.key,
                          .rerun_if_lost = begin.rerun_if_lost,
                          .arguments = begin.arguments};
    return wait(store.start(start));
  }
  TaskId start(Store& store, const Begin& begin = {}) {
    const TaskId id = new_id();
    const auto verdict = try_start(store, id, begin);
    EXPECT_TRUE(verdict) << verdict.error().detail;
    EXPECT_FALSE(verdict->joined);
    return id;
  }
  TaskEnd done(std::string result) { return TaskEnd{.result = std::move(result), .ended_at = clock_.wall_now()}; }
  TaskEnd failed(std::string error, EndReason reason = EndReason::tool_error) {
    return TaskEnd{
        .status = TaskStatus::failed, .reason = reason, .error = std::move(error), .ended_at = clock_.wall_now()};
  }
  Result<FinishVerdict> finish(Store& store, const TaskId& id, TaskEnd end, std::uint32_t attempt = 1) {
    return wait(store.finish({id, attempt}, std::move(end)));
  }
  void must_finish(Store& store, const TaskId& id, const std::string& result = "ok") {
    const auto verdict = finish(store, id, done(result));
    ASSERT_TRUE(verdict) << verdict.error().detail;
    ASSERT_TRUE(verdict->stored);
  }
  TaskRecord find(Store& store, const TaskId& id) {
    auto record = wait(store.find(id));
    EXPECT_TRUE(record) << record.error().detail;
    return record ? *record : TaskRecord{};
  }
  std::string result(Store& store, const TaskId& id) {
    auto page = wait(store.read_result(id, 0, 0));
    EXPECT_TRUE(page) << page.error().detail;
    return page ? page->text : std::string();
  }
  TaskList list(Store& store, ListQuery query) {
    auto page = wait(store.list(std::move(query)));
    EXPECT_TRUE(page) << page.error().detail;
    return page ? *page : TaskList{};
  }
  std::vector<TaskId> ids_of(const TaskList& page) {
    std::vector<TaskId> out;
    for (const TaskRecord& record : page.tasks) out.push_back(record.task_id);
    return out;
  }
  template <class Condition>
  void until(Condition condition) {
    run_until(loop_, condition);
  }

  boost::asio::io_context loop_;
  ManualClock clock_{loop_};
  SystemRandom random_;
  TaskIdSource ids_{random_};
  std::unique_ptr<StoreUnderTest> state_;
  Heard heard_a_;
  Heard heard_b_;
  std::unique_ptr<Store> a_;
  std::unique_ptr<Store> b_;
};

}  // namespace meantime::test
