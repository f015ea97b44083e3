// SPDX-License-Identifier: MIT
#include "mcp/client_rules.hpp"

#include <algorithm>
#include <array>

#include "core/json_writer.hpp"
#include "mcp/header_value.hpp"
#include "mcp/methods.hpp"
#include "mcp/results.hpp"
#include "mcp/splice.hpp"
#include "mcp/task_json.hpp"

namespace meantime::mcp {
namespace {

constexpr std::string_view version_key = "io.modelcontextprotocol/protocolVersion";
constexpr std::string_view capabilities_key = "io.modelcontextprotocol/clientCapabilities";
constexpr std::string_view client_info_key = "io.modelcontextprotocol/clientInfo";
constexpr std::string_view log_level_key = "io.modelcontextprotocol/logLevel";

bool is_denied(int http_status) noexcept {
  return http_status == 401 || http_status == 403 || http_status == 407;
}

// The server is there, but busy or behind something that is: no sign of what it speaks.
bool is_passing(int http_status) noexcept {
  return http_status == 408 || http_status == 429 || http_status == 502 || http_status == 503 || http_status == 504;
}

std::string message_of(JsonSpan error) {
  std::string text = member(error, "message").text();
  if (text.size() > 300) text.resize(300);
  return text.empty() ? "no message" : text;
}

int code_of(JsonSpan error) noexcept {
  return static_cast<int>(member(error, "code").integer().value_or(0));
}

}  // namespace

std::optional<Revision> choose_revision(JsonSpan supported) {
  std::optional<Revision> best;
  for_each_element(supported, [&](JsonSpan each) {
    const auto known = each.is_string() ? parse_revision(each.text()) : std::nullopt;
    if (known && (!best || *known > *best)) best = known;
  });
  return best;
}

EraProbe::Step EraProbe::start() {
  step_ = {};
  if (pinned_ && family_of(*pinned_) == Family::handshake) {
    step_ = {Step::Kind::initialize, *pinned_, {}};
  } else if (pinned_) {
    step_ = {Step::Kind::ready, *pinned_, {}};
  }
  return step_;
}

EraProbe::Step EraProbe::fall_back() {
  step_ = {Step::Kind::initialize, newest_handshake, {}};
  return step_;
}

EraProbe::Step EraProbe::give_up(std::string why) const {
  return {Step::Kind::give_up, step_.revision, std::move(why)};
}

EraProbe::Step EraProbe::after_discover(const Message& answer) {
  if (answer.kind == Message::Kind::result) {
    const JsonSpan versions = member(answer.result, "supportedVersions");
    // A server without a handshake that does not know the method should not answer it; some answer anything.
    if (!versions.is_array()) return fall_back();
    const auto chosen = choose_revision(versions);
    if (!chosen) return give_up("the server speaks none of our versions, but " + std::string(versions.raw()));
    step_ = {family_of(*chosen) == Family::stateless ? Step::Kind::ready : Step::Kind::initialize, *chosen, {}};
    return step_;
  }
  switch (static_cast<RpcCode>(code_of(answer.error))) {
    case RpcCode::unsupported_version: {
      const JsonSpan supported = member(member(answer.error, "data"), "supported");
      const auto chosen = choose_revision(supported);
      if (!chosen) return give_up("the server speaks none of our versions, but " + std::string(supported.raw()));
      if (family_of(*chosen) == Family::handshake) {
        step_ = {Step::Kind::initialize, *chosen, {}};
        return step_;
      }
      if (retried_) return give_up("the server refuses the version that it offers: " + message_of(answer.error));
      retried_ = true;
      step_ = {Step::Kind::discover, *chosen, {}};
      return step_;
    }
    case RpcCode::header_mismatch:
    case RpcCode::missing_capability:
      step_.kind = Step::Kind::ready;  // it is of this family, whatever it disliked
      return step_;
    default:
      return fall_back();
  }
}

EraProbe::Step EraProbe::after_initialize(const Message& answer) {
  if (answer.kind == Message::Kind::result) {
    const std::string version = member(answer.result, "protocolVersion").text();
    const auto known = parse_revision(version);
    if (!known || family_of(*known) != Family::handshake) {
      return give_up("the server answers initialize with version '" + version.substr(0, 60) +
                     "', which is none of ours");
    }
    step_ = {Step::Kind::ready, *known, {}};
    return step_;
  }
  const auto chosen = choose_revision(member(member(answer.error, "data"), "supported"));
  if (chosen && *chosen != step_.revision && family_of(*chosen) == Family::handshake && !retried_) {
    retried_ = true;
    step_ = {Step::Kind::initialize, *chosen, {}};
    return step_;
  }
  return give_up("the server refuses initialize: " + message_of(answer.error));
}

EraProbe::Step EraProbe::on_answer(const Message& answer, int http_status) {
  if (is_denied(http_status) || is_passing(http_status)) return on_http_error(http_status);
  return step_.kind == Step::Kind::discover ? after_discover(answer) : after_initialize(answer);
}

EraProbe::Step EraProbe::on_http_error(int http_status) {
  const std::string status = "HTTP status " + std::to_string(http_status);
  if (is_denied(http_status)) return give_up("the server lets nobody in without valid credentials (" + status + ")");
  if (is_passing(http_status)) return give_up("the server is not available (" + status + "): try again later");
  if (step_.kind == Step::Kind::discover) return fall_back();
  const bool old = http_status == 400 || http_status == 404 || http_status == 405;
  return give_up("the server does not take initialize (" + status + ")" +
                 (old ? ": is the URL right? The HTTP+SSE transport of 2024 is not spoken here" : ""));
}

EraProbe::Step EraProbe::on_silence() {
  if (transport_ == Transport::stdio && step_.kind == Step::Kind::discover) return fall_back();
  return give_up(step_.kind == Step::Kind::discover ? "the server does not answer server/discover"
                                                    : "the server does not answer initialize");
}

std::string with_client_marks(std::string_view params, const ClientMarks& marks, std::string_view progress_token) {
  std::vector<MetaEntry> entries;
  std::string version;
  append_json_string(version, name_of(marks.revision));
  entries.push_back({version_key, version});
  entries.push_back({capabilities_key, marks.capabilities});
  if (!marks.client_info.empty()) entries.push_back({client_info_key, marks.client_info});
  std::string level;
  if (marks.log_level) {
    append_json_string(level, log_level_name(*marks.log_level));
    entries.push_back({log_level_key, level});
  }
  if (!progress_token.empty()) entries.push_back({"progressToken", progress_token});
  const JsonSpan object(params.empty() ? std::string_view("{}") : params);
  return with_member(object, "_meta", merged_meta(member(object, "_meta"), entries));
}

std::vector<HeaderField> request_headers(Revision revision, std::string_view method, JsonSpan params,
                                         const std::vector<ParamHeader>& param_headers) {
  std::vector<HeaderField> out;
  if (has_version_header(revision)) out.emplace_back("MCP-Protocol-Version", name_of(revision));
  if (family_of(revision) == Family::handshake) return out;
  out.emplace_back("Mcp-Method", encode_header_value(method));
  const Method known = method_named(method);
  if (needs_name_header(known)) {
    const std::string_view key = name_parameter(known);
    if (const JsonSpan name = member(params, key); name.is_string()) {
      out.emplace_back("Mcp-Name", encode_header_value(name.text()));
    }
  }
  if (known == Method::tools_call && !param_headers.empty()) {
    for (HeaderField& each : make_param_headers(param_headers, member(params, "arguments"))) {
      out.push_back(std::move(each));
    }
  }
  return out;
}

ResultKind result_kind(const Message& answer, Family family) noexcept {
  if (family == Family::handshake || !answer.result_type || answer.result_type.is("complete")) {
    return ResultKind::complete;
  }
  if (answer.result_type.is("input_required")) return ResultKind::input_required;
  if (answer.result_type.is("task")) return ResultKind::task;
  return ResultKind::unknown;
}

std::expected<InputRound, std::string> read_input_round(const Message& answer) {
  InputRound out;
  const JsonSpan requests = member(answer.result, "inputRequests");
  out.request_state = member(answer.result, "requestState");
  if (!requests && !out.request_state) {
    return std::unexpected("the server asks for input but says neither 'inputRequests' nor 'requestState'");
  }
  if (out.request_state && !out.request_state.is_string()) return std::unexpected("'requestState' must be a string");
  if (requests) {
    auto read = read_input_requests(requests);
    if (!read) return std::unexpected(std::move(read.error()));
    out.requests = std::move(*read);
  }
  return out;
}

std::string retry_params(std::string_view params, std::span<const InputResponse> responses, JsonSpan request_state) {
  std::string out = "{";
  for_each_member(JsonSpan(params), [&](JsonSpan key, JsonSpan value) {
    if (key.is("inputResponses") || key.is("requestState")) return;
    if (out.size() > 1) out += ',';
    out += key.raw();
    out += ':';
    out += value.raw();
  });
  if (!responses.empty()) {
    if (out.size() > 1) out += ',';
    out += "\"inputResponses\":" + input_responses_json(responses);
  }
  if (request_state) {
    if (out.size() > 1) out += ',';
    out += "\"requestState\":";
    out += request_state.raw();
  }
  return out + "}";
}

ErrorRemedy remedy_of(const Message& answer, Family family, int http_status) noexcept {
  if (answer.kind != Message::Kind::error) return ErrorRemedy::none;
  if (family == Family::handshake) return http_status == 404 ? ErrorRemedy::new_session : ErrorRemedy::none;
  switch (static_cast<RpcCode>(code_of(answer.error))) {
    case RpcCode::unsupported_version:
      return ErrorRemedy::other_version;
    case RpcCode::header_mismatch:
      return ErrorRemedy::list_again;
    default:
      return ErrorRemedy::none;
  }
}

}  // namespace meantime::mcp
