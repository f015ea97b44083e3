// SPDX-License-Identifier: MIT
// ways_in_test.cpp: TLS, users, databases, unix sockets and prefixes; and processes that start before their server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "redis/worker.hpp"
#include "support/key_checker.hpp"
#include "support/temp_folder.hpp"

namespace meantime::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

const TaskId nobody = *TaskId::parse("000000000001");

RedisOptions options_of(const std::string& url) {
  auto options = parse_redis_url(url);
  if (!options) throw std::runtime_error(options.error().detail);
  options->command_timeout = quick_timeout;
  return *options;
}

class WaysInTest : public testing::Test {
 protected:
  /// A task goes to the background in one process, and another waits for it and reads its result.
  void expect_service(const RedisOptions& options) {
    Worker owner(io, options);
    Worker asker(io, options);
    const auto id = owner.begin();
    auto wait = asker.manager->await_task(id, std::chrono::seconds(50));
    ASSERT_TRUE(run(io, asker.manager->check(id)));
    owner.gate.open(ToolOutput("42 pages"));
    EXPECT_EQ(run(io, std::move(wait))->record.status, TaskStatus::completed);
    EXPECT_EQ(asker.read(id), "42 pages");
  }
  /// Why there is none.
  std::string trouble(const RedisOptions& options) {
    Worker worker(io, options);
    auto record = run(io, worker.store->find(nobody));
    if (record || record.error().code != errc::unavailable) return "it serves";
    return record.error().detail;
  }
  boost::asio::io_context io;
};

TEST_F(WaysInTest, TlsWithTheAuthorityThatSignedTheServer) {
  RedisServer server({.tls = true});
  expect_service(options_of(server.tls_url() + "?ca=" + server.certificates().ca()));
  // By number, too: the certificate names it.
  auto by_number = options_of(server.tls_url() + "?ca=" + server.certificates().ca());
  by_number.host = "127.0.0.1";
  expect_service(by_number);
}

TEST_F(WaysInTest, TlsTakesNoCertificateOfAnotherAuthorityAndNoneForAnotherName) {
  RedisServer server({.tls = true});
  const Certificates others;
  const auto remedy = AllOf(HasSubstr("TLS with"), HasSubstr("signed by tls.ca"), HasSubstr("certificate"));
  EXPECT_THAT(trouble(options_of(server.tls_url() + "?ca=" + others.ca())), remedy);
  EXPECT_THAT(trouble(options_of(server.tls_url())), remedy);  // the system's authorities did not sign it
  EXPECT_THAT(
      trouble(options_of(server.tls_url() + "?ca=" + server.certificates().ca() + "&server_name=redis.example")),
      AllOf(remedy, HasSubstr("redis.example")));
}

TEST_F(WaysInTest, TlsToAServerThatAsksForACertificate) {
  RedisServer server({.tls = true, .tls_clients = true});
  const auto& files = server.certificates();
  const auto url = server.tls_url() + "?ca=" + files.ca();
  EXPECT_THAT(trouble(options_of(url)), AllOf(HasSubstr("client certificate"), HasSubstr("cert and key")));
  expect_service(options_of(url + "&cert=" + files.client_certificate() + "&key=" + files.client_key()));
}

TEST_F(WaysInTest, TlsToAPortWithoutTlsAndTheOtherWayRound) {
  RedisServer server({.tls = true});
  auto options = options_of(server.tls_url() + "?ca=" + server.certificates().ca());
  options.port = server.port();
  EXPECT_THAT(trouble(options), HasSubstr("does that port speak TLS?"));
  EXPECT_THAT(trouble(redis_at(server.tls_port())), HasSubstr("store unavailable: redis://127.0.0.1:"));
}

TEST_F(WaysInTest, CertificateFilesThatCannotBeUsedAreNamedAtOnce) {
  SystemClock clock(io);
  SystemRandom random;
  const TempFolder folder;
  const auto missing = (folder.path() / "missing.pem").string();
  for (const std::string& query : {"ca=" + missing, "cert=" + missing + "&key=" + missing}) {
    const auto store = open_redis_store(io, clock, random, options_of("rediss://localhost:6379?" + query));
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, errc::invalid_argument);
    EXPECT_THAT(store.error().detail, AllOf(HasSubstr("certificate file"), HasSubstr(missing)));
  }
}

