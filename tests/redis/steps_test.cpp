// SPDX-License-Identifier: MIT
// steps_test.cpp: the store's steps between one another and at bad moments: idle workers, answers that were lost,
// servers that lost the last of their data, indexes that fill slowly, chunks with holes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "meantime/redis_store.hpp"
#include "meantime/system_clock.hpp"
#include "support/co_test.hpp"
#include "support/fault_proxy.hpp"
#include "support/key_checker.hpp"
#include "support/manual_clock.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class Forgotten final : public StoreListener {
 public:
  int times = 0;
  void on_ended(const TaskId&) override {}
  void on_cancel_requested(const TaskId&) override {}
  void on_changed(const TaskId&) override {}
  void on_worker_died() override {}
  void on_redirected(const TaskId&) override {}
  void on_input_answered(const TaskId&) override {}
  void on_available(bool, std::string_view) override {}
  void on_forgotten() override { ++times; }
};

class RedisStepsTest : public testing::TestWithParam<RedisKind> {
 protected:
  RedisStepsTest() : a_(join()), b_(join()) { a_->listen(&forgotten_); }
  ~RedisStepsTest() override {
    for (auto* store : {&a_, &b_}) {
      if (*store) run(loop_, (*store)->close());
    }
    a_.reset();
    b_.reset();
    run_ready(loop_);
    EXPECT_THAT(check_keys(redis_, "sg:"), IsEmpty());
  }

  std::unique_ptr<Store> join(std::optional<std::uint16_t> port = {}, Clock* clock = nullptr) {
    auto store = open_redis_store(loop_, clock != nullptr ? *clock : clock_, random_,
                                  {.port = port.value_or(server_.port()), .command_timeout = 24h});
    if (!store) throw std::runtime_error(store.error().detail);
    return std::move(*store);
  }
  template <class T>
  T wait(Task<T> task) {
    return run(loop_, std::move(task));
  }
  Task<Result<StartVerdict>> starting(Store& store, const TaskId& id, bool rerun = false) {
    const Caller caller{"ann", "general", "discord"};
    return store.start({.task_id = id,
                        .tool_name = "search",
                        .caller = &caller,
                        .created_at = clock_.wall_now(),
                        .rerun_if_lost = rerun,
                        .arguments = "{}"});
  }
  TaskId start(Store& store, bool rerun = false) {
    const TaskId id = ids_.make(clock_.wall_now());
    const auto verdict = wait(starting(store, id, rerun));
    EXPECT_TRUE(verdict) << verdict.error().detail;
    return id;
  }
  TaskEnd done(std::string result) { return TaskEnd{.result = std::move(result), .ended_at = clock_.wall_now()}; }
  void finish(Store& store, const TaskId& id, std::string result = "ok") {
    const auto verdict = wait(store.finish({id, 1}, done(std::move(result))));
    ASSERT_TRUE(verdict) << verdict.error().detail;
    EXPECT_TRUE(verdict->stored);
  }
  TaskStatus status(const TaskId& id) { return wait(b_->find(id))->status; }
  std::int64_t expiry_s(const std::string& key) { return redis_.ask({"TTL", key}).number; }
  // As others see a worker that has not renewed its lease for long.
  void make_look_dead(const std::string& worker) {
    redis_.ask({"ZADD", "sg:mt:workers", "1000", worker});
    redis_.ask({"ZADD", "sg:mt:doubted", "1000", worker});
    redis_.ask({"EXPIRE", "sg:mt:doubted", "86400"});
  }
  static std::string key(const TaskId& id) { return "sg:task:" + std::string(id.text()); }

  RedisServer& server_ = RedisServer::shared(GetParam().program);
  RawRedis redis_ = server_.connect();
  boost::asio::io_context loop_;
  ManualClock clock_{loop_};
  SystemRandom random_;
  TaskIdSource ids_{random_};
  Forgotten forgotten_;
  std::unique_ptr<Store> a_;
  std::unique_ptr<Store> b_;
};

