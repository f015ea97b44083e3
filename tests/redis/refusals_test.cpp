// SPDX-License-Identifier: MIT
// refusals_test.cpp: what a real server refuses, each told with its remedy, and nothing is lost by it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "redis/worker.hpp"
#include "support/key_checker.hpp"

namespace meantime::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const TaskId nobody = *TaskId::parse("000000000001");

class RefusalsTest : public testing::Test {
 protected:
  /// What a look says while the server refuses; the store keeps trying for as long.
  Error refusal(Worker& worker) {
    auto record = run(io, worker.store->find(nobody));
    EXPECT_FALSE(record);
    return record ? Error{} : record.error();
  }
  Error start_refusal(Worker& worker) {
    const Caller caller{"ann", "C42", "matrix"};
    auto started = run(io, worker.store->start({.task_id = ids.make(worker.clock.wall_now()),
                                                .tool_name = "slow",
                                                .caller = &caller,
                                                .created_at = worker.clock.wall_now()}));
    EXPECT_FALSE(started);
    return started ? Error{} : started.error();
  }
  std::string status_of(RawRedis& redis, TaskId id) {
    return redis.command({"HGET", "sg:task:" + id.text(), "status"}).text;
  }
  /// The outcome of a task that ended while the server refused it is stored once it takes it.
  void expect_stored(RawRedis& redis, TaskId id, Worker& worker, const std::string& text = "42 pages") {
    run_until(io, [&] { return status_of(redis, id) == "completed"; });
    EXPECT_EQ(worker.read(id), text);
  }
  SystemRandom random;
  TaskIdSource ids{random};
  boost::asio::io_context io;
};

TEST_F(RefusalsTest, AReplicaIsToldByItsNameAndNotUsed) {
  RedisServer primary;
  RedisServer replica({.replica_of = primary.port()});
  Worker worker(io, redis_at(replica.port()));
  const auto error = refusal(worker);
  EXPECT_EQ(error.code, errc::unavailable);
  EXPECT_THAT(error.detail, AllOf(HasSubstr("store unavailable"), HasSubstr("replica"), HasSubstr("name the primary")));
}

TEST_F(RefusalsTest, ReadonlyUnderOpenConnectionsLosesNothing) {
  RedisServer primary;
  RedisServer server;
  auto redis = server.connect();
  Worker worker(io, redis_at(server.port()));
  const auto id = worker.begin();
  // It keeps its data: the primary it is told to follow is not reached.
  redis.ask({"REPLICAOF", "127.0.0.1", "1"});
  const auto error = start_refusal(worker);
  EXPECT_EQ(error.code, errc::unavailable);
  EXPECT_THAT(error.detail, HasSubstr("takes no writes"));
  worker.gate.open(ToolOutput("42 pages"));
  EXPECT_EQ(run(io, worker.manager->await_task(id))->record.status, TaskStatus::completed);
  redis.ask({"REPLICAOF", "NO", "ONE"});
  expect_stored(redis, id, worker);
}

TEST_F(RefusalsTest, OomKeepsOutcomesAndStoresThemWhenThereIsRoom) {
  RedisServer server;
  auto redis = server.connect();
  Worker worker(io, redis_at(server.port()));
  const auto id = worker.begin();
  redis.ask({"CONFIG", "SET", "maxmemory", "1"});
  const auto error = start_refusal(worker);
  EXPECT_EQ(error.code, errc::unavailable);
  EXPECT_THAT(error.detail, AllOf(HasSubstr("is full"), HasSubstr("maxmemory"), HasSubstr("OOM")));
  auto outcome = run(io, worker.call("slow"));
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(std::get<Backgrounded>(*outcome).stored);  // the warning envelope
  worker.gate.open(ToolOutput("42 pages"));
  EXPECT_EQ(run(io, worker.manager->await_task(id))->record.status, TaskStatus::completed);
  redis.ask({"CONFIG", "SET", "maxmemory", "0"});
  expect_stored(redis, id, worker);
  expect_stored(redis, std::get<Backgrounded>(*outcome).task_id, worker);
}

TEST_F(RefusalsTest, AServerThatLoadsIsWaitedFor) {
  RedisServer& server = RedisServer::shared();
  FaultProxy proxy(server.port());
  WakesLoop wakes(proxy, io);
  const std::string loading = "-LOADING Redis is loading the dataset in memory\r\n";
  proxy.garble_reply(loading + loading);
  Worker worker(io, redis_at(proxy.port()));
  run_until(io, [&] { return worker.faults_with("still reading its data") == 1; });
  EXPECT_EQ(worker.look(nobody).error().code, errc::not_found);
}

