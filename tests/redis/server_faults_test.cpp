// SPDX-License-Identifier: MIT
// server_faults_test.cpp: a real server that is restarted, stopped, paused, failed over, or forgets what it had.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "redis/worker.hpp"
#include "support/key_checker.hpp"

namespace meantime::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using Data = RedisServer::Data;

class ServerFaultsTest : public testing::Test {
 protected:
  void begin_on(std::uint16_t port) {
    owner = std::make_unique<Worker>(io, redis_at(port));
    asker = std::make_unique<Worker>(io, redis_at(port));
    ASSERT_EQ(asker->look(*TaskId::parse("000000000001")).error().code, errc::not_found);
  }
  void end(RedisServer& server) {
    for (auto* worker : {&asker, &owner}) worker->reset();
    auto redis = server.connect();
    EXPECT_THAT(check_keys(redis, "sg:"), IsEmpty());
  }
  boost::asio::io_context io;
  std::unique_ptr<Worker> owner;
  std::unique_ptr<Worker> asker;
};

class RestartTest : public ServerFaultsTest {
 protected:
  RedisServer server{{.append_only = true, .config = {"appendfsync always"}}};
};

TEST_F(RestartTest, WithItsDataNothingIsLostAndWaitsGoOn) {
  begin_on(server.port());
  const auto runs = owner->begin();
  const auto ended = owner->begin("echo", "42");
  ASSERT_FALSE(run(io, asker->manager->await_task(ended, std::chrono::seconds(50)))->timed_out);
  auto wait = asker->manager->await_task(runs, std::chrono::seconds(50));
  ASSERT_TRUE(run(io, asker->manager->check(runs)));
  server.stop();  // as kill -9 does it
  owner->gate.open(ToolOutput("while it was away"));
  EXPECT_EQ(run(io, asker->manager->check(runs)).error().code, errc::unavailable);
  EXPECT_EQ(run(io, owner->manager->check(runs))->status, TaskStatus::completed);
  server.start(Data::kept);
  EXPECT_EQ(run(io, std::move(wait))->record.status, TaskStatus::completed);
  EXPECT_EQ(asker->read(runs), "while it was away");
  EXPECT_EQ(asker->read(ended), "42");
  EXPECT_EQ(owner->faults_with("lost its data"), 0U);
  end(server);
}

TEST_F(RestartTest, F05_WithoutItsDataRunningTasksAreWrittenAnewWithTheirOwnerAndWaitsGoOn) {
  begin_on(server.port());
  std::vector<TaskId> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(owner->begin());
  auto wait = asker->manager->await_task(ids[0], std::chrono::seconds(50));
  ASSERT_TRUE(run(io, asker->manager->check(ids[0])));
  server.stop();
  // Starts that come meanwhile must not hide that all before is gone.
  std::vector<Task<Result<Outcome>>> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(owner->call("slow"));
  server.start(Data::lost);
  for (auto& call : calls) {
    auto outcome = run(io, std::move(call));
    ASSERT_TRUE(outcome) << outcome.error().detail;
    ids.push_back(std::get<Backgrounded>(*outcome).task_id);
  }
  run_until(io, [&] { return owner->faults_with("lost its data") == 1; });
  for (const TaskId& id : ids) {
    auto record = asker->look(id);
    while (!record) record = asker->look(id);
    EXPECT_EQ(record->status, TaskStatus::running);
    EXPECT_EQ(record->caller.user_id, "ann");
    EXPECT_EQ(record->worker, owner->store->worker());
  }
  auto list = run(io, asker->manager->list({.user_id = "ann"}));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->tasks.size(), ids.size());
  owner->gate.open(ToolOutput("42 pages"));
  const auto awaited = run(io, std::move(wait));
  ASSERT_TRUE(awaited) << awaited.error().detail;
  EXPECT_EQ(awaited->record.status, TaskStatus::completed);
  EXPECT_EQ(asker->read(ids.back()), "42 pages");
  end(server);
}

TEST_F(RestartTest, F05_AnOutcomeThatWaitedForAServerThatLostItsDataIsKeptWithItsOwner) {
  begin_on(server.port());
  const auto id = owner->begin();
  server.stop();
  owner->gate.open(ToolOutput("42 pages"));
  ASSERT_EQ(run(io, owner->manager->await_task(id, std::chrono::seconds(50)))->record.status, TaskStatus::completed);
  server.start(Data::lost);
  auto record = asker->look(id);
  while (!record || record->status == TaskStatus::running) record = asker->look(id);
  EXPECT_EQ(record->caller, (Caller{"ann", "C42", "matrix"}));
  EXPECT_EQ(asker->read(id), "42 pages");
  end(server);
}

