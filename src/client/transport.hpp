// SPDX-License-Identifier: MIT
// transport.hpp: how messages travel to one MCP server and back; knows JSON-RPC, not what the messages are about.
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mcp/client_rules.hpp"
#include "mcp/json_rpc.hpp"
#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"

namespace meantime::client {

/// Our requests have positive numbers, which are their ids; 0: none.
using RequestNumber = std::uint64_t;

/// One message on its way out.
struct Outgoing {
  std::string_view line;     ///< Without newline; copied where it must live on.
  RequestNumber number = 0;  ///< Of a request; 0: a notification or an answer of ours.
  std::string_view method;   ///< Of a request or notification; empty: an answer.
  std::string_view params;   ///< Raw JSON, inside `line`; HTTP makes headers of it.
  mcp::Revision revision = mcp::newest_handshake;
  const std::vector<mcp::ParamHeader>* param_headers = nullptr;  ///< Of the tool that is called; HTTP only.
};

/// Why a request gets no answer.
struct Fault {
  Error error;
  int http_status = 0;        ///< Of an answer without a message; 0: there was none, or it is stdio.
  bool session_lost = false;  ///< HTTP 404 with a session: it is gone, a new one may be had.
  std::string id;             ///< Raw, of an answer whose rest could not be read.
};

/// Hears what comes. Called on the loop; may call the transport back, but never destroys it.
class Receiver {
 public:
  virtual ~Receiver() = default;
  /// One valid message; its views end with this call. `stream`: the request on whose own stream it came (HTTP); 0: on
  /// one that all share. `http_status` 0: stdio, or not the head of an answer.
  virtual void on_message(const mcp::Message& message, RequestNumber stream, int http_status) = 0;
  /// This request will not be answered.
  virtual void on_fault(RequestNumber number, const Fault& fault) = 0;
  /// The connection ended: nothing that is open will be answered, and the next request needs a start().
  virtual void on_down(const Error& why) = 0;
  /// Around a batch of messages that came together.
  virtual void begin_batch() {}
  virtual void end_batch() {}
};

class Transport {
 public:
  virtual ~Transport() = default;
  [[nodiscard]] virtual mcp::EraProbe::Transport kind() const noexcept = 0;
  /// Makes it ready for messages: starts the program, or nothing. Errors: as Child::start.
  [[nodiscard]] virtual Result<void> start() = 0;
  /// Sends one message; the answer, or a fault, comes to the receiver later, never inside this call.
  /// Errors: unavailable (down; the server does not read), overloaded.
  [[nodiscard]] virtual Result<void> send(const Outgoing& message) = 0;
  /// The same for a notification, and waits until it has arrived (HTTP) or left (stdio: at once).
  [[nodiscard]] virtual Task<Result<void>> deliver(Outgoing message) = 0;
  /// Nobody waits for this request's answer any more: closes its stream, where it has one of its own.
  virtual void abandon(RequestNumber number) = 0;
  /// After `initialize`: the revision, and the stream for what belongs to no request where there is one.
  virtual void established(mcp::Revision /*revision*/) {}
  /// Forgets the session; nothing is told the server.
  virtual void forget_session() {}
  /// Ends the connection in order, within bounds. start() may follow. What is open gets no answer.
  [[nodiscard]] virtual Task<void> stop() = 0;
  /// What errors call it.
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;

 protected:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
};

}  // namespace meantime::client
