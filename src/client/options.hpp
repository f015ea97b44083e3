// SPDX-License-Identifier: MIT
// options.hpp: where an MCP server is and how a client of ours behaves towards it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/request_auth.hpp"
#include "http/client.hpp"
#include "mcp/capabilities.hpp"
#include "mcp/client_rules.hpp"
#include "meantime/clock.hpp"
#include "meantime/tool.hpp"

namespace meantime::client {

/// A program that speaks over its standard streams; its standard error is ours.
struct StdioOptions {
  std::vector<std::string> command;
  std::optional<std::vector<std::string>> environment;  ///< Absent: our own.
  std::string folder;
  std::size_t max_message_bytes = std::size_t{64} << 20;
  std::size_t max_queued_bytes = std::size_t{16} << 20;  ///< Unread by the server; beyond it requests are refused.
  bool sigpipe_is_ignored = false;                       ///< See process::ChildOptions.
};

/// A Streamable HTTP endpoint.
struct HttpOptions {
  std::string url;
  std::vector<mcp::HeaderField> headers;  ///< Sent with every request.
  std::string unix_socket;                ///< Connects there instead of to the URL's host.
  std::string ca_file;                    ///< PEM; empty: the system's authorities.
  std::string certificate_file;           ///< PEM, with key_file: our own, for servers that want one.
  std::string key_file;
  bool verify = true;
  http::Addresses addresses = http::Addresses::any;
  Milliseconds connect_timeout{10'000};
  std::size_t max_message_bytes = std::size_t{64} << 20;
  Milliseconds linger{1'000};       ///< For a server to end a stream whose answer has come; then it is closed.
  Milliseconds retry_first{1'000};  ///< Before a broken stream is resumed, unless the server says; doubles up to...
  Milliseconds retry_most{30'000};
  unsigned max_resumes = 10;          ///< In a row without an event; then the request has failed.
  auth::RequestAuth* auth = nullptr;  ///< Outlives the client. Null: none.
};

struct ClientOptions {
  std::string name;                       ///< How errors and log lines call the server; empty: its program or host.
  std::optional<mcp::Revision> revision;  ///< Nothing is probed, only this is spoken.
  std::string client_info = R"({"name":"meantime","version":"1"})";  ///< Raw JSON.
  /// What the hooks of requests can answer. `tasks` is always declared where there are tasks.
  mcp::ClientCapabilities capabilities;
  std::string handshake_capabilities;    ///< Raw JSON instead of `capabilities` in `initialize`; empty: made of it.
  std::optional<LogLevel> log_level;     ///< Asked of the server; absent: nothing is asked.
  bool tasks = true;                     ///< False: says that it takes none.
  bool listen = true;                    ///< Hear of changed lists, where the server tells.
  Milliseconds probe_timeout{5'000};     ///< For server/discover over stdio; then `initialize` is tried.
  Milliseconds connect_timeout{30'000};  ///< For all of connect().
  Milliseconds list_timeout{60'000};     ///< For each page of a list.
  Milliseconds backoff_first{100};       ///< After a server that ended or could not be reached; doubles up to...
  Milliseconds backoff_most{30'000};
  Milliseconds poll_least{50};  ///< Between two looks at a task, whatever the server says...
  Milliseconds poll_most{30'000};
  std::size_t max_open = 10'000;              ///< Requests at once; beyond it they are refused.
  std::function<void(std::string_view)> log;  ///< One sentence each; null: dropped.
};

}  // namespace meantime::client
