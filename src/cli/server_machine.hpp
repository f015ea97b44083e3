// SPDX-License-Identifier: MIT
// server_machine.hpp: what `wrap` and `serve` stand on: a loop, a store and a manager over it. For .cpp files only.
#pragma once

#include <functional>
#include <memory>

#include "cli/delivering.hpp"
#include "cli/machine.hpp"
#include "meantime/journal.hpp"
#include "meantime/manager.hpp"

namespace meantime::cli {

struct ServerMachine {
  Machine machine;
  std::unique_ptr<Journal> journal;  ///< On disk, where one is configured; null: the manager has one in memory.
  std::unique_ptr<Store> store;
  std::unique_ptr<Delivering> delivering;  ///< Null: no destination is configured.
  std::unique_ptr<TaskManager> manager;

  /// Opens the store, and a manager over it. A file that cannot be opened is complained of and replaced by memory:
  /// calls are answered all the same, and tasks are then known to this process alone. A Redis that is away is waited
  /// for, and outcomes with it, in the configured journal; where that cannot be used, which is complained of, in
  /// memory. Results go to the destinations of `configured`, if there is one.
  /// Errors: invalid_argument (a Redis or a destination whose settings make no sense).
  [[nodiscard]] Result<void> open(const config::StoreSettings& settings, ManagerOptions options, Telemetry* telemetry,
                                  const config::Config* configured = nullptr);

  /// Runs `door` on the loop until it answers the exit code, then closes the store. After open().
  int run(const std::function<Task<int>()>& door);
};

}  // namespace meantime::cli
