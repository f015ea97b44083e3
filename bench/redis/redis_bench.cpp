// SPDX-License-Identifier: MIT
// redis_bench.cpp: the Redis store beside its limits, on a redis-server of its own. `redis_bench [what]`: rate, wake,
// look, memory, lease, processes; without a name all of them.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "meantime/manager.hpp"
#include "meantime/redis_store.hpp"
#include "meantime/system_clock.hpp"
#include "redis/bare_redis.hpp"
#include "store/redis/fields.hpp"
#include "store/redis/keys.hpp"
#include "store/redis/scripts.hpp"
#include "support/redis_server.hpp"

namespace meantime::bench {
namespace {

using std::chrono::steady_clock;
using test::RedisServer;

bool small() {
  return std::getenv("MEANTIME_BENCH_SMALL") != nullptr;
}

std::int64_t nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

template <class... Parts>
void say(const char* format, Parts... parts) {
  std::printf(format, parts...);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

double at_share(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, static_cast<std::size_t>(static_cast<double>(values.size()) * share))];
}

/// One process over the server.
struct Process {
  explicit Process(std::uint16_t port) {
    auto opened = open_redis_store(io, clock, random, {.port = port});
    if (!opened) throw std::runtime_error(opened.error().detail);
    store = std::move(*opened);
  }
  template <class T>
  T wait(Task<T> task) {
    while (!task.done()) io.run_one();
    return task.take();
  }
  boost::asio::io_context io{1};
  SystemClock clock{io};
  SystemRandom random;
  TaskIdSource ids{random};
  std::unique_ptr<Store> store;
};

const std::string result_text(100, 'r');
const Caller caller{"user1", "", ""};

Task<void> run_tasks(Process& process, std::int64_t& left, std::vector<TaskId>* kept) {
  while (left-- > 0) {
    const TaskId id = process.ids.make(process.clock.wall_now());
    const auto started = co_await process.store->start(
        {.task_id = id, .tool_name = "search", .caller = &caller, .created_at = process.clock.wall_now()});
    const auto ended =
        co_await process.store->finish({id, 1}, {.result = result_text, .ended_at = process.clock.wall_now()});
    if (!started || !ended || !ended->stored) throw std::runtime_error("a task was not stored");
    if (kept != nullptr) kept->push_back(id);
  }
}

double tasks_per_second(Process& process, std::int64_t tasks, int outstanding, std::vector<TaskId>* kept = nullptr) {
  std::int64_t left = tasks;
  const auto from = steady_clock::now();
  std::vector<Task<void>> callers;
  for (int i = 0; i < outstanding; ++i) callers.push_back(run_tasks(process, left, kept));
  for (auto& each : callers) process.wait(std::move(each));
  return static_cast<double>(tasks) / std::chrono::duration<double>(steady_clock::now() - from).count();
}

/// The very commands that the store sends for so many tasks.
std::vector<std::string> same_commands(Process& process, std::int64_t tasks, std::size_t depth) {
  using namespace store::redis;
  const Keys keys("sg:");
  std::vector<std::string> starts;
  std::vector<std::string> ends;
  std::vector<std::string> out;
  for (std::int64_t i = 0; i < tasks; ++i) {
    const TaskId id = process.ids.make(process.clock.wall_now());
    const TaskStart start{
        .task_id = id, .tool_name = "search", .caller = &caller, .created_at = process.clock.wall_now()};
    ScriptCall begin(Script::start);
    begin.key(keys.task(id)).key(keys.counter()).key(keys.owner("user1")).key(keys.tool("search"));
    begin.key(keys.running("bench")).key(keys.workers()).key(keys.skew()).key(keys.task(id));
    begin.arg(id.text()).arg("bench").arg(86'400).arg(259'800).arg("0").arg(12'000).arg("0").arg("0");
    begin.arg("").arg(id.raw()).arg(keys.blocks());
    add_start(begin, start, "bench");
    starts.emplace_back(begin.request().payload());
    const TaskEnd end{.result = result_text, .ended_at = process.clock.wall_now()};
    ScriptCall finish(Script::finish);
    finish.key(keys.task(id)).key(keys.running("bench")).key(keys.failed()).key(keys.ours()).key(keys.legacy(id));
    finish.key(keys.cancels("bench")).key(keys.chunks(id, 1)).key(keys.output(id));
    finish.arg(id.text()).arg("bench").arg(1).arg(87'000).arg("completed").arg(keys.done(id));
    finish.arg(end.ended_at.time_since_epoch().count()).arg("").arg("0");
    add_end(finish, end, {.text = end.result, .bytes = end.result.size(), .chars = end.result.size()});
    ends.emplace_back(finish.request().payload());
    if (starts.size() == depth) {
      std::ranges::move(starts, std::back_inserter(out));
      std::ranges::move(ends, std::back_inserter(out));
      starts.clear();
      ends.clear();
    }
  }
  std::ranges::move(starts, std::back_inserter(out));
  std::ranges::move(ends, std::back_inserter(out));
  return out;
}

void rate(RedisServer& server) {
  const std::int64_t tasks = small() ? 500 : 60'000;
  Process process(server.port());
  tasks_per_second(process, 64, 64);
  for (const int outstanding : {1, 64, 256, 1'024}) {
    server.flush();
    tasks_per_second(process, 64, 64);  // the scripts are there again
    const double ours = tasks_per_second(process, outstanding == 1 ? tasks / 10 : tasks, outstanding);
    say("start + finish, %d at once: %.0f tasks/s", outstanding, ours);
    if (outstanding == 1) continue;
    const double limit =
        bare_commands_per_second(server.port(), same_commands(process, tasks, static_cast<std::size_t>(outstanding)),
                                 static_cast<std::size_t>(outstanding)) /
        2;
    say("  limit: the same scripts over a bare socket, as many at once: %.0f tasks/s; ours %.0f %%", limit,
        ours / limit * 100);
  }
  const double hset =
      redis_benchmark(server.port(), small() ? 1'000 : 500'000,
                      {"HSET", "x:__rand_int__", "task_id", "0123456789ab", "tool_name", "search", "status", "running",
                       "created_at", "1700000000.123", "user_id", "user1", "channel_id", "", "platform", ""});
  say("  redis-benchmark -P 64, HSET of 7 fields: %.0f/s", hset);
  server.flush();
  process.wait(process.store->close());
}

/// Runs `work` in another process; its exit code must be 0.
class Fork {
 public:
  explicit Fork(const std::function<void()>& work) : pid_(fork()) {
    if (pid_ == 0) {
      work();
      std::fflush(stdout);
      _exit(0);
    }
  }
  Fork(const Fork&) = delete;
  Fork& operator=(const Fork&) = delete;
  ~Fork() {
    int status = 0;
    waitpid(pid_, &status, 0);
    if (status != 0) say("  the other process failed: %d", status);
  }

 private:
  pid_t pid_;
};

struct Pipe {
  Pipe() {
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  }
  template <class Value>
  void put(const Value& value) const {
    if (write(ends[1], &value, sizeof value) != sizeof value) throw std::runtime_error("pipe");
  }
  template <class Value>
  Value get() const {
    Value value{};
    std::size_t have = 0;
    while (have < sizeof value) {
      const ssize_t n = read(ends[0], reinterpret_cast<char*>(&value) + have, sizeof value - have);
      if (n <= 0) throw std::runtime_error("pipe");
      have += static_cast<std::size_t>(n);
    }
    return value;
  }
  int ends[2]{};
};

Task<void> wait_for_end(TaskManager& manager, TaskId id, std::int64_t& returned) {
  auto awaited = co_await manager.await_task(id, Milliseconds(60'000));
  if (!awaited || awaited->record.status != TaskStatus::completed) throw std::runtime_error("not awaited");
  returned = nanoseconds();
}

Task<void> end_one(Process& process, TaskId id) {
  const auto ended =
      co_await process.store->finish({id, 1}, {.result = result_text, .ended_at = process.clock.wall_now()});
  if (!ended) throw std::runtime_error("not ended");
}

// The owner ends `at_once` tasks in another process; here as many wait. From the call of finish to the waiter's return.
void wake_rounds(std::uint16_t port, int rounds, int at_once) {
  const Pipe ids;
  const Pipe go;
  const Pipe moments;
  std::vector<double> micros;
  const Fork owner([&] {
    Process process(port);
    for (int round = 0; round < rounds; ++round) {
      std::vector<TaskId> made;
      for (int i = 0; i < at_once; ++i) {
        const TaskId id = process.ids.make(process.clock.wall_now());
        if (!process.wait(process.store->start(
                {.task_id = id, .tool_name = "t", .caller = &caller, .created_at = process.clock.wall_now()}))) {
          _exit(1);
        }
        made.push_back(id);
        ids.put(id);
      }
      go.get<char>();
      std::vector<Task<void>> ends;
      const std::int64_t now = nanoseconds();
      for (const TaskId& id : made) ends.push_back(end_one(process, id));
      for (auto& each : ends) process.wait(std::move(each));
      moments.put(now);
    }
    process.wait(process.store->close());
  });
  Process process(port);
  TaskManager manager(process.io, {process.clock, process.random, *process.store});
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::int64_t> returned(static_cast<std::size_t>(at_once));
    std::vector<Task<void>> waits;
    for (int i = 0; i < at_once; ++i) {
      waits.push_back(wait_for_end(manager, ids.get<TaskId>(), returned[static_cast<std::size_t>(i)]));
    }
    // All are subscribed and have looked when a look that began later is answered; then a moment of rest.
    process.wait(process.store->find(process.ids.make(process.clock.wall_now())));
    const auto rest = steady_clock::now() + std::chrono::milliseconds(at_once > 1 ? 50 : 1);
    while (steady_clock::now() < rest) process.io.poll_one();
    go.put('g');
    for (auto& each : waits) process.wait(std::move(each));
    const auto ended = moments.get<std::int64_t>();
    for (const std::int64_t when : returned) micros.push_back(static_cast<double>(when - ended) / 1'000);
  }
  say("wake in another process, %d at once: p50 %.0f us, p99 %.0f us (%zu waits)", at_once, at_share(micros, 0.5),
      at_share(micros, 0.99), micros.size());
  process.wait(process.store->close());
}

void bare_wake(const RedisServer& server) {
  const int rounds = small() ? 20 : 4'000;
  const Pipe ready;
  const Pipe moments;
  std::vector<double> micros;
  {
    const Fork publisher([&] {
      test::RawRedis redis = test::RawRedis::tcp(server.port());
      for (int i = 0; i < rounds; ++i) {
        ready.get<char>();
        usleep(500);
        moments.put(nanoseconds());
        redis.ask({"PUBLISH", "bare", "1"});
      }
    });
    test::RawRedis redis = test::RawRedis::tcp(server.port());
    redis.subscribe({"bare"});
    for (int i = 0; i < rounds; ++i) {
      ready.put('r');
      if (!redis.next_message(std::chrono::seconds(10))) throw std::runtime_error("no message");
      const std::int64_t heard = nanoseconds();
      micros.push_back(static_cast<double>(heard - moments.get<std::int64_t>()) / 1'000);
    }
  }
  say("  limit: bare PUBLISH to a subscriber: p50 %.0f us, p99 %.0f us", at_share(micros, 0.5), at_share(micros, 0.99));
}

void wake(const RedisServer& server) {
  server.flush();
  wake_rounds(server.port(), small() ? 20 : 2'000, 1);
  bare_wake(server);
  wake_rounds(server.port(), small() ? 2 : 20, small() ? 50 : 1'000);
}

Task<void> look_up(Process& process, const std::vector<TaskId>& tasks, std::size_t& next, bool with_result) {
  while (next < tasks.size()) {
    const TaskId id = tasks[next++];
    const auto record = co_await process.store->find(id);
    if (!record || record->status != TaskStatus::completed) throw std::runtime_error("not found");
    if (!with_result) continue;
    const auto page = co_await process.store->read_result(id, 0, 0);
    if (!page || page->text.size() != result_text.size()) throw std::runtime_error("no result");
  }
}

void look(const RedisServer& server) {
  server.flush();
  std::vector<TaskId> tasks;
  {
    Process owner(server.port());
    tasks_per_second(owner, small() ? 500 : 100'000, 256, &tasks);
    owner.wait(owner.store->close());
  }
  Process process(server.port());
  process.wait(process.store->find(tasks.front()));
  const store::redis::Keys keys("sg:");
  const double limit = redis_benchmark(server.port(), small() ? 1'000 : 500'000, {"HGETALL", keys.task(tasks.front())});
  for (const bool with_result : {false, true}) {
    std::size_t next = 0;
    const auto from = steady_clock::now();
    std::vector<Task<void>> callers;
    for (int i = 0; i < 64; ++i) callers.push_back(look_up(process, tasks, next, with_result));
    for (auto& each : callers) process.wait(std::move(each));
    const double rate =
        static_cast<double>(tasks.size()) / std::chrono::duration<double>(steady_clock::now() - from).count();
    say("look-up from another process, 64 at once, %s: %.0f/s", with_result ? "record and result" : "record", rate);
    say("  limit: redis-benchmark -P 64 HGETALL of such a hash: %.0f/s; ours %.0f %%", limit, rate / limit * 100);
  }
  process.wait(process.store->close());
}

std::uint64_t info_number(const RedisServer& server, const std::string& section, const std::string& name) {
  auto redis = server.connect();
  const std::string text = redis.ask({"INFO", section}).text;
  const auto at = text.find(name + ":");
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + name.size() + 1, nullptr, 10);
}

void memory(const RedisServer& server) {
  const std::int64_t tasks = small() ? 1'000 : 200'000;
  for (const char* listpack : {"64", "1024"}) {
    server.flush();
    server.connect().ask({"CONFIG", "SET", "hash-max-listpack-value", listpack});
    const std::uint64_t before = info_number(server, "memory", "used_memory");
    {
      Process process(server.port());
      tasks_per_second(process, tasks, 256);
      process.wait(process.store->close());
    }
    const auto grown = static_cast<double>(info_number(server, "memory", "used_memory") - before);
    say("memory in Redis of a finished task, 100 characters of result, hash-max-listpack-value %s: %.0f B", listpack,
        grown / static_cast<double>(tasks));
  }
  server.connect().ask({"CONFIG", "SET", "hash-max-listpack-value", "64"});
}

Task<ToolReturn> hang(ToolContext& context) {
  co_await context.sleep(std::chrono::hours(1));
  co_return ToolOutput{};
}

void lease(const RedisServer& server) {
  server.flush();
  const int running = small() ? 100 : 5'000;
  const std::chrono::seconds window(small() ? 1 : 20);
  Process process(server.port());
  TaskManager manager(process.io, {process.clock, process.random, *process.store},
                      {.limits = {.running_per_owner = 0}});
  Tool tool;
  tool.name = "hang";
  tool.coroutine = hang;
  if (!manager.add_tool(std::move(tool))) throw std::runtime_error("no tool");
  for (int i = 0; i < running; ++i) {
    if (!process.wait(manager.call({.tool = "hang", .budget = Milliseconds(0)}))) throw std::runtime_error("no call");
  }
  const std::uint64_t before = info_number(server, "stats", "total_commands_processed");
  process.io.run_for(window);
  const std::uint64_t after = info_number(server, "stats", "total_commands_processed");
  // The two looks at INFO are not ours; commands inside of scripts are counted by the server and here.
  say("lease upkeep of a process with %d running tasks: %.1f commands/s", running,
      static_cast<double>(after - before) / static_cast<double>(window.count()));
  process.wait(manager.drain(Milliseconds(0)));
  process.wait(process.store->close());
}

void processes(RedisServer& server) {
  const std::int64_t tasks = small() ? 200 : 40'000;
  for (const int count : {1, 2, 4}) {
    server.flush();
    const Pipe go;
    std::vector<std::unique_ptr<Fork>> workers;
    const auto port = server.port();
    const auto from = nanoseconds();
    for (int i = 0; i < count; ++i) {
      workers.push_back(std::make_unique<Fork>([&] {
        Process process(port);
        tasks_per_second(process, tasks, 256);
        process.wait(process.store->close());
      }));
    }
    workers.clear();
    say("start + finish by %d processes: %.0f tasks/s", count,
        static_cast<double>(tasks * count) / (static_cast<double>(nanoseconds() - from) / 1e9));
  }
}

}  // namespace
}  // namespace meantime::bench

int main(int argc, char** argv) {
  using namespace meantime::bench;
  const std::map<std::string, std::function<void(meantime::test::RedisServer&)>> all{
      {"rate", rate}, {"wake", wake}, {"look", look}, {"memory", memory}, {"lease", lease}, {"processes", processes}};
  const std::string only = argc > 1 ? argv[1] : "";
  if (!only.empty() && !all.contains(only)) {
    std::fprintf(stderr, "usage: redis_bench [rate|wake|look|memory|lease|processes]\n");
    return 2;
  }
  meantime::test::RedisServer server;
  for (const auto& [name, run] : all) {
    if (only.empty() || only == name) run(server);
  }
  return 0;
}
