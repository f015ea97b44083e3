// SPDX-License-Identifier: MIT
// manager_bench.cpp: what a call costs beside the bare coroutine, and how flat that stays with a million tasks.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdlib>

#include "engine/loop.hpp"
#include "meantime/asio.hpp"
#include "meantime/manager.hpp"
#include "meantime/memory_store.hpp"
#include "meantime/system_clock.hpp"
#include "telemetry/metrics.hpp"

namespace meantime {
namespace {

namespace asio = boost::asio;

// The tests run every benchmark once, and need no million for that.
bool small() {
  return std::getenv("MEANTIME_BENCH_SMALL") != nullptr;
}
std::int64_t up_to(std::int64_t count) {
  return small() ? std::min<std::int64_t>(count, 1'000) : count;
}

struct Bench {
  explicit Bench(Telemetry* telemetry = nullptr)
      : store(make_memory_store(io, clock, MemoryRetention{.max_finished = 500, .keep_at_least = Milliseconds(0)})),
        manager(io, ManagerPorts{clock, random, *store, telemetry}, unlimited()) {}

  static ManagerOptions unlimited() {
    ManagerOptions options;
    options.limits.running = 0;
    options.limits.running_per_owner = 0;
    return options;
  }
  void turn() {
    io.restart();
    while (io.poll() != 0) io.restart();
  }

  asio::io_context io;
  SystemClock clock{io};
  SystemRandom random;
  std::unique_ptr<Store> store;
  TaskManager manager;
};

Task<ToolReturn> at_once(ToolContext&) {
  co_return ToolOutput("ok");
}

// Waits until the benchmark says so: what a tool that runs for long looks like.
struct Parked {
  Parked* next = nullptr;
  std::coroutine_handle<> handle;
};
struct Park {
  Parked* first = nullptr;
  struct Awaiter : Parked {
    Park& park;
    explicit Awaiter(Park& p) : park(p) {}
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) noexcept {
      handle = h;
      next = std::exchange(park.first, this);
    }
    static void await_resume() noexcept {}
  };
  bool wake_one() {
    if (first == nullptr) return false;
    std::exchange(first, first->next)->handle.resume();
    return true;
  }
};

[[gnu::noinline]] Task<ToolReturn> parked(Park& park) {
  Park::Awaiter awaiter(park);
  co_await awaiter;
  co_return ToolOutput("ok");
}

// What the tool's own frame takes, which is not ours.
double parked_frame_bytes() {
  Park park;
  const auto task = parked(park);
  const auto bytes = malloc_usable_size(park.first->handle.address()) + sizeof(std::size_t);
  park.wake_one();
  return static_cast<double>(bytes);
}

ToolHandle add(Bench& bench, std::string name, CoroutineBody body) {
  Tool tool;
  tool.name = std::move(name);
  tool.coroutine = std::move(body);
  return *bench.manager.add_tool(std::move(tool));
}

ToolCall call_of(const char* tool) {
  ToolCall call;
  call.tool = tool;
  call.caller.user_id = "ann";
  return call;
}

// ---- inline, no suspension ------------------------------------------------------------------------------------

Task<ToolOutput> bare() {
  co_return ToolOutput("ok");
}

void inline_own_limit(benchmark::State& state) {
  auto loop = [](benchmark::State& s) -> Task<void> {
    for (auto _ : s) benchmark::DoNotOptimize(co_await bare());
  };
  loop(state).take();
}
BENCHMARK(inline_own_limit);

void inline_own(benchmark::State& state) {
  Bench bench;
  const ToolHandle tool = add(bench, "quick", at_once);
  auto loop = [](benchmark::State& s, TaskManager& manager, ToolHandle handle) -> Task<void> {
    const ToolCall call = call_of("quick");
    for (auto _ : s) benchmark::DoNotOptimize(co_await manager.call(handle, call));
  };
  loop(state, bench.manager, tool).take();
}
BENCHMARK(inline_own);

// What the caller itself pays to make the call that it passes.
void inline_making_the_call(benchmark::State& state) {
  const ToolCall call = call_of("quick");
  for (auto _ : state) {
    ToolCall copy = call;
    benchmark::DoNotOptimize(copy);
  }
}
BENCHMARK(inline_making_the_call);

void inline_own_with_metrics(benchmark::State& state) {
  const auto metrics = make_metrics();
  Bench bench(metrics.get());
  const ToolHandle tool = add(bench, "quick", at_once);
  auto loop = [](benchmark::State& s, TaskManager& manager, ToolHandle handle) -> Task<void> {
    const ToolCall call = call_of("quick");
    for (auto _ : s) benchmark::DoNotOptimize(co_await manager.call(handle, call));
  };
  loop(state, bench.manager, tool).take();
}
BENCHMARK(inline_own_with_metrics);

asio::awaitable<ToolOutput> bare_awaitable() {
  co_return ToolOutput("ok");
}

void inline_awaitable_limit(benchmark::State& state) {
  asio::io_context io;
  auto loop = [](benchmark::State& s) -> asio::awaitable<void> {
    for (auto _ : s) benchmark::DoNotOptimize(co_await bare_awaitable());
  };
  asio::co_spawn(io, loop(state), asio::detached);
  io.run();
}
BENCHMARK(inline_awaitable_limit);

void inline_awaitable(benchmark::State& state) {
  Bench bench;
  const ToolHandle tool = add(bench, "quick", at_once);
  auto loop = [](benchmark::State& s, TaskManager& manager, ToolHandle handle, bool& done) -> asio::awaitable<void> {
    const ToolCall call = call_of("quick");
    for (auto _ : s) benchmark::DoNotOptimize(co_await as_awaitable(manager.call(handle, call)));
    done = true;
  };
  bool done = false;
  asio::co_spawn(bench.io, loop(state, bench.manager, tool, done), asio::detached);
  while (!done) bench.io.run_one();
}
BENCHMARK(inline_awaitable);

// ---- inline, one suspension -----------------------------------------------------------------------------------

Task<ToolReturn> one_hop(asio::io_context& io) {
  co_await asio::post(io, await);
  co_return ToolOutput("ok");
}

void hop_limit(benchmark::State& state) {
  asio::io_context io;
  bool done = false;
  auto loop = [](benchmark::State& s, asio::io_context& context, bool& ended) -> Task<void> {
    for (auto _ : s) benchmark::DoNotOptimize(co_await one_hop(context));
    ended = true;
  };
  auto task = loop(state, io, done);
  while (!done) io.run_one();
}
BENCHMARK(hop_limit);

void hop_inline(benchmark::State& state) {
  Bench bench;
  const ToolHandle tool = add(bench, "hop", [&](ToolContext&) { return one_hop(bench.io); });
  bool done = false;
  auto loop = [](benchmark::State& s, TaskManager& manager, ToolHandle handle, bool& ended) -> Task<void> {
    const ToolCall call = call_of("hop");
    for (auto _ : s) benchmark::DoNotOptimize(co_await manager.call(handle, call));
    ended = true;
  };
  auto task = loop(state, bench.manager, tool, done);
  while (!done) bench.io.run_one();
}
BENCHMARK(hop_inline);

// ---- background ------------------------------------------------------------------------------------------------

void background_limit(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(up_to(state.range(0)));
  for (auto _ : state) {
    Park park;
    boost::unordered_flat_map<std::uint64_t, Task<ToolReturn>> tasks;
    for (std::size_t i = 0; i < count; ++i) tasks.emplace(i * 0x9E3779B97F4A7C15ULL, parked(park));
    while (park.wake_one()) {
    }
    for (std::size_t i = 0; i < count; ++i) tasks.erase(i * 0x9E3779B97F4A7C15ULL);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
BENCHMARK(background_limit)->Arg(10'000)->Unit(benchmark::kMillisecond);

void background_start_and_finish(benchmark::State& state) {
  const auto count = up_to(state.range(0));
  Bench bench;
  Park park;
  const ToolHandle tool = add(bench, "slow", [&park](ToolContext&) { return parked(park); });
  ToolCall call = call_of("slow");
  call.budget = Milliseconds(0);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < count; ++i) benchmark::DoNotOptimize(bench.manager.call(tool, call).take());
    bench.turn();
    while (park.wake_one()) {
    }
    bench.turn();
  }
  if (bench.manager.running() != 0) state.SkipWithError("tasks are left");
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(background_start_and_finish)->Arg(10'000)->Unit(benchmark::kMillisecond);

// ---- with many running ------------------------------------------------------------------------------------------

void one_completion_among(benchmark::State& state) {
  const auto count = up_to(state.range(0));
  Bench bench;
  Park crowd;
  Park park;
  const ToolHandle many = add(bench, "crowd", [&crowd](ToolContext&) { return parked(crowd); });
  const ToolHandle tool = add(bench, "slow", [&park](ToolContext&) { return parked(park); });
  ToolCall call = call_of("slow");
  call.budget = Milliseconds(0);
  const double frame = parked_frame_bytes();
  const auto before = mallinfo2().uordblks;
  for (std::int64_t i = 0; i < count; ++i) benchmark::DoNotOptimize(bench.manager.call(many, call).take());
  bench.turn();
  state.counters["bytes_a_task"] =
      static_cast<double>(mallinfo2().uordblks - before) / static_cast<double>(count) - frame;
  for (auto _ : state) {
    benchmark::DoNotOptimize(bench.manager.call(tool, call).take());
    bench.turn();
    park.wake_one();
    bench.turn();
  }
  while (crowd.wake_one()) {
  }
  bench.turn();
}
BENCHMARK(one_completion_among)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

void list_a_page_among(benchmark::State& state) {
  const auto count = up_to(state.range(0));
  Bench bench;
  Park crowd;
  const ToolHandle tool = add(bench, "crowd", [&crowd](ToolContext&) { return parked(crowd); });
  for (std::int64_t i = 0; i < count; ++i) {
    ToolCall call = call_of("crowd");
    call.caller.user_id = i % 1'000 == 0 ? "ann" : "bob";
    call.budget = Milliseconds(0);
    benchmark::DoNotOptimize(bench.manager.call(tool, std::move(call)).take());
  }
  bench.turn();
  for (auto _ : state) benchmark::DoNotOptimize(bench.manager.list({.user_id = "ann", .limit = 100}).take());
  while (crowd.wake_one()) {
  }
  bench.turn();
}
BENCHMARK(list_a_page_among)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

// ---- waking: from the end of the work to the waiter's next instruction; the clock's own price is in both
// -----------------------------------------------------------------------------------------------------

void note(benchmark::State& state, std::vector<std::int64_t>& times, std::chrono::steady_clock::time_point from) {
  const auto took = std::chrono::steady_clock::now() - from;
  state.SetIterationTime(std::chrono::duration<double>(took).count());
  times.push_back(std::chrono::nanoseconds(took).count());
}

void percentiles(benchmark::State& state, std::vector<std::int64_t>& times) {
  std::ranges::sort(times);
  state.counters["p50_ns"] = static_cast<double>(times[times.size() / 2]);
  state.counters["p99_ns"] = static_cast<double>(times[times.size() * 99 / 100]);
}

void wake_limit(benchmark::State& state) {
  asio::io_context io;
  std::coroutine_handle<> waiter;
  bool done = false;
  struct Suspend {
    std::coroutine_handle<>& waiter;
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) const noexcept { waiter = h; }
    static void await_resume() noexcept {}
  };
  auto wait = [](std::coroutine_handle<>& w, bool& d) -> Task<void> {
    co_await Suspend{w};
    d = true;
  };
  std::vector<std::int64_t> times;
  for (auto _ : state) {
    auto task = wait(waiter, done);
    io.restart();
    const auto from = std::chrono::steady_clock::now();
    asio::post(io, [&waiter] { waiter.resume(); });
    while (!task.done()) io.run_one();
    note(state, times, from);
  }
  percentiles(state, times);
}
BENCHMARK(wake_limit)->UseManualTime();

void wake_a_waiter(benchmark::State& state) {
  Bench bench;
  Park park;
  const ToolHandle tool = add(bench, "slow", [&park](ToolContext&) { return parked(park); });
  ToolCall call = call_of("slow");
  call.budget = Milliseconds(0);
  std::vector<std::int64_t> times;
  for (auto _ : state) {
    const TaskId id = std::get<Backgrounded>(*bench.manager.call(tool, call).take()).task_id;
    bench.turn();
    auto waiting = bench.manager.await_task(id);
    bench.io.restart();
    const auto from = std::chrono::steady_clock::now();
    park.wake_one();
    while (!waiting.done()) bench.io.run_one();
    note(state, times, from);
  }
  percentiles(state, times);
}
BENCHMARK(wake_a_waiter)->UseManualTime();

}  // namespace
}  // namespace meantime