TEST_F(ServerFaultsTest, F05_AServerThatIsEmptiedUnderOpenConnectionsIsNoticedWithTheNextStart) {
  auto& server = RedisServer::shared();
  ManagerOptions options = without_upkeep();
  options.heartbeat = Milliseconds(100);
  owner = std::make_unique<Worker>(io, redis_at(server.port()), options);
  asker = std::make_unique<Worker>(io, redis_at(server.port()));
  const auto first = owner->begin();
  server.flush();
  const auto second = owner->begin();
  run_until(io, [&] { return owner->faults_with("lost its data") == 1; });
  for (const auto& id : {first, second}) {
    auto record = asker->look(id);
    while (!record) record = asker->look(id);
    EXPECT_EQ(record->caller.user_id, "ann");
  }
  end(server);
}

TEST_F(ServerFaultsTest, ClientKillOfEitherConnectionIsRecoveredFrom) {
  auto& server = RedisServer::shared();
  auto redis = server.connect();
  for (const char* type : {"normal", "pubsub"}) {
    begin_on(server.port());
    const auto id = owner->begin();
    auto wait = asker->manager->await_task(id, std::chrono::seconds(50));
    ASSERT_TRUE(run(io, asker->manager->check(id)));
    EXPECT_EQ(redis.ask({"CLIENT", "KILL", "TYPE", type}).number, 2);
    owner->gate.open(ToolOutput(type));
    EXPECT_EQ(run(io, std::move(wait))->record.status, TaskStatus::completed);
    EXPECT_EQ(asker->read(id), type);
    end(server);
  }
}

TEST_F(ServerFaultsTest, AClientPauseShorterThanTheTimeLimitIsOnlySlow) {
  auto& server = RedisServer::shared();
  FaultProxy proxy(server.port());
  begin_on(proxy.port());
  const auto id = owner->begin();
  const auto before = proxy.counts().accepted;
  auto redis = server.connect();
  redis.ask({"CLIENT", "PAUSE", "150"});
  EXPECT_EQ(run(io, asker->manager->check(id))->status, TaskStatus::running);
  EXPECT_EQ(proxy.counts().accepted, before);
  end(server);
}

