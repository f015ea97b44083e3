// SPDX-License-Identifier: MIT
// read_server.hpp: one server as other MCP clients keep it, as an upstream of ours. Private to this folder.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <vector>

#include "config/placeholders.hpp"
#include "config/section.hpp"

namespace meantime::config {

/// What the file says to all its servers.
struct ServerFile {
  FillIn fill;                   ///< For ${...}
  FillIn fill_braces;            ///< For {...}
  bool braces = false;           ///< The file's client has {...}, too.
  std::filesystem::path folder;  ///< Where programs are started that do not say; empty: ours.
};

/// Null: switched off; or it cannot be used, which is a problem where the file is wrong, and a note where only
/// something is missing on this machine (a program, a variable), so that the others of the file are used.
[[nodiscard]] std::optional<UpstreamSettings> read_server(Problems& problems, const ServerFile& file,
                                                          const Member& server, std::vector<Problem>& notes);

}  // namespace meantime::config
