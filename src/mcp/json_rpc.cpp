// SPDX-License-Identifier: MIT
#include "mcp/json_rpc.hpp"

#include "core/json_writer.hpp"

namespace meantime::mcp {
namespace {

bool is_id(JsonSpan id) noexcept {
  if (id.is_string()) return true;
  return id.kind() == JsonSpan::Kind::number && id.raw().find_first_of(".eE") == std::string_view::npos;
}

constexpr std::string_view reserved_prefix = "io.modelcontextprotocol/";

// The characters of a name, to be told apart by their number first: most names are not looked at. An escaped one is
// decoded into `room`.
std::string_view plain_name(JsonSpan key, std::string& room) {
  const std::string_view inside = key.raw().substr(1, key.raw().size() - 2);
  if (inside.find('\\') == std::string_view::npos) return inside;
  room = key.text();
  return room;
}

JsonSpan* reserved_slot(ParamSpans& param, std::string_view name) {
  switch (name.size()) {
    case 8:
      return name == "logLevel" ? &param.meta_log_level : nullptr;
    case 10:
      return name == "clientInfo" ? &param.meta_client_info : nullptr;
    case 12:
      return name == "related-task" ? &param.meta_related_task : nullptr;
    case 14:
      return name == "subscriptionId" ? &param.meta_subscription_id : nullptr;
    case 15:
      return name == "protocolVersion" ? &param.meta_protocol_version : nullptr;
    case 18:
      return name == "clientCapabilities" ? &param.meta_client_capabilities : nullptr;
    default:
      return nullptr;
  }
}

JsonSpan* meta_slot(ParamSpans& param, std::string_view name) {
  if (name.starts_with(reserved_prefix)) return reserved_slot(param, name.substr(reserved_prefix.size()));
  if (name == "progressToken") return &param.meta_progress_token;
  if (name == "meantime/idempotencyKey") return &param.meta_idempotency_key;
  if (name == "traceparent") return &param.meta_traceparent;
  if (name == "tracestate") return &param.meta_tracestate;
  return nullptr;
}

bool read_meta(JsonScanner& scanner, ParamSpans& param) {
  param.meta_progress_token = {};
  param.meta_idempotency_key = {};
  param.meta_protocol_version = {};
  param.meta_client_capabilities = {};
  param.meta_client_info = {};
  param.meta_log_level = {};
  param.meta_related_task = {};
  param.meta_subscription_id = {};
  param.meta_traceparent = {};
  param.meta_tracestate = {};
  return scanner.object(param.meta, [&](JsonSpan key) {
    std::string room;
    JsonSpan* slot = meta_slot(param, plain_name(key, room));
    JsonSpan ignored;
    return scanner.value(slot != nullptr ? *slot : ignored);
  });
}

JsonSpan* param_slot(ParamSpans& param, std::string_view name) {
  switch (name.size()) {
    case 3:
      return name == "uri" ? &param.uri : nullptr;
    case 4:
      return name == "name" ? &param.name : name == "task" ? &param.task : nullptr;
    case 5:
      return name == "level" ? &param.level : name == "total" ? &param.total : nullptr;
    case 6:
      if (name == "taskId") return &param.task_id;
      return name == "cursor" ? &param.cursor : name == "reason" ? &param.reason : nullptr;
    case 7:
      return name == "message" ? &param.message : nullptr;
    case 8:
      return name == "progress" ? &param.progress : nullptr;
    case 9:
      return name == "arguments" ? &param.arguments : name == "requestId" ? &param.request_id : nullptr;
    case 12:
      return name == "requestState" ? &param.request_state : nullptr;
    case 13:
      return name == "progressToken" ? &param.progress_token : name == "notifications" ? &param.notifications : nullptr;
    case 14:
      return name == "inputResponses" ? &param.input_responses : nullptr;
    case 15:
      return name == "protocolVersion" ? &param.protocol_version : nullptr;
    default:
      return nullptr;
  }
}

bool read_params(JsonScanner& scanner, Message& message) {
  message.param = {};
  return scanner.object(message.params, [&](JsonSpan key) {
    std::string room;
    const std::string_view name = plain_name(key, room);
    if (name == "_meta") return read_meta(scanner, message.param);
    JsonSpan* slot = param_slot(message.param, name);
    JsonSpan ignored;
    return scanner.value(slot != nullptr ? *slot : ignored);
  });
}

JsonSpan* result_slot(Message& message, std::string_view name) {
  switch (name.size()) {
    case 4:
      return name == "task" ? &message.result_task : nullptr;
    case 5:
      return name == "_meta" ? &message.result_meta : name == "ttlMs" ? &message.result_ttl_ms : nullptr;
    case 6:
      return name == "status" ? &message.result_status : name == "taskId" ? &message.result_task_id : nullptr;
    case 7:
      return name == "isError" ? &message.result_is_error : nullptr;
    case 10:
      if (name == "resultType") return &message.result_type;
      return name == "nextCursor"   ? &message.result_next_cursor
             : name == "cacheScope" ? &message.result_cache_scope
                                    : nullptr;
    default:
      return nullptr;
  }
}

bool read_result(JsonScanner& scanner, Message& message) {
  message.result_is_error = {};
  message.result_next_cursor = {};
  message.result_meta = {};
  message.result_type = {};
  message.result_task_id = {};
  message.result_status = {};
  message.result_task = {};
  message.result_ttl_ms = {};
  message.result_cache_scope = {};
  return scanner.object(message.result, [&](JsonSpan key) {
    std::string room;
    JsonSpan* slot = result_slot(message, plain_name(key, room));
    JsonSpan ignored;
    return scanner.value(slot != nullptr ? *slot : ignored);
  });
}

RpcFault fault(RpcCode code, std::string text, JsonSpan id = {}) {
  return {code, std::move(text), is_id(id) ? std::string(id.raw()) : std::string()};
}

}  // namespace

std::expected<Message, RpcFault> read_message(std::string_view line) {
  Message message;
  message.line = line;
  JsonScanner scanner(line);
  JsonSpan version;
  JsonSpan whole;
  const bool read = scanner.object(whole, [&](JsonSpan key) {
    if (key.is("params")) return read_params(scanner, message);
    if (key.is("result")) return read_result(scanner, message);
    if (key.is("id")) return scanner.value(message.id);
    if (key.is("method")) return scanner.value(message.method);
    if (key.is("jsonrpc")) return scanner.value(version);
    if (key.is("error")) return scanner.value(message.error);
    return scanner.skip();
  });
  if (!read || !scanner.at_end()) {
    return std::unexpected(fault(RpcCode::parse_error, "Parse error: " + scanner.fault()));
  }
  const auto refuse = [&](const char* why) {
    return std::unexpected(fault(RpcCode::invalid_request, std::string("Invalid request: ") + why, message.id));
  };
  if (whole.is_array()) return refuse("batches are not part of this protocol; send one message at a time");
  if (!whole.is_object()) return refuse("a message is a JSON object");
  if (!version.is("2.0")) return refuse("\"jsonrpc\" must be \"2.0\"");
  if (message.method) {
    if (!message.method.is_string()) return refuse("\"method\" must be a string");
    if (message.params && !message.params.is_object()) return refuse("\"params\" must be an object");
    message.kind = message.id ? Message::Kind::request : Message::Kind::notification;
    if (message.id && !is_id(message.id)) return refuse("\"id\" must be a string or an integer");
    return message;
  }
  if (static_cast<bool>(message.result) == static_cast<bool>(message.error)) {
    return refuse("one of \"method\", \"result\" and \"error\" is needed");
  }
  message.kind = message.result ? Message::Kind::result : Message::Kind::error;
  if (message.id && !is_id(message.id)) {
    if (message.kind == Message::Kind::result || message.id.kind() != JsonSpan::Kind::null) {
      return refuse("\"id\" must be a string or an integer");
    }
    message.id = {};
  }
  if (message.kind == Message::Kind::result && !message.id) return refuse("a result needs the request's \"id\"");
  return message;
}

std::expected<std::optional<std::vector<std::string_view>>, RpcFault> read_batch(std::string_view body) {
  const std::size_t start = body.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || body[start] != '[') return std::nullopt;
  JsonScanner scanner(body);
  JsonSpan whole;
  std::vector<std::string_view> out;
  std::size_t count = 0;
  const bool read = scanner.array(whole, [&] {
    JsonSpan element;
    if (!scanner.value(element)) return false;
    if (++count <= max_batch) out.push_back(element.raw());
    return true;
  });
  if (!read || !scanner.at_end()) {
    return std::unexpected(fault(RpcCode::parse_error, "Parse error: " + scanner.fault()));
  }
  if (count == 0) return std::unexpected(fault(RpcCode::invalid_request, "Invalid request: the batch is empty"));
  if (count > max_batch) {
    return std::unexpected(fault(RpcCode::invalid_request, "Invalid request: the batch has " + std::to_string(count) +
                                                               " messages; at most 1000 are taken"));
  }
  return out;
}

