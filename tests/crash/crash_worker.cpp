// SPDX-License-Identifier: MIT
// crash_worker.cpp: starts and finishes tasks as fast as the store takes them until it is killed, and says what the
// store has acknowledged.
//   crash_worker load FILE full|normal OUTSTANDING SPREAD
//   crash_worker hold FILE LEASE_MS      one task, kept alive by heartbeats; told by a byte on stdin to stand still (s)
//                                        until SIGCONT, or to end it (e)
//   crash_worker journal FILE JOURNAL OUTSTANDING SPREAD   through a manager whose store is away more often than not
#include <signal.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "crash/crash_protocol.hpp"
#include "engine/deadlines.hpp"
#include "engine/loop.hpp"
#include "meantime/asio.hpp"
#include "meantime/manager.hpp"
#include "meantime/random.hpp"
#include "meantime/sqlite_store.hpp"
#include "meantime/system_clock.hpp"
#include "support/flaky_store.hpp"

namespace meantime::test {
namespace {

namespace asio = boost::asio;

void report(char what, const TaskId& id) {
  std::array<char, Report::bytes> message{};
  message[0] = what;
  std::memcpy(message.data() + 1, id.raw().data(), TaskId::bytes);
  // A pipe takes so little in one piece or not at all.
  if (write(STDOUT_FILENO, message.data(), message.size()) != static_cast<ssize_t>(message.size())) std::_Exit(3);
}

struct Worker {
  Worker(SqliteOptions options) {
    auto opened = open_sqlite_store(io, clock, random, std::move(options));
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().detail.c_str());
      std::_Exit(2);
    }
    store = std::move(*opened);
  }
  Task<TaskId> start() {
    const TaskId id = ids.make(clock.wall_now());
    const auto verdict =
        co_await store->start({.task_id = id, .tool_name = "load", .caller = &caller, .created_at = clock.wall_now()});
    if (!verdict) {
      std::fprintf(stderr, "%s\n", verdict.error().detail.c_str());
      std::_Exit(4);
    }
    report(Report::started, id);
    co_return id;
  }
  Task<void> finish(TaskId id, std::string result) {
    const auto verdict = co_await store->finish({id, 1}, {.result = std::move(result), .ended_at = clock.wall_now()});
    if (!verdict) {
      std::fprintf(stderr, "%s\n", verdict.error().detail.c_str());
      std::_Exit(5);
    }
    report(verdict->stored ? Report::finished : Report::late, id);
  }

  asio::io_context io;
  SystemClock clock{io};
  SystemRandom random;
  TaskIdSource ids{random};
  Caller caller{"ann", "general", "discord"};
  std::unique_ptr<Store> store;
};

Task<void> load(Worker& worker, std::size_t spread) {
  for (;;) {
    const TaskId id = co_await worker.start();
    (void)co_await worker.store->set_progress({id, 1}, {.value = 1, .total = 2});
    (void)co_await worker.store->append_output({id, 1}, "half way\n");
    co_await worker.finish(id, result_of(id, spread));
  }
}