TEST_P(RedisStepsTest, S27_ATaskOfAWorkerThatWasIdleForLongIsNotTakenForADeadOnes) {
  finish(*a_, start(*a_));
  clock_.advance(a_->lease());  // without tasks nobody renews
  make_look_dead(std::string(a_->worker()));
  const TaskId id = start(*a_);
  EXPECT_THAT(wait(b_->reap_lost({}))->lost, IsEmpty());
  EXPECT_EQ(status(id), TaskStatus::running);
}

TEST_P(RedisStepsTest, S27_ATaskThatAnIdleWorkerTookOverIsNotLostWithIt) {
  const TaskId id = start(*a_, true);
  finish(*b_, start(*b_));
  make_look_dead(std::string(a_->worker()));
  make_look_dead(std::string(b_->worker()));
  ASSERT_EQ(wait(b_->reap_lost({.tools = {"search"}}))->reclaimed.size(), 1U);
  EXPECT_THAT(wait(a_->reap_lost({}))->lost, IsEmpty());
  EXPECT_EQ(status(id), TaskStatus::running);
}

TEST_P(RedisStepsTest, ATaskThatMayRunAgainIsLeftToOthersAlsoWhenItsWorkerLeaves) {
  const TaskId id = start(*a_, true);
  wait(a_->close());
  a_.reset();
  EXPECT_THAT(wait(b_->reap_lost({.tools = {}, .leave_to_others = 30s}))->lost, IsEmpty());
  EXPECT_EQ(wait(b_->reap_lost({.tools = {"search"}}))->reclaimed.at(0).task_id, id);
  ASSERT_TRUE(wait(b_->finish({id, 2}, done("again"))));
}

