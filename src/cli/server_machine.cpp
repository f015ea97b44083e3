// SPDX-License-Identifier: MIT
#include "cli/server_machine.hpp"

#include "cli/terminal.hpp"
#include "meantime/memory_store.hpp"

namespace meantime::cli {
namespace {

Task<int> serve_and_close(const std::function<Task<int>()>& door, ServerMachine& self) {
  constexpr Milliseconds last_messages{10'000};
  if (self.delivering) self.delivering->deliverer().start();
  const int code = co_await door();
  if (self.delivering) co_await self.delivering->deliverer().drain(last_messages);
  self.manager.reset();
  self.delivering.reset();
  co_await self.store->close();
  co_return code;
}

}  // namespace

Result<void> ServerMachine::open(const config::StoreSettings& settings, ManagerOptions options, Telemetry* telemetry,
                                 const config::Config* configured) {
  if (auto opened = open_store(machine, settings, Access::write)) {
    store = std::move(*opened);
  } else if (settings.kind == config::StoreSettings::Kind::redis) {
    return std::unexpected(std::move(opened.error()));
  } else {
    complain(opened.error().detail);
    complain("going on without it: tasks of this session are known to this process alone, and end with it");
    store = make_memory_store(machine.loop, machine.clock);
  }
  if (settings.kind == config::StoreSettings::Kind::redis && !settings.journal.empty()) {
    if (auto opened = open_sqlite_journal(machine.loop, settings.journal)) {
      journal = std::move(*opened);
    } else {
      complain(opened.error().detail);
      complain("going on without it: outcomes wait in memory while the Redis is away, and end with this process");
    }
  }
  if (configured != nullptr && !configured->destinations.empty()) {
    auto opened = Delivering::open({.loop = machine.loop,
                                    .clock = machine.clock,
                                    .random = machine.random,
                                    .store = *store,
                                    .telemetry = telemetry},
                                   *configured);
    if (!opened) return std::unexpected(std::move(opened.error()));
    delivering = std::move(*opened);
  }
  manager = std::make_unique<TaskManager>(machine.loop,
                                          ManagerPorts{machine.clock, machine.random, *store, telemetry, journal.get(),
                                                       delivering ? &delivering->deliverer() : nullptr},
                                          options);
  return {};
}

int ServerMachine::run(const std::function<Task<int>()>& door) {
  Task<int> work = serve_and_close(door, *this);
  while (!work.done()) machine.loop.run_one();
  return work.take();
}

}  // namespace meantime::cli