TEST_F(RefusalsTest, PasswordsAreAskedForAndWrongOnesSaid) {
  RedisServer server({.password = "right"});
  {
    Worker worker(io, redis_at(server.port()));
    EXPECT_THAT(refusal(worker).detail, AllOf(HasSubstr("wants a password"), HasSubstr("password_file")));
  }
  auto options = redis_at(server.port());
  options.password = "wrong-and-secret";
  {
    Worker worker(io, options);
    const auto error = refusal(worker);
    EXPECT_THAT(error.detail, AllOf(HasSubstr("does not accept this user and password"), Not(HasSubstr("secret"))));
    for (const auto& fault : worker.telemetry.faults) EXPECT_THAT(fault, Not(HasSubstr("secret")));
  }
  options.password = "right";
  Worker worker(io, options);
  EXPECT_EQ(refusal(worker).code, errc::not_found);
}

TEST_F(RefusalsTest, AUserWithoutACommandOrAKeyOrAChannelIsToldTheAclLine) {
  const std::string all = " on >pw ~sg:* ~task_result:* &sg:* +@all";
  RedisServer server({.users = {"whole" + all, "noeval" + all + " -evalsha", "nokeys on >pw ~other:* &sg:* +@all",
                                "nohset" + all + " -hset", "noscript" + all + " -script"}});
  const auto as = [&](const std::string& user) {
    auto options = redis_at(server.port());
    options.username = user;
    options.password = "pw";
    return options;
  };
  const auto acl = AllOf(HasSubstr("does not let this user do that"), HasSubstr("docs/redis.md"), HasSubstr("NOPERM"));
  {
    Worker worker(io, as("noeval"));
    EXPECT_EQ(refusal(worker).code, errc::not_found);  // looks it may
    EXPECT_THAT(start_refusal(worker).detail, acl);
  }
  for (const char* user : {"nokeys", "noscript"}) {
    Worker worker(io, as(user));
    EXPECT_THAT(refusal(worker).detail, acl);
  }
  {
    // A right that is taken away inside of a script, and given back: nothing is lost.
    auto redis = server.connect();
    Worker worker(io, as("nohset"));
    EXPECT_THAT(start_refusal(worker).detail, HasSubstr("docs/redis.md"));
    auto outcome = run(io, worker.call("slow"));
    ASSERT_TRUE(outcome);
    EXPECT_FALSE(std::get<Backgrounded>(*outcome).stored);
    worker.gate.open(ToolOutput("42 pages"));
    std::ignore = run(io, worker.manager->await_task(std::get<Backgrounded>(*outcome).task_id));
    redis.ask({"ACL", "SETUSER", "nohset", "+hset"});
    expect_stored(redis, std::get<Backgrounded>(*outcome).task_id, worker);
  }
}

TEST_F(RefusalsTest, AUserWhoMayNotHearNoticesIsToldOnceAndWaitsStillEnd) {
  RedisServer server({.users = {"deaf on >pw ~sg:* ~task_result:* resetchannels +@all"}});
  auto options = redis_at(server.port());
  options.username = "deaf";
  options.password = "pw";
  Worker worker(io, options);
  run_until(io, [&] { return worker.faults_with("hear no notices") == 1; });
  EXPECT_THAT(worker.telemetry.faults.back(), AllOf(HasSubstr("docs/redis.md"), HasSubstr("NOPERM")));
  // Tries go on, and are not told again; then somebody mends it.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(worker.look(nobody).error().code, errc::not_found);
  EXPECT_EQ(worker.faults_with("hear no notices"), 1U);
  server.connect().ask({"ACL", "SETUSER", "deaf", "allchannels"});
  run_until(io, [&] { return worker.faults_with("lets us hear notices") == 1; });
}

