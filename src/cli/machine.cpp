// SPDX-License-Identifier: MIT
#include "cli/machine.hpp"

#include "meantime/sqlite_store.hpp"

namespace meantime::cli {

std::filesystem::path store_file(const std::string& option) {
  if (option.empty()) return default_state_folder() / "tasks.db";
  std::filesystem::path path = option;
  std::error_code ignored;  // a path that cannot be looked at is reported when it is opened
  if (!path.has_filename() || std::filesystem::is_directory(path, ignored)) path /= "tasks.db";
  return path;
}

Result<std::unique_ptr<Store>> open_store(Machine& machine, const std::string& option, Access access) {
  SqliteOptions options;
  options.file = store_file(option);
  options.read_only_ok = access == Access::read;
  return open_sqlite_store(machine.loop, machine.clock, machine.random, std::move(options));
}

}  // namespace meantime::cli
