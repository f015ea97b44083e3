// SPDX-License-Identifier: MIT
// processes_test.cpp: several real processes on one real server: what one starts the others see, wait for and end, and
// what becomes of it when one of them is killed, stopped, or the server goes away. This test is one of the processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <map>

#include "meantime/manager.hpp"
#include "meantime/random.hpp"
#include "meantime/redis_store.hpp"
#include "meantime/system_clock.hpp"
#include "redis/store_peer.hpp"
#include "support/co_test.hpp"
#include "support/fault_proxy.hpp"
#include "support/key_checker.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {
namespace {

using std::chrono::steady_clock;
using testing::IsEmpty;

constexpr Milliseconds short_lease{1'000};
constexpr std::chrono::seconds stated_bound{30};

class Processes : public testing::TestWithParam<RedisKind> {
 protected:
  void TearDown() override {
    if (manager_) {
      run(loop_, manager_->drain(Milliseconds(0)));
      manager_.reset();
      run(loop_, store_->close());
      store_.reset();
      run_ready(loop_);
    }
    if (!server().running()) return;
    auto raw = server().connect();
    EXPECT_THAT(check_keys(raw, "sg:"), IsEmpty());
  }

  void SetUp() override { server_ = &RedisServer::shared(GetParam().program); }
  [[nodiscard]] RedisServer& server() const { return *server_; }

  // This process joins, too.
  TaskManager& here(Milliseconds lease = short_lease, Milliseconds heartbeat = Milliseconds(100)) {
    if (!manager_) {
      auto opened = open_redis_store(loop_, clock_, random_, {.port = server().port(), .lease = lease});
      if (!opened) throw std::runtime_error(opened.error().detail);
      store_ = std::move(*opened);
      manager_ = std::make_unique<TaskManager>(loop_, ManagerPorts{clock_, random_, *store_},
                                               ManagerOptions{.heartbeat = heartbeat});
    }
    return *manager_;
  }
  std::unique_ptr<StorePeer> peer(Milliseconds lease = short_lease, Milliseconds heartbeat = Milliseconds(100),
                                  std::uint16_t port = 0) {
    return std::make_unique<StorePeer>(
        loop_, PeerOptions{.port = port != 0 ? port : server().port(), .lease = lease, .heartbeat = heartbeat});
  }
  template <class T>
  T wait(Task<Result<T>> task) {
    auto value = run(loop_, std::move(task));
    if (!value) throw std::runtime_error(value.error().op + ": " + value.error().detail);
    return std::move(*value);
  }
  void wait(Task<Result<void>> task) {
    auto done = run(loop_, std::move(task));
    if (!done) throw std::runtime_error(done.error().op + ": " + done.error().detail);
  }
  TaskRecord ended(const TaskId& id) {
    auto awaited = wait(here().await_task(id));
    EXPECT_FALSE(awaited.timed_out);
    return awaited.record;
  }
  std::string text_of(const TaskId& id) { return wait(here().read_result(id, 0, 0)).text; }

  // Runs the loop until the server's answer is so.
  template <class Condition>
  void until(Condition condition) {
    const auto give_up_at = steady_clock::now() + give_up_after;
    while (!condition()) {
      if (loop_.stopped()) loop_.restart();
      loop_.run_one_for(std::chrono::milliseconds(1));
      ASSERT_LT(steady_clock::now(), give_up_at) << "the test waited in vain";
    }
  }

  // Everyone's lease, but this process's and the named ones', is over and doubted; all who listen are told so.
  void let_lease_pass(RawRedis& raw, const std::string& worker) {
    raw.ask({"EVAL",
             "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
             "redis.call('ZADD', 'sg:mt:workers', now - 1, ARGV[1]) "
             "redis.call('ZADD', 'sg:mt:doubted', now - 100000, ARGV[1]) redis.call('EXPIRE', 'sg:mt:doubted', 86400) "
             "redis.call('PUBLISH', 'sg:mt:workers', ARGV[1])",
             "0", worker});
  }
  static std::string field(RawRedis& raw, const TaskId& id, const std::string& name) {
    return raw.ask({"HGET", "sg:task:" + id.text(), name}).text;
  }

  boost::asio::io_context loop_;
  SystemClock clock_{loop_};
  SystemRandom random_;
  RedisServer* server_ = nullptr;
  std::unique_ptr<Store> store_;
  std::unique_ptr<TaskManager> manager_;
};

// Counts what is published about the ends of tasks.
class Notices {
 public:
  explicit Notices(const RedisServer& server) : redis_(server.connect()) {
    redis_.subscribe_pattern({"sg:task:done:*"});
  }
  // Until `count` have come, and then whatever else is there already.
  const std::map<std::string, int>& read(std::size_t count) {
    for (std::size_t got = 0;;) {
      const auto message = redis_.next_message(std::chrono::milliseconds(got < count ? 30'000 : 0));
      if (!message) return ends_;
      ++ends_[message->channel.substr(message->channel.rfind(':') + 1)];
      ++got;
    }
  }

 private:
  RawRedis redis_;
  std::map<std::string, int> ends_;
};

TEST_P(Processes, S26_AnEndWakesWhoWaitsInAnotherProcess) {
  auto owner = peer();
  std::vector<std::int64_t> took;
  for (int i = 0; i < 30; ++i) {
    const std::string name = "g" + std::to_string(i);
    const TaskId id = owner->call("gate", name);
    auto waiting = here().await_task(id);
    wait(store_->find(id));  // behind the look of the one who waits: it is subscribed
    owner->say("open " + name);
    const Awaited awaited = wait(std::move(waiting));
    const auto now =
        std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now().time_since_epoch()).count();
    EXPECT_EQ(awaited.record.status, TaskStatus::completed);
    took.push_back(now - std::stoll(owner->hear("ended " + name)));
    EXPECT_EQ(text_of(id), "result of " + name);
  }
  std::ranges::sort(took);
  RecordProperty("p50_us", static_cast<int>(took[took.size() / 2]));
  RecordProperty("longest_us", static_cast<int>(took.back()));
  std::printf("from the tool's end to the return of another process's wait: p50 %lld us, longest %lld us\n",
              static_cast<long long>(took[took.size() / 2]), static_cast<long long>(took.back()));
  EXPECT_LT(took[took.size() / 2], 100'000) << "no wait may be for a poll";
  EXPECT_EQ(owner->leave(), 0);
}

TEST_P(Processes, F14_AWaitEndsOnTimeThoughTheServerStandsStill) {
  auto owner = peer(Milliseconds(60'000));
  const TaskId id = owner->call("gate", "g");
  here(Milliseconds(60'000));
  const auto began = steady_clock::now();
  auto waiting = here().await_task(id, Milliseconds(300));
  wait(store_->find(id));  // behind the waiter's own first look
  server().pause();
  const Awaited awaited = wait(std::move(waiting));
  const auto took = steady_clock::now() - began;
  server().resume();
  EXPECT_TRUE(awaited.timed_out);
  EXPECT_EQ(awaited.record.status, TaskStatus::running);
  EXPECT_GE(took, std::chrono::milliseconds(300));
  EXPECT_LT(took, std::chrono::milliseconds(1'500)) << "less than a command may take";
}

TEST_P(Processes, S36_ProgressOutputAndListsOfOneProcessAreSeenByAnother) {
  auto one = peer();
  auto two = peer();
  const TaskId first = one->call("gate", "first");
  const TaskId second = two->call("gate", "second");
  one->say("say first halfway");
  auto record = wait(here().check(first));
  until([&] {
    record = wait(here().check(first));
    return record.progress && record.output_bytes != 0;
  });
  EXPECT_EQ(record.progress->message, "halfway");
  EXPECT_EQ(wait(here().read_output(first, 0, 100)), "halfway");
  const TaskList listed = wait(here().list({.status = TaskStatus::running}));
  ASSERT_EQ(listed.tasks.size(), 2U);
  EXPECT_EQ(listed.tasks[0].task_id, second) << "the newest first";
  EXPECT_EQ(listed.tasks[1].task_id, first);
  EXPECT_NE(listed.tasks[0].worker, listed.tasks[1].worker);
  two->say("await " + first.text() + " 30000");
  one->say("open first");
  EXPECT_EQ(two->hear("awaited " + first.text()), "completed finished");
  EXPECT_EQ(wait(here().list({.status = TaskStatus::running})).tasks.size(), 1U);
}

TEST_P(Processes, S35_ACancelAndARedirectReachTheProcessThatRunsTheTask) {
  auto owner = peer();
  const TaskId id = owner->call("gate", "g");
  wait(here().redirect(id, {.destination = "hook", .channel_id = "7", .platform = "matrix"}));
  until([&] {
    owner->say("check " + id.text());
    return owner->hear("checked " + id.text()) == "running 1";
  });
  wait(here().cancel(id));
  owner->hear("dropped g");
  const TaskRecord record = ended(id);
  EXPECT_EQ(record.reason, EndReason::cancelled);
  EXPECT_EQ(record.redirects.size(), 1U);
}

TEST_P(Processes, S27_TasksOfAKilledProcessAreDeclaredLostOnceAndAllWhoWaitAreWoken) {
  auto owner = peer();
  const TaskId id = owner->call("gate", "g");
  std::vector<std::unique_ptr<StorePeer>> watchers;
  for (int i = 0; i < 3; ++i) {
    watchers.push_back(peer());
    watchers.back()->say("await " + id.text() + " 60000");
  }
  auto waiting = here().await_task(id);
  Notices notices(server());
  owner->kill();
  const auto killed_at = steady_clock::now();
  for (auto& each : watchers) EXPECT_EQ(each->hear("awaited " + id.text()), "failed lost");
  EXPECT_EQ(wait(std::move(waiting)).record.error, "Task was lost: its worker stopped responding.");
  EXPECT_LT(steady_clock::now() - killed_at, stated_bound);
  EXPECT_THAT(notices.read(1), testing::ElementsAre(testing::Pair(id.text(), 1)));
}

TEST_P(Processes, S27_ProcessesThatDeclareAtTheSameMomentEndEachTaskOnce) {
  constexpr Milliseconds long_lease{60'000};
  constexpr std::size_t tasks = 250;
  auto owner = peer(long_lease, Milliseconds(60'000));
  std::vector<std::unique_ptr<StorePeer>> watchers;
  for (int i = 0; i < 3; ++i) watchers.push_back(peer(long_lease, Milliseconds(60'000)));
  TaskId last;
  for (std::size_t i = 0; i < tasks; ++i) last = owner->call("gate", std::to_string(i));
  for (auto& each : watchers) {
    each->say("check " + last.text());
    EXPECT_EQ(each->hear("checked " + last.text()), "running 0");
    each->say("await " + last.text() + " 60000");
  }
  auto raw = server().connect();
  until([&] { return raw.ask({"PUBSUB", "NUMSUB", "sg:mt:workers"}).items.at(1).number >= 4; });
  const std::string worker = field(raw, last, "w");
  owner->kill();
  Notices notices(server());
  let_lease_pass(raw, worker);  // all three hear it at once
  for (auto& each : watchers) EXPECT_EQ(each->hear("awaited " + last.text()), "failed lost");
  const auto& ends = notices.read(tasks);
  EXPECT_EQ(ends.size(), tasks);
  for (const auto& [id, count] : ends) EXPECT_EQ(count, 1) << id;
  EXPECT_EQ(raw.ask({"ZCARD", "sg:mt:workers"}).number, 0);
}

TEST_P(Processes, S27_AStoppedProcessThatComesBackChangesNothingThatWasDecidedAndGoesOnWorking) {
  auto owner = peer();
  const TaskId gate = owner->call("gate", "g");
  const TaskId again = owner->call("again", "r");
  auto other = peer();
  Notices notices(server());
  owner->pause();
  const TaskRecord lost = ended(gate);
  EXPECT_EQ(lost.reason, EndReason::lost);
  other->hear("began r");  // taken over
  owner->resume();
  owner->say("open g");
  owner->say("open r");
  owner->hear("ended g");
  owner->hear("ended r");
  auto raw = server().connect();
  until([&] { return wait(here().check(gate)).late_result && wait(here().check(again)).late_result; });
  EXPECT_EQ(wait(here().check(gate)).reason, EndReason::lost);
  EXPECT_EQ(text_of(gate), "");
  EXPECT_EQ(wait(here().check(again)).status, TaskStatus::running) << "only the second run may end it";
  EXPECT_EQ(wait(here().check(again)).attempt, 2U);
  const TaskId next = owner->call("gate", "next");
  owner->say("open next");
  EXPECT_EQ(ended(next).status, TaskStatus::completed);
  EXPECT_EQ(text_of(next), "result of next");
  other->say("open r");
  EXPECT_EQ(ended(again).status, TaskStatus::completed);
  EXPECT_EQ(text_of(again), "result of r");
  for (const auto& [id, count] : notices.read(3)) EXPECT_EQ(count, 1) << id;
}

TEST_P(Processes, WhatWasAskedOfAStoppedProcessIsForgottenWithTheTask) {
  auto owner = peer();
  const TaskId gate = owner->call("gate", "g");
  const TaskId again = owner->call("again", "r");
  auto raw = server().connect();
  const std::string worker = field(raw, gate, "w");
  owner->pause();
  wait(here().cancel(gate));
  EXPECT_EQ(ended(gate).reason, EndReason::lost);
  owner->resume();  // its other task waits for a process that can run it again: this one comes back in time
  owner->say("open r");
  EXPECT_EQ(ended(again).status, TaskStatus::completed);
  EXPECT_EQ(raw.ask({"EXISTS", "sg:mt:cancel:" + worker}).number, 0);
  EXPECT_EQ(owner->leave(), 0);
}

TEST_P(Processes, ATaskThatComesBackToAProcessWhereItStillRunsIsNotRunTwiceThere) {
  auto owner = peer();
  const TaskId id = owner->call("again", "r");
  auto other = peer();
  owner->pause();
  other->hear("began r");
  other->kill();
  owner->resume();
  until([&] { return wait(here().check(id)).attempt == 3; });
  EXPECT_EQ(wait(here().check(id)).status, TaskStatus::running);
  owner->say("open r");
  EXPECT_EQ(ended(id).status, TaskStatus::completed);
  EXPECT_FALSE(wait(here().check(id)).late_result);
  EXPECT_EQ(text_of(id), "result of r");
  owner->hear("ended r");
  EXPECT_EQ(owner->leave(), 0);
  run_ready(loop_);
  EXPECT_EQ(owner->unheard("began r"), 0U);
  EXPECT_EQ(owner->unheard("ended r"), 0U);
}

TEST_P(Processes, ATaskIsRunAgainSoManyTimesAndThenItIsLost) {
  auto runs = peer();
  const TaskId id = runs->call("again", "r");
  for (const unsigned attempt : {2U, 3U}) {
    auto next = peer();
    runs->kill();
    next->hear("began r");
    EXPECT_EQ(wait(here().check(id)).attempt, attempt);
    runs = std::move(next);
  }
  auto watcher = peer();
  runs->kill();
  const TaskRecord record = ended(id);
  EXPECT_EQ(record.reason, EndReason::lost);
  EXPECT_EQ(record.attempt, 3U) << "rerun_max_attempts";
  EXPECT_EQ(record.error, "Task was lost: its worker stopped responding. It was run 3 times.");
  EXPECT_EQ(watcher->unheard("began r"), 0U);
}

TEST_P(Processes, AProcessThatDiesBetweenTakingATaskOverAndRunningItLosesNothing) {
  constexpr Milliseconds never{60'000};
  auto owner = peer();
  const TaskId id = owner->call("again", "r");
  auto raw = server().connect();
  const std::string first = field(raw, id, "w");
  FaultProxy proxy(server().port());
  auto unlucky = peer(short_lease, never, proxy.port());
  until([&] { return raw.ask({"PUBSUB", "NUMSUB", "sg:mt:workers"}).items.at(1).number >= 2; });
  owner->kill();
  const auto commands = proxy.find("SCRIPT");
  ASSERT_TRUE(commands);
  const auto looks = [&] {
    std::size_t count = 0;
    const std::string sent = proxy.sent(*commands);
    for (auto at = sent.find("Task was lost"); at != std::string::npos; at = sent.find("Task was lost", at + 1))
      ++count;
    return count;
  };
  const std::size_t before = looks();
  // It hears of the death, and is stopped while its request is on its way.
  proxy.delay(FaultProxy::Towards::server, std::chrono::milliseconds(500));
  let_lease_pass(raw, first);
  until([&] { return looks() > before; });
  unlucky->pause();
  until([&] { return field(raw, id, "w") != first; });
  EXPECT_EQ(field(raw, id, "a"), "2");
  unlucky->kill();
  EXPECT_EQ(unlucky->unheard("began r"), 0U);
  auto heir = peer();
  here();
  heir->hear("began r");
  heir->say("open r");
  EXPECT_EQ(ended(id).status, TaskStatus::completed);
  EXPECT_EQ(wait(here().check(id)).attempt, 3U);
  EXPECT_EQ(text_of(id), "result of r");
}

TEST_P(Processes, AnIdleProcessThatBeginsATaskIsNotTakenForDead) {
  constexpr Milliseconds long_lease{60'000};
  auto owner = peer(long_lease, Milliseconds(60'000));
  const TaskId before = owner->call("gate", "before");
  here(long_lease, Milliseconds(60'000));
  auto raw = server().connect();
  const std::string worker = field(raw, before, "w");
  owner->say("open before");
  EXPECT_EQ(ended(before).status, TaskStatus::completed);
  // It has had nothing to run, and so renewed no lease; others have begun to doubt it.
  raw.ask({"ZADD", "sg:mt:workers", "1", worker});
  raw.ask({"ZADD", "sg:mt:doubted", "1", worker});
  raw.ask({"EXPIRE", "sg:mt:doubted", "100"});
  const TaskId id = owner->call("gate", "g");
  EXPECT_THAT(wait(store_->reap_lost({})).lost, IsEmpty());
  EXPECT_EQ(wait(here().check(id)).status, TaskStatus::running);
  owner->say("open g");
  EXPECT_EQ(ended(id).status, TaskStatus::completed);
}

class ProcessesAndTheirServer : public Processes {
 protected:
  void SetUp() override {
    own_ = std::make_unique<RedisServer>(
        RedisServerOptions{.program = GetParam().program, .append_only = true, .config = {"appendfsync always"}});
    server_ = own_.get();
  }
  std::unique_ptr<RedisServer> own_;
};

TEST_P(ProcessesAndTheirServer, AServerThatIsKilledAndRestartedLosesNothingThatEndedMeanwhile) {
  constexpr int tasks = 20;
  auto owner = peer(Milliseconds(12'000));
  auto other = peer(Milliseconds(12'000));
  here(Milliseconds(12'000));
  std::vector<TaskId> ids;
  for (int i = 0; i < tasks; ++i) ids.push_back(owner->call("gate", std::to_string(i)));
  std::vector<Task<Result<Awaited>>> waiting;
  for (const TaskId& id : ids) {
    waiting.push_back(here().await_task(id));
    other->say("await " + id.text() + " 60000");
  }
  wait(store_->find(ids.back()));
  other->say("check " + ids.back().text());
  other->hear("checked " + ids.back().text());
  server().stop();
  for (int i = 0; i < tasks; i += 2) {
    owner->say("open " + std::to_string(i));
    owner->hear("ended " + std::to_string(i));
  }
  owner->say("await " + ids[0].text() + " 30000");
  EXPECT_EQ(owner->hear("awaited " + ids[0].text()), "completed finished") << "its own process knows it";
  server().start(RedisServer::Data::kept);
  for (int i = 1; i < tasks; i += 2) owner->say("open " + std::to_string(i));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(wait(std::move(waiting[i])).record.status, TaskStatus::completed);
    EXPECT_EQ(other->hear("awaited " + ids[i].text()), "completed finished");
    EXPECT_EQ(text_of(ids[i]), "result of " + std::to_string(i));
  }
  EXPECT_EQ(wait(here().list({})).tasks.size(), ids.size());
  EXPECT_EQ(owner->leave(), 0);
  EXPECT_EQ(other->leave(), 0);
}

std::string kind_name(const testing::TestParamInfo<RedisKind>& kind) {
  return kind.param.name;
}
INSTANTIATE_TEST_SUITE_P(Redis, Processes, testing::ValuesIn(RedisServer::kinds()), kind_name);
INSTANTIATE_TEST_SUITE_P(Redis, ProcessesAndTheirServer, testing::ValuesIn(RedisServer::kinds()), kind_name);

}  // namespace
}  // namespace meantime::test
