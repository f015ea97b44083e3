// SPDX-License-Identifier: MIT
// crash_test.cpp: workers under load are killed at random moments, hundreds of times; after each the file is opened
// anew and every promise is checked. MEANTIME_CRASH_ROUNDS sets the number of rounds of each kind, MEANTIME_CRASH_SEED
// repeats a run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "crash/worker_process.hpp"
#include "meantime/random.hpp"
#include "meantime/sqlite_store.hpp"
#include "meantime/system_clock.hpp"
#include "store/sqlite/database.hpp"
#include "support/co_test.hpp"
#include "support/temp_folder.hpp"

namespace meantime::test {
namespace {

using std::chrono::steady_clock;

unsigned number_from(const char* variable, unsigned usual) {
  const char* text = std::getenv(variable);
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : usual;
}

class Waiter final : public StoreListener {
 public:
  std::set<TaskId> ended;
  int died = 0;
  void on_ended(const TaskId& task) override { ended.insert(task); }
  void on_cancel_requested(const TaskId&) override {}
  void on_changed(const TaskId&) override {}
  void on_worker_died() override { ++died; }
  void on_redirected(const TaskId&) override {}
  void on_input_answered(const TaskId&) override {}
  void on_available(bool, std::string_view) override {}
  void on_forgotten() override {}
};

struct Load {
  std::string fsync = "full";
  int outstanding = 8;
  std::size_t spread = 3'000;  // bytes of a result, at most
  int workers = 2;
  std::size_t words = 60;  // said before the first kill, at most
};

class CrashTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open() {
    auto store = open_sqlite_store(loop_, clock_, random_, {.file = file_});
    if (!store) throw std::runtime_error(store.error().detail);
    return std::move(*store);
  }
  template <class T>
  T wait(Task<T> task) {
    return run(loop_, std::move(task));
  }

  void run_rounds(const Load& load) {
    const unsigned rounds = number_from("MEANTIME_CRASH_ROUNDS", 110);
    const unsigned seed = number_from("MEANTIME_CRASH_SEED", std::random_device{}());
    RecordProperty("seed", static_cast<int>(seed));
    std::printf("MEANTIME_CRASH_SEED=%u\n", seed);
    dice_.seed(seed);
    waits_ = open();
    waits_->listen(&waiter_);
    for (unsigned i = 0; i < rounds && !HasFailure(); ++i) {
      SCOPED_TRACE("round " + std::to_string(i));
      round(load);
    }
    wait(waits_->close());
    waits_.reset();
    EXPECT_GT(acknowledged_, rounds) << "the workers hardly got to work: nothing was tested";
    std::printf("%zu acknowledged results, %zu lost tasks in %u rounds\n", acknowledged_, lost_, rounds);
  }

