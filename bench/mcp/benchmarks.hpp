// SPDX-License-Identifier: MIT
// benchmarks.hpp: the parts of mcp_bench and where they find what they need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mcp/lanes.hpp"
#include "mcp/speech.hpp"

namespace meantime::bench {

struct Places {
  std::string meantime;   ///< The program.
  std::string tiny_echo;  ///< An upstream that costs nothing.
  std::string peers;      ///< node_modules with the peers; empty: there are none.
  std::string node;       ///< A recent Node; empty: there is none.
  std::string nginx;      ///< Empty: there is none.
  bool small = false;     ///< Each once, to see that it runs.
};

void inline_calls(const Places& places);
void gateway(const Places& places);
void task_cycles(const Places& places);
void over_budget(const Places& places);
void idle_connections(const Places& places);

/// One line: who, and what it brought; `limit`: that of this run, for the ratio (0: none).
void print(const char* who, const Figures& figures, double limit = 0);

/// Waits until somebody listens there.
void wait_for_port(std::uint16_t port);

constexpr std::size_t lane_limit = 64;  ///< No benchmark has more at once.

/// Greets in each lane's own session if the family has sessions, and gives a Next that makes `calls` calls of a tool in
/// all, each answered with a result.
class Calls {
 public:
  /// `greet`: false for what is no MCP server.
  Calls(Lanes& lanes, bool greet, Family family, std::string tool, std::string arguments);
  [[nodiscard]] Next next(int calls);

 private:
  std::vector<Speech> speech_;
  std::string tool_;
  std::string arguments_;
  int left_ = 0;
};

}  // namespace meantime::bench
