// SPDX-License-Identifier: MIT
#include "support/redis_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <stdexcept>

#include "support/free_port.hpp"

namespace meantime::test {
namespace {

constexpr std::chrono::seconds start_limit{30};

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Marks a folder as in use for as long as the descriptor is open, that is, at most as long as this process lives.
Descriptor claim(const std::filesystem::path& folder) {
  const auto early = folder / "owner.new";
  Descriptor lock(open(early.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  if (!lock || flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    throw std::runtime_error("the server's folder cannot be marked");
  std::filesystem::rename(early, folder / "owner");
  return lock;
}

// Takes away what test programs left that were killed.
void sweep(const std::filesystem::path& temp) {
  std::error_code gone;  // somebody else may sweep, too
  for (const auto& entry : std::filesystem::directory_iterator(temp, gone)) {
    if (!entry.path().filename().string().starts_with("meantime-test-")) continue;
    const Descriptor lock(open((entry.path() / "owner").c_str(), O_RDWR | O_CLOEXEC));
    if (lock && flock(lock.get(), LOCK_EX | LOCK_NB) == 0) std::filesystem::remove_all(entry.path(), gone);
  }
}

}  // namespace

std::vector<RedisKind> RedisServer::kinds() {
  const auto kind = [](const std::string& program) {
    const bool valkey = std::filesystem::path(program).filename().string().find("valkey") != std::string::npos;
    return RedisKind{valkey ? "valkey" : "redis", program};
  };
  if (const char* set = std::getenv("MEANTIME_REDIS_SERVER"); set != nullptr && *set != '\0') return {kind(set)};
  std::vector<RedisKind> found;
  for (const char* name : {"redis-server", "valkey-server"}) {
    const auto program = find_program(name);
    // A distribution may give one server both names.
    const bool known = std::ranges::any_of(found, [&](const auto& other) {
      std::error_code unreadable;
      return std::filesystem::equivalent(program, other.program, unreadable);
    });
    if (!program.empty() && !known) found.push_back(kind(program));
  }
  return found;
}

RedisServer& RedisServer::shared(const std::string& program) {
  static std::map<std::string, std::unique_ptr<RedisServer>> servers;
  auto& server = servers[program];
  if (!server) {
    server = std::make_unique<RedisServer>(RedisServerOptions{.program = program});
    return *server;
  }
  if (!server->running()) {
    server->start(Data::lost);
    return *server;
  }
  server->resume();
  server->flush();
  return *server;
}

RedisServer::RedisServer(RedisServerOptions options) : options_(std::move(options)) {
  if (options_.program.empty()) {
    const auto found = kinds();
    if (found.empty()) throw std::runtime_error("no redis-server and no valkey-server on PATH: run scripts/setup");
    options_.program = found.front().program;
  }
  claim_ = claim(folder_.path());
  static std::once_flag swept;
  std::call_once(swept, sweep, folder_.path().parent_path());
  if (options_.tls) certificates_ = std::make_unique<Certificates>();
  for (int tries = 0; tries < 10; ++tries) {
    choose_ports();
    write_config();
    if (try_start() == Started::yes) return;
  }
  throw std::runtime_error("no port could be had for the server: " + log());
}

RedisServer::~RedisServer() = default;

std::string RedisServer::url() const {
  const std::string user = options_.password.empty() ? "" : ":" + options_.password + "@";
  return "redis://" + user + "127.0.0.1:" + std::to_string(port_);
}

std::string RedisServer::tls_url() const {
  return "rediss://localhost:" + std::to_string(tls_port_);
}

RawRedis RedisServer::connect() const {
  auto redis = RawRedis::unix_socket(socket_path());
  if (!options_.password.empty()) redis.ask({"AUTH", options_.password});
  return redis;
}

void RedisServer::flush() const {
  auto redis = connect();
  redis.ask({"FLUSHALL"});
  redis.ask({"SCRIPT", "FLUSH"});
}

void RedisServer::stop() {
  child_.kill();
}

void RedisServer::terminate() {
  if (!child_) return;
  child_.signal(SIGTERM);
  if (!child_.wait(start_limit)) throw std::runtime_error("the server does not end: " + log());
}

void RedisServer::start(Data data) {
  if (child_) throw std::runtime_error("the server runs already");
  if (data == Data::lost) {
    for (const char* name : {"dump.rdb", "appendonlydir", "appendonly.aof", "nodes.conf", "slots"}) {
      std::filesystem::remove_all(folder_.path() / name);
    }
  }
  if (try_start() == Started::port_taken) throw std::runtime_error("somebody took the server's port: " + log());
}

void RedisServer::restart(Data data) {
  if (data == Data::kept) {
    terminate();
  } else {
    stop();
  }
  start(data);
}

void RedisServer::pause() {
  child_.pause();
}
void RedisServer::resume() {
  child_.resume();
}

std::string RedisServer::log() const {
  return text_of(folder_.path() / "log");
}

void RedisServer::choose_ports() {
  port_ = free_port();
  tls_port_ = options_.tls ? free_port() : 0;
  bus_port_ = options_.cluster ? free_port() : 0;
}

void RedisServer::write_config() const {
  std::ofstream file(folder_.path() / "redis.conf");
  file << "bind 127.0.0.1\nport " << port_ << "\nunixsocket " << socket_path() << "\nunixsocketperm 700\ndir "
       << folder_.path().string() << "\ndaemonize no\nlogfile \"\"\nsave \"\"\nshutdown-on-sigterm save\n"
       << "enable-debug-command local\nalways-show-logo no\nset-proc-title no\n"
       << "appendonly " << (options_.append_only ? "yes" : "no") << "\nmaxmemory-policy noeviction\n"
       << "repl-diskless-sync-delay 0\n";
  if (!options_.max_memory.empty()) file << "maxmemory " << options_.max_memory << '\n';
  if (!options_.password.empty()) file << "requirepass " << options_.password << '\n';
  for (const auto& user : options_.users) file << "user " << user << '\n';
  if (options_.replica_of) {
    file << "replicaof 127.0.0.1 " << *options_.replica_of << '\n';
  }
  if (options_.cluster) file << "cluster-enabled yes\ncluster-port " << bus_port_ << '\n';
  if (options_.tls) {
    file << "tls-port " << tls_port_ << "\ntls-ca-cert-file " << certificates_->ca() << "\ntls-cert-file "
         << certificates_->server_certificate() << "\ntls-key-file " << certificates_->server_key()
         << "\ntls-auth-clients " << (options_.tls_clients ? "yes" : "no") << '\n';
  }
  for (const auto& line : options_.config) file << line << '\n';
  if (!file.flush()) throw std::runtime_error("the server's configuration cannot be written");
}

RedisServer::Started RedisServer::try_start() {
  const auto log_file = (folder_.path() / "log").string();
  std::filesystem::remove(socket_path());  // what a killed server leaves
  const Descriptor log_to(open(log_file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
  log_changes_ = Descriptor(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!log_to || inotify_add_watch(log_changes_.get(), log_file.c_str(), IN_MODIFY) < 0) {
    throw std::runtime_error("the server's log cannot be watched");
  }
  child_ =
      Child({options_.program, (folder_.path() / "redis.conf").string()}, {.out = log_to.get(), .err = log_to.get()});
  // It says so when it listens everywhere and has loaded what was on disk.
  if (!wait_for_log("Ready to accept connections")) {
    child_.kill();
    if (log().find("Address already in use") != std::string::npos) return Started::port_taken;
    throw std::runtime_error("the server did not start: " + log());
  }
  if (options_.cluster) {
    if (!std::filesystem::exists(folder_.path() / "slots")) {
      connect().ask({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
      std::ofstream(folder_.path() / "slots") << "given\n";
    }
    if (!wait_for_log("Cluster state changed: ok")) throw std::runtime_error("the cluster does not start: " + log());
  }
  log_changes_.close();
  return Started::yes;
}

bool RedisServer::wait_for_log(std::string_view line) const {
  const auto give_up_at = std::chrono::steady_clock::now() + start_limit;
  while (log().find(line) == std::string::npos) {
    std::array<pollfd, 2> events{{{log_changes_.get(), POLLIN, 0}, {child_.pidfd(), POLLIN, 0}}};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(give_up_at - std::chrono::steady_clock::now()).count();
    if (left <= 0 || poll(events.data(), events.size(), static_cast<int>(left)) == 0) return false;
    if (events[1].revents != 0) return false;
    std::array<char, 4096> read_away{};
    while (read(log_changes_.get(), read_away.data(), read_away.size()) > 0) {
    }
  }
  return true;
}

}  // namespace meantime::test