Task<void> hold(Worker& worker) {
  const TaskId id = co_await worker.start();
  asio::posix::stream_descriptor input(worker.io, dup(STDIN_FILENO));
  bool asked = false;
  const auto listen = [&] {
    asked = false;
    input.async_wait(asio::posix::stream_descriptor::wait_read, [&](boost::system::error_code) { asked = true; });
  };
  listen();
  asio::steady_timer timer(worker.io);
  for (;;) {
    (void)co_await worker.store->heartbeat();
    if (asked) {
      char what = 0;
      if (read(STDIN_FILENO, &what, 1) != 1 || what == 'e') break;
      // Between two transactions: one that is stopped inside of one holds the lock for all, until it goes on or dies.
      raise(SIGSTOP);
      listen();
    }
    timer.expires_after(worker.store->lease() / 5);
    co_await timer.async_wait(await);
  }
  co_await worker.finish(id, result_of(id, 1'000));
}

struct JournalWorker : Worker {
  JournalWorker(const char* file, const char* journal_file, std::size_t result_spread)
      : Worker({.file = file}), loop(io), deadlines(clock), flaky(std::move(store), loop, deadlines) {
    auto opened = open_sqlite_journal(io, journal_file);
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().detail.c_str());
      std::_Exit(2);
    }
    journal = std::move(*opened);
    manager = std::make_unique<TaskManager>(io, ManagerPorts{clock, random, flaky, nullptr, journal.get()});
    Tool tool;
    tool.name = "load";
    tool.always_background = true;
    tool.coroutine = [this, result_spread](ToolContext& context) {
      return body(*this, context, std::strtoul(std::string(context.arguments()).c_str(), nullptr, 10), result_spread);
    };
    if (!manager->add_tool(std::move(tool))) std::_Exit(2);
  }
  // Returns the result that belongs to its id, as soon as it knows it.
  static Task<ToolReturn> body(JournalWorker& self, ToolContext& context, std::size_t slot, std::size_t spread) {
    while (self.slots.at(slot).empty()) co_await context.sleep(Milliseconds(1));
    co_return ToolOutput(result_of(self.slots.at(slot), spread));
  }

  Loop loop;
  Deadlines deadlines;
  FlakyStore flaky;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<TaskManager> manager;
  std::vector<TaskId> slots;
};

Task<void> load_through_manager(JournalWorker& worker, std::size_t slot) {
  for (;;) {
    worker.slots[slot] = {};
    ToolCall call;
    call.tool = "load";
    call.arguments = std::to_string(slot);
    call.caller = worker.caller;
    const auto outcome = co_await worker.manager->call(std::move(call));
    if (!outcome) std::_Exit(4);
    const auto& task = std::get<Backgrounded>(*outcome);
    if (task.stored) report(Report::started, task.task_id);
    worker.slots[slot] = task.task_id;
    const auto awaited = co_await worker.manager->await_task(task.task_id);
    if (!awaited) std::_Exit(5);
    report(awaited->record.unsaved ? Report::unsaved : Report::finished, task.task_id);
  }
}

Task<void> come_and_go(JournalWorker& worker) {
  asio::steady_timer timer(worker.io);
  for (;;) {
    worker.flaky.go_away();
    timer.expires_after(std::chrono::milliseconds(12));
    co_await timer.async_wait(await);
    worker.flaky.come_back();
    timer.expires_after(std::chrono::milliseconds(8));
    co_await timer.async_wait(await);
  }
}

int main_of(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "load" && argc == 6) {
    Worker worker({.file = argv[2], .fsync = std::string_view(argv[3]) == "full" ? Fsync::full : Fsync::normal});
    std::vector<Task<void>> loops;
    for (int i = 0; i < std::atoi(argv[4]); ++i) {
      loops.push_back(load(worker, static_cast<std::size_t>(std::atoi(argv[5]))));
    }
    worker.io.run();
    return 0;
  }
  if (mode == "hold" && argc == 4) {
    Worker worker({.file = argv[2], .lease = Milliseconds(std::atoi(argv[3]))});
    auto body = hold(worker);
    while (!body.done()) worker.io.run_one();
    body.take();
    auto closing = worker.store->close();
    while (!closing.done()) worker.io.run_one();
    return 0;
  }
  if (mode == "journal" && argc == 6) {
    JournalWorker worker(argv[2], argv[3], static_cast<std::size_t>(std::atoi(argv[5])));
    worker.slots.resize(static_cast<std::size_t>(std::atoi(argv[4])));
    auto weather = come_and_go(worker);
    std::vector<Task<void>> loops;
    for (std::size_t i = 0; i < worker.slots.size(); ++i) loops.push_back(load_through_manager(worker, i));
    worker.io.run();
    return 0;
  }
  std::fprintf(stderr,
               "usage: crash_worker load FILE full|normal OUTSTANDING SPREAD | hold FILE LEASE_MS | "
               "journal FILE JOURNAL OUTSTANDING SPREAD\n");
  return 64;
}

}  // namespace
}  // namespace meantime::test

int main(int argc, char** argv) {
  return meantime::test::main_of(argc, argv);
}
