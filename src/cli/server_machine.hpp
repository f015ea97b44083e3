// SPDX-License-Identifier: MIT
// server_machine.hpp: what `wrap` and `serve` stand on: a loop, a store and a manager over it. For .cpp files only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/machine.hpp"
#include "config/config.hpp"
#include "meantime/manager.hpp"

namespace meantime::cli {

struct ServerMachine {
  Machine machine;
  std::unique_ptr<Store> store;
  std::unique_ptr<TaskManager> manager;

  /// Opens the store that `store_option` means, else the one of `settings`. One that cannot be opened is complained of
  /// and replaced by memory: calls are answered all the same, and tasks are then known to this process alone.
  ServerMachine(const std::string& store_option, const config::StoreSettings& settings, ManagerOptions options,
                Telemetry* telemetry = nullptr);

  /// Runs `door` on the loop until it answers the exit code, then closes the store.
  int run(const std::function<Task<int>()>& door);
};

}  // namespace meantime::cli
