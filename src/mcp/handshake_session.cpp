// SPDX-License-Identifier: MIT
#include "mcp/handshake_session.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/json_writer.hpp"
#include "mcp/results.hpp"
#include "mcp/splice.hpp"
#include "mcp/task_json.hpp"

namespace meantime::mcp {
namespace {

constexpr std::string_view id_prefix = "\"ask-";

std::string id_of(std::uint64_t number) {
  return std::string(id_prefix) + std::to_string(number) + '"';
}

std::optional<std::uint64_t> number_of(JsonSpan id) noexcept {
  std::string_view raw = id.raw();
  if (!raw.starts_with(id_prefix)) return std::nullopt;
  raw.remove_prefix(id_prefix.size());
  raw.remove_suffix(1);
  std::uint64_t number = 0;
  const auto [stopped, error] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
  if (error != std::errc{} || stopped != raw.data() + raw.size()) return std::nullopt;
  return number;
}

// The params of an elicitation as this revision has them; empty: as they are.
std::string elicitation_for(Revision revision, JsonSpan params, std::uint64_t number) {
  const JsonSpan mode = member(params, "mode");
  if (revision < Revision::r2025_11_25) return mode ? without_member(params, "mode") : std::string();
  if (!mode.is("url") || member(params, "elicitationId")) return {};
  return with_member(params, "elicitationId", "\"elicitation-" + std::to_string(number) + '"');
}

Refusal refusal(const Message& request, int http_status, RpcCode code, std::string text, std::string data = {}) {
  return {http_status,     static_cast<int>(code),        std::move(text),
          std::move(data), std::string(request.id.raw()), UnknownId::absent};
}

}  // namespace

std::expected<Revision, Refusal> HandshakeSession::initialize(const Message& request) {
  if (initialized()) {
    return std::unexpected(
        refusal(request, 400, RpcCode::invalid_request, "Invalid request: this session is initialized already"));
  }
  const JsonSpan asked = request.param.protocol_version;
  if (!asked.is_string()) {
    std::string data = R"({"supported":)" + std::string(supported_versions(Family::handshake)) + R"(,"requested":)";
    data += asked ? asked.raw() : std::string_view("null");
    return std::unexpected(
        refusal(request, 400, RpcCode::invalid_params, "Invalid params: 'protocolVersion' is missing", data + "}"));
  }
  revision_ = negotiate(asked.text());
  client_ = read_client_capabilities(member(request.params, "capabilities"));
  client_.tasks = false;  // the extension is of the other family
  client_name_ = member(member(request.params, "clientInfo"), "name").text().substr(0, 256);
  stage_ = Stage::answered;
  return revision_;
}

std::expected<void, Refusal> HandshakeSession::set_log_level(const Message& request) {
  const auto level = read_log_level(request.param.level);
  if (!level) {
    return std::unexpected(refusal(request, 200, RpcCode::invalid_params,
                                   "Invalid params: 'level' is one of debug, info, notice, warning, error, critical, "
                                   "alert, emergency"));
  }
  log_level_ = *level;
  return {};
}

bool HandshakeSession::subscribe(std::string uri) {
  if (subscriptions_.size() >= max_subscriptions && !subscriptions_.contains(uri)) return false;
  subscriptions_.insert(std::move(uri));
  return true;
}

void HandshakeSession::unsubscribe(std::string_view uri) {
  if (const auto found = subscriptions_.find(uri); found != subscriptions_.end()) subscriptions_.erase(found);
}

std::expected<void, std::string> HandshakeSession::can_ask(std::string_view method, JsonSpan params) const {
  if (auto missing = missing_for(client_, method, params)) return std::unexpected(std::move(*missing));
  return {};
}

bool HandshakeSession::ask(std::string& out, std::uint64_t tag, std::string_view method, JsonSpan params,
                           std::string_view related_task_id) {
  if (asked_.size() >= max_asked) return false;
  const std::uint64_t number = ++last_asked_;
  asked_.emplace(number, tag);
  std::string own;
  if (method == "elicitation/create" && params.is_object()) own = elicitation_for(revision_, params, number);
  if (!own.empty()) params = JsonSpan(own);
  if (related_task_id.empty()) {
    append_request(out, id_of(number), method, params.raw());
    return true;
  }
  const std::string related = related_task(related_task_id);
  const std::array entries{MetaEntry{related_task_key, related}};
  const JsonSpan object = params.is_object() ? params : JsonSpan("{}");
  append_request(out, id_of(number), method,
                 with_member(object, "_meta", merged_meta(member(object, "_meta"), entries)));
  return true;
}

std::optional<std::uint64_t> HandshakeSession::take_answer(const Message& answer) {
  const auto number = number_of(answer.id);
  const auto found = number ? asked_.find(*number) : asked_.end();
  if (found == asked_.end()) return std::nullopt;
  const std::uint64_t tag = found->second;
  asked_.erase(found);
  return tag;
}

void HandshakeSession::withdraw(std::string& out, std::uint64_t tag, std::string_view reason) {
  const auto found = std::ranges::find_if(asked_, [&](const auto& entry) { return entry.second == tag; });
  if (found == asked_.end()) return;
  std::string params;
  JsonWriter json(params);
  json.begin_object().key("requestId").raw(id_of(found->first));
  if (!reason.empty()) json.field("reason", reason);
  json.end_object();
  append_notification(out, "notifications/cancelled", params);
  asked_.erase(found);
}

}  // namespace meantime::mcp