  void round(const Load& load) {
    started_.clear();
    finished_.clear();
    const auto on_report = [this](char what, const TaskId& id) {
      if (what == Report::started && started_.insert(id).second && started_.size() % 3 == 0 && !killing_) {
        waits_->watch(id);
        watched_.insert(id);
      }
      if (what == Report::finished) finished_.insert(id);
      EXPECT_NE(what, Report::late);
    };
    std::vector<std::unique_ptr<WorkerProcess>> workers;
    for (int i = 0; i < load.workers; ++i) {
      workers.push_back(std::make_unique<WorkerProcess>(
          loop_,
          std::vector<std::string>{"load", file_.string(), load.fsync, std::to_string(load.outstanding),
                                   std::to_string(load.spread)},
          on_report));
    }
    // At a random moment after some of their words: while starting, in the midst of a commit, of a checkpoint...
    const std::size_t words = std::uniform_int_distribution<std::size_t>(1, load.words)(dice_);
    run_until(loop_, [&] { return started_.size() + finished_.size() >= words; });
    boost::asio::steady_timer timer(loop_);
    for (auto& worker : workers) {
      timer.expires_after(std::chrono::microseconds(std::uniform_int_distribution(0, 8'000)(dice_)));
      bool now = false;
      timer.async_wait([&](boost::system::error_code) { now = true; });
      run_until(loop_, [&] { return now; });
      killing_ = true;
      worker->kill();
      killing_ = false;
    }
    const auto killed_at = steady_clock::now();
    waiters_end(killed_at);
    check(load);
  }

  // S27, F08: whoever waits in this process hears of the end, well before any lease runs out.
  void waiters_end(steady_clock::time_point killed_at) {
    auto report = wait(waits_->reap_lost({}));
    ASSERT_TRUE(report) << report.error().detail;
    lost_ += report->lost.size();
    run_until(loop_, [&] { return std::ranges::includes(waiter_.ended, watched_); });
    EXPECT_LT(steady_clock::now() - killed_at, std::chrono::seconds(10));
    for (const TaskId& id : watched_) waits_->unwatch(id);
    watched_.clear();
    waiter_.ended.clear();
  }

  void check(const Load& load) {
    {
      store::Database db(file_, SQLITE_OPEN_READWRITE);
      store::Statement integrity(db, "PRAGMA integrity_check");
      integrity.open();
      ASSERT_TRUE(integrity.step());
      EXPECT_EQ(integrity.text(0), "ok");
      integrity.reset();
      EXPECT_EQ(db.integer("SELECT count(*) FROM tasks WHERE status = 0"), 0);
      EXPECT_EQ(db.integer("SELECT count(*) FROM late"), 0);  // nobody spoke twice
      EXPECT_EQ(db.integer("SELECT count(*) FROM workers WHERE reaped = 0"), 0);
      EXPECT_EQ(db.integer("SELECT count(*) FROM pieces WHERE n NOT IN (SELECT n FROM tasks WHERE status = 1)"), 0);
    }
    auto store = open();
    for (const TaskId& id : started_) {
      const auto record = wait(store->find(id));
      ASSERT_TRUE(record) << "an acknowledged task is gone: " << id.text();
      EXPECT_EQ(record->caller.user_id, "ann");
      if (record->status == TaskStatus::completed) {
        const auto page = wait(store->read_result(id, 0, 0));
        ASSERT_TRUE(page);
        EXPECT_TRUE(page->text == result_of(id, load.spread)) << id.text();
      } else {
        EXPECT_FALSE(finished_.contains(id)) << "an acknowledged result is gone: " << id.text();
        EXPECT_EQ(record->status, TaskStatus::failed);
        EXPECT_EQ(record->reason, EndReason::lost);
        EXPECT_EQ(record->error, "Task was lost: its worker stopped responding.");
      }
    }
    acknowledged_ += finished_.size();
    // So that the file stays as large as one round needs it.
    EXPECT_TRUE(wait(store->forget_ended(clock_.wall_now() + std::chrono::hours(1))));
    wait(store->close());
  }

  boost::asio::io_context loop_;
  SystemClock clock_{loop_};
  SystemRandom random_;
  TempFolder folder_;
  std::filesystem::path file_ = folder_.path() / "tasks.db";
  std::mt19937 dice_;
  Waiter waiter_;
  std::unique_ptr<Store> waits_;
  std::set<TaskId> started_;
  std::set<TaskId> finished_;
  std::set<TaskId> watched_;
  bool killing_ = false;
  std::size_t acknowledged_ = 0;
  std::size_t lost_ = 0;
};

TEST_F(CrashTest, F08_AfterKillsUnderManySmallTasksEveryPromiseHolds) {
  run_rounds({});
}

TEST_F(CrashTest, F08_AfterKillsUnderLargeResultsEveryPromiseHolds) {
  run_rounds({.outstanding = 4, .spread = 300'000, .words = 30});
}

TEST_F(CrashTest, F08_AfterKillsWithTheLighterFsyncEveryPromiseHolds) {
  run_rounds({.fsync = "normal", .outstanding = 64, .spread = 1'000, .workers = 1});
}

}  // namespace
}  // namespace meantime::test
