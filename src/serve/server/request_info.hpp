// SPDX-License-Identifier: MIT
// request_info.hpp: what stays known of a request after its text is gone: who asked, in which revision, and what that
// client can be told and asked. Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/authenticator.hpp"
#include "mcp/capabilities.hpp"
#include "mcp/protocol.hpp"
#include "mcp/server_request.hpp"
#include "meantime/tool.hpp"

namespace meantime::serve {

class HandshakeClient;

struct RequestInfo {
  mcp::Family family = mcp::Family::stateless;
  mcp::Revision revision = mcp::Revision::r2026_07_28;
  mcp::ClientCapabilities client;
  std::string client_name;
  std::string id;              ///< Raw.
  std::string progress_token;  ///< Raw; empty: no progress is wanted.
  std::optional<LogLevel> log_level;
  std::shared_ptr<const auth::Principal> who;  ///< Never null.
  HandshakeClient* session = nullptr;          ///< Of the handshake family; outlives the request.

  [[nodiscard]] bool stateless() const noexcept { return family == mcp::Family::stateless; }
  /// May be answered with a CreateTaskResult of 2026-07-28.
  [[nodiscard]] bool takes_tasks() const noexcept { return stateless() && client.tasks; }
};

}  // namespace meantime::serve
