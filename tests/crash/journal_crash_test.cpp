// SPDX-License-Identifier: MIT
// journal_crash_test.cpp: a worker whose store comes and goes is killed at random moments; the process after it finds
// its journal and writes what waits there. Whatever anyone was told is in the store then. The number of rounds and the
// seed: as in crash_test.cpp.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <random>
#include <set>

#include "crash/worker_process.hpp"
#include "meantime/manager.hpp"
#include "meantime/random.hpp"
#include "meantime/sqlite_store.hpp"
#include "meantime/system_clock.hpp"
#include "support/co_test.hpp"
#include "support/temp_folder.hpp"

namespace meantime::test {
namespace {

unsigned number_from(const char* variable, unsigned usual) {
  const char* text = std::getenv(variable);
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : usual;
}

class JournalCrashTest : public ::testing::Test {
 protected:
  struct Told {
    std::set<TaskId> started;
    std::set<TaskId> ended;
    std::size_t unsaved = 0;
  };

  void round(std::size_t spread, std::size_t words) {
    Told told;
    {
      WorkerProcess worker(loop_, {"journal", file_.string(), journal_file_.string(), "8", std::to_string(spread)},
                           [&](char what, const TaskId& id) {
                             if (what == Report::started) told.started.insert(id);
                             if (what == Report::finished || what == Report::unsaved) told.ended.insert(id);
                             if (what == Report::unsaved) ++told.unsaved;
                             EXPECT_NE(what, Report::late);
                           });
      run_until(loop_, [&] { return told.started.size() + told.ended.size() >= words; });
      boost::asio::steady_timer timer(loop_);
      timer.expires_after(std::chrono::microseconds(std::uniform_int_distribution(0, 20'000)(dice_)));
      bool now = false;
      timer.async_wait([&](boost::system::error_code) { now = true; });
      run_until(loop_, [&] { return now; });
      worker.kill();
    }
    unsaved_ += told.unsaved;
    check(told, spread);
  }

  void check(const Told& told, std::size_t spread) {
    auto journal = open_sqlite_journal(loop_, journal_file_);
    ASSERT_TRUE(journal) << journal.error().detail;
    left_ += (*journal)->size();
    auto store = open_sqlite_store(loop_, clock_, random_, {.file = file_});
    ASSERT_TRUE(store) << store.error().detail;
    {
      TaskManager manager(loop_, ManagerPorts{clock_, random_, **store, nullptr, journal->get()});
      run_until(loop_, [&] { return (*journal)->size() == 0; });
      for (const TaskId& id : told.ended) {
        const auto record = run(loop_, manager.check(id));
        ASSERT_TRUE(record) << "a told outcome is gone: " << id.text();
        EXPECT_EQ(record->status, TaskStatus::completed) << name_of(record->reason);
        EXPECT_FALSE(record->unsaved);
        EXPECT_FALSE(record->late_result) << "nobody spoke twice";
        EXPECT_EQ(record->caller.user_id, "ann");
        const auto page = run(loop_, manager.read_result(id, 0, 0));
        ASSERT_TRUE(page);
        EXPECT_TRUE(page->text == result_of(id, spread)) << id.text();
      }
      for (const TaskId& id : told.started) {
        const auto record = run(loop_, manager.check(id));
        EXPECT_TRUE(record) << "an acknowledged task is gone: " << id.text();
      }
    }
    // What ran is lost, and nothing else.
    ASSERT_TRUE(run(loop_, (*store)->reap_lost({})));
    for (const TaskId& id : told.started) EXPECT_NE(run(loop_, (*store)->find(id))->status, TaskStatus::running);
    EXPECT_TRUE(run(loop_, (*store)->forget_ended(clock_.wall_now() + std::chrono::hours(1))));
    run(loop_, (*store)->close());
  }

  void run_rounds(std::size_t spread, std::size_t words) {
    const unsigned rounds = number_from("MEANTIME_CRASH_ROUNDS", 60);
    const unsigned seed = number_from("MEANTIME_CRASH_SEED", std::random_device{}());
    std::printf("MEANTIME_CRASH_SEED=%u\n", seed);
    dice_.seed(seed);
    for (unsigned i = 0; i < rounds && !HasFailure(); ++i) {
      SCOPED_TRACE("round " + std::to_string(i));
      round(spread, std::uniform_int_distribution<std::size_t>(1, words)(dice_));
    }
    EXPECT_GT(unsaved_, rounds) << "outcomes hardly waited: nothing was tested";
    EXPECT_GT(left_, 0U) << "no journal had anything left";
    std::printf("%zu outcomes told while the store was away, %zu left in journals by the dead\n", unsaved_, left_);
  }

  boost::asio::io_context loop_;
  SystemClock clock_{loop_};
  SystemRandom random_;
  TempFolder folder_;
  std::filesystem::path file_ = folder_.path() / "tasks.db";
  std::filesystem::path journal_file_ = folder_.path() / "journal.db";
  std::mt19937 dice_;
  std::size_t unsaved_ = 0;
  std::size_t left_ = 0;
};

TEST_F(JournalCrashTest, F10_AfterKillsWhileTheStoreIsAwayEveryToldOutcomeIsWritten) {
  run_rounds(3'000, 100);
}

TEST_F(JournalCrashTest, F10_AfterKillsUnderLargeResultsEveryToldOutcomeIsWritten) {
  run_rounds(300'000, 30);
}

TEST_F(JournalCrashTest, AJournalIsHeldByItsProcessAndFreeAtItsDeath) {
  WorkerProcess worker(loop_, {"journal", file_.string(), journal_file_.string(), "1", "100"},
                       [this](char, const TaskId&) { ++left_; });
  run_until(loop_, [&] { return left_ > 0; });
  const auto refused = open_sqlite_journal(loop_, journal_file_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("another meantime process"), std::string::npos) << refused.error().detail;
  worker.kill();
  EXPECT_TRUE(open_sqlite_journal(loop_, journal_file_).has_value());
}

}  // namespace
}  // namespace meantime::test
