// SPDX-License-Identifier: MIT
// speech.hpp: what an MCP client says over HTTP, in either family, as ready bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mcp/lanes.hpp"

namespace meantime::bench {

enum class Family : std::uint8_t { y2025, y2026 };

/// One client: its family, its session if it has one, its ids.
class Speech {
 public:
  Speech(Family family, bool tasks) : family_(family), tasks_(tasks) {}

  /// The first request of the older family.
  void initialize(std::string& out);
  /// Remembers the session that the answer to it gives.
  void greeted(const Reply& reply);
  /// The notification after it; its answer has no body.
  void initialized(std::string& out);
  [[nodiscard]] Family family() const noexcept { return family_; }

  /// `arguments`: raw JSON. With tasks a client of 2025 asks for one; one of 2026 says that it takes one.
  void call(std::string& out, std::string_view tool, std::string_view arguments);
  /// tasks/get, tasks/result.
  void of_task(std::string& out, std::string_view method, std::string_view task);
  /// subscriptions/listen (2026), to one task.
  void listen(std::string& out, std::string_view task);

 private:
  void post(std::string& out, std::string_view method, std::string_view name, std::string_view params,
            bool notification = false);

  Family family_;
  bool tasks_;
  std::string session_;
  std::string body_;
  std::uint64_t id_ = 0;
};

/// The raw text of the first string member of that name; empty: there is none.
[[nodiscard]] std::string_view text_member(std::string_view json, std::string_view name);

}  // namespace meantime::bench
