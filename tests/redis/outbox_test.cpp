// SPDX-License-Identifier: MIT
// outbox_test.cpp: deliveries at a real server: answers that were lost, what expires when, records that are gone, many
// channels, clocks that differ.
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
using testing::SizeIs;

class DueHeard final : public OutboxListener {
 public:
  int due = 0;
  void on_due() override { ++due; }
};

class RedisOutboxTest : public testing::TestWithParam<RedisKind> {
 protected:
  RedisOutboxTest() : a_(join()), b_(join()) {}
  ~RedisOutboxTest() override {
    wait(a_->close());
    wait(b_->close());
    a_.reset();
    b_.reset();
    run_ready(loop_);
    EXPECT_THAT(check_keys(redis_, "sg:"), IsEmpty());
  }

  std::unique_ptr<Store> join(std::optional<std::uint16_t> port = {}, Clock* clock = nullptr) {
    auto store = open_redis_store(loop_, clock != nullptr ? *clock : clock_, random_,
                                  {.port = port.value_or(server_.port()), .command_timeout = 24h});
    if (!store) throw std::runtime_error(store.error().detail);
    // Both connections stand: from here on the server is asked only what a test asks.
    const std::string notices = "sg:mt:to:" + std::string((*store)->worker());
    run_until(loop_, [&] { return redis_.ask({"PUBSUB", "NUMSUB", notices}).items.at(1).number == 1; });
    EXPECT_TRUE(wait((*store)->outbox().list_deliveries({})));
    run_ready(loop_);
    return std::move(*store);
  }
  template <class T>
  T wait(Task<T> task) {
    return run(loop_, std::move(task));
  }
  static Redirect to(std::string destination, std::string channel = "general") {
    return {.destination = std::move(destination), .channel_id = std::move(channel), .platform = "discord"};
  }
  TaskId ended(const std::vector<Redirect>& redirects, const std::string& result = "ok") {
    const TaskId id = ids_.make(clock_.wall_now());
    const Caller caller{"ann", "general", "discord"};
    const auto begun = wait(a_->start({.task_id = id,
                                       .tool_name = "search",
                                       .caller = &caller,
                                       .created_at = clock_.wall_now(),
                                       .idempotency_key = id.text(),
                                       .redirects = redirects}));
    EXPECT_TRUE(begun) << begun.error().detail;
    EXPECT_TRUE(wait(a_->finish({id, 1}, {.result = result, .ended_at = clock_.wall_now()})));
    return id;
  }
  std::vector<Delivery> claim(Store& store, ClaimQuery query = {.destinations = {"chat", "mail"}}) {
    auto claimed = wait(store.outbox().claim(std::move(query)));
    EXPECT_TRUE(claimed) << claimed.error().detail;
    return claimed ? claimed->deliveries : std::vector<Delivery>();
  }
  Delivery claim_one(Store& store) {
    auto got = claim(store);
    EXPECT_EQ(got.size(), 1U);
    return got.empty() ? Delivery{} : got.front();
  }
  Delivery at(const DeliveryId& id) { return wait(b_->outbox().find_delivery(id)).value(); }
  void must_step(Store& store, const Delivery& delivery, DeliveryStep step) {
    const auto done = wait(store.outbox().step({delivery.id, delivery.claim}, std::move(step)));
    ASSERT_TRUE(done) << done.error().detail;
  }
  std::int64_t expiry_s(const std::string& key) { return redis_.ask({"TTL", key}).number; }
  static std::string key(const DeliveryId& id) { return "sg:mt:d:" + id.text(); }
  // How many commands the server runs for it, inside scripts, too.
  template <class Deed>
  std::int64_t commands_of(Deed deed) {
    redis_.ask({"CONFIG", "RESETSTAT"});
    deed();
    std::int64_t calls = 0;
    const std::string stats = redis_.ask({"INFO", "commandstats"}).text;
    for (auto found = stats.find("calls="); found != std::string::npos; found = stats.find("calls=", found + 1)) {
      calls += std::stoll(stats.substr(found + 6));
    }
    return calls;
  }

  RedisServer& server_ = RedisServer::shared(GetParam().program);
  RawRedis redis_ = server_.connect();
  boost::asio::io_context loop_;
  ManualClock clock_{loop_};
  SystemRandom random_;
  TaskIdSource ids_{random_};
  std::unique_ptr<Store> a_;
  std::unique_ptr<Store> b_;
};

