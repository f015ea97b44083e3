// SPDX-License-Identifier: MIT
// store_peer.cpp: a whole meantime process of its own on a Redis, led by lines on its standard input, and telling on
// its standard output what it does. It runs until it is killed or its input ends.
//   store_peer PORT LEASE_MS HEARTBEAT_MS
//   call TAG TOOL NAME    -> called TAG ID STORED     tools: gate, again (rerun_if_lost); they wait for their gate
//   open NAME             lets what waits at the gate NAME go on, now and later; it returns "result of NAME"
//   await ID MS           -> awaited ID STATUS REASON
//   check ID              -> checked ID STATUS REDIRECTS
//   say NAME TEXT         what runs at that gate makes progress, and prints TEXT
// and unasked: began NAME, ended NAME MICROSECONDS, dropped NAME
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <set>
#include <sstream>

#include "meantime/asio.hpp"
#include "meantime/manager.hpp"
#include "meantime/random.hpp"
#include "meantime/redis_store.hpp"
#include "meantime/system_clock.hpp"

namespace meantime::test {
namespace {

namespace asio = boost::asio;

void tell(const std::string& line) {
  std::cout << line << '\n' << std::flush;
}

std::string now_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

class Gates {
 public:
  explicit Gates(asio::io_context& io) : io_(io) {}
  void open(const std::string& name) {
    open_.insert(name);
    if (const auto at = timers_.find(name); at != timers_.end()) at->second.cancel();
  }
  Task<void> pass(std::string name) {
    while (!open_.contains(name)) {
      auto& timer = timers_.try_emplace(name, io_, asio::steady_timer::time_point::max()).first->second;
      co_await timer.async_wait(await);
    }
  }
  std::map<std::string, ToolContext*> at_gate;

 private:
  asio::io_context& io_;
  std::set<std::string> open_;
  std::map<std::string, asio::steady_timer> timers_;
};

Task<ToolReturn> wait_at_gate(Gates& gates, ToolContext& context) {
  struct Guard {
    Gates& gates;
    std::string name;
    bool ended = false;
    Guard(Gates& g, std::string n, ToolContext& c) : gates(g), name(std::move(n)) { gates.at_gate[name] = &c; }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard() {
      gates.at_gate.erase(name);
      if (!ended) tell("dropped " + name);
    }
  } guard(gates, std::string(context.arguments()), context);
  tell("began " + guard.name);
  co_await gates.pass(guard.name);
  guard.ended = true;
  tell("ended " + guard.name + " " + now_us());
  co_return ToolOutput("result of " + guard.name);
}

struct Peer {
  Peer(std::uint16_t port, Milliseconds lease, Milliseconds heartbeat) {
    auto opened = open_redis_store(io, clock, random, {.port = port, .lease = lease});
    if (!opened) throw std::runtime_error(opened.error().detail);
    store = std::move(*opened);
    manager =
        std::make_unique<TaskManager>(io, ManagerPorts{clock, random, *store}, ManagerOptions{.heartbeat = heartbeat});
    for (const char* name : {"gate", "again"}) {
      Tool tool;
      tool.name = name;
      tool.always_background = true;
      tool.idempotent = tool.rerun_if_lost = tool.name == "again";
      tool.coroutine = [this](ToolContext& context) { return wait_at_gate(gates, context); };
      if (auto added = manager->add_tool(std::move(tool)); !added) throw std::runtime_error(added.error().detail);
    }
  }
  asio::io_context io;
  SystemClock clock{io};
  SystemRandom random;
  Gates gates{io};
  std::unique_ptr<Store> store;
  std::unique_ptr<TaskManager> manager;
};

Task<void> call(Peer& peer, std::string tag, std::string tool, std::string name) {
  ToolCall call;
  call.tool = std::move(tool);
  call.arguments = std::move(name);
  call.caller = {.user_id = "ann", .channel_id = "general", .platform = "matrix"};
  const auto outcome = co_await peer.manager->call(std::move(call));
  if (!outcome) {
    tell("called " + tag + " error " + outcome.error().detail);
    co_return;
  }
  const auto& task = std::get<Backgrounded>(*outcome);
  tell("called " + tag + " " + task.task_id.text() + (task.stored ? " stored" : " unstored"));
}

Task<void> await_it(Peer& peer, TaskId id, Milliseconds limit) {
  const auto awaited = co_await peer.manager->await_task(id, limit);
  if (!awaited) {
    tell("awaited " + id.text() + " error " + std::string(name_of(awaited.error().code)));
    co_return;
  }
  tell("awaited " + id.text() + " " + std::string(name_of(awaited->record.status)) + " " +
       std::string(name_of(awaited->record.reason)));
}

Task<void> check(Peer& peer, TaskId id) {
  const auto record = co_await peer.manager->check(id);
  if (!record) {
    tell("checked " + id.text() + " error " + std::string(name_of(record.error().code)));
    co_return;
  }
  tell("checked " + id.text() + " " + std::string(name_of(record->status)) + " " +
       std::to_string(record->redirects.size()));
}

Task<void> obey(Peer& peer, TaskGroup& group) {
  asio::posix::stream_descriptor input(peer.io, dup(STDIN_FILENO));
  std::string buffer;
  for (;;) {
    const auto [ec, size] = co_await asio::async_read_until(input, asio::dynamic_buffer(buffer), "\n", await);
    if (ec) co_return;
    const std::string line = buffer.substr(0, size - 1);
    buffer.erase(0, size);
    std::istringstream words(line);
    std::string verb;
    std::string first;
    std::string second;
    std::string third;
    words >> verb >> first >> second >> third;
    const auto id = TaskId::parse(first);
    if (verb == "call") {
      group.spawn(call(peer, first, second, third));
    } else if (verb == "open") {
      peer.gates.open(first);
    } else if (verb == "await" && id) {
      group.spawn(await_it(peer, *id, Milliseconds(std::atoi(second.c_str()))));
    } else if (verb == "check" && id) {
      group.spawn(check(peer, *id));
    } else if (verb == "say" && peer.gates.at_gate.contains(first)) {
      peer.gates.at_gate[first]->progress({.value = 1, .total = 2, .message = second});
      peer.gates.at_gate[first]->append_output(second);
    } else {
      tell("what? " + line);
    }
  }
}

int main_of(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: store_peer PORT LEASE_MS HEARTBEAT_MS\n");
    return 64;
  }
  Peer peer(static_cast<std::uint16_t>(std::atoi(argv[1])), Milliseconds(std::atoi(argv[2])),
            Milliseconds(std::atoi(argv[3])));
  {
    TaskGroup group;
    auto obeying = obey(peer, group);
    while (!obeying.done()) peer.io.run_one();
  }
  auto draining = peer.manager->drain(Milliseconds(0));
  while (!draining.done()) peer.io.run_one();
  peer.manager.reset();
  auto closing = peer.store->close();
  while (!closing.done()) peer.io.run_one();
  return 0;
}

}  // namespace
}  // namespace meantime::test

int main(int argc, char** argv) {
  return meantime::test::main_of(argc, argv);
}
