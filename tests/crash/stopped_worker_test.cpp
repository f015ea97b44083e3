// SPDX-License-Identifier: MIT
// stopped_worker_test.cpp: a process that is killed, and one that only stands still past its lease and comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "crash/worker_process.hpp"
#include "meantime/random.hpp"
#include "meantime/sqlite_store.hpp"
#include "meantime/system_clock.hpp"
#include "support/co_test.hpp"
#include "support/temp_folder.hpp"

namespace meantime::test {
namespace {

using std::chrono::steady_clock;

class Waiter final : public StoreListener {
 public:
  int ended = 0;
  int died = 0;
  void on_ended(const TaskId&) override { ++ended; }
  void on_cancel_requested(const TaskId&) override {}
  void on_changed(const TaskId&) override {}
  void on_worker_died() override { ++died; }
  void on_redirected(const TaskId&) override {}
  void on_input_answered(const TaskId&) override {}
  void on_available(bool, std::string_view) override {}
  void on_forgotten() override {}
};

class StoppedWorkerTest : public ::testing::Test {
 protected:
  void open(Milliseconds lease) {
    lease_ = lease;
    auto opened = open_sqlite_store(loop_, clock_, random_, {.file = file_, .lease = lease});
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = std::move(*opened);
    store_->listen(&waiter_);
  }
  ~StoppedWorkerTest() override {
    if (store_) run(loop_, store_->close());
  }
  std::unique_ptr<WorkerProcess> worker() {
    auto process = std::make_unique<WorkerProcess>(
        loop_, std::vector<std::string>{"hold", file_.string(), std::to_string(lease_.count())},
        [this](char what, const TaskId& id) {
          said_ += what;
          task_ = id;
        });
    run_until(loop_, [&] { return !said_.empty(); });
    return process;
  }
  std::vector<TaskId> reap() {
    auto report = run(loop_, store_->reap_lost({}));
    EXPECT_TRUE(report) << report.error().detail;
    return report ? report->lost : std::vector<TaskId>{};
  }
  TaskRecord find() {
    auto record = run(loop_, store_->find(task_));
    EXPECT_TRUE(record);
    return record ? *record : TaskRecord{};
  }

  boost::asio::io_context loop_;
  SystemClock clock_{loop_};
  SystemRandom random_;
  TempFolder folder_;
  std::filesystem::path file_ = folder_.path() / "tasks.db";
  Milliseconds lease_{};
  Waiter waiter_;
  std::unique_ptr<Store> store_;
  std::string said_;
  TaskId task_;
};

TEST_F(StoppedWorkerTest, S27_AKilledWorkerIsNoticedAtOnceByWhoeverWaits) {
  open(Milliseconds(60'000));
  auto process = worker();
  store_->watch(task_);
  EXPECT_EQ(find().status, TaskStatus::running);
  process->kill();
  const auto killed_at = steady_clock::now();
  run_until(loop_, [&] { return waiter_.died > 0; });
  EXPECT_EQ(reap(), std::vector{task_});
  run_until(loop_, [&] { return waiter_.ended > 0; });
  // The operating system told: neither the lease of a minute nor the look every two seconds was waited for.
  EXPECT_LT(steady_clock::now() - killed_at, std::chrono::seconds(10));
  EXPECT_EQ(find().reason, EndReason::lost);
  store_->unwatch(task_);
}

TEST_F(StoppedWorkerTest, S27_AProcessThatOpensTheStoreLaterHearsOfTheDeadOnes) {
  open(Milliseconds(60'000));
  worker()->kill();
  Waiter later;
  auto opened = open_sqlite_store(loop_, clock_, random_, {.file = file_});
  ASSERT_TRUE(opened);
  (*opened)->listen(&later);
  run_until(loop_, [&] { return later.died > 0; });
  run(loop_, (*opened)->close());
}

TEST_F(StoppedWorkerTest, S27_AStoppedWorkerIsLostPastItsLeaseAndItsLateResultChangesNothing) {
  open(Milliseconds(1'000));
  auto process = worker();
  store_->watch(task_);
  EXPECT_EQ(find().status, TaskStatus::running);
  process->ask('s');
  run_until(loop_, [&] { return waiter_.died > 0; });
  EXPECT_EQ(reap(), std::vector{task_});
  run_until(loop_, [&] { return waiter_.ended > 0; });
  process->ask('e');
  process->signal(SIGCONT);
  run_until(loop_, [&] { return said_.size() > 1; });
  EXPECT_EQ(said_.back(), Report::late);
  EXPECT_EQ(process->reap(), 0);
  const TaskRecord record = find();
  EXPECT_EQ(record.status, TaskStatus::failed);
  EXPECT_EQ(record.reason, EndReason::lost);
  EXPECT_TRUE(record.late_result);
  EXPECT_EQ(run(loop_, store_->read_result(task_, 0, 0))->text, "");
  store_->unwatch(task_);
}

TEST_F(StoppedWorkerTest, AWorkerThatBeatsAndEndsIsNotLost) {
  open(Milliseconds(1'000));
  auto process = worker();
  store_->watch(task_);
  process->ask('e');
  run_until(loop_, [&] { return waiter_.ended > 0; });
  EXPECT_EQ(find().status, TaskStatus::completed);
  EXPECT_EQ(run(loop_, store_->read_result(task_, 0, 0))->text, result_of(task_, 1'000));
  EXPECT_EQ(process->reap(), 0);
  EXPECT_EQ(said_, "SF");
  store_->unwatch(task_);
}

}  // namespace
}  // namespace meantime::test
