// SPDX-License-Identifier: MIT
#include "cli/machine.hpp"

#include <cstdlib>
#include <filesystem>

#include "meantime/memory_store.hpp"

namespace meantime::cli {
namespace {

using config::StoreSettings;
using Kind = StoreSettings::Kind;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::filesystem::path whole(const std::filesystem::path& given) {
  if (given.empty()) return default_state_folder() / "tasks.db";
  std::error_code ignored;  // a path that cannot be looked at is reported when it is opened
  std::filesystem::path path = std::filesystem::absolute(given, ignored);
  if (path.empty()) path = given;
  if (!path.has_filename() || std::filesystem::is_directory(path, ignored)) path /= "tasks.db";
  return path;
}

Result<void> add_password(RedisOptions& redis) {
  if (!redis.password.empty()) return {};
  const std::string file = variable("MEANTIME_STORE_PASSWORD_FILE");
  if (file.empty()) {
    redis.password = variable("MEANTIME_STORE_PASSWORD");
    return {};
  }
  auto password = config::read_password(file);
  if (!password) {
    return fail(errc::invalid_argument, "cli", "$MEANTIME_STORE_PASSWORD_FILE: " + password.error().detail);
  }
  redis.password = std::move(*password);
  return {};
}

}  // namespace

Result<StoreSettings> choose_store(const std::string& option, const StoreSettings& configured) {
  StoreSettings chosen = configured;
  const std::string text = option.empty() ? variable("MEANTIME_STORE") : option;
  if (!text.empty()) {
    auto named = config::parse_store(text);
    if (!named) {
      return fail(errc::invalid_argument, "cli",
                  std::string(option.empty() ? "$MEANTIME_STORE: " : "--store: ") + named.error().detail);
    }
    // Where it is was said now; how it is kept stays as configured.
    chosen.kind = named->kind;
    chosen.path = named->path;
    named->redis.retention = configured.redis.retention;
    named->redis.command_timeout = configured.redis.command_timeout;
    named->redis.lease = configured.redis.lease;
    chosen.redis = std::move(named->redis);
  }
  if (chosen.kind == Kind::sqlite) chosen.path = whole(chosen.path);
  if (chosen.kind == Kind::redis) {
    if (auto added = add_password(chosen.redis); !added) return std::unexpected(std::move(added.error()));
  }
  return chosen;
}

std::filesystem::path token_folder() {
  return default_state_folder() / "tokens";
}

std::string place_of(const StoreSettings& store) {
  if (store.kind == Kind::redis) return store.redis.place();
  return store.kind == Kind::memory ? "memory" : store.path.string();
}

Result<std::unique_ptr<Store>> open_store(Machine& machine, const StoreSettings& store, Access access) {
  switch (store.kind) {
    case Kind::redis:
      return open_redis_store(machine.loop, machine.clock, machine.random, store.redis);
    case Kind::memory:
      if (access == Access::read) {
        return fail(
            errc::invalid_argument, "cli",
            "a memory store ends with its process, there is nothing to see in it: name an SQLite file or a Redis "
            "with --store or $MEANTIME_STORE");
      }
      return make_memory_store(machine.loop, machine.clock);
    case Kind::sqlite:
      break;
  }
  SqliteOptions options;
  options.file = store.path;
  options.fsync = store.fsync;
  options.lease = store.lease;
  options.read_only_ok = access == Access::read;
  return open_sqlite_store(machine.loop, machine.clock, machine.random, std::move(options));
}

}  // namespace meantime::cli