TEST_F(RefusalsTest, AClusterNeedsAHashTagInThePrefix) {
  RedisServer server({.cluster = true});
  {
    Worker worker(io, redis_at(server.port()));
    EXPECT_THAT(refusal(worker).detail, AllOf(HasSubstr("cluster"), HasSubstr(R"(prefix = "{sg}:")")));
  }
  auto options = redis_at(server.port());
  options.key_prefix = "{sg}:";
  Worker worker(io, options);
  EXPECT_EQ(refusal(worker).code, errc::not_found);
  const auto id = worker.begin("echo", "42");
  EXPECT_FALSE(run(io, worker.manager->await_task(id))->timed_out);
  EXPECT_EQ(worker.read(id), "42");
  auto redis = server.connect();
  // Another node has the slot now.
  const auto slot = std::to_string(redis.ask({"CLUSTER", "KEYSLOT", "{sg}:"}).number);
  redis.ask({"CLUSTER", "DELSLOTS", slot});
  const auto error = refusal(worker);
  EXPECT_EQ(error.code, errc::unavailable);
  EXPECT_THAT(error.detail, HasSubstr("cluster"));
  redis.ask({"CLUSTER", "ADDSLOTS", slot});
}

TEST_F(RefusalsTest, MovedNamesTheRemedy) {
  RedisServer& server = RedisServer::shared();
  FaultProxy proxy(server.port());
  Worker worker(io, redis_at(proxy.port()));
  ASSERT_EQ(worker.look(nobody).error().code, errc::not_found);
  proxy.garble_reply("-MOVED 866 10.0.0.7:6379\r\n-MOVED 866 10.0.0.7:6379\r\n", proxy.find("SCRIPT"));
  const auto error = refusal(worker);
  EXPECT_EQ(error.code, errc::unavailable);
  EXPECT_THAT(error.detail, AllOf(HasSubstr("name that node"), HasSubstr("docs/scaling.md"), HasSubstr("10.0.0.7")));
  EXPECT_EQ(worker.look(nobody).error().code, errc::not_found);
}

TEST_F(RefusalsTest, MisconfKeepsOutcomesUntilTheDiskIsWell) {
  RedisServer server({.config = {"save 3600 1", "stop-writes-on-bgsave-error yes", "enable-protected-configs yes"}});
  auto redis = server.connect();
  Worker worker(io, redis_at(server.port()));
  const auto id = worker.begin();
  const auto folder = redis.ask({"CONFIG", "GET", "dir"}).items.at(1).text;
  redis.ask({"CONFIG", "SET", "dbfilename", "gone.rdb"});
  std::filesystem::create_directories(std::filesystem::path(folder) / "gone.rdb");  // where a file should be
  redis.command({"BGSAVE"});
  // The child's failure is noticed by the server's own timer; each look at it takes a round trip.
  while (redis.ask({"INFO", "persistence"}).text.find("rdb_last_bgsave_status:err") == std::string::npos) {
  }
  const auto error = start_refusal(worker);
  EXPECT_EQ(error.code, errc::unavailable);
  EXPECT_THAT(error.detail, AllOf(HasSubstr("cannot save to its disk"), HasSubstr("make room")));
  worker.gate.open(ToolOutput("42 pages"));
  EXPECT_EQ(run(io, worker.manager->await_task(id))->record.status, TaskStatus::completed);
  redis.ask({"CONFIG", "SET", "stop-writes-on-bgsave-error", "no"});
  expect_stored(redis, id, worker);
  redis.ask({"CONFIG", "SET", "save", ""});
}

