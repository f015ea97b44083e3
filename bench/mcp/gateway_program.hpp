// SPDX-License-Identifier: MIT
// gateway_program.hpp: `meantime serve` with one upstream that costs nothing.
#pragma once

#include <fstream>
#include <memory>

#include "mcp/benchmarks.hpp"
#include "mcp/process.hpp"

namespace meantime::bench {

[[nodiscard]] inline std::unique_ptr<Process> start_gateway(const Places& places, const Folder& folder,
                                                            const std::string& more = {}) {
  const std::string file = (folder.path() / "meantime.toml").string();
  std::ofstream(file) << "[upstreams.tiny]\ncommand = [\"" << places.tiny_echo << "\"]\nprefix = \"\"\n" << more;
  return std::make_unique<Process>(std::vector<std::string>{places.meantime, "serve", "--config", file, "--store",
                                                            "memory", "--http", "127.0.0.1:0"},
                                   std::vector<std::string>{"MEANTIME_STATE_DIR=" + folder.path().string()},
                                   "listening at http://");
}

}  // namespace meantime::bench
