// SPDX-License-Identifier: MIT
#include "serve/serve_session.hpp"

#include <algorithm>
#include <array>

#include "core/json_writer.hpp"

namespace meantime::serve {
namespace {

constexpr std::array<std::string_view, 8> log_levels{"debug", "info",     "notice", "warning",
                                                     "error", "critical", "alert",  "emergency"};

constexpr std::size_t max_held = 1'000;

void append_tool(JsonWriter& json, const Tool& tool) {
  json.begin_object().field("name", tool.name);
  if (!tool.description.empty()) json.field("description", tool.description);
  json.key("inputSchema").raw(tool.input_schema.empty() ? R"({"type":"object"})" : tool.input_schema);
  if (tool.idempotent) json.key("annotations").begin_object().field("idempotentHint", true).end_object();
  json.end_object();
}

}  // namespace

ServeSession::ServeSession(TaskManager& manager, Clock& clock, const ServeOptions& options, Outbox& out)
    : manager_(manager), options_(options), out_(out), builtins_(manager, clock, options.session), calls_(out) {
  take_names();
  if (options_.tools_ready != nullptr) options_.tools_ready->when_ready([this] { go_on(); });
}

ServeSession::~ServeSession() {
  if (options_.tools_ready != nullptr) options_.tools_ready->when_ready(nullptr);
}

void ServeSession::take_names() {
  std::set<std::string, std::less<>> taken;
  for (const Tool* tool : manager_.tools()) taken.insert(tool->name);
  builtins_.avoid(taken);
  calls_.style.check_tool = builtins_.names().check;
}

bool ServeSession::must_wait(const mcp::Message& message) const {
  if (options_.tools_ready == nullptr || options_.tools_ready->now()) return false;
  if (message.method.is("tools/list")) return true;
  if (!message.method.is("tools/call") || !message.param.name.is_string()) return false;
  const std::string name = message.param.name.text();
  return !builtins_.find(name) &&
         std::ranges::none_of(manager_.tools(), [&](const Tool* t) { return t->name == name; });
}

void ServeSession::hold(const mcp::Message& message, std::string_view line) {
  if (held_.size() >= max_held) {
    return refuse(message.id.raw(), mcp::RpcCode::internal_error,
                  "The upstream servers are still starting and " + std::to_string(max_held) +
                      " requests wait for them: ask again in a moment");
  }
  held_.push_back({mcp::canonical_id(message.id), std::string(line)});
}

void ServeSession::go_on() {
  take_names();
  out_.hold();
  for (const Held& each : std::exchange(held_, {})) {
    if (const auto message = mcp::read_message(each.line)) request(*message);
  }
  out_.release();
}

void ServeSession::refuse(std::string_view id, mcp::RpcCode code, std::string_view why, std::string_view data) {
  mcp::append_error(out_.open(), id, code, why, data, calls_.style.unknown_id);
}

void ServeSession::on_line(const mcp::Line& line) {
  if (line.too_long) {
    return refuse({}, mcp::RpcCode::invalid_request,
                  "Invalid request: the message has " + std::to_string(line.bytes) + " bytes; at most " +
                      std::to_string(options_.session.max_line_bytes) + " are taken");
  }
  const auto message = mcp::read_message(line.text);
  if (!message) return refuse(message.error().id, message.error().code, message.error().message);
  if (message->kind == mcp::Message::Kind::request) {
    return must_wait(*message) ? hold(*message, line.text) : request(*message);
  }
  // We ask the client nothing, so an answer is to nobody; of the notifications only one is about us.
  if (message->kind == mcp::Message::Kind::notification && message->method.is("notifications/cancelled")) {
    const std::string id = mcp::canonical_id(message->param.request_id);
    std::erase_if(held_, [&](const Held& each) { return each.id == id; });
    if (ClientCall* call = calls_.find(id)) calls_.cancel(*call);
  }
}

void ServeSession::request(const mcp::Message& message) {
  const std::string_view id = message.id.raw();
  if (message.method.is("tools/call")) {
    call_tool(message);
  } else if (message.method.is("tools/list")) {
    list_tools(message);
  } else if (message.method.is("initialize")) {
    initialize(message);
  } else if (message.method.is("ping")) {
    mcp::append_result(out_.open(), id, "{}");
  } else if (message.method.is("logging/setLevel")) {
    const std::string level = mcp::member(message.params, "level").text();
    if (std::ranges::find(log_levels, level) == log_levels.end()) {
      return refuse(
          id, mcp::RpcCode::invalid_params,
          "Invalid params: 'level' is one of debug, info, notice, warning, error, critical, alert, emergency");
    }
    mcp::append_result(out_.open(), id, "{}");
  } else {
    refuse(id, mcp::RpcCode::method_not_found, "Method not found: " + message.method.text().substr(0, 100));
  }
}

void ServeSession::initialize(const mcp::Message& message) {
  const mcp::JsonSpan asked = mcp::member(message.params, "protocolVersion");
  if (!asked.is_string()) {
    return refuse(message.id.raw(), mcp::RpcCode::invalid_params, "Invalid params: 'protocolVersion' is missing",
                  R"({"supported":["2025-11-25","2025-06-18"]})");
  }
  calls_.style.revision = mcp::negotiate(asked.text());
  calls_.style.unknown_id = mcp::unknown_id(calls_.style.revision);
  builtins_.set_client(mcp::member(mcp::member(message.params, "clientInfo"), "name").text());
  std::string instructions = options_.instructions;
  if (!instructions.empty()) instructions += "\n\n";
  instructions += builtins_.instructions();
  std::string result;
  JsonWriter json(result);
  json.begin_object().field("protocolVersion", mcp::name_of(calls_.style.revision));
  json.key("capabilities").raw(R"({"tools":{},"logging":{}})");
  json.key("serverInfo").begin_object().field("name", options_.server_name);
  json.field("version", options_.server_version.empty() ? "0" : options_.server_version).end_object();
  json.field("instructions", instructions).end_object();
  mcp::append_result(out_.open(), message.id.raw(), result);
}

void ServeSession::list_tools(const mcp::Message& message) {
  if (mcp::member(message.params, "cursor").is_string()) {
    return refuse(message.id.raw(), mcp::RpcCode::invalid_params, "Invalid params: there is only one page, no cursor");
  }
  std::string result;
  JsonWriter json(result);
  json.begin_object().key("tools").begin_array();
  for (const Tool* tool : manager_.tools()) append_tool(json, *tool);
  for (const std::string& definition : builtins_.definitions()) json.raw(definition);
  json.end_array().end_object();
  mcp::append_result(out_.open(), message.id.raw(), result);
}

void ServeSession::call_tool(const mcp::Message& message) {
  const auto& param = message.param;
  if (!param.name.is_string()) {
    return refuse(message.id.raw(), mcp::RpcCode::invalid_params, "Invalid params: 'name' of the tool is missing");
  }
  if (param.arguments && !param.arguments.is_object()) {
    return refuse(message.id.raw(), mcp::RpcCode::invalid_params, "Invalid params: 'arguments' is an object");
  }
  ClientCall* call = calls_.open(message);
  if (call == nullptr) {
    return refuse(message.id.raw(), mcp::RpcCode::invalid_request, "Invalid request: a request with this id is open");
  }
  std::function<void(const Progress&)> on_progress;
  if (!call->progress_token.empty()) {
    on_progress = [this, call](const Progress& progress) { calls_.send_progress(*call, progress); };
  }
  std::string name = param.name.text();
  if (const auto builtin = builtins_.find(name)) {
    return calls_.run(*call, builtins_.call(*builtin, param.arguments, std::move(on_progress)));
  }
  ToolCall request;
  request.tool = std::move(name);
  request.arguments = param.arguments.raw();
  request.caller = {.user_id = options_.session.owner, .channel_id = {}, .platform = "mcp"};
  request.budget = options_.session.budget;
  request.idempotency_key = param.meta_idempotency_key.text();
  request.on_progress = std::move(on_progress);
  calls_.run(*call, manager_.call(std::move(request)));
}

}  // namespace meantime::serve
