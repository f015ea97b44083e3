// SPDX-License-Identifier: MIT
// worker.hpp: a whole process of ours for tests against real servers: a store, a manager and tools, on real time.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <string>

#include "meantime/manager.hpp"
#include "meantime/redis_store.hpp"
#include "meantime/system_clock.hpp"
#include "support/co_test.hpp"
#include "support/fault_proxy.hpp"
#include "support/gate.hpp"
#include "support/manager_fixture.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {

/// Short enough that a test sees it pass, long enough for a busy machine.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
// There a greeting alone may take as long as elsewhere a whole command on a busy machine.
inline constexpr Milliseconds quick_timeout{2'000};
#else
inline constexpr Milliseconds quick_timeout{400};
#endif
#else
inline constexpr Milliseconds quick_timeout{400};
#endif

inline RedisOptions redis_at(std::uint16_t port, Milliseconds command_timeout = quick_timeout) {
  RedisOptions options;
  options.port = port;
  options.command_timeout = command_timeout;
  return options;
}

/// Each of its upkeep is far away: what happens, happens because of an event.
inline ManagerOptions without_upkeep() {
  ManagerOptions options;
  options.heartbeat = std::chrono::hours(1);
  options.store_wait = Milliseconds(2'000);
  options.limits.running_per_owner = 0;
  return options;
}

/// Tools: "slow" waits for the gate; "echo" gives its arguments back after a moment. Both go to the background at once.
class Worker {
 public:
  Worker(boost::asio::io_context& io, RedisOptions redis, ManagerOptions options = without_upkeep(),
         Journal* journal = nullptr)
      : io_(io), clock(io) {
    auto opened = open_redis_store(io, clock, random_, std::move(redis));
    if (!opened) throw std::runtime_error(opened.error().detail);
    store = std::move(*opened);
    manager = std::make_unique<TaskManager>(io, ManagerPorts{clock, random_, *store, &telemetry, journal}, options);
    add("slow", gate.body());
    add("echo", [](ToolContext& context) { return echo(context); });
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    if (!manager) return;
    run(io_, manager->drain(Milliseconds(0)));
    manager.reset();
    run(io_, store->close());
    store.reset();
    run_ready(io_);
  }

  [[nodiscard]] Task<Result<Outcome>> call(std::string tool, std::string arguments = "") {
    ToolCall call;
    call.tool = std::move(tool);
    call.arguments = std::move(arguments);
    call.caller = {.user_id = "ann", .channel_id = "C42", .platform = "matrix"};
    return manager->call(std::move(call));
  }
  /// A task in the background, which the store has.
  TaskId begin(std::string tool = "slow", std::string arguments = "") {
    auto outcome = run(io_, call(std::move(tool), std::move(arguments)));
    if (!outcome) throw std::runtime_error(outcome.error().detail);
    const auto& task = std::get<Backgrounded>(*outcome);
    EXPECT_TRUE(task.stored);
    return task.task_id;
  }
  /// What another's task is, asked for until the store answers.
  Result<TaskRecord> look(TaskId id) {
    for (;;) {
      auto record = run(io_, manager->check(id));
      if (record || record.error().code != errc::unavailable) return record;
    }
  }
  std::string read(TaskId id) {
    for (;;) {
      auto page = run(io_, manager->read_result(id, 0, 0));
      if (page) return page->text;
      if (page.error().code != errc::unavailable) return page.error().detail;
    }
  }
  [[nodiscard]] std::size_t faults_with(std::string_view text) const {
    std::size_t count = 0;
    for (const auto& fault : telemetry.faults) count += fault.find(text) != std::string::npos ? 1 : 0;
    return count;
  }

 private:
  void add(std::string name, CoroutineBody body) {
    Tool tool;
    tool.name = std::move(name);
    tool.always_background = true;
    tool.coroutine = std::move(body);
    if (auto added = manager->add_tool(std::move(tool)); !added) throw std::runtime_error(added.error().detail);
  }
  static Task<ToolReturn> echo(ToolContext& context) {
    co_await context.sleep(Milliseconds(2));
    co_return ToolOutput(std::string(context.arguments()));
  }

  boost::asio::io_context& io_;
  SystemRandom random_;

 public:
  SystemClock clock;
  KeepingTelemetry telemetry;
  Gate gate;
  std::unique_ptr<Store> store;
  std::unique_ptr<TaskManager> manager;
};

/// Real time that something took.
class Stopwatch {
 public:
  [[nodiscard]] Milliseconds passed() const {
    return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - from_);
  }

 private:
  std::chrono::steady_clock::time_point from_ = std::chrono::steady_clock::now();
};

/// Wakes `io` at each change of a proxy's counts, for as long as it lives.
class WakesLoop {
 public:
  WakesLoop(FaultProxy& proxy, boost::asio::io_context& io) : proxy_(proxy) {
    proxy.on_change([&io] { boost::asio::post(io, [] {}); });
  }
  WakesLoop(const WakesLoop&) = delete;
  WakesLoop& operator=(const WakesLoop&) = delete;
  ~WakesLoop() { proxy_.on_change(nullptr); }

 private:
  FaultProxy& proxy_;
};

}  // namespace meantime::test
