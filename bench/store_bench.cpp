// SPDX-License-Identifier: MIT
// store_bench.cpp: the SQLite store beside bare SQLite with the same rows, batches and fsync, a wake-up in another
// process beside a bare datagram between two, and a page of a long list in either store.
#include <benchmark/benchmark.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "meantime/memory_store.hpp"
#include "meantime/random.hpp"
#include "meantime/sqlite_store.hpp"
#include "meantime/system_clock.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/schema.hpp"

namespace meantime {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using std::chrono::steady_clock;

bool small() {
  return std::getenv("MEANTIME_BENCH_SMALL") != nullptr;
}

// Beside the working folder and not in /tmp, which may be memory: the disk is what is measured.
class Folder {
 public:
  Folder() {
    std::string name = (fs::current_path() / "meantime-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] fs::path file() const { return path_ / "tasks.db"; }

 private:
  fs::path path_;
};

struct Bench {
  std::unique_ptr<Store> open(const fs::path& file) {
    auto store = open_sqlite_store(io, clock, random, {.file = file});
    if (!store) std::abort();
    return std::move(*store);
  }
  template <class T>
  T wait(Task<T> task) {
    io.restart();
    auto work = asio::make_work_guard(io);
    while (!task.done()) io.run_one();
    return task.take();
  }
  TaskId start(Store& store) {
    const TaskId id = ids.make(clock.wall_now());
    if (!wait(store.start({.task_id = id, .tool_name = "search", .caller = &caller, .created_at = clock.wall_now()}))) {
      std::abort();
    }
    return id;
  }

  asio::io_context io;
  SystemClock clock{io};
  SystemRandom random;
  TaskIdSource ids{random};
  Caller caller{"ann", "general", "discord"};
};

void percentiles(benchmark::State& state, std::vector<double>& micros) {
  if (micros.empty()) return;
  std::ranges::sort(micros);
  state.counters["p50_us"] = micros[micros.size() / 2];
  state.counters["p99_us"] = micros[micros.size() * 99 / 100];
}

double micros_since(steady_clock::time_point from) {
  return std::chrono::duration<double, std::micro>(steady_clock::now() - from).count();
}

// --- durable start and finish with a 1 KB result ----------------------------------------------------------------

constexpr std::size_t result_bytes = 1'000;

// `outstanding` callers at once, each starting and finishing one task after another.
void sqlite_start_and_finish(benchmark::State& state) {
  const Folder folder;
  Bench bench;
  auto store = bench.open(folder.file());
  const auto outstanding = static_cast<int>(state.range(0));
  std::vector<double> waits;
  std::int64_t left = 0;
  auto caller = [](Bench& b, Store& s, std::int64_t& remaining, std::vector<double>& waited) -> Task<void> {
    const std::string result(result_bytes, 'r');
    while (remaining-- > 0) {
      const TaskId id = b.ids.make(b.clock.wall_now());
      auto from = steady_clock::now();
      const auto started = co_await s.start(
          {.task_id = id, .tool_name = "search", .caller = &b.caller, .created_at = b.clock.wall_now()});
      waited.push_back(micros_since(from));
      from = steady_clock::now();
      const auto ended = co_await s.finish({id, 1}, {.result = result, .ended_at = b.clock.wall_now()});
      waited.push_back(micros_since(from));
      if (!started || !ended) std::abort();
    }
  };
  const std::int64_t tasks = small() ? 200 : 50'000;
  for (auto _ : state) {
    left = tasks;
    std::vector<Task<void>> callers;
    for (int i = 0; i < outstanding; ++i) callers.push_back(caller(bench, *store, left, waits));
    for (auto& each : callers) bench.wait(std::move(each));
  }
  state.SetItemsProcessed(state.iterations() * tasks);
  percentiles(state, waits);
  bench.wait(store->close());
}
BENCHMARK(sqlite_start_and_finish)->Arg(1)->Arg(64)->Arg(256)->Unit(benchmark::kMillisecond)->UseRealTime();

// The same rows into the same tables, in transactions of as many, with nothing around.
void sqlite_start_and_finish_limit(benchmark::State& state) {
  const Folder folder;
  Bench bench;
  auto opened = store::open_for_writing({.file = folder.file()});
  if (!opened) std::abort();
  store::Database& db = *opened->db;
  db.run("PRAGMA wal_autocheckpoint = 1000");
  store::Statement insert(db,
                          "INSERT INTO tasks(id, owner, tool, channel, platform, worker, created) "
                          "VALUES(?,?,?,?,?,?,?)");
  store::Statement end(db,
                       "UPDATE tasks SET status=1, reason=1, ended=?, result_bytes=1000, result_chars=1000, "
                       "result=? WHERE id=?");
  const auto batch = static_cast<std::size_t>(state.range(0));
  const std::int64_t tasks = small() ? 200 : 50'000;
  const std::string result(result_bytes, 'r');
  for (auto _ : state) {
    std::vector<TaskId> ids(batch);
    for (std::int64_t done = 0; done < tasks; done += static_cast<std::int64_t>(batch)) {
      db.run("BEGIN IMMEDIATE");
      for (TaskId& id : ids) {
        id = bench.ids.make(bench.clock.wall_now());
        insert.run(store::Blob{id.raw()}, std::string_view("ann"), std::string_view("search"),
                   std::string_view("general"), std::string_view("discord"), std::string_view("1234-0123456789ab"),
                   bench.clock.wall_now().time_since_epoch().count());
      }
      db.run("COMMIT");
      db.run("BEGIN IMMEDIATE");
      for (const TaskId& id : ids) {
        end.run(bench.clock.wall_now().time_since_epoch().count(), store::Blob{result}, store::Blob{id.raw()});
      }
      if (!db.run("COMMIT")) std::abort();
    }
  }
  state.SetItemsProcessed(state.iterations() * tasks);
}
BENCHMARK(sqlite_start_and_finish_limit)->Arg(1)->Arg(64)->Arg(256)->Unit(benchmark::kMillisecond)->UseRealTime();

// --- a waiter in another process --------------------------------------------------------------------------------

// Runs `body` in a child process with one end of a socket pair; the other is the caller's.
template <class Body>
class Child {
 public:
  explicit Child(Body body) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      body(ends[1]);
      _exit(0);
    }
    close(ends[1]);
    fd_ = ends[0];
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    close(fd_);
    waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  pid_t pid_ = -1;
  int fd_ = -1;
};

std::int64_t nanoseconds(steady_clock::time_point time) {
  return time.time_since_epoch().count();
}

void wake_other_process_limit(benchmark::State& state) {
  // The child sends the time; here it is read by a loop that waits for it, as a waiter does.
  auto body = [](int fd) {
    char go = 0;
    while (recv(fd, &go, 1, 0) == 1) {
      // Until the one who waits has surely gone to sleep.
      for (const auto asked = steady_clock::now(); steady_clock::now() - asked < std::chrono::microseconds(300);) {
      }
      const std::int64_t now = nanoseconds(steady_clock::now());
      send(fd, &now, sizeof now, 0);
    }
  };
  const Child child(body);
  asio::io_context io;
  asio::posix::stream_descriptor socket(io, dup(child.fd()));
  std::vector<double> waits;
  for (auto _ : state) {
    std::int64_t sent = 0;
    send(child.fd(), "g", 1, 0);
    socket.async_wait(asio::posix::stream_descriptor::wait_read,
                      [&](boost::system::error_code) { recv(child.fd(), &sent, sizeof sent, 0); });
    io.restart();
    io.run();
    const auto took = nanoseconds(steady_clock::now()) - sent;
    waits.push_back(static_cast<double>(took) / 1e3);
    state.SetIterationTime(static_cast<double>(took) / 1e9);
  }
  percentiles(state, waits);
}
BENCHMARK(wake_other_process_limit)->UseManualTime()->Iterations(small() ? 10 : 2'000);

class WakeListener final : public StoreListener {
 public:
  std::vector<TaskId> ended;
  void on_ended(const TaskId& task) override { ended.push_back(task); }
  void on_cancel_requested(const TaskId&) override {}
  void on_changed(const TaskId&) override {}
  void on_worker_died() override {}
  void on_redirected(const TaskId&) override {}
  void on_input_answered(const TaskId&) override {}
  void on_available(bool, std::string_view) override {}
  void on_forgotten() override {}
};

// From the moment a task's result is on disk, and its worker is told so, to the waiter's waking.
void wake_other_process(benchmark::State& state) {
  const Folder folder;
  auto body = [&folder](int fd) {
    Bench bench;
    auto store = bench.open(folder.file());
    char go = 0;
    for (;;) {
      const TaskId id = bench.start(*store);
      send(fd, id.raw().data(), TaskId::bytes, 0);
      if (recv(fd, &go, 1, 0) != 1) break;
      const std::int64_t asked = nanoseconds(steady_clock::now());
      if (!bench.wait(
              store->finish({id, 1}, {.result = std::string(result_bytes, 'r'), .ended_at = bench.clock.wall_now()}))) {
        std::abort();
      }
      const std::array<std::int64_t, 2> times{asked, nanoseconds(steady_clock::now())};
      send(fd, times.data(), sizeof times, 0);
    }
    bench.wait(store->close());
  };
  const Child child(body);
  Bench bench;
  auto store = bench.open(folder.file());
  WakeListener listener;
  store->listen(&listener);
  std::vector<double> waits;
  std::vector<double> whole;
  for (auto _ : state) {
    std::array<char, TaskId::bytes> raw{};
    if (recv(child.fd(), raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size())) std::abort();
    const TaskId id = TaskId::from_bytes({raw.data(), raw.size()});
    listener.ended.clear();
    store->watch(id);
    if (!bench.wait(store->find(id))) std::abort();
    send(child.fd(), "g", 1, 0);
    auto work = asio::make_work_guard(bench.io);
    while (std::ranges::find(listener.ended, id) == listener.ended.end()) bench.io.run_one();
    const std::int64_t woken = nanoseconds(steady_clock::now());
    store->unwatch(id);
    std::array<std::int64_t, 2> times{};
    if (recv(child.fd(), times.data(), sizeof times, 0) != sizeof times) std::abort();
    waits.push_back(static_cast<double>(std::max<std::int64_t>(woken - times[1], 0)) / 1e3);
    whole.push_back(static_cast<double>(woken - times[0]) / 1e3);
    state.SetIterationTime(static_cast<double>(woken - times[0]) / 1e9);
  }
  percentiles(state, whole);
  std::ranges::sort(waits);
  state.counters["after_the_worker_p50_us"] = waits[waits.size() / 2];
  bench.wait(store->close());
}
BENCHMARK(wake_other_process)->UseManualTime()->Iterations(small() ? 10 : 2'000);

// --- pages of a list --------------------------------------------------------------------------------------------

constexpr std::int64_t many = 1'000'000;
std::int64_t rows() {
  return small() ? 2'000 : many;
}

// All of one owner; every tenth runs.
void sqlite_list_a_page(benchmark::State& state) {
  const Folder folder;
  Bench bench;
  {
    auto opened = store::open_for_writing({.file = folder.file()});
    if (!opened) std::abort();
    store::Database& db = *opened->db;
    db.run("PRAGMA wal_autocheckpoint = 1000; BEGIN");
    store::Statement insert(db,
                            "INSERT INTO tasks(id, owner, tool, channel, platform, worker, created, status, reason, "
                            "ended, result_bytes, result_chars, result) VALUES(?,?,?,?,?,?,?,?,?,?,200,200,?)");
    const std::string result(200, 'r');
    for (std::int64_t i = 0; i < rows(); ++i) {
      const TaskId id = bench.ids.make(bench.clock.wall_now());
      const bool runs = i % 10 == 0;
      insert.run(store::Blob{id.raw()}, std::string_view("ann"), std::string_view("search"),
                 std::string_view("general"), std::string_view("discord"), std::string_view("1234-0123456789ab"),
                 bench.clock.wall_now().time_since_epoch().count(), runs ? 0 : 1, runs ? 0 : 1,
                 runs ? std::nullopt : std::optional<std::int64_t>(i), store::Blob{result});
    }
    if (!db.run("COMMIT")) std::abort();
  }
  auto store = bench.open(folder.file());
  ListQuery query{.user_id = "ann"};
  if (state.range(0) == 1) query.status = TaskStatus::running;
  std::vector<double> waits;
  for (auto _ : state) {
    const auto from = steady_clock::now();
    const auto page = bench.wait(store->list(query));
    if (!page || page->tasks.size() != 100) std::abort();
    waits.push_back(micros_since(from));
    query.after = page->next;  // on and on, so that no page is only ever in the cache
    if (!page->next) query.after.reset();
  }
  percentiles(state, waits);
  bench.wait(store->close());
}
BENCHMARK(sqlite_list_a_page)->ArgName("running")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond)->UseRealTime();

void memory_list_a_page(benchmark::State& state) {
  Bench bench;
  auto store = make_memory_store(bench.io, bench.clock);
  for (std::int64_t i = 0; i < rows(); ++i) bench.start(*store);
  ListQuery query{.user_id = "ann"};
  if (state.range(0) == 1) query.status = TaskStatus::running;
  for (auto _ : state) {
    const auto page = store->list(query).take();
    if (!page || page->tasks.size() != 100) std::abort();
    query.after = page->next;
    if (!page->next) query.after.reset();
  }
}
BENCHMARK(memory_list_a_page)->ArgName("running")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void memory_start_and_finish(benchmark::State& state) {
  Bench bench;
  auto store =
      make_memory_store(bench.io, bench.clock, MemoryRetention{.max_finished = 500, .keep_at_least = Milliseconds(0)});
  for (std::int64_t i = 0; i < state.range(0); ++i) bench.start(*store);
  const WallTime now = bench.clock.wall_now();
  for (auto _ : state) {
    const TaskId id = bench.ids.make(now);
    auto started =
        store->start({.task_id = id, .tool_name = "search", .caller = &bench.caller, .created_at = now}).take();
    auto ended = store->finish({id, 1}, {.result = "ok", .ended_at = now}).take();
    benchmark::DoNotOptimize(started);
    benchmark::DoNotOptimize(ended);
  }
}
BENCHMARK(memory_start_and_finish)->Arg(0)->Arg(100'000)->Arg(small() ? 1'000 : 1'000'000);

void sqlite_open_and_close(benchmark::State& state) {
  const Folder folder;
  Bench bench;
  bench.wait(bench.open(folder.file())->close());
  std::vector<double> opens;
  for (auto _ : state) {
    const auto from = steady_clock::now();
    auto store = bench.open(folder.file());
    opens.push_back(micros_since(from));
    bench.wait(store->close());
  }
  percentiles(state, opens);
}
BENCHMARK(sqlite_open_and_close)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace meantime