TEST_F(WaysInTest, TlsComesBackAfterACutAndWaitsGoOn) {
  RedisServer server({.tls = true});
  FaultProxy proxy(server.tls_port());
  auto options = options_of(server.tls_url() + "?ca=" + server.certificates().ca());
  options.port = proxy.port();
  Worker owner(io, options);
  Worker asker(io, options);
  for (const auto how : {FaultProxy::Cut::politely, FaultProxy::Cut::rudely}) {
    const auto id = owner.begin("slow");
    auto wait = asker.manager->await_task(id, std::chrono::seconds(50));
    ASSERT_TRUE(run(io, asker.manager->check(id)));
    proxy.cut(how);
    owner.gate.open(ToolOutput("42 pages"));
    EXPECT_FALSE(run(io, std::move(wait))->timed_out);
    EXPECT_EQ(asker.read(id), "42 pages");
  }
}

TEST_F(WaysInTest, AStoreMayGoAtAnyMomentOfItsConnections) {
  RedisServer server({.tls = true});
  const auto over_tls = options_of(server.tls_url() + "?ca=" + server.certificates().ca());
  SystemClock clock(io);
  SystemRandom random;
  for (const auto& options : {over_tls, redis_at(server.port()), options_of(server.socket_url())}) {
    for (int steps = 0; steps < 60; ++steps) {
      auto store = std::move(*open_redis_store(io, clock, random, options));
      auto look = store->find(nobody);
      for (int i = 0; i < steps && !look.done(); ++i) {
        if (io.stopped()) io.restart();
        io.run_one_for(Milliseconds(5));
      }
      store.reset();
      look.reset();
      run_ready(io);
    }
  }
}

