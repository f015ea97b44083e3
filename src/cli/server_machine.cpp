// SPDX-License-Identifier: MIT
#include "cli/server_machine.hpp"

#include "cli/terminal.hpp"
#include "meantime/memory_store.hpp"
#include "meantime/sqlite_store.hpp"

namespace meantime::cli {
namespace {

Task<int> serve_and_close(const std::function<Task<int>()>& door, ServerMachine& self) {
  const int code = co_await door();
  self.manager.reset();
  co_await self.store->close();
  co_return code;
}

}  // namespace

ServerMachine::ServerMachine(const std::string& store_option, const config::StoreSettings& settings,
                             ManagerOptions options, Telemetry* telemetry) {
  SqliteOptions sqlite;
  sqlite.file = store_file(store_option.empty() ? settings.path.string() : store_option);
  sqlite.fsync = settings.fsync;
  sqlite.lease = settings.lease;
  if (store_option.empty() && settings.kind == config::StoreSettings::Kind::memory) {
    store = make_memory_store(machine.loop, machine.clock);
  } else if (auto opened = open_sqlite_store(machine.loop, machine.clock, machine.random, std::move(sqlite))) {
    store = std::move(*opened);
  } else {
    complain(opened.error().detail);
    complain("going on without it: tasks of this session are known to this process alone, and end with it");
    store = make_memory_store(machine.loop, machine.clock);
  }
  manager = std::make_unique<TaskManager>(machine.loop, ManagerPorts{machine.clock, machine.random, *store, telemetry},
                                          options);
}

int ServerMachine::run(const std::function<Task<int>()>& door) {
  Task<int> work = serve_and_close(door, *this);
  while (!work.done()) machine.loop.run_one();
  return work.take();
}

}  // namespace meantime::cli
