// SPDX-License-Identifier: MIT
// faults_test.cpp: what networks do between us and a real server: nothing crashes, loses, hangs or lies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "redis/worker.hpp"
#include "support/key_checker.hpp"

namespace meantime::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using Cut = FaultProxy::Cut;
using Towards = FaultProxy::Towards;

/// A call is answered within its time limit; what comes on top of it here is for a busy machine.
constexpr Milliseconds slack{1'500};

class FaultsTest : public testing::Test {
 protected:
  void end() {
    for (auto* worker : {&asker, &owner}) worker->reset();
    // Time for the proxy to hand the last goodbyes on.
    EXPECT_TRUE(proxy.wait_until([](const auto& counts) { return counts.open == 0; }));
    EXPECT_THAT(check_keys(redis, "sg:"), IsEmpty());
  }
  [[nodiscard]] std::uint64_t subscription() const { return proxy.find("SUBSCRIBE").value(); }
  [[nodiscard]] std::uint64_t commands() const { return proxy.find("SCRIPT").value(); }
  void let_in(Worker& worker) {
    run_until(io, [&] { return proxy.find("SUBSCRIBE") && proxy.find("SCRIPT"); });
    EXPECT_EQ(worker.look(*TaskId::parse("000000000001")).error().code, errc::not_found);
  }

  RedisServer& server = RedisServer::shared();
  RawRedis redis = server.connect();
  FaultProxy proxy{server.port()};
  boost::asio::io_context io;
  WakesLoop wakes{proxy, io};
  std::unique_ptr<Worker> owner;  ///< Runs the tasks.
  std::unique_ptr<Worker> asker;  ///< Another process, which asks for them.
};

struct Tally {
  std::size_t ended = 0;
  std::vector<std::string> wrong;
  Milliseconds slowest_call{0};
  Milliseconds slowest_look{0};
};

/// Begins a task in one process, awaits and reads it in another, with as many tries as it takes.
Task<void> follow_one(Worker& owner, Worker& asker, std::string text, Tally& tally) {
  const Stopwatch calling;
  auto outcome = co_await owner.call("echo", text);
  tally.slowest_call = std::max(tally.slowest_call, calling.passed());
  if (!outcome) {
    tally.wrong.push_back("call: " + outcome.error().detail);
    co_return;
  }
  const auto task = std::get<Backgrounded>(*outcome);
  for (;;) {
    auto end = co_await asker.manager->await_task(task.task_id, std::chrono::seconds(50), "ann");
    if (end && end->timed_out) tally.wrong.push_back("not awoken");
    if (end) break;
    const bool unknown_yet = end.error().code == errc::not_found && !task.stored;
    if (!unknown_yet && end.error().code != errc::unavailable) {
      tally.wrong.push_back("await: " + end.error().detail);
      co_return;
    }
    if (unknown_yet) {
      // Known to its own process alone so far: that one says when it is over.
      std::ignore = co_await owner.manager->await_task(task.task_id, std::chrono::seconds(50));
    }
  }
  for (;;) {
    const Stopwatch looking;
    auto page = co_await asker.manager->read_result(task.task_id, 0, 0, "ann");
    tally.slowest_look = std::max(tally.slowest_look, looking.passed());
    if (page && page->text != text) tally.wrong.push_back("result: " + page->text + " instead of " + text);
    if (page) break;
    if (page.error().code != errc::unavailable) {
      tally.wrong.push_back("read: " + page.error().detail);
      co_return;
    }
  }
  ++tally.ended;
}

TEST_F(FaultsTest, EveryOutcomeIsStoredOnceAndToldRightWhateverIsCutUnderLoad) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  owner = std::make_unique<Worker>(io, redis_at(proxy.port()));
  asker = std::make_unique<Worker>(io, redis_at(proxy.port()));
  constexpr std::size_t at_once = 150;
  constexpr std::size_t rounds = 8;
  Tally tally;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<Task<void>> all;
    for (std::size_t i = 0; i < at_once; ++i) {
      all.push_back(follow_one(*owner, *asker, "\"" + std::to_string(round * at_once + i) + "\"", tally));
    }
    // Cuts come when so many have ended, and in the midst of replies.
    for (std::size_t cuts = 1; cuts <= 4; ++cuts) {
      switch (random() % 4) {
        case 0:
          proxy.cut(Cut::politely);
          break;
        case 1:
          proxy.cut(Cut::rudely);
          break;
        case 2:
          proxy.reset_reply_after(random() % 3'000 + 1);
          break;
        default:
          if (const auto one = proxy.find(random() % 2 == 0 ? "SUBSCRIBE" : "SCRIPT")) proxy.cut(Cut::rudely, *one);
      }
      run_until(io, [&] { return tally.ended + tally.wrong.size() >= round * at_once + cuts * at_once / 8; });
    }
    run_until(io, [&] { return std::ranges::all_of(all, [](const auto& each) { return each.done(); }); });
  }
  EXPECT_THAT(tally.wrong, IsEmpty());
  EXPECT_EQ(tally.ended, at_once * rounds);
  EXPECT_LT(tally.slowest_call, Milliseconds(2'000) + slack);
  EXPECT_LT(tally.slowest_look, 2 * quick_timeout + slack);
  std::size_t stored = 0;
  for (const auto& key : redis.keys("sg:task:*")) {
    const auto fields = redis.ask({"HMGET", key, "status", "late", "user_id"}).items;
    EXPECT_EQ(fields.at(0).text, "completed");
    EXPECT_TRUE(fields.at(1).is_null());
    EXPECT_EQ(fields.at(2).text, "ann");
    ++stored;
  }
  EXPECT_EQ(stored, at_once * rounds);
  EXPECT_EQ(redis.ask({"ZCARD", "sg:mt:run:" + std::string(owner->store->worker())}).number, 0);
  end();
}

TEST_F(FaultsTest, F04_AStartWhoseAnswerWasLostIsStoredOnceAndTheEnvelopeSaysSo) {
  owner = std::make_unique<Worker>(io, redis_at(proxy.port()));
  let_in(*owner);
  for (std::uint64_t bytes = 1; bytes < 12; bytes += 3) {
    const auto before = redis.ask({"GET", "sg:mt:n"}).text;
    proxy.reset_reply_after(bytes, commands());
    const auto id = owner->begin("slow");
    EXPECT_EQ(redis.ask({"HGET", "sg:task:" + id.text(), "status"}).text, "running");
    EXPECT_EQ(std::stoi("0" + redis.ask({"GET", "sg:mt:n"}).text), std::stoi("0" + before) + 1);
  }
  end();
}

TEST_F(FaultsTest, F14_WaitsEndOnTimeWhileRedisIsSilent) {
  owner = std::make_unique<Worker>(io, redis_at(server.port()));
  asker = std::make_unique<Worker>(io, redis_at(proxy.port(), Milliseconds(2'000)));
  const auto id = owner->begin();
  std::vector<Task<Result<Awaited>>> waits;
  std::vector<Milliseconds> took(100);
  const Stopwatch since;
  const auto wait_for = [](Worker& who, TaskId what, Milliseconds limit, const Stopwatch& watch,
                           Milliseconds& passed) -> Task<Result<Awaited>> {
    auto end = co_await who.manager->await_task(what, limit);
    passed = watch.passed();
    co_return end;
  };
  constexpr Milliseconds limit{900};
  for (auto& passed : took) waits.push_back(wait_for(*asker, id, limit, since, passed));
  ASSERT_TRUE(run(io, asker->manager->check(id)));
  ASSERT_LT(since.passed(), limit);
  proxy.silence();
  Milliseconds unknown_took{0};
  const Stopwatch unknown_since;
  auto unknown = wait_for(*asker, *TaskId::parse("000000000001"), Milliseconds(700), unknown_since, unknown_took);
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const auto end = run(io, std::move(waits[i]));
    ASSERT_TRUE(end) << end.error().detail;
    EXPECT_TRUE(end->timed_out);
    EXPECT_GE(took[i], limit);
    EXPECT_LT(took[i], limit + Milliseconds(150));
  }
  const auto nothing = run(io, std::move(unknown));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, errc::unavailable);
  EXPECT_LT(unknown_took, Milliseconds(700) + Milliseconds(150));
  proxy.pass();
  end();
}

TEST_F(FaultsTest, F30_OnlyTheSubscriptionIsCutAndTheEndComesMeanwhile) {
  owner = std::make_unique<Worker>(io, redis_at(server.port()));
  asker = std::make_unique<Worker>(io, redis_at(proxy.port()));
  const auto id = owner->begin();
  auto wait = asker->manager->await_task(id, std::chrono::seconds(50));
  ASSERT_TRUE(run(io, asker->manager->check(id)));
  proxy.refuse();
  proxy.cut(Cut::rudely, subscription());
  const Stopwatch since;
  owner->gate.open(ToolOutput("42 pages"));
  run_until(io, [&] { return redis.ask({"HGET", "sg:task:" + id.text(), "status"}).text == "completed"; });
  EXPECT_FALSE(wait.done());
  proxy.pass();
  EXPECT_EQ(run(io, std::move(wait))->record.status, TaskStatus::completed);
  EXPECT_LT(since.passed(), Milliseconds(4'000));  // found by looking again after the subscription, not at long last

  EXPECT_EQ(asker->read(id), "42 pages");
  end();
}

TEST_F(FaultsTest, F30_OnlyTheSubscriptionIsHalfOpenAndIsFoundOutByItsSilence) {
  owner = std::make_unique<Worker>(io, redis_at(server.port()));
  asker = std::make_unique<Worker>(io, redis_at(proxy.port()));
  const auto id = owner->begin();
  auto wait = asker->manager->await_task(id, std::chrono::seconds(50));
  ASSERT_TRUE(run(io, asker->manager->check(id)));
  proxy.silence(subscription());
  const Stopwatch since;
  owner->gate.open();
  EXPECT_EQ(run(io, std::move(wait))->record.status, TaskStatus::completed);
  EXPECT_LT(since.passed(), 2 * quick_timeout + Milliseconds(1'000) + slack);
  end();
}

TEST_F(FaultsTest, HalfOpenCommandsAreAnsweredUnavailableInTimeAndNothingIsLost) {
  owner = std::make_unique<Worker>(io, redis_at(proxy.port()));
  asker = std::make_unique<Worker>(io, redis_at(proxy.port()));
  const auto id = owner->begin();
  proxy.silence();
  owner->gate.open(ToolOutput("42 pages"));
  const Stopwatch since;
  const auto answer = run(io, asker->manager->check(id));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, errc::unavailable);
  EXPECT_THAT(answer.error().detail, HasSubstr("store unavailable"));
  EXPECT_LT(since.passed(), 2 * quick_timeout + slack);
  EXPECT_EQ(run(io, owner->manager->check(id))->worker, owner->store->worker());  // its own it knows
  proxy.pass();
  EXPECT_EQ(run(io, asker->manager->await_task(id, std::chrono::seconds(50)))->record.status, TaskStatus::completed);
  EXPECT_EQ(asker->read(id), "42 pages");
  end();
}

TEST_F(FaultsTest, AServerThatTakesNoBytesAnyMoreIsLeftAlsoInTheMidstOfAWrite) {
  owner = std::make_unique<Worker>(io, redis_at(proxy.port()));
  std::vector<TaskId> ids;
  for (int i = 0; i < 60; ++i) ids.push_back(owner->begin());
  server.pause();  // what is sent fills the buffers on the way, and stays there
  owner->gate.open(ToolOutput(std::string(400UL << 10U, 'x')));
  const auto before = proxy.counts().accepted;
  run_until(io, [&] { return proxy.counts().accepted >= before + 2; });  // it tries anew
  server.resume();
  asker = std::make_unique<Worker>(io, redis_at(server.port()));
  for (const TaskId& id : ids) {
    EXPECT_EQ(run(io, asker->manager->await_task(id, std::chrono::seconds(50)))->record.status, TaskStatus::completed);
    EXPECT_EQ(asker->read(id).size(), 400UL << 10U);
  }
  end();
}

TEST_F(FaultsTest, OneByteAtATimeIsSlowAndRight) {
  owner = std::make_unique<Worker>(io, redis_at(proxy.port(), Milliseconds(10'000)));
  asker = std::make_unique<Worker>(io, redis_at(proxy.port(), Milliseconds(10'000)));
  const auto id = owner->begin();
  ASSERT_TRUE(run(io, asker->manager->check(id)));
  proxy.drip(std::chrono::microseconds(20));
  auto wait = asker->manager->await_task(id, std::chrono::seconds(50));
  const std::string text(500, 'y');
  owner->gate.open(ToolOutput(text));
  EXPECT_EQ(run(io, std::move(wait))->record.status, TaskStatus::completed);
  EXPECT_EQ(asker->read(id), text);
  proxy.pass();
  end();
}

TEST_F(FaultsTest, F03_NoEndIsMissedHoweverLateBytesArrive) {
  owner = std::make_unique<Worker>(io, redis_at(server.port()));
  asker = std::make_unique<Worker>(io, redis_at(proxy.port(), Milliseconds(2'000)));
  let_in(*asker);
  proxy.delay(Towards::server, Milliseconds(20));
  proxy.delay(Towards::client, Milliseconds(30));
  for (int i = 0; i < 10; ++i) {
    const auto id = owner->begin("echo", std::to_string(i));
    const Stopwatch since;
    EXPECT_FALSE(run(io, asker->manager->await_task(id, std::chrono::seconds(50)))->timed_out);
    EXPECT_LT(since.passed(), Milliseconds(1'000) + slack);
    EXPECT_EQ(asker->read(id), std::to_string(i));
  }
  proxy.pass();
  end();
}

TEST_F(FaultsTest, GarbageInTheAnswerToALookIsNeverBelieved) {
  owner = std::make_unique<Worker>(io, redis_at(server.port()));
  asker = std::make_unique<Worker>(io, redis_at(proxy.port()));
  const auto id = owner->begin();
  const auto other = owner->begin();
  for (const std::string& garbage : {
           std::string("$\r\n"),
           std::string("*\r\n"),
           std::string("$99999999999999999999\r\n"),
           std::string("$1073741825\r\n"),
           std::string("*99999999999\r\n"),
           std::string("%4294967296\r\n"),
           std::string("$-1\r\n$-1\r\n"),
           std::string("HTTP/1.1 400 Bad Request\r\n\r\n"),
           std::string("\0\0\0\0", 4),
           std::string("+OK\r\n"),
           std::string("+OK\r\n+OK\r\n"),
           std::string(":5\r\n:6\r\n"),
           std::string("*0\r\n"),
           std::string("_\r\n_\r\n"),
           std::string("-WAT no idea\r\n"),
           std::string("-WAT\r\n-WAT\r\n"),
           std::string("~2\r\n+a\r\n+b\r\n_\r\n"),
           std::string("*2\r\n$7\r\ntask_id\r\n$2\r\nno\r\n_\r\n"),
           std::string(">2\r\n+message\r\n+x\r\n"),
           std::string("+OK\r\n*0\r\n_\r\n"),
           "%2\r\n+task_id\r\n+" + other.text() + "\r\n+status\r\n+completed\r\n_\r\n",
       }) {
    SCOPED_TRACE(garbage);
    ASSERT_EQ(asker->look(id)->status, TaskStatus::running);
    proxy.garble_reply(garbage, commands());
    const Stopwatch since;
    const auto answer = run(io, asker->manager->check(id));
    EXPECT_LT(since.passed(), 2 * quick_timeout + slack);
    if (answer) {
      EXPECT_EQ(answer->status, TaskStatus::running);
    } else {
      EXPECT_TRUE(answer.error().code == errc::unavailable || answer.error().code == errc::corrupt)
          << answer.error().detail;
      EXPECT_THAT(answer.error().detail, HasSubstr("redis://127.0.0.1:"));
    }
    EXPECT_EQ(asker->look(id)->status, TaskStatus::running);
    EXPECT_EQ(asker->look(other)->task_id, other);
  }
  end();
}

TEST_F(FaultsTest, GarbageInTheAnswerToAStartOrAnEndLosesNothing) {
  asker = std::make_unique<Worker>(io, redis_at(server.port()));
  for (const std::string& garbage :
       {std::string("$\r\n"), std::string(":1\r\n"), std::string("+what\r\n"), std::string("*1\r\n+what\r\n"),
        std::string("*1\r\n+ok\r\n"), std::string("-ERR strange\r\n"), std::string("_\r\n"), std::string("%0\r\n"),
        std::string("*2\r\n+joined\r\n+nobody\r\n")}) {
    SCOPED_TRACE(garbage);
    owner = std::make_unique<Worker>(io, redis_at(proxy.port()));
    let_in(*owner);
    const Stopwatch since;
    proxy.garble_reply(garbage, commands());
    auto outcome = run(io, owner->call("slow"));
    ASSERT_TRUE(outcome) << outcome.error().detail;
    const auto id = std::get<Backgrounded>(*outcome).task_id;
    EXPECT_EQ(owner->look(*TaskId::parse("000000000001")).error().code, errc::not_found);
    proxy.garble_reply(garbage, commands());
    owner->gate.open(ToolOutput("right"));
    std::ignore = run(io, owner->manager->await_task(id, std::chrono::seconds(50)));
    run_until(io, [&] { return redis.ask({"HGET", "sg:task:" + id.text(), "status"}).text == "completed"; });
    EXPECT_EQ(asker->read(id), "right");
    EXPECT_TRUE(redis.ask({"HGET", "sg:task:" + id.text(), "late"}).is_null());
    EXPECT_LT(since.passed(), 6 * quick_timeout + slack) << testing::PrintToString(owner->telemetry.faults);
  }
  end();
}

TEST_F(FaultsTest, F12_F13_ThreeThousandTasksAndAThousandWaitersTakeTwoConnectionsAProcess) {
  owner = std::make_unique<Worker>(io, redis_at(server.port(), Milliseconds(10'000)));
  asker = std::make_unique<Worker>(io, redis_at(proxy.port(), Milliseconds(10'000)));
  std::vector<Task<Result<Outcome>>> calls;
  for (int i = 0; i < 3'000; ++i) calls.push_back(owner->call("slow"));
  std::vector<TaskId> ids;
  for (auto& call : calls) ids.push_back(std::get<Backgrounded>(*run(io, std::move(call))).task_id);
  std::vector<Task<Result<Awaited>>> waits;
  for (std::size_t i = 0; i < 1'000; ++i) waits.push_back(asker->manager->await_task(ids[i], std::chrono::seconds(50)));
  ASSERT_TRUE(run(io, asker->manager->check(ids.back())));
  run_until(io, [&] { return proxy.counts().open == 2; });
  EXPECT_EQ(proxy.counts().accepted, 2U);
  for (const auto* worker : {owner.get(), asker.get()}) {
    const auto clients = redis.ask({"CLIENT", "LIST"}).text;
    const auto name = "name=meantime:" + std::string(worker->store->worker());
    std::size_t count = 0;
    for (auto at = clients.find(name); at != std::string::npos; at = clients.find(name, at + 1)) ++count;
    EXPECT_EQ(count, 2U);
  }
  // All of them at once, over a subscription that was just cut.
  proxy.cut(Cut::rudely, subscription());
  owner->gate.open();
  for (auto& wait : waits) EXPECT_FALSE(run(io, std::move(wait))->timed_out);
  run_until(io, [&] { return proxy.counts().open == 2; });  // the one that was cut is back, and no third is there
  EXPECT_EQ(proxy.counts().accepted, 3U);
  end();
}

TEST_F(FaultsTest, CancelsAndRedirectsThatWereMissedAreFoundWhenTheConnectionIsBack) {
  owner = std::make_unique<Worker>(io, redis_at(proxy.port()));
  asker = std::make_unique<Worker>(io, redis_at(server.port()));
  const auto cancelled = owner->begin();
  const auto redirected = owner->begin();
  proxy.refuse();
  proxy.cut(Cut::politely);
  ASSERT_TRUE(run(io, asker->manager->cancel(cancelled, "ann")));
  ASSERT_TRUE(run(io, asker->manager->redirect(redirected, {.destination = "chat", .channel_id = "C7"}, "ann")));
  EXPECT_EQ(owner->gate.inside(), 2U);
  proxy.pass();
  const auto end_of_it = run(io, asker->manager->await_task(cancelled, std::chrono::seconds(50)));
  EXPECT_EQ(end_of_it->record.reason, EndReason::cancelled);
  EXPECT_EQ(owner->gate.inside(), 1U);
  run_until(io, [&] { return !run(io, owner->manager->check(redirected))->redirects.empty(); });
  end();
}

TEST_F(FaultsTest, TheProcessOfATaskHearsACancelThoughItsCommandsAreCutAgainAndAgain) {
  owner = std::make_unique<Worker>(io, redis_at(proxy.port()));
  asker = std::make_unique<Worker>(io, redis_at(server.port()));
  for (int i = 0; i < 5; ++i) {
    const auto id = owner->begin();
    proxy.cut(Cut::rudely, commands());
    ASSERT_TRUE(run(io, asker->manager->cancel(id, "ann")));
    EXPECT_EQ(run(io, asker->manager->await_task(id, std::chrono::seconds(50)))->record.reason, EndReason::cancelled);
  }
  end();
}

TEST_F(FaultsTest, PartialOutputIsKeptOnceAndInOrderWhateverIsCut) {
  owner = std::make_unique<Worker>(io, redis_at(proxy.port()));
  asker = std::make_unique<Worker>(io, redis_at(server.port()));
  const auto id = owner->begin();
  std::string all;
  for (int i = 0; i < 20; ++i) {
    const auto piece = "piece " + std::to_string(i) + "\n";
    if (i % 3 == 0) proxy.reset_reply_after(1, commands());
    if (i % 3 == 1) proxy.cut(Cut::rudely);
    auto stored = run(io, owner->store->append_output({id, 1, {}}, piece));
    if (i % 3 != 2) EXPECT_TRUE(stored) << stored.error().detail;
    all += piece;
  }
  EXPECT_EQ(run(io, asker->store->read_output(id, 0, 1'000)), all);
  // One that is given up may be there or not; those after it are there once.
  server.pause();
  EXPECT_FALSE(run(io, owner->store->append_output({id, 1, {}}, "perhaps\n")));
  server.resume();
  while (!run(io, owner->store->append_output({id, 1, {}}, "for sure\n"))) {
  }
  proxy.reset_reply_after(1, commands());
  ASSERT_TRUE(run(io, owner->store->append_output({id, 1, {}}, "and this\n")));
  auto rest = run(io, asker->store->read_output(id, all.size(), 1'000)).value();
  if (rest.starts_with("perhaps\n")) rest.erase(0, 8);
  EXPECT_TRUE(rest.ends_with("for sure\nand this\n")) << rest;
  EXPECT_EQ(rest.find("and this"), rest.rfind("and this"));
  end();
}

TEST_F(FaultsTest, AStoreMayGoWhileItsCallsAreUnderWay) {
  owner = std::make_unique<Worker>(io, redis_at(server.port()));
  const auto id = owner->begin();
  for (const bool silent : {false, true}) {
    SystemClock clock(io);
    SystemRandom random;
    auto store = std::move(*open_redis_store(io, clock, random, redis_at(proxy.port())));
    ASSERT_TRUE(run(io, store->find(id)));
    if (silent) proxy.silence();
    std::vector<Task<Result<TaskRecord>>> looks;
    for (int i = 0; i < 50; ++i) looks.push_back(store->find(id));
    const auto watched = TaskId::parse("00000000000" + std::string(silent ? "2" : "3"));
    store->watch(*watched);
    for (int i = 0; i < 50; ++i) looks.push_back(store->find(*watched));
    for (int turns = 0; turns < 3; ++turns) io.poll_one();
    store.reset();
    looks.clear();
    run_ready(io);
    proxy.pass();
  }
  end();
}

TEST_F(FaultsTest, NoSocketIsLeftByConnectionsThatCameAndWent) {
  const auto sockets = [] {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code closed;
      if (std::filesystem::read_symlink(entry.path(), closed).string().starts_with("socket:")) ++count;
    }
    return count;
  };
  const auto before = sockets();
  owner = std::make_unique<Worker>(io, redis_at(proxy.port()));
  let_in(*owner);
  for (int i = 0; i < 20; ++i) {
    if (i % 4 == 3) {
      proxy.refuse();
      proxy.cut(Cut::politely);
      EXPECT_FALSE(run(io, owner->store->find(*TaskId::parse("000000000001"))));
      proxy.pass();
    }
    proxy.cut(i % 2 == 0 ? Cut::politely : Cut::rudely);
    EXPECT_EQ(owner->look(*TaskId::parse("000000000001")).error().code, errc::not_found);
  }
  run_until(io, [&] { return proxy.counts().open == 2; });
  end();
  EXPECT_EQ(sockets(), before);
}

TEST_F(FaultsTest, ConnectionsThatAreRefusedAreTriedAgainAndSaidOnce) {
  owner = std::make_unique<Worker>(io, redis_at(proxy.port()));
  const auto id = owner->begin();
  proxy.refuse();
  proxy.cut(Cut::politely);
  EXPECT_EQ(run(io, owner->store->find(id)).error().code, errc::unavailable);
  EXPECT_EQ(run(io, owner->store->find(id)).error().code, errc::unavailable);
  EXPECT_EQ(owner->faults_with("is away"), 1U);
  proxy.pass();
  run_until(io, [&] { return owner->faults_with("is back") == 1; });
  EXPECT_EQ(owner->look(id)->status, TaskStatus::running);
  end();
}

}  // namespace
}  // namespace meantime::test