TEST_F(WaysInTest, AUserWithExactlyTheDocumentedRights) {
  // As docs/redis.md has it, for the prefix "sg:".
  std::string line = run_program({"sed", "-n", "s/^user meantime on >THE-PASSWORD //p", REDIS_MD});
  line.resize(line.find('\n'));
  for (auto at = line.find("bots:"); at != std::string::npos; at = line.find("bots:")) line.replace(at, 5, "sg:");
  RedisServer server({.password = "of-default", .users = {"bot on >p%40ss " + line}});
  auto options = redis_at(server.port());
  options.username = "bot";
  options.password = "p%40ss";
  expect_service(options);
  Worker worker(io, options);
  Worker other(io, options);
  const auto id = worker.begin();
  EXPECT_TRUE(run(io, worker.store->set_progress({id, 1, {}}, {.value = 1})));
  EXPECT_TRUE(run(io, worker.store->append_output({id, 1, {}}, std::string(3UL << 20U, 'x'))));
  EXPECT_TRUE(run(io, other.store->read_output(id, 0, 10)));
  EXPECT_TRUE(run(io, worker.store->heartbeat()));
  EXPECT_TRUE(run(io, worker.store->reap_lost({})));
  EXPECT_TRUE(run(io, other.store->add_redirect(id, {.destination = "chat"})));
  for (const ListQuery& query : {ListQuery{}, ListQuery{.user_id = "ann"}, ListQuery{.status = TaskStatus::running},
                                 ListQuery{.status = TaskStatus::failed}, ListQuery{.created_after = WallTime()}}) {
    const auto list = run(io, other.store->list(query));
    EXPECT_TRUE(list) << list.error().detail;
  }
  EXPECT_TRUE(run(io, other.manager->cancel(id, "ann")));
  EXPECT_FALSE(run(io, other.manager->await_task(id, std::chrono::seconds(50)))->timed_out);
  Outbox& outbox = other.store->outbox();
  EXPECT_TRUE(run(io, outbox.pause("chat", std::chrono::seconds(10), "slow down")));
  EXPECT_TRUE(run(io, outbox.pause("chat", Milliseconds(0), "")));
  for (const DeliveryState over : {DeliveryState::dead, DeliveryState::delivered}) {
    const auto claimed = run(io, outbox.claim({.destinations = {"chat"}}));
    ASSERT_TRUE(claimed) << claimed.error().detail;
    ASSERT_EQ(claimed->deliveries.size(), 1U);
    const ClaimToken claim{claimed->deliveries[0].id, claimed->deliveries[0].claim};
    EXPECT_TRUE(run(io, outbox.plan(claim, {"text"})));
    EXPECT_TRUE(run(io, outbox.chunks(claim.id)));
    EXPECT_TRUE(run(io, outbox.step(claim, {.state = DeliveryState::waiting, .attempts = 1, .failed = true})));
    const auto again = run(io, outbox.claim({.destinations = {"chat"}}));
    ASSERT_EQ(again.value().deliveries.size(), 1U);
    const ClaimToken last{claim.id, again->deliveries[0].claim};
    EXPECT_TRUE(run(io, outbox.step(last, {.state = over, .sent = 1, .remote_id = "m1", .attempts = 1})));
    if (over == DeliveryState::dead) EXPECT_TRUE(run(io, outbox.replay(claim.id)));
  }
  EXPECT_TRUE(run(io, outbox.suppress_read(id)));
  EXPECT_TRUE(run(io, outbox.list_deliveries({.task_id = id})));
  EXPECT_TRUE(run(io, outbox.list_deliveries({})));
  EXPECT_TRUE(run(io, outbox.destinations()));
  const auto large = worker.begin("echo", "\"" + std::string(2UL << 20U, 'y') + "\"");
  EXPECT_FALSE(run(io, other.manager->await_task(large, std::chrono::seconds(50)))->timed_out);
  EXPECT_EQ(other.read(large).size(), (2UL << 20U) + 2);
  const auto forgotten = run(io, worker.store->forget_ended(worker.clock.wall_now() + Milliseconds(60'000)));
  EXPECT_TRUE(forgotten) << forgotten.error().detail;
}

TEST_F(WaysInTest, ADatabaseByItsNumberAndOneThatIsNotThere) {
  RedisServer& server = RedisServer::shared();
  auto options = redis_at(server.port());
  options.database = 3;
  expect_service(options);
  auto redis = server.connect();
  EXPECT_EQ(redis.ask({"DBSIZE"}).number, 0);
  redis.ask({"SELECT", "3"});
  EXPECT_GT(redis.ask({"DBSIZE"}).number, 0);
  EXPECT_THAT(check_keys(redis, "sg:"), IsEmpty());
  options.database = 99;
  EXPECT_THAT(trouble(options), HasSubstr("DB index is out of range"));
}

TEST_F(WaysInTest, AUnixSocketAndOneThatIsNotThere) {
  RedisServer& server = RedisServer::shared();
  expect_service(options_of(server.socket_url()));
  EXPECT_THAT(trouble(options_of(server.socket_url() + ".gone")), HasSubstr("cannot connect: No such file"));
  auto too_long = redis_at(0);
  too_long.unix_socket = "/" + std::string(200, 'x');
  EXPECT_THAT(trouble(too_long), HasSubstr("is no name for a unix socket"));
}

TEST_F(WaysInTest, AHostThatCannotBeFoundIsNamed) {
  auto options = redis_at(6379, Milliseconds(2'000));
  options.host = "no-such-host.invalid";
  EXPECT_THAT(trouble(options), HasSubstr("no-such-host.invalid"));
}

TEST_F(WaysInTest, TwoApplicationsWithTwoPrefixesDoNotSeeEachOther) {
  RedisServer& server = RedisServer::shared();
  auto one = redis_at(server.port());
  auto two = one;
  one.key_prefix = "one:";
  two.key_prefix = "two:";
  Worker here(io, one);
  Worker there(io, two);
  const auto mine = here.begin();
  const auto theirs = there.begin();
  EXPECT_EQ(run(io, there.manager->check(mine)).error().code, errc::not_found);
  EXPECT_EQ(run(io, here.manager->cancel(theirs)).error().code, errc::not_found);
  EXPECT_EQ(run(io, here.store->list({}))->tasks.size(), 1U);
  EXPECT_EQ(run(io, there.store->list({.user_id = "ann"}))->tasks.front().task_id, theirs);
  EXPECT_TRUE(run(io, there.store->reap_lost({}))->lost.empty());
  here.gate.open();
  EXPECT_EQ(run(io, here.manager->await_task(mine))->record.status, TaskStatus::completed);
  auto redis = server.connect();
  for (const auto& key : redis.keys()) EXPECT_TRUE(key.starts_with("one:") || key.starts_with("two:")) << key;
  run(io, here.store->forget_ended(here.clock.wall_now() + Milliseconds(60'000))).value();
  EXPECT_EQ(run(io, there.manager->check(theirs))->status, TaskStatus::running);
}

class AwayAtStartTest : public WaysInTest, public testing::WithParamInterface<bool> {};

TEST_P(AwayAtStartTest, S24_CallsAreAnsweredOutcomesAreKeptAndAllIsWrittenWhenTheServerComes) {
  const TempFolder folder;
  RedisServer server;
  FaultProxy proxy(server.port());
  proxy.refuse();
  std::unique_ptr<Journal> journal;
  if (GetParam()) journal = std::move(*open_sqlite_journal(io, folder.path() / "wait.db"));
  ManagerOptions options = without_upkeep();
  options.store_wait = Milliseconds(200);
  {
    Worker worker(io, redis_at(proxy.port()), options, journal.get());
    Tool quick;
    quick.name = "quick";
    quick.coroutine = [](ToolContext&) -> Task<ToolReturn> { co_return ToolOutput("at once"); };
    ASSERT_TRUE(worker.manager->add_tool(std::move(quick)));
    auto inline_answer = run(io, worker.call("quick"));
    ASSERT_TRUE(inline_answer);
    EXPECT_EQ(std::get<Finished>(*inline_answer).output.text, "at once");

    std::vector<TaskId> ids;
    for (int i = 0; i < 6; ++i) {
      const Stopwatch since;
      auto outcome = run(io, worker.call(i % 2 == 0 ? "slow" : "echo", "\"" + std::to_string(i) + "\""));
      ASSERT_TRUE(outcome);
      const auto& task = std::get<Backgrounded>(*outcome);
      EXPECT_FALSE(task.stored);
      EXPECT_LT(since.passed(), Milliseconds(1'500));
      ids.push_back(task.task_id);
    }
    EXPECT_EQ(run(io, worker.manager->check(nobody)).error().code, errc::unavailable);
    EXPECT_EQ(run(io, worker.manager->await_task(nobody, Milliseconds(100))).error().code, errc::unavailable);
    EXPECT_EQ(run(io, worker.manager->list({})).error().code, errc::unavailable);
    EXPECT_EQ(run(io, worker.manager->cancel(nobody)).error().code, errc::unavailable);
    EXPECT_EQ(run(io, worker.manager->read_result(nobody, 0, 0)).error().code, errc::unavailable);
    worker.gate.open(ToolOutput("of the gate"));
    for (const TaskId& id : ids) {
      const auto end = run(io, worker.manager->await_task(id));
      EXPECT_EQ(end->record.status, TaskStatus::completed);
    }
    EXPECT_EQ(worker.faults_with("Connection refused"), 1U) << testing::PrintToString(worker.telemetry.faults);
    EXPECT_EQ(worker.read(ids[1]), "\"1\"");

    proxy.pass();
    Worker asker(io, redis_at(server.port()));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto record = asker.look(ids[i]);
      while (!record || record->status == TaskStatus::running) record = asker.look(ids[i]);
      EXPECT_EQ(record->caller.user_id, "ann");
      EXPECT_EQ(asker.read(ids[i]), i % 2 == 0 ? "of the gate" : "\"" + std::to_string(i) + "\"");
    }
    EXPECT_EQ(worker.faults_with("is back"), 1U);
    if (journal) run_until(io, [&] { return journal->size() == 0; });
  }
  auto redis = server.connect();
  EXPECT_THAT(check_keys(redis, "sg:"), IsEmpty());
}

TEST_F(WaysInTest, S24_WhatOneProcessKeptInItsFileTheNextOneWrites) {
  const TempFolder folder;
  RedisServer server;
  FaultProxy proxy(server.port());
  proxy.refuse();
  TaskId id;
  {
    auto journal = std::move(*open_sqlite_journal(io, folder.path() / "wait.db"));
    ManagerOptions options = without_upkeep();
    options.store_wait = Milliseconds(100);
    Worker worker(io, redis_at(proxy.port()), options, journal.get());
    id = std::get<Backgrounded>(*run(io, worker.call("echo", "42"))).task_id;
    EXPECT_EQ(run(io, worker.manager->await_task(id))->record.status, TaskStatus::completed);
    run_until(io, [&] { return journal->durable() == 1; });
  }
  proxy.pass();
  auto journal = std::move(*open_sqlite_journal(io, folder.path() / "wait.db"));
  Worker next(io, redis_at(proxy.port()), without_upkeep(), journal.get());
  Worker asker(io, redis_at(server.port()));
  auto record = asker.look(id);
  while (!record || record->status == TaskStatus::running) record = asker.look(id);
  EXPECT_EQ(record->caller, (Caller{"ann", "C42", "matrix"}));
  EXPECT_EQ(asker.read(id), "42");
}

INSTANTIATE_TEST_SUITE_P(Journals, AwayAtStartTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Sqlite" : "Memory"; });

}  // namespace
}  // namespace meantime::test
