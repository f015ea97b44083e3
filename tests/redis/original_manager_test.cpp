// SPDX-License-Identifier: MIT
// original_manager_test.cpp: a whole process of ours and one of the original on one Redis: calls, looks and waits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "core/envelope.hpp"
#include "meantime/manager.hpp"
#include "meantime/redis_store.hpp"
#include "redis/original_peer.hpp"
#include "support/co_test.hpp"
#include "support/gate.hpp"
#include "support/key_checker.hpp"
#include "support/manual_clock.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class OriginalManagerTest : public testing::TestWithParam<RedisKind> {
 protected:
  OriginalManagerTest() {
    auto opened = open_redis_store(loop_, clock_, random_, {.port = server_.port()});
    if (!opened) throw std::runtime_error(opened.error().detail);
    store_ = std::move(*opened);
    manager_ = std::make_unique<TaskManager>(loop_, ManagerPorts{clock_, random_, *store_});
    Tool crawl;
    crawl.name = "crawl";
    crawl.always_background = true;
    crawl.coroutine = gate_.body();
    if (!manager_->add_tool(std::move(crawl))) throw std::runtime_error("the tool is refused");
  }
  ~OriginalManagerTest() override {
    run(loop_, manager_->drain(Milliseconds(0)));
    manager_.reset();
    run(loop_, store_->close());
    store_.reset();
    run_ready(loop_);
    EXPECT_THAT(check_keys(redis_, "sg:"), IsEmpty());
  }

  template <class T>
  T wait(Task<T> task) {
    return run(loop_, std::move(task));
  }
  TaskId call() {
    ToolCall call;
    call.tool = "crawl";
    call.caller = {.user_id = "ann", .channel_id = "C42", .platform = "matrix"};
    auto outcome = wait(manager_->call(std::move(call)));
    if (!outcome) throw std::runtime_error(outcome.error().detail);
    return std::get<Backgrounded>(*outcome).task_id;
  }

  RedisServer& server_ = RedisServer::shared(GetParam().program);
  RawRedis redis_ = server_.connect();
  boost::asio::io_context loop_;
  ManualClock clock_{loop_};
  SystemRandom random_;
  Gate gate_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<TaskManager> manager_;
  OriginalPeer peer_{server_.port()};
  const std::string theirs_ = "4f2a9c01d7be";
  const TaskId their_id_ = *TaskId::parse(theirs_);
};

TEST_P(OriginalManagerTest, F04_S28_TheOriginalKnowsOurTaskAsSoonAsTheEnvelopeIsThere) {
  for (int i = 0; i < 20; ++i) {
    const auto id = call().text();
    EXPECT_THAT(peer_.get_result(id, "ann"), HasSubstr(R"("tool_name": "crawl", "status": "running")"));
  }
}

TEST_P(OriginalManagerTest, S35_S28_TheOriginalsWaitEndsWithOurToolsResult) {
  const auto id = call();
  ASSERT_TRUE(peer_.begin_await(id.text(), 60, "ann"));
  gate_.open(ToolOutput("42 pages"));
  ASSERT_FALSE(wait(manager_->await_task(id))->timed_out);
  EXPECT_EQ(peer_.await_text(), "42 pages");
}

TEST_P(OriginalManagerTest, S12_S28_ACancelledTaskOfOursHasTheOriginalsText) {
  const auto id = call();
  ASSERT_TRUE(peer_.begin_await(id.text(), 60));
  ASSERT_TRUE(wait(manager_->cancel(id, "ann")));
  EXPECT_EQ(wait(manager_->await_task(id))->record.reason, EndReason::cancelled);
  EXPECT_EQ(peer_.await_text(),
            R"({"task_id": ")" + id.text() + R"(", "status": "failed", "error": "Task was cancelled."})");
}

TEST_P(OriginalManagerTest, S35_F03_OurWaitForATaskOfTheOriginalNeverMissesItsEnd) {
  for (int i = 0; i < 60; ++i) {
    const auto id = theirs_.substr(0, 10) + std::to_string(10 + i);
    peer_.start(id);
    auto awaited = manager_->await_task(*TaskId::parse(id), Milliseconds(1'000), "ann");
    // The end comes before, between and after the steps of the wait.
    for (int steps = 0; steps < i % 12; ++steps) loop_.run_one_for(Milliseconds(1));
    peer_.complete(id, "42 pages");
    const auto end = wait(std::move(awaited));
    ASSERT_TRUE(end) << end.error().detail;
    EXPECT_FALSE(end->timed_out);
    EXPECT_EQ(end->record.status, TaskStatus::completed);
  }
}

TEST_P(OriginalManagerTest, S34_OurWaitForATaskOfTheOriginalEndsOnTimeAndTouchesNothing) {
  peer_.start(theirs_);
  auto awaited = manager_->await_task(their_id_, Milliseconds(1'500));
  run_until(loop_, [&] { return redis_.ask({"PUBSUB", "NUMSUB", "sg:task:done:" + theirs_}).items.at(1).number == 1; });
  ASSERT_TRUE(wait(manager_->check(their_id_)));  // asked behind the wait's own first look
  clock_.advance(Milliseconds(1'499));
  EXPECT_FALSE(awaited.done());
  clock_.advance(Milliseconds(1));
  const auto end = wait(std::move(awaited));
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->timed_out);
  EXPECT_THAT(envelope::await_timed_out(end->record, Milliseconds(1'500)),
              HasSubstr("Task '4f2a9c01d7be' did not complete within 1.5s."));
  EXPECT_THAT(peer_.get_result(theirs_), HasSubstr("running"));
}

TEST_P(OriginalManagerTest, S30_S31_ATaskOfTheOriginalIsLookedForInBothFormsAndIsNotFoundByOtherUsers) {
  const auto not_found = [&](const auto& answer) { return !answer && answer.error().code == errc::not_found; };
  EXPECT_TRUE(not_found(wait(manager_->check(their_id_))));
  EXPECT_EQ(envelope::not_found(theirs_), R"({"error":"Task '4f2a9c01d7be' not found."})");
  peer_.start(theirs_);
  peer_.complete(theirs_, "42 pages");
  for (int form = 0; form < 2; ++form) {
    EXPECT_EQ(wait(manager_->read_result(their_id_, 0, 0, "ann"))->text, "42 pages");
    EXPECT_TRUE(not_found(wait(manager_->check(their_id_, "bob"))));
    EXPECT_TRUE(not_found(wait(manager_->read_result(their_id_, 0, 0, "bob"))));
    EXPECT_TRUE(not_found(wait(manager_->await_task(their_id_, Milliseconds(1'000), "bob"))));
    EXPECT_FALSE(wait(manager_->await_task(their_id_, Milliseconds(1'000), "ann"))->timed_out);
    redis_.ask({"DEL", "sg:task:" + theirs_});
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, OriginalManagerTest, testing::ValuesIn(RedisServer::kinds()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace meantime::test