TEST_F(ServerFaultsTest, AClientPauseLongerThanTheTimeLimitIsUnavailableAndLosesNothing) {
  auto& server = RedisServer::shared();
  begin_on(server.port());
  const auto id = owner->begin();
  auto wait = asker->manager->await_task(id, std::chrono::seconds(50));
  ASSERT_TRUE(run(io, asker->manager->check(id)));
  auto redis = server.connect();
  redis.ask({"CLIENT", "PAUSE", "1500"});
  owner->gate.open(ToolOutput("42 pages"));
  const Stopwatch since;
  EXPECT_EQ(run(io, asker->manager->check(id)).error().code, errc::unavailable);
  EXPECT_LT(since.passed(), Milliseconds(1'400));
  EXPECT_EQ(run(io, std::move(wait))->record.status, TaskStatus::completed);
  EXPECT_EQ(asker->read(id), "42 pages");
  end(server);
}

TEST_F(ServerFaultsTest, AStoppedServerIsUnavailableAndGoesOnWhereItWas) {
  auto& server = RedisServer::shared();
  begin_on(server.port());
  const auto id = owner->begin();
  auto wait = asker->manager->await_task(id, std::chrono::seconds(50));
  ASSERT_TRUE(run(io, asker->manager->check(id)));
  server.pause();
  owner->gate.open(ToolOutput("42 pages"));
  const auto silent = run(io, asker->manager->check(id));
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, errc::unavailable);
  EXPECT_THAT(silent.error().detail, HasSubstr("has not answered within 400 ms"));
  auto late = run(io, owner->call("slow"));
  ASSERT_TRUE(late);
  server.resume();
  EXPECT_EQ(run(io, std::move(wait))->record.status, TaskStatus::completed);
  EXPECT_EQ(asker->read(id), "42 pages");
  end(server);
}

TEST_F(ServerFaultsTest, EveryCallGoesOnAfterScriptFlush) {
  auto& server = RedisServer::shared();
  begin_on(server.port());
  auto redis = server.connect();
  const auto flush = [&] { redis.ask({"SCRIPT", "FLUSH"}); };
  Store& store = *owner->store;
  flush();
  const auto id = owner->begin();
  flush();
  EXPECT_TRUE(run(io, store.set_progress({id, 1, {}}, {.value = 1})));
  flush();
  EXPECT_TRUE(run(io, store.append_output({id, 1, {}}, "line\n")));
  flush();
  EXPECT_TRUE(run(io, store.heartbeat()));
  flush();
  EXPECT_TRUE(run(io, asker->store->add_redirect(id, {.destination = "chat"})));
  flush();
  EXPECT_EQ(run(io, asker->store->list({.user_id = "ann"}))->tasks.size(), 1U);
  flush();
  EXPECT_TRUE(run(io, asker->store->reap_lost({})));
  flush();
  EXPECT_TRUE(run(io, asker->manager->cancel(id, "ann")));
  EXPECT_EQ(run(io, asker->manager->await_task(id, std::chrono::seconds(50)))->record.reason, EndReason::cancelled);
  flush();
  Outbox& outbox = store.outbox();
  const auto claimed = run(io, outbox.claim({.destinations = {"chat"}}));
  ASSERT_EQ(claimed.value().deliveries.size(), 1U);
  const ClaimToken claim{claimed->deliveries[0].id, claimed->deliveries[0].claim};
  flush();
  EXPECT_TRUE(run(io, outbox.plan(claim, {"text"})));
  flush();
  EXPECT_TRUE(run(io, outbox.step(claim, {.state = DeliveryState::dead, .attempts = 1})));
  flush();
  EXPECT_TRUE(run(io, outbox.replay(claim.id)));
  flush();
  EXPECT_TRUE(run(io, outbox.pause("chat", std::chrono::seconds(1), "slow down")));
  flush();
  EXPECT_EQ(run(io, outbox.destinations()).value().size(), 1U);
  EXPECT_EQ(run(io, store.forget_ended(owner->clock.wall_now() + Milliseconds(60'000))).value(), 0U);
  flush();
  EXPECT_EQ(run(io, outbox.suppress_read(id)).value(), 0U) << "it was begun before";
  EXPECT_TRUE(run(io, outbox.pause("chat", Milliseconds(0), "")));
  const auto again = run(io, outbox.claim({.destinations = {"chat"}}));
  ASSERT_EQ(again.value().deliveries.size(), 1U);
  const ClaimToken rest{claim.id, again->deliveries[0].claim};
  EXPECT_TRUE(run(io, outbox.step(rest, {.state = DeliveryState::delivered, .sent = 1, .attempts = 1})));
  flush();
  EXPECT_EQ(run(io, store.forget_ended(owner->clock.wall_now() + Milliseconds(60'000))).value(), 1U);
  EXPECT_EQ(asker->look(id).error().code, errc::not_found);
  end(server);
}

TEST_F(ServerFaultsTest, AfterAFailoverTheNewPrimaryIsFoundBehindTheSameAddress) {
  RedisServer first;
  RedisServer second({.replica_of = first.port()});
  FaultProxy proxy(first.port());
  begin_on(proxy.port());
  auto one = first.connect();
  auto two = second.connect();
  const auto id = owner->begin();
  const auto ended = owner->begin("echo", "42");
  ASSERT_FALSE(run(io, asker->manager->await_task(ended, std::chrono::seconds(50)))->timed_out);
  // A write of this connection behind all others: when the replica has it, it has them.
  one.ask({"SET", "mark", "1", "PX", "60000"});
  one.set_limit(std::chrono::seconds(40));
  ASSERT_EQ(one.ask({"WAIT", "1", "30000"}).number, 1);
  auto wait = asker->manager->await_task(id, std::chrono::seconds(50));
  ASSERT_TRUE(run(io, asker->manager->check(id)));
  two.ask({"REPLICAOF", "NO", "ONE"});
  proxy.redirect(second.port());
  one.ask({"REPLICAOF", "127.0.0.1", std::to_string(second.port())});
  // The connections to the old one are still there: it says READONLY now.
  owner->gate.open(ToolOutput("42 pages"));
  EXPECT_EQ(run(io, std::move(wait))->record.status, TaskStatus::completed);
  EXPECT_EQ(asker->read(id), "42 pages");
  EXPECT_EQ(asker->read(ended), "42");
  EXPECT_EQ(two.ask({"HGET", "sg:task:" + id.text(), "status"}).text, "completed");
  // And notices come from the new one; a start is taken along, too, by a process that has only looked so far.
  const auto next = asker->begin();
  auto next_wait = owner->manager->await_task(next, std::chrono::seconds(50));
  ASSERT_TRUE(run(io, owner->manager->check(next)));
  asker->gate.open();
  const Stopwatch since;
  EXPECT_FALSE(run(io, std::move(next_wait))->timed_out);
  EXPECT_LT(since.passed(), Milliseconds(4'000));  // told, not found at long last
  two.ask({"DEL", "mark"});
  end(second);
}

}  // namespace
}  // namespace meantime::test