TEST_F(RefusalsTest, AnotherProgramsScriptThatHoldsTheServerIsNamed) {
  RedisServer server({.config = {"busy-reply-threshold 50"}});
  auto redis = server.connect();
  Worker worker(io, redis_at(server.port(), Milliseconds(2'000)));
  const auto id = worker.begin();
  auto busy = server.connect();
  busy.send(redis_command({"EVAL", "while true do end", "0"}));
  Error error = refusal(worker);
  while (error.code == errc::not_found) error = refusal(worker);
  EXPECT_EQ(error.code, errc::unavailable);
  EXPECT_THAT(error.detail, HasSubstr("held by another program's script"));
  worker.gate.open(ToolOutput("42 pages"));
  EXPECT_EQ(run(io, worker.manager->await_task(id))->record.status, TaskStatus::completed);
  redis.ask({"SCRIPT", "KILL"});
  expect_stored(redis, id, worker);
}

TEST_F(RefusalsTest, AnotherProgramsValueUnderAnyOfOurKeysIsToldAndHoldsUpNothingElse) {
  RedisServer& server = RedisServer::shared();
  auto redis = server.connect();
  auto options = redis_at(server.port());
  ManagerOptions manager = without_upkeep();
  manager.store_wait = Milliseconds(300);
  Worker worker(io, options, manager);
  const auto self = std::string(worker.store->worker());
  std::ignore = worker.begin("echo", "first");
  const std::vector<std::string> keys{
      "mt:n",       "mt:ids:0",   "mt:owner:ann",   "mt:tool:slow",  "mt:failed",         "mt:oldest",        "mt:skew",
      "mt:workers", "mt:doubted", "mt:run:" + self, "mt:to:" + self, "mt:cancel:" + self, "mt:claims:" + self};
  for (const auto& name : keys) {
    SCOPED_TRACE(name);
    const auto key = "sg:" + name;
    const auto saved = redis.command({"DUMP", key});
    redis.ask({"DEL", key});
    redis.ask({"RPUSH", key, "somebody else's"});
    if (redis.ask({"TYPE", key}).text == "list" && (name == "mt:owner:ann" || name == "mt:tool:slow")) {
      redis.ask({"DEL", key});
      redis.ask({"SET", key, "somebody else's"});
    }
    // Whatever fails says why, in words; nothing crashes, and what ends is kept.
    for (const auto& error : [&] {
           std::vector<Error> errors;
           const auto keep = [&](const auto& result) {
             if (!result) errors.push_back(result.error());
           };
           keep(run(io, worker.store->heartbeat()));
           keep(run(io, worker.store->reap_lost({})));
           keep(run(io, worker.store->list({.user_id = "ann"})));
           keep(run(io, worker.store->list({.status = TaskStatus::running})));
           keep(run(io, worker.store->list({.status = TaskStatus::failed})));
           keep(run(io, worker.store->list({.created_after = WallTime(Milliseconds(1))})));
           keep(run(io, worker.store->cancel_requests()));
           keep(run(io, worker.store->forget_ended(WallTime(Milliseconds(1)))));
           return errors;
         }()) {
      EXPECT_EQ(error.code, errc::corrupt) << error.op << ": " << error.detail;
      EXPECT_THAT(error.detail, AllOf(HasSubstr("another program"), HasSubstr("choose another one")));
    }
    auto outcome = run(io, worker.call("echo", name));
    ASSERT_TRUE(outcome) << outcome.error().detail;
    const auto id = std::get<Backgrounded>(*outcome).task_id;
    const auto end = run(io, worker.manager->await_task(id));
    EXPECT_EQ(end->record.status, TaskStatus::completed);
    EXPECT_EQ(worker.read(id), name);
    redis.ask({"DEL", key});
    if (!saved.is_null()) redis.ask({"RESTORE", key, "86400000", saved.text});
    run_until(io, [&] { return status_of(redis, id) == "completed"; });
  }
}

TEST_F(RefusalsTest, AForeignValueUnderOneTasksKeyIsThatTasksTroubleAlone) {
  RedisServer& server = RedisServer::shared();
  auto redis = server.connect();
  Worker worker(io, redis_at(server.port()));
  Worker other(io, redis_at(server.port()));
  const auto spoilt = worker.begin();
  const auto hollow = worker.begin();
  const auto fine = worker.begin();
  redis.ask({"SET", "sg:task:" + spoilt.text(), "somebody else's", "EX", "60"});
  redis.ask({"HDEL", "sg:task:" + hollow.text(), "n"});  // its place in the lists: a finish cannot do without
  const auto record = run(io, other.store->find(spoilt));
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, errc::corrupt);
  EXPECT_THAT(record.error().detail, AllOf(HasSubstr("holds something else"), HasSubstr("choose another one")));
  for (const auto& result :
       {run(io, other.store->set_progress({spoilt, 1, {}}, {.value = 1})),
        run(io, other.store->append_output({spoilt, 1, {}}, "x")), run(io, other.store->request_cancel(spoilt)),
        run(io, other.store->add_redirect(spoilt, {.destination = "chat"}))}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, errc::corrupt) << result.error().detail;
  }
  EXPECT_EQ(run(io, other.store->read_result(spoilt, 0, 0)).error().code, errc::corrupt);
  worker.gate.open(ToolOutput("42 pages"));
  expect_stored(redis, fine, worker);
  // Those that cannot be written are answered for by their process, and hold up nobody.
  EXPECT_EQ(worker.read(spoilt), "42 pages");
  EXPECT_EQ(worker.read(hollow), "42 pages");
  const auto next = worker.begin("echo", "next");
  expect_stored(redis, next, worker, "next");
  redis.ask({"DEL", "sg:task:" + spoilt.text()});
  redis.ask({"DEL", "sg:task:" + hollow.text()});
}

}  // namespace
}  // namespace meantime::test
