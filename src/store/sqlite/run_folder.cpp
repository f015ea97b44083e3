// SPDX-License-Identifier: MIT
#include "store/sqlite/run_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>

namespace meantime::store {
namespace {

constexpr std::string_view socket_suffix = ".sock";
constexpr std::string_view lock_suffix = ".lock";
// Times of change are as coarse as the kernel's tick: a folder that changed this recently may change again unseen.
constexpr std::int64_t settled_after_ns = 50'000'000;

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

std::string socket_of(const std::filesystem::path& folder, const std::string& worker) {
  return (folder / (worker + std::string(socket_suffix))).string();
}
std::string lock_of(const std::filesystem::path& folder, const std::string& worker) {
  return (folder / (worker + std::string(lock_suffix))).string();
}

// A path through the folder's descriptor, because a socket's path has 107 characters at most; a worker's name has 40.
sockaddr_un address_of(int folder, const std::string& worker) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/" + worker + std::string(socket_suffix);
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

}  // namespace

Result<void> RunFolder::join() {
  const auto cannot = [&](const char* what) {
    auto error = fail(errc::unavailable, "store.join",
                      std::string(what) + " in '" + folder_.string() + "' failed (" + std::strerror(errno) +
                          "): make the folder writable for this user, or choose another with MEANTIME_STATE_DIR.");
    leave();
    return error;
  };
  if (joined()) return {};
  if (mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) return cannot("Making the folder for locks");
  lock_ = ::open(lock_of(folder_, worker_).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (lock_ < 0 || flock(lock_, LOCK_EX | LOCK_NB) != 0) return cannot("Making a lock");
  const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return cannot("Opening the folder for locks");
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const sockaddr_un address = address_of(folder, worker_);
  const bool bound = socket_ >= 0 && bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(folder);
  if (!bound) return cannot("Making a socket");
  return {};
}

void RunFolder::leave() noexcept {
  if (socket_ >= 0) {
    ::close(socket_);
    unlink(socket_of(folder_, worker_).c_str());
    socket_ = -1;
  }
  if (lock_ >= 0) {
    unlink(lock_of(folder_, worker_).c_str());
    ::close(lock_);
    lock_ = -1;
  }
}

RunFolder::Lock RunFolder::lock_state(const std::string& worker) const {
  const int fd = ::open(lock_of(folder_, worker).c_str(), O_RDONLY | O_CLOEXEC);
  // No lock: it left. Anything else tells nothing, and its lease decides.
  if (fd < 0) return errno == ENOENT ? Lock::missing : Lock::held;
  // Shared: two who look at the same time do not take each other for the owner.
  const bool held = flock(fd, LOCK_SH | LOCK_NB) != 0;
  ::close(fd);
  return held ? Lock::held : Lock::free;
}

bool RunFolder::holds_lock(const std::string& worker) const {
  return lock_state(worker) == Lock::held;
}

bool RunFolder::was_killed(const std::string& worker) const {
  return lock_state(worker) == Lock::free;
}

bool RunFolder::is_dead(const std::string& worker, std::string_view boot) const {
  return boot != boot_id() || !holds_lock(worker);
}

bool RunFolder::remove_if_gone(const std::string& worker) const {
  if (holds_lock(worker)) return false;
  unlink(lock_of(folder_, worker).c_str());
  unlink(socket_of(folder_, worker).c_str());
  return true;
}

std::int64_t RunFolder::pid() noexcept {
  return getpid();
}

const std::string& RunFolder::boot_id() {
  static const std::string id = [] {
    std::string text;
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::getline(file, text);
    return text;
  }();
  return id;
}

Peers::~Peers() {
  if (socket_ >= 0) ::close(socket_);
  if (folder_fd_ >= 0) ::close(folder_fd_);
}

bool Peers::open() {
  if (folder_fd_ < 0) folder_fd_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (socket_ < 0 && folder_fd_ >= 0) socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return socket_ >= 0;
}

const std::vector<std::string>& Peers::others() {
  struct stat now{};
  if (!open() || fstat(folder_fd_, &now) != 0) return others_;
  if (now.st_nlink == 0) {  // the folder was removed, perhaps made again
    ::close(std::exchange(folder_fd_, -1));
    listed_ = -1;
    others_.clear();
    return others_;
  }
  const std::int64_t changed = nanoseconds(now.st_mtim);
  if (changed == listed_) return others_;
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  const std::int64_t age = nanoseconds(wall) - changed;
  listed_ = age > settled_after_ns || age < 0 ? changed : -1;
  others_.clear();
  const int fd = openat(folder_fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* folder = fd >= 0 ? fdopendir(fd) : nullptr;
  if (folder == nullptr) return others_;
  while (const dirent* entry = readdir(folder)) {
    std::string_view name = entry->d_name;
    if (!name.ends_with(socket_suffix)) continue;
    name.remove_suffix(socket_suffix.size());
    if (name != worker_) others_.emplace_back(name);
  }
  closedir(folder);
  return others_;
}

int Peers::send(const std::string& worker, std::string_view message) const {
  const sockaddr_un address = address_of(folder_fd_, worker);
  const ssize_t sent = sendto(socket_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return sent < 0 ? errno : 0;
}

void Peers::remove_socket(const std::string& worker) const {
  unlink(socket_of(folder_, worker).c_str());
}

}  // namespace meantime::store
