// SPDX-License-Identifier: MIT
// model_test.cpp: random histories of two processes on one store: calls, ends, cancels, waits, drops, a store that goes
// away, drains, a process that is killed. Whatever the order, each task that anyone was told of ends in exactly one
// outcome, an outcome once seen never changes, and nobody waits past their time.
#include <cstdlib>
#include <map>
#include <random>

#include "support/manager_fixture.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using test::Gate;
using test::ManualClock;
using test::Process;

class History {
 public:
  explicit History(unsigned seed) : random_(seed) {
    for (auto& process : processes_) begin(process);
  }

  void play(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      if (testing::Test::HasFatalFailure()) return;
    }
    settle();
  }

 private:
  struct Work {
    Gate gate;
    std::string result;  // what the gate was opened with
    bool opened = false;
    bool listens = false;
  };
  struct Call {
    Task<Result<Outcome>> task;
    std::shared_ptr<Work> work;
    std::size_t process = 0;
  };
  struct Waiting {
    Task<Result<Awaited>> task;
    TaskId id;
    SteadyTime until;
    std::size_t process = 0;
  };
  struct Known {
    std::shared_ptr<Work> work;
    std::size_t process = 0;
    std::optional<TaskRecord> outcome;
  };

  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  void begin(std::unique_ptr<Process>& process) {
    ManagerOptions options;
    options.heartbeat = 3s;
    process = std::make_unique<Process>(io_, clock_, backend_, options);
    Tool tool;
    tool.name = "work";
    tool.coroutine = [this](ToolContext& context) {
      return body(works_.at(std::stoul(std::string(context.arguments()))), context);
    };
    ASSERT_TRUE(process->manager->add_tool(std::move(tool)).has_value());
  }

  static Task<ToolReturn> body(std::shared_ptr<Work> work, ToolContext& context) {
    if (work->listens) {
      auto stop = context.stop_token();
      co_return co_await work->gate.pass();
    }
    co_return co_await work->gate.pass();
  }

  void step() {
    switch (below(14)) {
      case 0:
      case 1:
      case 2:
        call();
        break;
      case 3:
      case 4:
        if (!works_.empty()) open(*works_[static_cast<std::size_t>(below(static_cast<int>(works_.size())))]);
        break;
      case 5:
        wait();
        break;
      case 6:
        cancel();
        break;
      case 7:
        if (!calls_.empty()) calls_.erase(calls_.begin() + below(static_cast<int>(calls_.size())));
        break;
      case 8:
        if (!waits_.empty()) waits_.erase(waits_.begin() + below(static_cast<int>(waits_.size())));
        break;
      case 9:
        if (below(2) == 0) any_process().store.go_away();
        break;
      case 10:
        for (auto& process : processes_) {
          process->store.release();
          process->store.come_back();
        }
        break;
      case 11:
        below(2) == 0 ? any_process().store.hold_starts() : any_process().store.hold_finishes();
        break;
      case 12:
        if (below(6) == 0) kill();
        break;
      default:
        break;
    }
    for (int turns = below(4); turns > 0; --turns) {
      io_.restart();
      io_.poll_one();
    }
    if (below(3) == 0) clock_.advance(Milliseconds(below(4'000)));
    collect();
  }

  Process& any_process() { return *processes_[static_cast<std::size_t>(below(2))]; }

  void call() {
    const auto process = static_cast<std::size_t>(below(2));
    auto work = std::make_shared<Work>();
    work->listens = below(2) == 0;
    ToolCall call;
    call.arguments = std::to_string(works_.size());
    works_.push_back(work);
    call.tool = "work";
    call.caller.user_id = "ann";
    call.budget = Milliseconds(below(3) * 1'000);
    if (below(4) == 0) call.idempotency_key = "key" + std::to_string(calls_made_);
    ++calls_made_;
    calls_.push_back({processes_[process]->manager->call(std::move(call)), work, process});
  }

  static void open(Work& work) {
    if (work.opened) return;
    work.opened = true;
    work.result = "result";
    work.gate.open(ToolOutput(work.result));
  }

  void wait() {
    if (known_.empty()) return;
    auto at = known_.begin();
    std::advance(at, below(static_cast<int>(known_.size())));
    const auto process = static_cast<std::size_t>(below(2));
    const Milliseconds timeout(below(20'000));
    waits_.push_back({processes_[process]->manager->await_task(at->first, timeout, "ann"), at->first,
                      clock_.now() + timeout, process});
  }

  void cancel() {
    if (known_.empty()) return;
    auto at = known_.begin();
    std::advance(at, below(static_cast<int>(known_.size())));
    cancels_.push_back(any_process().manager->cancel(at->first, "ann"));
  }

  // Dies without a word: its calls and waits die with it, its tasks must become lost.
  void kill() {
    const auto process = static_cast<std::size_t>(below(2));
    std::erase_if(calls_, [&](const Call& each) { return each.process == process; });
    std::erase_if(waits_, [&](const Waiting& each) { return each.process == process; });
    cancels_.clear();
    processes_[process].reset();
    begin(processes_[process]);
  }

  void collect() {
    std::erase_if(calls_, [&](Call& each) {
      if (!each.task.done()) return false;
      auto outcome = each.task.take();
      if (outcome) {
        if (const auto* task = std::get_if<Backgrounded>(&*outcome)) {
          if (task->stored) known_.emplace(task->task_id, Known{each.work, each.process, {}});
        } else if (const auto* finished = std::get_if<Finished>(&*outcome)) {
          EXPECT_EQ(finished->output.text, each.work->result);
        }
      }
      return true;
    });
    std::erase_if(waits_, [&](Waiting& each) {
      if (!each.task.done()) {
        EXPECT_LE(clock_.now(), each.until + 1ms) << "a waiter waits past its time";
        return false;
      }
      auto awaited = each.task.take();
      if (awaited && awaited->record.status != TaskStatus::running) see(each.id, awaited->record);
      if (awaited && awaited->timed_out) {
        EXPECT_GE(clock_.now(), each.until);
      }
      return true;
    });
    std::erase_if(cancels_, [](Task<Result<void>>& each) { return each.done(); });
  }

  void see(const TaskId& id, const TaskRecord& record) {
    if (record.unsaved) return;  // said as what it is: not stored yet, and gone if its process dies now
    Known& known = known_.at(id);
    if (known.outcome) {
      EXPECT_EQ(known.outcome->status, record.status);
      EXPECT_EQ(known.outcome->reason, record.reason);
      EXPECT_EQ(known.outcome->error, record.error);
    }
    if (record.status == TaskStatus::completed) {
      EXPECT_TRUE(known.work->opened);
      EXPECT_EQ(record.result_bytes, known.work->result.size());
    }
    known.outcome = record;
  }

  // The store comes back and stays, all work ends, time passes: then everything must have an outcome.
  void settle() {
    for (auto& process : processes_) {
      process->store.release();
      process->store.come_back();
    }
    for (auto& work : works_) open(*work);
    clock_.advance(60s);
    collect();
    EXPECT_TRUE(calls_.empty());
    EXPECT_TRUE(waits_.empty()) << "somebody waits for ever";
    for (auto& [id, known] : known_) {
      for (auto& process : processes_) {
        auto record = test::run(io_, process->manager->check(id, "ann"));
        ASSERT_TRUE(record) << record.error().detail;
        EXPECT_NE(record->status, TaskStatus::running) << id.text();
        see(id, *record);
      }
    }
    for (auto& process : processes_) {
      EXPECT_EQ(process->manager->running(), 0U);
      auto draining = process->manager->drain(1s);
      clock_.advance(10s);
      EXPECT_TRUE(draining.done());
    }
  }

  std::mt19937 random_;
  boost::asio::io_context io_;
  ManualClock clock_{io_};
  std::shared_ptr<MemoryBackend> backend_ =
      make_memory_backend(clock_, MemoryRetention{.max_finished = 100'000, .keep_at_least = 1h});
  std::vector<std::shared_ptr<Work>> works_;
  std::array<std::unique_ptr<Process>, 2> processes_;
  std::map<TaskId, Known> known_;
  std::vector<Call> calls_;
  std::vector<Waiting> waits_;
  std::vector<Task<Result<void>>> cancels_;
  int calls_made_ = 0;
};

TEST(Model, S08_AnyInterleavingEndsEachTaskInExactlyOneOutcomeAndNobodyWaitsForEver) {
  const char* given = std::getenv("MEANTIME_MODEL_SEED");
  const unsigned first = given != nullptr ? static_cast<unsigned>(std::stoul(given)) : 1;
  const unsigned last = given != nullptr ? first : 400;
  for (unsigned seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " (MEANTIME_MODEL_SEED plays it alone)");
    History(seed).play(120);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace meantime
