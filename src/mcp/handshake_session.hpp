// SPDX-License-Identifier: MIT
// handshake_session.hpp: what a server remembers of one client of the handshake family, over stdio or HTTP. Pure: the
// owner moves the bytes. Threads: the owner's.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "mcp/capabilities.hpp"
#include "mcp/server_request.hpp"

namespace meantime::mcp {

class HandshakeSession {
 public:
  static constexpr std::size_t max_subscriptions = 1'000;
  static constexpr std::size_t max_asked = 1'000;

  enum class Stage : std::uint8_t {
    fresh,     ///< Nothing but `initialize` and pings has a meaning yet.
    answered,  ///< `initialize` was answered.
    ready,     ///< The client said so (notifications/initialized).
  };

  HandshakeSession() = default;

  /// Takes the client's `initialize`. Errors: a second one (-32600); no protocolVersion (-32602 with `supported`).
  [[nodiscard]] std::expected<Revision, Refusal> initialize(const Message& request);
  void set_ready() noexcept { stage_ = Stage::ready; }

  [[nodiscard]] Stage stage() const noexcept { return stage_; }
  [[nodiscard]] bool initialized() const noexcept { return stage_ != Stage::fresh; }
  [[nodiscard]] Revision revision() const noexcept { return revision_; }
  [[nodiscard]] const ClientCapabilities& client() const noexcept { return client_; }
  [[nodiscard]] std::string_view client_name() const noexcept { return client_name_; }
  /// JSON-RPC's form until a handshake says otherwise.
  [[nodiscard]] UnknownId unknown_id() const noexcept {
    return initialized() ? mcp::unknown_id(revision_) : UnknownId::null;
  }

  /// logging/setLevel. Errors: -32602.
  [[nodiscard]] std::expected<void, Refusal> set_log_level(const Message& request);
  /// Lowest level the client wants; `info` until it says so.
  [[nodiscard]] LogLevel log_level() const noexcept { return log_level_; }

  /// False: there are too many.
  [[nodiscard]] bool subscribe(std::string uri);
  void unsubscribe(std::string_view uri);
  [[nodiscard]] bool subscribed(std::string_view uri) const { return subscriptions_.contains(uri); }
  [[nodiscard]] const std::set<std::string, std::less<>>& subscriptions() const noexcept { return subscriptions_; }

  /// Whether the client can be asked this; the error is what it lacks, raw JSON of capabilities.
  [[nodiscard]] std::expected<void, std::string> can_ask(std::string_view method, JsonSpan params) const;
  /// Appends a request to the client, as its revision writes it, and remembers `tag` until it is answered or withdrawn:
  /// a URL elicitation gets an id where it has none; before 2025-11-25 there is no mode. `related_task` (2025-11-25)
  /// goes into its `_meta`. False: too many are open.
  [[nodiscard]] bool ask(std::string& out, std::uint64_t tag, std::string_view method, JsonSpan params,
                         std::string_view related_task = {});
  /// The tag of the question that `answer` answers; none: nobody asked, or it was withdrawn. The question is closed.
  [[nodiscard]] std::optional<std::uint64_t> take_answer(const Message& answer);
  /// Appends the cancel of an open question; nothing where there is none.
  void withdraw(std::string& out, std::uint64_t tag, std::string_view reason);
  [[nodiscard]] std::size_t asked() const noexcept { return asked_.size(); }

 private:
  Stage stage_ = Stage::fresh;
  Revision revision_ = newest_handshake;
  ClientCapabilities client_;
  std::string client_name_;
  LogLevel log_level_ = LogLevel::info;
  std::set<std::string, std::less<>> subscriptions_;
  std::unordered_map<std::uint64_t, std::uint64_t> asked_;  // number in our id -> tag
  std::uint64_t last_asked_ = 0;
};

}  // namespace meantime::mcp
