// SPDX-License-Identifier: MIT
// callers.hpp: each distinct caller once, and what each owner has running.
#pragma once

#include <boost/unordered/unordered_node_map.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "meantime/task.hpp"

namespace meantime {

struct OwnerAccount {
  std::uint32_t running = 0;
  std::uint32_t callers = 0;  ///< How many CallerAccounts point here.
};

struct CallerAccount {
  Caller caller;
  OwnerAccount* owner = nullptr;
  std::uint32_t uses = 0;  ///< Live calls that point here.
};

/// Interns callers: a million tasks of one caller share one record of it. Accounts stay where they are in memory.
class Callers {
 public:
  Callers() = default;
  /// The account of `caller`. Valid while `uses` > 0, or until the next call of this function.
  [[nodiscard]] CallerAccount& account(const Caller& caller);

 private:
  struct Hash {
    std::size_t operator()(const Caller& caller) const noexcept;
  };
  void sweep();

  boost::unordered_node_map<Caller, CallerAccount, Hash> callers_;
  boost::unordered_node_map<std::string, OwnerAccount> owners_;
  CallerAccount* last_ = nullptr;
  std::size_t sweep_at_ = 1024;
};

}  // namespace meantime
