// SPDX-License-Identifier: MIT
#include "mcp/server_request.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/json_writer.hpp"
#include "mcp/handshake_session.hpp"
#include "mcp/header_value.hpp"

namespace meantime::mcp {
namespace {

constexpr std::string_view version_header = "mcp-protocol-version";
constexpr std::string_view session_header = "mcp-session-id";
constexpr std::array<std::string_view, 8> levels{"debug", "info",     "notice", "warning",
                                                 "error", "critical", "alert",  "emergency"};
constexpr std::size_t most_quoted = 100;

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, most_quoted)) out += c >= 0x20 && c < 0x7F ? c : '?';
  return out + (text.size() > most_quoted ? "...'" : "'");
}

Refusal refusal(const Message& message, int http_status, RpcCode code, std::string text, std::string data = {}) {
  return {http_status,     static_cast<int>(code),        std::move(text),
          std::move(data), std::string(message.id.raw()), UnknownId::absent};
}

// Escapes as they stand: for display only.
std::string_view inside(JsonSpan string) noexcept {
  return string.is_string() ? string.raw().substr(1, string.raw().size() - 2) : std::string_view();
}

bool is_progress_token(JsonSpan token) noexcept {
  const auto kind = token.kind();
  return kind == JsonSpan::Kind::string || kind == JsonSpan::Kind::number || kind == JsonSpan::Kind::null ||
         kind == JsonSpan::Kind::none;
}

std::string version_data(JsonSpan requested) {
  std::string data = R"({"supported":)" + std::string(supported_versions()) + R"(,"requested":)";
  data += requested ? requested.raw() : std::string_view("null");
  return data + "}";
}

/// What is wrong with the marks of a stateless request; empty: nothing.
std::string fault_in_marks(const Message& message) {
  const ParamSpans& param = message.param;
  if (!param.meta.is_object() || !param.meta_protocol_version) {
    return "params._meta needs 'io.modelcontextprotocol/protocolVersion' (this is the revision without a handshake; "
           "for the older ones send initialize first)";
  }
  if (!param.meta_protocol_version.is_string()) return "'io.modelcontextprotocol/protocolVersion' must be a string";
  if (!param.meta_client_capabilities) {
    return "params._meta needs 'io.modelcontextprotocol/clientCapabilities'; it may be {}";
  }
  if (!param.meta_client_capabilities.is_object()) {
    return "'io.modelcontextprotocol/clientCapabilities' must be an object";
  }
  if (param.meta_client_info && !param.meta_client_info.is_object()) {
    return "'io.modelcontextprotocol/clientInfo' must be an object";
  }
  if (param.meta_log_level && !read_log_level(param.meta_log_level)) {
    return "'io.modelcontextprotocol/logLevel' is one of debug, info, notice, warning, error, critical, alert, "
           "emergency";
  }
  if (!is_progress_token(param.meta_progress_token)) return "'progressToken' must be a string or a number";
  return {};
}

/// How a header contradicts the body; empty: it does not.
std::string header_fault(const HttpHead& head, std::string_view lower_case, std::string_view name, JsonSpan body) {
  const auto value = head.header(lower_case);
  if (!value) return "the header " + std::string(name) + " is missing";
  if (head.repeated(lower_case)) return "the header " + std::string(name) + " stands there more than once";
  if (body.is_string()) {
    const std::string_view raw = inside(body);
    const bool same =
        raw.find('\\') == std::string_view::npos ? header_value_is(*value, raw) : header_value_is(*value, body.text());
    if (same) return {};
  }
  return "the header " + std::string(name) + " says " + in_quotes(*value) + ", the body " +
         (body.is_string() ? in_quotes(body.text()) : "does not");
}

using Checked = std::expected<ServerRequest, Refusal>;