TEST_P(RedisOutboxTest, F22_ACallWhoseAnswerWasLostIsSentAgainAndDoneOnce) {
  SystemClock real(loop_);
  FaultProxy proxy(server_.port());
  auto store = join(proxy.port(), &real);
  Outbox& outbox = store->outbox();
  const TaskId id = ended({to("chat")});
  ASSERT_THAT(claim(*store, {.destinations = {"other"}}), IsEmpty());
  std::uint64_t connections = proxy.counts().accepted;
  const auto lose_answer = [&] { proxy.reset_reply_after(1, proxy.find("EVALSHA")); };
  const auto was_lost = [&] { return proxy.counts().accepted == ++connections; };

  lose_answer();
  const Delivery first = claim_one(*store);
  EXPECT_TRUE(was_lost());
  EXPECT_EQ(first.claim, 1U);
  EXPECT_FALSE(first.in_doubt);
  const ClaimToken token{first.id, first.claim};

  lose_answer();
  ASSERT_TRUE(wait(outbox.plan(token, {"one", "two"})));
  EXPECT_TRUE(was_lost());
  EXPECT_EQ(at(first.id).chunks, 2U);

  lose_answer();
  must_step(*store, first, {.sent = 1, .remote_id = "m1", .attempts = 1, .repeated = 1});
  EXPECT_TRUE(was_lost());
  EXPECT_EQ(at(first.id).attempts, 1U);
  EXPECT_EQ(at(first.id).repeated, 1U);

  lose_answer();
  must_step(*store, first, {.state = DeliveryState::dead, .sent = 1, .attempts = 1, .failed = true, .error = "no"});
  EXPECT_TRUE(was_lost());
  EXPECT_EQ(at(first.id).attempts, 2U);
  EXPECT_EQ(at(first.id).failures, 1U);
  EXPECT_EQ(redis_.ask({"HGET", "sg:task:" + std::string(id.text()), "dl"}).text, "0");

  lose_answer();
  ASSERT_TRUE(wait(outbox.replay(first.id)));
  EXPECT_TRUE(was_lost());
  EXPECT_EQ(at(first.id).round, 2U);
  EXPECT_EQ(redis_.ask({"HGET", "sg:task:" + std::string(id.text()), "dl"}).text, "1");
  must_step(*b_, claim_one(*b_), {.state = DeliveryState::delivered, .sent = 1, .attempts = 1});

  lose_answer();
  ASSERT_TRUE(wait(store->add_redirect(id, to("chat"))));
  EXPECT_TRUE(was_lost());
  EXPECT_EQ(at(first.id).round, 3U);
  EXPECT_EQ(redis_.ask({"HGET", "sg:task:" + std::string(id.text()), "dl"}).text, "1");
  wait(store->close());
}

TEST_P(RedisOutboxTest, F22_ARedirectIsDeliveredOnceAlsoWhenThatWasDoneBeforeItIsSentAgain) {
  SystemClock real(loop_);
  FaultProxy proxy(server_.port());
  auto store = join(proxy.port(), &real);
  const TaskId id = ended({});
  ASSERT_TRUE(wait(store->heartbeat()));
  proxy.refuse();  // it cannot be sent again yet
  proxy.reset_reply_after(1, proxy.find("EVALSHA"));
  auto redirecting = store->add_redirect(id, to("chat"));
  run_until(loop_, [&] { return redis_.ask({"EXISTS", key({id, 1})}).number == 1; });
  must_step(*b_, claim_one(*b_), {.state = DeliveryState::delivered, .sent = 1, .attempts = 1});
  proxy.pass();
  ASSERT_TRUE(run(loop_, std::move(redirecting)));
  EXPECT_EQ(at({id, 1}).state, DeliveryState::delivered);
  EXPECT_EQ(at({id, 1}).round, 1U);
  wait(store->close());
}