TEST_P(RedisStepsTest, AFullServerStillTakesHeartbeats) {
  start(*a_);
  redis_.ask({"CONFIG", "SET", "maxmemory", "1"});
  const auto refused = wait(starting(*a_, ids_.make(clock_.wall_now())));
  const auto renewed = wait(a_->heartbeat());
  redis_.ask({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_FALSE(refused);
  EXPECT_TRUE(renewed) << renewed.error().detail;
}

TEST_P(RedisStepsTest, F05_AServerThatLostItsDataIsNoticedAlsoWhenANewTaskComesFirst) {
  start(*a_);
  server_.flush();
  start(*a_);  // this worker stands in the list of workers again
  ASSERT_TRUE(wait(a_->heartbeat()));
  run_until(loop_, [&] { return forgotten_.times == 1; });
  ASSERT_TRUE(wait(a_->heartbeat()));
  run_ready(loop_);
  EXPECT_EQ(forgotten_.times, 1) << "told once";
}

TEST_P(RedisStepsTest, F05_AServerThatLostTheLastOfItsDataIsNoticed) {
  const TaskId kept = start(*a_);
  const TaskId gone = start(*a_);
  redis_.ask({"DEL", key(gone)});
  redis_.ask({"ZREM", "sg:mt:run:" + std::string(a_->worker()), std::string(gone.text())});
  ASSERT_TRUE(wait(a_->heartbeat()));
  run_until(loop_, [&] { return forgotten_.times == 1; });
  // Both are begun anew, one of them for nothing; from then on both count again.
  EXPECT_TRUE(wait(starting(*a_, gone)));
  EXPECT_EQ(wait(starting(*a_, kept)).error().code, errc::invalid_argument);
  ASSERT_TRUE(wait(a_->heartbeat()));
  run_ready(loop_);
  EXPECT_EQ(forgotten_.times, 1);
}

TEST_P(RedisStepsTest, AnIdleWorkerThatWasRemovedIsNotToldThatTheServerLostData) {
  finish(*a_, start(*a_));
  redis_.ask({"ZREM", "sg:mt:workers", std::string(a_->worker())});
  const TaskId next = start(*a_);
  ASSERT_TRUE(wait(a_->heartbeat()));
  finish(*a_, next);
  run_ready(loop_);
  EXPECT_EQ(forgotten_.times, 0);
}

TEST_P(RedisStepsTest, AStartWhoseAnswerWasLostIsNoTakenId) {
  SystemClock real(loop_);
  FaultProxy proxy(server_.port());
  auto store = join(proxy.port(), &real);
  finish(*store, start(*store));
  proxy.reset_reply_after(1, proxy.find("EVALSHA"));
  const TaskId id = ids_.make(clock_.wall_now());
  const auto verdict = wait(starting(*store, id));
  EXPECT_TRUE(verdict) << verdict.error().detail;
  EXPECT_EQ(proxy.counts().accepted, 3U);
  finish(*store, id);
  wait(store->close());
}

TEST_P(RedisStepsTest, AnIndexThatFillsSlowlyStaysAsLongAsItsTasks) {
  finish(*a_, start(*a_));
  for (const char* index : {"sg:mt:n", "sg:mt:ids:0"}) redis_.ask({"EXPIRE", index, "100"});
  clock_.advance(2h);
  const TaskId id = start(*a_);
  EXPECT_GT(expiry_s("sg:mt:n"), 86'400);
  EXPECT_GT(expiry_s("sg:mt:ids:0"), 86'400);
  redis_.ask({"DEL", "sg:mt:ids:0"});
  start(*a_);
  EXPECT_GT(expiry_s("sg:mt:ids:0"), 86'400);
  finish(*a_, id);
}

TEST_P(RedisStepsTest, WhenTheCounterBeganAnewListsAndRetentionGoByIt) {
  redis_.ask({"SET", "sg:mt:oldest", "5000", "EX", "1000"});
  const TaskId id = start(*a_);
  finish(*a_, id);
  const auto listed = wait(b_->list({.limit = 10}));
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->tasks.size(), 1U);
  EXPECT_EQ(listed->tasks[0].task_id, id);
  clock_.advance(1min);
  EXPECT_EQ(wait(b_->forget_ended(clock_.wall_now())), 1U);
}

TEST_P(RedisStepsTest, RetentionAsksForNoTaskThatIsYoungerThanWhatItForgets) {
  for (int i = 0; i < 20; ++i) finish(*a_, start(*a_));
  redis_.ask({"CONFIG", "RESETSTAT"});
  EXPECT_EQ(wait(a_->forget_ended(clock_.wall_now() - 1min)), 0U);
  const std::string counted = redis_.ask({"INFO", "commandstats"}).text;
  EXPECT_EQ(counted.find("cmdstat_evalsha"), std::string::npos) << counted;
  clock_.advance(2min);
  EXPECT_EQ(wait(a_->forget_ended(clock_.wall_now() - 1min)), 20U);
}

TEST_P(RedisStepsTest, ALateLargeResultLeavesTheStoredOneWhole) {
  const TaskId id = start(*a_);
  const std::string first(700'000, 'a');
  finish(*a_, id, first);
  clock_.advance(1s);
  const auto late = wait(a_->finish({id, 1}, done(std::string(800'000, 'b'))));
  ASSERT_TRUE(late);
  EXPECT_FALSE(late->stored);
  const auto kept = wait(b_->read_result(id, 0, 0));
  ASSERT_TRUE(kept) << kept.error().detail;
  EXPECT_TRUE(kept->text == first);
}

TEST_P(RedisStepsTest, AFinishWhoseChunksHaveAHoleWritesThemAgain) {
  FaultProxy proxy(server_.port());
  auto store = join(proxy.port());
  const TaskId id = start(*store);
  const std::string result = std::string(400'000, 'a') + std::string(400'000, 'b');
  const std::string chunks = "sg:mt:result:" + std::string(id.text()) + ":1";
  proxy.delay(FaultProxy::Towards::client, 30ms);  // so that the look below comes between two of its commands
  auto finishing = store->finish({id, 1}, done(result));
  run_until(loop_, [&] { return redis_.ask({"HEXISTS", chunks, "1"}).number == 1; });
  redis_.ask({"HDEL", chunks, "0"});
  ASSERT_TRUE(run(loop_, std::move(finishing)));
  const auto kept = wait(b_->read_result(id, 0, 0));
  ASSERT_TRUE(kept) << kept.error().detail;
  EXPECT_TRUE(kept->text == result);
  redis_.ask({"HDEL", chunks, "1"});
  EXPECT_EQ(wait(b_->read_result(id, 0, 0)).error().code, errc::corrupt);
  wait(store->close());
}

TEST_P(RedisStepsTest, WhatATaskAsksLivesAsLongAsItsTaskAndItsTextsAreNeverTakenApart) {
  const TaskId id = start(*a_);
  const std::string inputs = "sg:mt:in:" + std::string(id.text());
  const std::string params = R"({"n":1e400,"big":123456789012345678901,"a":[],"o":{},"u":"\u0000 o 3 "})";
  ASSERT_TRUE(wait(a_->ask_input({id, 1}, {{.key = "k o 1", .method = "roots/list", .params = params},
                                           {.key = "2", .method = "m", .params = "{}"}})));
  EXPECT_EQ(redis_.ask({"HGET", inputs, "k o 1"}).text, "0 o 10 roots/list" + params);
  EXPECT_EQ(redis_.ask({"HGET", key(id), "in"}).text, "2");
  EXPECT_EQ(wait(b_->answer_input(id, {{"k o 1", params}})), 1U);
  EXPECT_EQ(redis_.ask({"HGET", inputs, "k o 1"}).text, "0 a " + params);
  EXPECT_EQ(redis_.ask({"HGET", key(id), "in"}).text, "1");
  EXPECT_EQ(wait(a_->input_responses(id)).value(), (std::vector{InputResponse{"k o 1", params}}));
  redis_.ask({"EXPIRE", inputs, "100"});
  clock_.advance(7h);  // running tasks' expiries are renewed four times a day
  ASSERT_TRUE(wait(a_->heartbeat()));
  EXPECT_GT(expiry_s(inputs), 86'000);
  finish(*a_, id);
  EXPECT_EQ(redis_.ask({"EXISTS", inputs}).number, 0);
  EXPECT_TRUE(redis_.ask({"HGET", key(id), "in"}).is_null());
}

TEST_P(RedisStepsTest, AnotherProgramsValuesAmongTheInputsAreNobodysBusiness) {
  const TaskId id = start(*a_);
  ASSERT_TRUE(wait(a_->ask_input({id, 1}, {{.key = "k", .method = "m", .params = "{}"}})));
  const std::string inputs = "sg:mt:in:" + std::string(id.text());
  for (const char* odd : {"", "x", "1", "1 o", "1 o ", "1 o 99 m{}", "1 o 0 {}", "1 b x"}) {
    redis_.ask({"HSET", inputs, "odd", odd});
    EXPECT_EQ(wait(b_->find(id))->input_requests.size(), 1U) << odd;
    EXPECT_TRUE(wait(a_->input_responses(id)).value().empty()) << odd;
  }
  redis_.ask({"DEL", inputs});
  redis_.ask({"SET", inputs, "a text", "EX", "100"});
  EXPECT_EQ(wait(b_->find(id)).error().code, errc::corrupt);
  EXPECT_EQ(wait(a_->ask_input({id, 1}, {{.key = "l", .method = "m", .params = "{}"}})).error().code, errc::corrupt);
  finish(*a_, id);
}

INSTANTIATE_TEST_SUITE_P(Redis, RedisStepsTest, testing::ValuesIn(RedisServer::kinds()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace meantime::test
