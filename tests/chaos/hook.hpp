// SPDX-License-Identifier: MIT
// hook.hpp: the webhook that results are delivered to, strict and in no process that is killed, and what the workers
// send there: each result in parts, so that a kill finds deliveries in their middle.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fakes/fake_thread.hpp"
#include "fakes/fake_webhook.hpp"
#include "http/client.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::test {

inline constexpr const char* hook_name = "hook";
inline constexpr const char* hook_platform = "chaos";
inline constexpr int parts_of_a_result = 3;

/// A part that the hook heard of for the first time.
struct Received {
  std::string task_id;
  std::string channel;
  int part = 0;
};

/// All that arrived, in order.
struct Arrivals {
  std::vector<Received> parts;
  std::uint64_t came_again = 0;  ///< Under an id that the hook knew.
  std::vector<std::string> complaints;
};

class Hook {
 public:
  /// Writes the secret that signs into `folder`, for the workers.
  explicit Hook(const std::filesystem::path& folder);
  [[nodiscard]] std::string url() const { return fake_.url() + "/hook"; }
  /// The next request meets this.
  void next(Fault fault);
  void next_fails();
  /// Gives the answers that were held.
  void release();
  [[nodiscard]] Arrivals arrivals();

 private:
  FakeThread<FakeWebhook> fake_;
};

/// What a worker delivers by. The last two outlive it.
[[nodiscard]] std::unique_ptr<Adapter> adapter_to_hook(const std::string& url, const std::filesystem::path& folder,
                                                       http::Client& http, Clock& clock);

}  // namespace meantime::test