TEST_P(RedisOutboxTest, ATaskAndAllThatIsItsOwnStaysForDaysWhileItIsToBeDeliveredAndNoLongerThan) {
  const TaskId id = ended({to("chat"), to("mail", "ann")}, std::string(700'000, 'x'));
  const std::string name(id.text());
  const std::vector<std::string> its{"sg:task:" + name, "sg:mt:result:" + name + ":1", "sg:mt:key:3:ann:" + name,
                                     key({id, 1}), key({id, 2})};
  for (const std::string& each : its) EXPECT_GT(expiry_s(each), 5 * 86'400) << each;
  for (const char* each :
       {"sg:mt:lane:4:chat:general", "sg:mt:lanes:chat", "sg:mt:due", "sg:mt:deliveries", "sg:mt:dn"}) {
    EXPECT_GT(expiry_s(each), 5 * 86'400) << each;
  }
  const auto both = claim(*a_);
  ASSERT_THAT(both, SizeIs(2));
  ASSERT_TRUE(wait(a_->outbox().plan({both[0].id, both[0].claim}, {"one", "two"})));
  EXPECT_GT(expiry_s("sg:mt:dc:" + both[0].id.text()), 5 * 86'400);
  must_step(*a_, both[0], {.state = DeliveryState::partial, .sent = 1, .attempts = 1});
  for (const std::string& each : its) EXPECT_GT(expiry_s(each), 5 * 86'400) << each;
  must_step(*a_, both[1], {.state = DeliveryState::delivered, .sent = 1, .attempts = 1});
  for (const std::string& each : its) EXPECT_LT(expiry_s(each), 86'400 + 700) << each;
  EXPECT_LT(expiry_s("sg:mt:dc:" + both[0].id.text()), 86'400 + 700);
  for (const char* each : {"sg:mt:lane:4:chat:general", "sg:mt:lanes:chat", "sg:mt:due", "sg:mt:busy"}) {
    EXPECT_EQ(redis_.ask({"EXISTS", each}).number, 0) << each;
  }
  ASSERT_TRUE(wait(b_->outbox().replay(both[0].id)));
  for (const std::string& each : its) EXPECT_GT(expiry_s(each), 5 * 86'400) << each;
  must_step(*a_, claim_one(*a_), {.state = DeliveryState::delivered, .sent = 2, .attempts = 1});
  clock_.advance(1s);
  EXPECT_EQ(wait(a_->forget_ended(clock_.wall_now())), 1U);
  EXPECT_THAT(redis_.keys("sg:mt:d*" + name + "*"), IsEmpty());
  EXPECT_EQ(redis_.ask({"ZCARD", "sg:mt:deliveries"}).number, 0);
}

TEST_P(RedisOutboxTest, WhatExpiredHoldsNobodyUpAndLeavesAllIndexes) {
  const TaskId gone = ended({to("chat")});
  EXPECT_EQ(claim_one(*a_).id.task_id, gone);  // it keeps its channel waiting
  const TaskId expired = ended({to("chat")});
  const TaskId there = ended({to("chat"), to("mail", "ann")});
  for (const TaskId& id : {gone, expired}) {
    redis_.ask({"DEL", key({id, 1}), "sg:task:" + std::string(id.text())});
  }
  redis_.ask({"ZADD", "sg:mt:lane:4:chat:general", "1000", "0000000000000001:" + DeliveryId{gone, 1}.text()});
  redis_.ask({"ZADD", "sg:mt:lanes:chat", "1000", "general"});
  redis_.ask({"ZADD", "sg:mt:due", "1000", "chat"});
  const auto claimed = claim(*b_);
  ASSERT_THAT(claimed, SizeIs(2));
  for (const Delivery& each : claimed) EXPECT_EQ(each.id.task_id, there);
  EXPECT_THAT(wait(b_->outbox().list_deliveries({}))->deliveries, SizeIs(2));
  EXPECT_EQ(redis_.ask({"ZCARD", "sg:mt:deliveries"}).number, 4);
  EXPECT_THAT(wait(b_->outbox().destinations()).value(), SizeIs(2));
  EXPECT_EQ(redis_.ask({"ZCARD", "sg:mt:deliveries"}).number, 2);
  for (const Delivery& each : claimed) must_step(*b_, each, {.state = DeliveryState::delivered, .sent = 1});
  EXPECT_EQ(redis_.ask({"EXISTS", "sg:mt:lane:4:chat:general", "sg:mt:busy", "sg:mt:due"}).number, 0);
}

TEST_P(RedisOutboxTest, RetentionTakesTheDeliveriesOfAnExpiredTaskOutOfTheList) {
  const TaskId id = ended({to("chat")});
  must_step(*a_, claim_one(*a_), {.state = DeliveryState::delivered, .sent = 1});
  redis_.ask({"DEL", key({id, 1}), "sg:task:" + std::string(id.text())});
  clock_.advance(1min);
  ASSERT_TRUE(wait(a_->forget_ended(clock_.wall_now())));
  EXPECT_EQ(redis_.ask({"ZCARD", "sg:mt:deliveries"}).number, 0);
}

TEST_P(RedisOutboxTest, AStepOfADeliveryWhoseTaskSomebodyRemovedMakesNoTask) {
  const TaskId id = ended({to("chat")});
  const std::string task = "sg:task:" + std::string(id.text());
  const Delivery held = claim_one(*a_);
  redis_.ask({"DEL", task});
  must_step(*a_, held, {.state = DeliveryState::dead, .attempts = 1});
  EXPECT_EQ(wait(a_->outbox().replay(held.id)).error().code, errc::not_found);
  EXPECT_EQ(redis_.ask({"EXISTS", task}).number, 0);
}

TEST_P(RedisOutboxTest, AClaimCostsTheSameHoweverManyChannelsAndDestinationsThereAre) {
  const ClaimQuery query{.destinations = {"chat"}, .limit = 4, .of_one_destination = 4};
  for (int i = 0; i < 10; ++i) ended({to("chat", "c" + std::to_string(i))});
  const auto few = commands_of([&] { EXPECT_THAT(claim(*a_, query), SizeIs(4)); });
  for (int i = 10; i < 1'000; ++i) {
    ended({to("chat", "c" + std::to_string(i)), to("d" + std::to_string(i))});
  }
  const auto many = commands_of([&] { EXPECT_THAT(claim(*a_, query), SizeIs(4)); });
  EXPECT_LE(many, few);
  const auto one = commands_of([&] { EXPECT_THAT(claim(*b_, {.destinations = {"d500"}}), SizeIs(1)); });
  EXPECT_LE(one, few);
}

TEST_P(RedisOutboxTest, AChannelThatIsHeldHoldsNoOtherUpAndTheLongestDueGoesFirst) {
  const TaskId first = ended({to("chat", "one")});
  const TaskId second = ended({to("chat", "one")});
  const TaskId third = ended({to("chat", "two")});
  const auto held = claim(*a_, {.destinations = {"chat"}, .of_one_destination = 1});
  ASSERT_THAT(held, SizeIs(1));
  EXPECT_EQ(held[0].id.task_id, first);
  const auto other = claim(*b_);
  ASSERT_THAT(other, SizeIs(1));
  EXPECT_EQ(other[0].id.task_id, third);
  must_step(*a_, held[0], {.state = DeliveryState::delivered, .sent = 1});
  EXPECT_EQ(claim_one(*b_).id.task_id, second);
}

TEST_P(RedisOutboxTest, ADeliveryOfVeryManyMessagesIsKeptShownAndBegunAnewAsAWhole) {
  const TaskId id = ended({to("chat")});
  const Delivery held = claim_one(*a_);
  std::vector<std::string> texts;
  for (int i = 1; i <= 9'000; ++i) texts.push_back("message " + std::to_string(i));
  ASSERT_TRUE(wait(a_->outbox().plan({held.id, held.claim}, texts)));
  EXPECT_EQ(wait(b_->outbox().chunks(held.id)).value(), texts);
  for (std::uint32_t sent = 1; sent <= 1'201; ++sent) {
    must_step(*a_, held, {.sent = sent, .remote_id = sent == 7 ? std::nullopt : std::optional("id"), .attempts = 1});
  }
  const Delivery shown = at(held.id);
  EXPECT_EQ(shown.sent, 1'201U);
  ASSERT_EQ(shown.remote_ids.size(), 1'201U);
  EXPECT_EQ(shown.remote_ids[6], "");
  EXPECT_EQ(shown.remote_ids[1'200], "id");
  must_step(*a_, held, {.state = DeliveryState::dead, .sent = 1'201, .failed = true, .error = "no"});
  ASSERT_TRUE(wait(a_->outbox().replay(held.id)));
  const Delivery anew = at({id, 1});
  EXPECT_EQ(anew.round, 2U);
  EXPECT_THAT(anew.remote_ids, IsEmpty());
  EXPECT_EQ(redis_.ask({"HEXISTS", key(held.id), "m1201"}).number, 0);
  EXPECT_THAT(wait(b_->outbox().chunks(held.id)).value(), IsEmpty());
}

TEST_P(RedisOutboxTest, OneThatIsReplayedFromItsMiddleWaitsForTheOneThatIsHeldThere) {
  const TaskId first = ended({to("chat")});
  const Delivery part = claim_one(*a_);
  ASSERT_TRUE(wait(a_->outbox().plan({part.id, part.claim}, {"one", "two"})));
  must_step(*a_, part, {.state = DeliveryState::partial, .sent = 1, .attempts = 2});
  const TaskId second = ended({to("chat")});
  const Delivery held = claim_one(*a_);
  EXPECT_EQ(held.id.task_id, second);
  ASSERT_TRUE(wait(b_->outbox().replay(part.id)));
  EXPECT_THAT(claim(*b_), IsEmpty());
  must_step(*a_, held, {.state = DeliveryState::delivered, .sent = 1});
  EXPECT_EQ(claim_one(*b_).id.task_id, first);
}

TEST_P(RedisOutboxTest, TimesAreToldByThisMachinesClockHoweverFarTheServersIs) {
  const TaskId id = ended({to("chat")});
  const auto close_to_now = [&](WallTime time) { return std::chrono::abs(time - clock_.wall_now()) < 50s; };
  const Delivery held = claim_one(*a_);
  ASSERT_FALSE(close_to_now(std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now())));
  EXPECT_TRUE(close_to_now(held.created_at));
  EXPECT_TRUE(close_to_now(held.due_at - 60s));
  must_step(*a_, held, {.state = DeliveryState::delivered, .sent = 1});
  ASSERT_TRUE(wait(b_->outbox().pause("chat", 100s, "slow down")));
  EXPECT_TRUE(close_to_now(at({id, 1}).stepped_at.value()));
  EXPECT_TRUE(close_to_now(at({id, 1}).ended_at.value()));
  EXPECT_TRUE(close_to_now(wait(b_->outbox().destinations()).value().at(0).paused_until.value() - 100s));
}

TEST_P(RedisOutboxTest, WhoDeliversLooksAgainWhenItHearsAnewAndTheOthersHearNothing) {
  SystemClock real(loop_);
  FaultProxy proxy(server_.port());
  auto store = join(proxy.port(), &real);
  DueHeard heard;
  store->outbox().listen(&heard);
  EXPECT_EQ(heard.due, 0) << "not from inside the call";
  run_until(loop_, [&] { return heard.due == 1; });
  EXPECT_EQ(redis_.ask({"PUBSUB", "NUMSUB", "sg:mt:due-now"}).items.at(1).number, 1);
  proxy.cut(FaultProxy::Cut::rudely, proxy.find("sg:mt:due-now"));
  run_until(loop_, [&] { return heard.due == 2; });
  ended({to("chat")});
  run_until(loop_, [&] { return heard.due == 3; });
  store->outbox().listen(nullptr);
  run_until(loop_, [&] { return redis_.ask({"PUBSUB", "NUMSUB", "sg:mt:due-now"}).items.at(1).number == 0; });
  wait(store->close());
}

TEST_P(RedisOutboxTest, ARedirectOfAnOlderRecordIsDelivered) {
  const TaskId id = ids_.make(clock_.wall_now());
  const Caller caller{"ann", "general", "discord"};
  ASSERT_TRUE(
      wait(a_->start({.task_id = id, .tool_name = "search", .caller = &caller, .created_at = clock_.wall_now()})));
  redis_.ask({"HSET", "sg:task:" + std::string(id.text()), "rd", R"([["chat","discord","general","900","always"]])"});
  ASSERT_TRUE(wait(a_->finish({id, 1}, {.result = "ok", .ended_at = clock_.wall_now()})));
  const Delivery held = claim_one(*a_);
  Redirect expected = to("chat");
  expected.max_chars = 900;
  EXPECT_EQ(held.redirect, expected);
}

TEST_P(RedisOutboxTest, ATaskWithoutRedirectsCostsNoMoreThanOneThatKnowsOfNone) {
  const TaskId id = ids_.make(clock_.wall_now());
  const Caller caller{"ann", "general", "discord"};
  ASSERT_TRUE(
      wait(a_->start({.task_id = id, .tool_name = "search", .caller = &caller, .created_at = clock_.wall_now()})));
  const auto calls =
      commands_of([&] { EXPECT_TRUE(wait(a_->finish({id, 1}, {.result = "ok", .ended_at = clock_.wall_now()}))); });
  EXPECT_EQ(calls, 8) << "HMGET, HSET, HDEL, EXPIRE, ZREM, PUBLISH, the script, and the question";
}

INSTANTIATE_TEST_SUITE_P(Redis, RedisOutboxTest, testing::ValuesIn(RedisServer::kinds()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace meantime::test