std::string canonical_id(JsonSpan id) {
  if (!id.is_string() || id.raw().find('\\') == std::string_view::npos) return std::string(id.raw());
  std::string out;
  append_json_string(out, id.text());
  return out;
}

void append_result(std::string& out, std::string_view id, std::string_view result) {
  out += R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"result":)";
  out += result;
  out += "}\n";
}

void append_error(std::string& out, std::string_view id, RpcCode code, std::string_view message, std::string_view data,
                  UnknownId unknown) {
  append_error(out, id, static_cast<int>(code), message, data, unknown);
}

void append_error(std::string& out, std::string_view id, int code, std::string_view message, std::string_view data,
                  UnknownId unknown) {
  out += R"({"jsonrpc":"2.0",)";
  if (!id.empty() || unknown == UnknownId::null) {
    out += R"("id":)";
    out += id.empty() ? std::string_view("null") : id;
    out += ',';
  }
  out += R"("error":{"code":)";
  out += std::to_string(code);
  out += R"(,"message":)";
  append_json_string(out, message);
  if (!data.empty()) {
    out += R"(,"data":)";
    out += data;
  }
  out += "}}\n";
}

void append_raw_error(std::string& out, std::string_view id, std::string_view error) {
  out += R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"error":)";
  out += error;
  out += "}\n";
}

void append_notification(std::string& out, std::string_view method, std::string_view params) {
  out += R"({"jsonrpc":"2.0","method":)";
  append_json_string(out, method);
  if (!params.empty()) {
    out += R"(,"params":)";
    out += params;
  }
  out += "}\n";
}

void append_request(std::string& out, std::string_view id, std::string_view method, std::string_view params) {
  out += R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"method":)";
  append_json_string(out, method);
  if (!params.empty()) {
    out += R"(,"params":)";
    out += params;
  }
  out += "}\n";
}

}  // namespace meantime::mcp
