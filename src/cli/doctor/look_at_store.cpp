// SPDX-License-Identifier: MIT
// look_at_store.cpp: what a store's place says about it, and whether it can be written.
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <filesystem>

#include "cli/doctor/findings.hpp"

namespace meantime::cli {
namespace {

constexpr std::uint64_t little_room = 64ULL << 20U;

// File systems of other machines: neither SQLite's WAL nor our locks work there.
bool is_network(long type) {
  constexpr std::array<unsigned, 6> types{0x6969 /* NFS */,      0x517B /* SMB */,      0xFE534D42 /* SMB2 */,
                                          0xFF534D42 /* CIFS */, 0x00C36400 /* Ceph */, 0x01021997 /* 9P */};
  return std::ranges::find(types, static_cast<unsigned>(type)) != types.end();
}

std::filesystem::path nearest_there(std::filesystem::path path) {
  std::error_code ec;
  while (!std::filesystem::exists(path, ec) && path != path.parent_path()) path = path.parent_path();
  return path;
}

void look_at_disk(const std::filesystem::path& folder, Diagnosis& diagnosis) {
  struct statfs kind{};
  if (statfs(folder.c_str(), &kind) == 0 && is_network(kind.f_type)) {
    diagnosis.add(true, "store", folder.string() + " lies on a network file system, where locks and WAL do not hold",
                  "name a file on a local disk, or share tasks between machines through a Redis");
  }
  struct statvfs room{};
  if (statvfs(folder.c_str(), &room) == 0) {
    const std::uint64_t free = static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
    if (free < little_room) {
      diagnosis.add(true, "store",
                    "the disk of " + folder.string() + " has " + std::to_string(free >> 20U) + " MB left",
                    "make room, or name a file on another disk");
    }
  }
}

void look_at_permissions(const std::filesystem::path& path, Diagnosis& diagnosis) {
  struct stat state{};
  if (stat(path.c_str(), &state) != 0) return;
  const bool is_folder = S_ISDIR(state.st_mode);
  if (is_folder && (state.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (state.st_mode & S_ISVTX) == 0) {
    diagnosis.add(false, "store", "other users can take files out of " + path.string(), "chmod 700 " + path.string());
  }
  // What others cannot reach through the folder, they cannot read.
  struct stat folder{};
  const bool reachable = stat(path.parent_path().c_str(), &folder) == 0 && (folder.st_mode & (S_IXGRP | S_IXOTH)) != 0;
  if (!is_folder && reachable && (state.st_mode & (S_IRGRP | S_IROTH | S_IWGRP | S_IWOTH)) != 0) {
    diagnosis.add(false, "store", "other users can read the tasks and results in " + path.string(),
                  "chmod 600 " + path.string());
  }
}

}  // namespace

Task<bool> try_to_write(Machine& machine, const config::StoreSettings& settings, Diagnosis& diagnosis) {
  auto store = open_store(machine, settings, Access::write);
  if (!store) {
    diagnosis.add(true, "store", store.error().detail);
    co_return false;
  }
  const auto written = co_await (*store)->heartbeat();
  co_await (*store)->close();
  if (!written) diagnosis.add(true, "store", "it cannot be written: " + written.error().detail);
  co_return written.has_value();
}

Task<void> look_at_sqlite(Machine& machine, const config::StoreSettings& store, Diagnosis& diagnosis) {
  std::error_code ec;
  const std::filesystem::path folder = nearest_there(store.path.parent_path());
  look_at_disk(folder, diagnosis);
  if (std::filesystem::exists(store.path, ec)) {
    look_at_permissions(folder, diagnosis);
    look_at_permissions(store.path, diagnosis);
    static_cast<void>(co_await try_to_write(machine, store, diagnosis));
  } else if (!std::filesystem::is_directory(folder, ec) || access(folder.c_str(), W_OK | X_OK) != 0) {
    diagnosis.add(true, "store", store.path.string() + " is not there and cannot be made",
                  "make its folder and let this user write it, or name another file with --store");
  }
}

Task<void> look_at_redis(Machine& machine, const config::StoreSettings& store, Diagnosis& diagnosis) {
  auto report = co_await inspect_redis(machine.loop, machine.clock, store.redis);
  if (!report) {
    diagnosis.add(true, "store", report.error().detail);
    co_return;
  }
  diagnosis.store_version = std::move(report->version);
  diagnosis.round_trip = report->round_trip;
  for (RedisAdvice& advice : report->advice) {
    diagnosis.add(advice.serious, "store", std::move(advice.finding), std::move(advice.remedy));
  }
  static_cast<void>(co_await try_to_write(machine, store, diagnosis));
}

}  // namespace meantime::cli
