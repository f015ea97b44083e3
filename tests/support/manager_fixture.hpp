// SPDX-License-Identifier: MIT
// manager_fixture.hpp: a TaskManager on a turned clock, with a store that can be taken away and telemetry that is kept.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "meantime/manager.hpp"
#include "meantime/memory_store.hpp"
#include "support/co_test.hpp"
#include "support/flaky_store.hpp"
#include "support/gate.hpp"
#include "support/manual_clock.hpp"

namespace meantime::test {

struct KeptEvent {
  std::string phase, status, tool_name, task_id, user_id, channel_id, platform, error_type, error_message;
  Milliseconds duration{};
  bool backgrounded = false;
};

class KeepingTelemetry final : public Telemetry {
 public:
  void on_event(const TaskEvent& e) override {
    if (throws) throw std::runtime_error("telemetry is broken");
    events.push_back({std::string(name_of(e.phase)), std::string(e.status), std::string(e.tool_name),
                      std::string(e.task_id), std::string(e.user_id), std::string(e.channel_id),
                      std::string(e.platform), std::string(e.error_type), std::string(e.error_message), e.duration,
                      e.backgrounded});
  }
  void on_fault(std::string_view where, std::string_view what) override {
    if (throws) throw std::runtime_error("telemetry is broken");
    faults.push_back(std::string(where) + ": " + std::string(what));
  }
  std::vector<KeptEvent> events;
  std::vector<std::string> faults;
  bool throws = false;
};

/// One process: a manager and its worker's place in the store.
struct Process {
  Process(boost::asio::io_context& io, ManualClock& clock, std::shared_ptr<MemoryBackend> backend,
          ManagerOptions options, bool with_telemetry = true, Journal* journal = nullptr, bool store_away = false,
          const DeliveryRules* delivery = nullptr)
      : loop(io), deadlines(clock), store(make_memory_store(io, std::move(backend)), loop, deadlines) {
    if (store_away) store.go_away();
    manager = std::make_unique<TaskManager>(
        io, ManagerPorts{clock, random, store, with_telemetry ? &telemetry : nullptr, journal, delivery}, options);
  }
  Loop loop;
  Deadlines deadlines;
  SystemRandom random;
  KeepingTelemetry telemetry;
  FlakyStore store;
  std::unique_ptr<TaskManager> manager;
};

class ManagerTest : public testing::Test {
 protected:
  explicit ManagerTest(ManagerOptions options = {}) : options_(options) {}

  void SetUp() override { restart(options_); }

  void restart(ManagerOptions options) {
    here.reset();
    here = std::make_unique<Process>(io, clock, backend, options);
  }
  TaskManager& manager() { return *here->manager; }

  void add(Tool tool) {
    auto added = manager().add_tool(std::move(tool));
    ASSERT_TRUE(added.has_value()) << added.error().detail;
  }
  void add(std::string name, CoroutineBody body) {
    Tool tool;
    tool.name = std::move(name);
    tool.coroutine = std::move(body);
    add(std::move(tool));
  }
  void add_gate(std::string name = "slow") { add(std::move(name), gate.body()); }

  static ToolCall call_of(std::string tool, std::string user = "ann") {
    ToolCall call;
    call.tool = std::move(tool);
    call.caller = {.user_id = std::move(user), .channel_id = "channel", .platform = "matrix"};
    return call;
  }

  /// Turns the clock until `task` is done, by at most `limit`.
  template <class T>
  T turn_until_done(Task<T> task, Milliseconds limit = std::chrono::hours(48)) {
    run_ready(io);
    for (Milliseconds turned{0}; !task.done() && turned < limit; turned += Milliseconds(100)) {
      clock.advance(Milliseconds(100));
    }
    if (!task.done()) throw std::runtime_error("the task did not end within its time");
    return task.take();
  }
  /// The answer of a call whose tool is over its budget.
  Backgrounded background(ToolCall call) {
    auto outcome = turn_until_done(manager().call(std::move(call)));
    if (!outcome) throw std::runtime_error(outcome.error().detail);
    return std::get<Backgrounded>(*outcome);
  }
  TaskRecord check(TaskId id) {
    auto record = run(io, manager().check(id));
    if (!record) throw std::runtime_error(record.error().detail);
    return *record;
  }
  std::string result_of(TaskId id) {
    auto page = run(io, manager().read_result(id, 0, 0));
    if (!page) throw std::runtime_error(page.error().detail);
    return page->text;
  }

  boost::asio::io_context io;
  ManualClock clock{io};
  std::shared_ptr<MemoryBackend> backend = make_memory_backend(clock);
  Gate gate;
  std::unique_ptr<Process> here;

 private:
  ManagerOptions options_;
};

}  // namespace meantime::test