Checked read_stateless(const Message& message, const HttpHead* head) {
  const ParamSpans& param = message.param;
  if (std::string fault = fault_in_marks(message); !fault.empty()) {
    return std::unexpected(refusal(message, 400, RpcCode::invalid_params, "Invalid params: " + fault));
  }
  const auto mismatch = [&](std::string fault) {
    return std::unexpected(refusal(message, 400, RpcCode::header_mismatch, "Header mismatch: " + std::move(fault)));
  };
  if (head != nullptr) {
    std::string fault = header_fault(*head, version_header, "MCP-Protocol-Version", param.meta_protocol_version);
    if (!fault.empty()) return mismatch(std::move(fault));
  }
  const auto revision = parse_revision(inside(param.meta_protocol_version));
  if (!revision || family_of(*revision) != Family::stateless) {
    return std::unexpected(refusal(message, 400, RpcCode::unsupported_version,
                                   "Unsupported protocol version " + in_quotes(param.meta_protocol_version.text()) +
                                       (revision ? ": it begins with initialize" : ": see data.supported"),
                                   version_data(param.meta_protocol_version)));
  }
  ServerRequest out;
  out.message = &message;
  out.family = Family::stateless;
  out.revision = *revision;
  out.method = method_of(message.method);
  if (head != nullptr) {
    std::string fault = header_fault(*head, "mcp-method", "Mcp-Method", message.method);
    if (!fault.empty()) return mismatch(std::move(fault));
    const JsonSpan name = named_by(out.method, param);
    // Where the body has no name either, the parameters are what is wrong.
    if (needs_name_header(out.method) && (name.is_string() || head->header("mcp-name"))) {
      fault = header_fault(*head, "mcp-name", "Mcp-Name", name);
      if (!fault.empty()) return mismatch(std::move(fault));
    }
  }
  if (!has_method(out.revision, out.method)) {
    return std::unexpected(refusal(message, 404, RpcCode::method_not_found,
                                   "Method not found: " + message.method.text().substr(0, most_quoted)));
  }
  out.client = read_client_capabilities(param.meta_client_capabilities);
  const bool of_task =
      out.method == Method::tasks_get || out.method == Method::tasks_update || out.method == Method::tasks_cancel;
  if (of_task && !out.client.tasks) {
    return std::unexpected(refusal(message, 400, RpcCode::missing_capability,
                                   "Missing client capability: declare the extension io.modelcontextprotocol/tasks "
                                   "on this request",
                                   std::string(tasks_required_data())));
  }
  if (may_ask_input(out.method) || out.method == Method::tasks_update) {
    if (param.input_responses && !param.input_responses.is_object()) {
      return std::unexpected(
          refusal(message, 200, RpcCode::invalid_params, "Invalid params: 'inputResponses' must be an object"));
    }
    if (param.request_state && !param.request_state.is_string()) {
      return std::unexpected(
          refusal(message, 200, RpcCode::invalid_params, "Invalid params: 'requestState' must be a string"));
    }
    out.input_responses = param.input_responses;
    out.request_state = param.request_state;
  }
  if (param.meta_client_info) out.client_name = inside(member(param.meta_client_info, "name"));
  if (param.meta_progress_token.kind() != JsonSpan::Kind::null) out.progress_token = param.meta_progress_token;
  out.log_level = read_log_level(param.meta_log_level);
  return out;
}

// A version that a client of a session names in the header: one that we know, or none.
std::optional<std::string> fault_in_version_header(const HttpHead& head) {
  const auto value = head.header(version_header);
  if (!value) return std::nullopt;
  const auto revision = parse_revision(trim_header_value(*value));
  if (!head.repeated(version_header) && revision && family_of(*revision) == Family::handshake) return std::nullopt;
  return "the header MCP-Protocol-Version says " + in_quotes(*value) + ", which no session of this server speaks";
}

Checked read_handshake(const Message& message, const HttpHead* head, const HandshakeSession* session) {
  ServerRequest out;
  out.message = &message;
  out.method = method_of(message.method);
  const auto with_form = [&](Refusal refused) {
    if (session != nullptr) refused.unknown_id = session->unknown_id();
    return std::unexpected(std::move(refused));
  };
  if (head != nullptr && out.method != Method::initialize) {
    if (session == nullptr) {
      return with_form(refusal(message, 400, RpcCode::invalid_request,
                               "Invalid request: the header Mcp-Session-Id is missing; send initialize first"));
    }
    if (auto fault = fault_in_version_header(*head)) {
      return with_form(refusal(message, 400, RpcCode::invalid_request, "Invalid request: " + *fault,
                               R"({"supported":)" + std::string(supported_versions(Family::handshake)) + "}"));
    }
  }
  if (session != nullptr) {
    out.revision = session->revision();
    out.client = session->client();
    out.client_name = session->client_name();
    out.log_level = session->log_level();
  }
  if (!has_method(out.revision, out.method)) {
    return with_form(refusal(message, 200, RpcCode::method_not_found,
                             "Method not found: " + message.method.text().substr(0, most_quoted)));
  }
  if (!is_progress_token(message.param.meta_progress_token)) {
    return with_form(
        refusal(message, 200, RpcCode::invalid_params, "Invalid params: 'progressToken' must be a string or a number"));
  }
  if (message.param.meta_progress_token.kind() != JsonSpan::Kind::null) {
    out.progress_token = message.param.meta_progress_token;
  }
  return out;
}

}  // namespace

