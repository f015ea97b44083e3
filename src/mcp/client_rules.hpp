// SPDX-License-Identifier: MIT
// client_rules.hpp: what a client decides: which family its server speaks, what a stateless request carries, what a
// result means and how a call goes on after input. Pure: no sockets, no time.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mcp/capabilities.hpp"
#include "mcp/json_rpc.hpp"
#include "mcp/param_headers.hpp"
#include "mcp/protocol.hpp"
#include "meantime/task.hpp"

namespace meantime::mcp {

/// The newest revision of ours among those a server lists (`supported`, `supportedVersions`); none of ours: none.
[[nodiscard]] std::optional<Revision> choose_revision(JsonSpan supported);

/// Finds out which revision a server speaks: asks with server/discover, and falls back to initialize where the answer
/// is none of the stateless family. Feed it what happened; do what the step says.
class EraProbe {
 public:
  enum class Transport : std::uint8_t { stdio, http };
  struct Step {
    enum class Kind : std::uint8_t {
      discover,    ///< Send server/discover in `revision`.
      initialize,  ///< Send initialize, asking for `revision`.
      ready,       ///< `revision` is spoken. After discover: its result is the server's description.
      give_up,     ///< `why` says what is wrong and what to do.
    };
    Kind kind = Kind::discover;
    Revision revision = newest_stateless;
    std::string why;
  };

  /// `pinned`: what configuration or an earlier answer says; then nothing is probed.
  explicit EraProbe(Transport transport, std::optional<Revision> pinned = std::nullopt)
      : transport_(transport), pinned_(pinned) {}

  [[nodiscard]] Step start();
  /// The message that answered the step's request. `http_status` 0: stdio.
  [[nodiscard]] Step on_answer(const Message& answer, int http_status = 0);
  /// HTTP: an answer whose body is no message. Faults of authorization (401, 403) and of the server (5xx) never lead to
  /// a fallback.
  [[nodiscard]] Step on_http_error(int http_status);
  /// No answer within the time for it: stdio falls back, HTTP gives up.
  [[nodiscard]] Step on_silence();

 private:
  [[nodiscard]] Step after_discover(const Message& answer);
  [[nodiscard]] Step after_initialize(const Message& answer);
  [[nodiscard]] Step fall_back();
  [[nodiscard]] Step give_up(std::string why) const;

  Transport transport_;
  std::optional<Revision> pinned_;
  Step step_;
  bool retried_ = false;  // another stateless version was tried
};

/// What every stateless request says of its client.
struct ClientMarks {
  Revision revision = newest_stateless;
  std::string client_info;          ///< Raw JSON object; empty: none.
  std::string capabilities = "{}";  ///< Raw JSON object.
  std::optional<LogLevel> log_level;
};

/// `params` (raw object, or empty) with the marks in its `_meta`, and the progress token (raw) where there is one.
/// Other members of `_meta` stay.
[[nodiscard]] std::string with_client_marks(std::string_view params, const ClientMarks& marks,
                                            std::string_view progress_token = {});

using HeaderField = std::pair<std::string, std::string>;

/// The headers of a request over HTTP besides Content-Type and Accept. Handshake: the version where the revision has
/// the header, after initialize. `param_headers`: of the tool that is called.
[[nodiscard]] std::vector<HeaderField> request_headers(Revision revision, std::string_view method, JsonSpan params,
                                                       const std::vector<ParamHeader>& param_headers = {});

/// What a result is.
enum class ResultKind : std::uint8_t { complete, input_required, task, unknown };
/// Of a result that was just read. Missing resultType: complete. `unknown` makes the answer invalid.
[[nodiscard]] ResultKind result_kind(const Message& answer, Family family) noexcept;

/// The input round in an `input_required` result. Views into the message.
struct InputRound {
  std::vector<InputRequest> requests;
  JsonSpan request_state;  ///< String; none where the server sent none.
};
/// Errors: neither requests nor state, or they are malformed.
[[nodiscard]] std::expected<InputRound, std::string> read_input_round(const Message& answer);

/// Params for the repeated call: those of the first one, the responses, and the state byte for byte.
[[nodiscard]] std::string retry_params(std::string_view params, std::span<const InputResponse> responses,
                                       JsonSpan request_state);

/// What an error answer asks of a client of the stateless family.
enum class ErrorRemedy : std::uint8_t {
  none,           ///< It is the answer.
  other_version,  ///< -32022: choose_revision(data.supported) and retry.
  list_again,     ///< -32020: list the tools for their headers, then retry once.
  new_session,    ///< Handshake, HTTP 404: initialize afresh, then retry once.
};
[[nodiscard]] ErrorRemedy remedy_of(const Message& answer, Family family, int http_status) noexcept;

}  // namespace meantime::mcp
