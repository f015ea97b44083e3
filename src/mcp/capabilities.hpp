// SPDX-License-Identifier: MIT
// capabilities.hpp: what a client and a server say they can do, in both families. Pure; reading allocates nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mcp/json_span.hpp"
#include "mcp/protocol.hpp"

namespace meantime::mcp {

inline constexpr std::string_view tasks_extension = "io.modelcontextprotocol/tasks";

/// What a client takes: of its `initialize`, or of one stateless request.
struct ClientCapabilities {
  bool sampling = false;
  bool sampling_tools = false;
  bool sampling_context = false;
  bool elicitation_form = false;
  bool elicitation_url = false;
  bool roots = false;
  bool tasks = false;            ///< Stateless: the extension. It takes a task in place of a call's result.
  bool requested_tasks = false;  ///< 2025-11-25: the client itself runs tasks for us (which we never ask for).

  friend bool operator==(const ClientCapabilities&, const ClientCapabilities&) = default;
};

/// Reads a capabilities object; anything of the wrong type counts as not there. An empty `elicitation` is the form.
[[nodiscard]] ClientCapabilities read_client_capabilities(JsonSpan capabilities);

/// The same as raw JSON: what our client declares.
[[nodiscard]] std::string to_json(const ClientCapabilities& client, Revision revision);

/// What `client` lacks to be asked `method` with `params` (an elicitation, a sampling, the roots): raw JSON of the
/// `requiredCapabilities` object for a -32021. None: it can be asked. A method that no client knows is lacked as `{}`.
[[nodiscard]] std::optional<std::string> missing_for(const ClientCapabilities& client, std::string_view method,
                                                     JsonSpan params);

/// Raw JSON: `data` of the -32021 that says a task is needed.
[[nodiscard]] std::string_view tasks_required_data() noexcept;
/// Raw JSON: `data` with these `requiredCapabilities`.
[[nodiscard]] std::string required_capabilities_data(std::string_view required);

/// What a server offers.
struct ServerCapabilities {
  bool tools = false;
  bool tools_list_changed = false;
  bool prompts = false;
  bool prompts_list_changed = false;
  bool resources = false;
  bool resources_subscribe = false;
  bool resources_list_changed = false;
  bool completions = false;
  bool logging = false;
  bool tasks = false;      ///< Handshake: `tasks` of 2025-11-25; stateless: the extension.
  bool tasks_list = true;  ///< With tasks, 2025-11-25: tasks/list is offered (only where callers are told apart).
  std::string extensions;  ///< Further ones: raw members `"id":{...}`, comma-separated. Stateless only.
};

/// As it stands in `initialize` or `server/discover` of that revision.
[[nodiscard]] std::string to_json(const ServerCapabilities& server, Revision revision);

/// An upstream's, of either family.
[[nodiscard]] ServerCapabilities read_server_capabilities(JsonSpan capabilities);

}  // namespace meantime::mcp