void append_refusal(std::string& out, const Refusal& refusal) {
  append_error(out, refusal.id, refusal.code, refusal.message, refusal.data, refusal.unknown_id);
}

Refusal refuse_unreadable(const RpcFault& fault, UnknownId unknown_id) {
  return {400, static_cast<int>(fault.code), fault.message, {}, fault.id, unknown_id};
}

Family choose_family(const Message& message, const HttpHead* head, bool in_session) {
  if (message.param.meta_protocol_version) return Family::stateless;
  const bool request = message.kind == Message::Kind::request;
  if (request && message.method.is("initialize")) return Family::handshake;
  if (head == nullptr) {
    if (in_session || !request) return Family::handshake;
    // Before any handshake: what only the other family knows is its broken request, all else an early one of this.
    const Method method = method_of(message.method);
    const bool other = method != Method::unknown && !has_method(newest_handshake, method);
    return other ? Family::stateless : Family::handshake;
  }
  const auto version = head->header(version_header);
  const auto revision = version ? parse_revision(trim_header_value(*version)) : std::nullopt;
  if (revision) return family_of(*revision);
  return head->header(session_header) ? Family::handshake : Family::stateless;
}

std::expected<ServerRequest, Refusal> read_request(const Message& message, const HttpHead* head,
                                                   const HandshakeSession* session) {
  const bool in_session = session != nullptr && session->initialized();
  return choose_family(message, head, in_session) == Family::stateless ? read_stateless(message, head)
                                                                       : read_handshake(message, head, session);
}

std::optional<Refusal> check_one_way(const Message& message, const HttpHead& head, const HandshakeSession* session) {
  if (choose_family(message, &head, session != nullptr) == Family::stateless) {
    if (!message.is_response()) return std::nullopt;
    return refusal(message, 400, RpcCode::invalid_request,
                   "Invalid request: this server asks nothing over this connection, so there is nothing to respond to; "
                   "a client with a session says which in Mcp-Session-Id");
  }
  std::optional<std::string> fault = fault_in_version_header(head);
  if (session == nullptr) fault = "the header Mcp-Session-Id is missing; send initialize first";
  if (!fault) return std::nullopt;
  return refusal(message, 400, RpcCode::invalid_request, "Invalid request: " + *fault);
}

int http_status_of(Family family, int code) noexcept {
  switch (code) {
    case static_cast<int>(RpcCode::parse_error):
    case static_cast<int>(RpcCode::invalid_request):
      return 400;
    case static_cast<int>(RpcCode::method_not_found):
      return family == Family::stateless ? 404 : 200;
    case static_cast<int>(RpcCode::header_mismatch):
    case static_cast<int>(RpcCode::missing_capability):
    case static_cast<int>(RpcCode::unsupported_version):
      return family == Family::stateless ? 400 : 200;
    default:
      return 200;
  }
}

std::optional<LogLevel> read_log_level(JsonSpan level) noexcept {
  if (!level.is_string()) return std::nullopt;
  const auto found = std::ranges::find(levels, inside(level));
  if (found == levels.end()) return std::nullopt;
  return static_cast<LogLevel>(found - levels.begin());
}

std::string_view log_level_name(LogLevel level) noexcept {
  return levels[static_cast<std::size_t>(level)];
}

namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

// "application/json; charset=utf-8" without what follows the type.
std::string_view essence(std::string_view value) noexcept {
  return trim_header_value(value.substr(0, value.find(';')));
}

}  // namespace

bool accepts(std::optional<std::string_view> accept, std::string_view media_type) noexcept {
  if (!accept) return true;
  const std::string_view wide = media_type.substr(0, media_type.find('/') + 1);
  for (std::string_view rest = *accept; !rest.empty();) {
    const std::size_t comma = rest.find(',');
    const std::string_view range = essence(rest.substr(0, comma));
    const bool whole_type = range.ends_with("/*") && same_ignoring_case(range.substr(0, range.size() - 1), wide);
    if (range == "*/*" || whole_type || same_ignoring_case(range, media_type)) return true;
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return false;
}

bool is_json_content(std::optional<std::string_view> content_type) noexcept {
  return content_type && same_ignoring_case(essence(*content_type), "application/json");
}

bool is_session_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= 256 && std::ranges::all_of(id, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace meantime::mcp
