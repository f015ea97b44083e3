// SPDX-License-Identifier: MIT
// parked.hpp: requests of 2026-07-28 that wait for their client to come back with what was asked, each under a
// requestState that nobody can guess, and that is good for one repetition of the same request by the same caller.
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/deadlines.hpp"
#include "mcp/request_state.hpp"
#include "meantime/random.hpp"
#include "serve/server/work.hpp"

namespace meantime::serve {

class Parked final : mcp::StateKey {
 public:
  /// Both outlive it.
  Parked(Deadlines& deadlines, Random& random, Milliseconds kept_for, std::size_t most);
  Parked(const Parked&) = delete;
  Parked& operator=(const Parked&) = delete;
  ~Parked();

  [[nodiscard]] bool full() const noexcept { return kept_.size() >= most_; }
  [[nodiscard]] std::size_t size() const noexcept { return kept_.size(); }
  /// Keeps `work`, which is cancelled when nobody comes back in time; gives its requestState, new for each round.
  [[nodiscard]] std::string keep(std::unique_ptr<Work> work);
  /// Gives back what `state` stands for, once. Errors, for the client: it was changed, is too old, was used, or was
  /// made for another caller or request: never told apart further than helps an honest client.
  [[nodiscard]] std::expected<std::unique_ptr<Work>, std::string> take(std::string_view state,
                                                                       std::string_view binding);

 private:
  struct Kept {
    Kept(Parked& its_parked, std::string its_id, std::unique_ptr<Work> its_work);
    Parked& parked;
    std::string id;
    std::unique_ptr<Work> work;
    Deadline expiry;
  };

  [[nodiscard]] std::string mac(std::string_view bytes) const override;

  Deadlines& deadlines_;
  Random& random_;
  Milliseconds kept_for_;
  std::size_t most_;
  std::string key_;  // of this process: what it keeps ends with it
  std::unordered_map<std::string, std::unique_ptr<Kept>> kept_;
};

}  // namespace meantime::serve
