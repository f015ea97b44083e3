// SPDX-License-Identifier: MIT
// storm.hpp: the processes, the server and the ways between them, and all that is done to them at random moments.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "chaos/hook.hpp"
#include "chaos/ledger.hpp"
#include "support/child.hpp"
#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {

struct StormOptions {
  std::filesystem::path folder;
  std::string server_program;  ///< Empty: the first that is found.
  unsigned workers = 4;
  unsigned askers = 2;
  std::uint64_t seed = 0;
  Hook* hook = nullptr;  ///< Outlives it.
};

class Storm {
 public:
  explicit Storm(const StormOptions& options);

  void rage(std::chrono::milliseconds length);
  /// All faults end, all processes run again; they begin nothing new, and end what runs.
  void calm();
  /// They go. Errors: what was not as it should be is in the ledger.
  void end();

  [[nodiscard]] RedisServer& server() { return *server_; }
  [[nodiscard]] const std::map<std::string, unsigned>& counts() const { return counts_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Place {
    Child child;
    Descriptor input;  ///< Its end means: nothing new.
    std::unique_ptr<FaultProxy> proxy;
    std::uint64_t starts = 0;
    bool stopped = false;
  };

  void start(unsigned place);
  void look_after(unsigned place);
  void one_act();
  void act_on_process(unsigned place, unsigned what);
  void act_on_way(unsigned place, unsigned what);
  void act_on_server(unsigned what);
  void act_on_hook();
  void resume(unsigned place);
  void server_up();
  void undo_later(std::uint64_t from_ms, std::uint64_t to_ms, std::function<void()> undo);
  void run_due(bool all);
  void hinder(const std::string& what) { ledger_.write(said::hindered, {what}); }
  void free(const std::string& what) { ledger_.write(said::freed, {what}); }
  std::uint64_t random(std::uint64_t from, std::uint64_t to) {
    return std::uniform_int_distribution<std::uint64_t>(from, to)(dice_);
  }

  StormOptions options_;
  Ledger ledger_;
  std::mt19937_64 dice_;
  std::unique_ptr<RedisServer> server_;
  std::vector<Place> places_;
  std::multimap<Clock::time_point, std::function<void()>> later_;
  std::map<std::string, unsigned> counts_;
  bool server_disturbed_ = false;
};

}  // namespace meantime::test
