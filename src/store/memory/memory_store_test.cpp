// SPDX-License-Identifier: MIT
// What only the memory store does: bounds by number, age and bytes, and costs that stay flat.
#include "meantime/memory_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "meantime/random.hpp"
#include "store/memory/record.hpp"
#include "support/co_test.hpp"
#include "support/manual_clock.hpp"

namespace meantime {
namespace {

using std::chrono::steady_clock;

class MemoryStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> make(MemoryRetention retention) { return make_memory_store(loop_, clock_, retention); }
  TaskId start(Store& store, const std::string& owner = "ann") {
    const TaskId id = ids_.make(clock_.wall_now());
    const Caller caller{owner, "general", "discord"};
    auto started =
        store.start({.task_id = id, .tool_name = "search", .caller = &caller, .created_at = clock_.wall_now()});
    EXPECT_TRUE(started.done());  // no hop
    EXPECT_TRUE(started.take());
    return id;
  }
  void finish(Store& store, const TaskId& id, std::string result = "ok") {
    auto ended = store.finish({id, 1}, {.result = std::move(result), .ended_at = clock_.wall_now()});
    ASSERT_TRUE(ended.done());
    ASSERT_TRUE(ended.take()->stored);
  }
  bool known(Store& store, const TaskId& id) { return store.find(id).take().has_value(); }

  boost::asio::io_context loop_;
  test::ManualClock clock_{loop_};
  SystemRandom random_;
  TaskIdSource ids_{random_};
};

TEST_F(MemoryStoreTest, S13_FinishedTasksAreBoundedAndRunningOnesNeverGo) {
  auto store = make({.max_finished = 500, .keep_at_least = Milliseconds(0)});
  const TaskId running = start(*store);
  std::vector<TaskId> ended;
  for (int i = 0; i < 600; ++i) {
    ended.push_back(start(*store));
    finish(*store, ended.back());
  }
  EXPECT_TRUE(known(*store, running));
  for (std::size_t i = 0; i < ended.size(); ++i) EXPECT_EQ(known(*store, ended[i]), i >= 100) << i;
  EXPECT_EQ(store->list({.limit = 1'000}).take()->tasks.size(), 501U);
}

TEST_F(MemoryStoreTest, F20_TheFirstToEndGoFirstHoweverLongAgoTheyBegan) {
  auto store = make({.max_finished = 10, .keep_at_least = Milliseconds(0)});
  const TaskId long_one = start(*store);
  std::vector<TaskId> quick;
  for (int i = 0; i < 20; ++i) {
    quick.push_back(start(*store));
    finish(*store, quick.back());
  }
  finish(*store, long_one);
  EXPECT_TRUE(known(*store, long_one));
  EXPECT_FALSE(known(*store, quick[10]));
  EXPECT_TRUE(known(*store, quick[11]));
}

TEST_F(MemoryStoreTest, F20_NothingGoesBeforeItsMinimumTime) {
  auto store = make({.max_finished = 10, .keep_at_least = Milliseconds(10'000)});
  std::vector<TaskId> ended;
  for (int i = 0; i < 50; ++i) {
    ended.push_back(start(*store));
    finish(*store, ended.back());
  }
  clock_.advance(Milliseconds(9'999));
  EXPECT_TRUE(known(*store, ended.front()));
  clock_.advance(Milliseconds(1));
  EXPECT_FALSE(known(*store, ended[39]));
  EXPECT_TRUE(known(*store, ended[40]));
}

TEST_F(MemoryStoreTest, S13_AnAgeLimitTakesWhatIsOlderWhateverItsNumber) {
  auto store = make({.max_age = Milliseconds(60'000)});
  const TaskId id = start(*store);
  finish(*store, id);
  const TaskId later = start(*store);
  clock_.advance(Milliseconds(60'000));
  finish(*store, later);
  EXPECT_TRUE(known(*store, id));
  clock_.advance(Milliseconds(1));
  EXPECT_FALSE(known(*store, id));
  EXPECT_TRUE(known(*store, later));
}

TEST_F(MemoryStoreTest, ResultsTogetherStayUnderTheirBytes) {
  auto store = make({.max_bytes = 1 << 20});
  std::vector<TaskId> ended;
  for (int i = 0; i < 30; ++i) {
    ended.push_back(start(*store));
    finish(*store, ended.back(), std::string(100'000, 'r'));
  }
  EXPECT_FALSE(known(*store, ended[19]));
  EXPECT_TRUE(known(*store, ended[20]));
  const TaskId huge = start(*store);
  finish(*store, huge, std::string(5 << 20, 'r'));
  EXPECT_TRUE(known(*store, huge));  // the newest stays, or nobody could ever read it
  EXPECT_FALSE(known(*store, ended.back()));
}

TEST_F(MemoryStoreTest, ARunningTaskIsTwoCacheLines) {
  EXPECT_LE(sizeof(store::Record), 136U);
}

// How flat the cost is, bench/ measures (one_completion_among, memory_start_and_finish); a scan for each end of what
// runs would make this one take minutes.
TEST_F(MemoryStoreTest, S13_F34_ManyEndsAmongManyRunningEvictTheOldestEndedAndNoneThatRuns) {
  auto store = make({.max_finished = 500, .keep_at_least = Milliseconds(0)});
  const TaskId first = start(*store);
  for (int i = 0; i < 200'000; ++i) start(*store);
  std::vector<TaskId> ended;
  for (int i = 0; i < 20'000; ++i) {
    ended.push_back(start(*store));
    finish(*store, ended.back());
  }
  EXPECT_EQ(store->find(first).take()->status, TaskStatus::running);
  EXPECT_FALSE(store->find(ended.at(ended.size() - 501)).take().has_value());
  EXPECT_TRUE(store->find(ended.at(ended.size() - 500)).take().has_value());
}

}  // namespace
}  // namespace meantime
