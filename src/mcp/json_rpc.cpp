// SPDX-License-Identifier: MIT
#include "mcp/json_rpc.hpp"

#include "core/json_writer.hpp"

namespace meantime::mcp {
namespace {

bool is_id(JsonSpan id) noexcept {
  if (id.is_string()) return true;
  return id.kind() == JsonSpan::Kind::number && id.raw().find_first_of(".eE") == std::string_view::npos;
}

bool read_meta(JsonScanner& scanner, ParamSpans& param) {
  param.meta_progress_token = {};
  param.meta_idempotency_key = {};
  param.meta_protocol_version = {};
  return scanner.object(param.meta, [&](JsonSpan key) {
    JsonSpan value;
    if (!scanner.value(value)) return false;
    if (key.is("progressToken")) {
      param.meta_progress_token = value;
    } else if (key.is("meantime/idempotencyKey")) {
      param.meta_idempotency_key = value;
    } else if (key.is("io.modelcontextprotocol/protocolVersion")) {
      param.meta_protocol_version = value;
    }
    return true;
  });
}

JsonSpan* param_slot(ParamSpans& param, JsonSpan key) {
  // By length first: most names are told apart without looking at them. An escaped name is longer than it reads.
  const bool escaped = key.raw().find('\\') != std::string_view::npos;
  const std::size_t length = escaped ? 0 : key.raw().size() - 2;
  const auto named = [&](std::string_view name) { return (escaped || length == name.size()) && key.is(name); };
  if (named("name")) return &param.name;
  if (named("arguments")) return &param.arguments;
  if (named("task")) return &param.task;
  if (named("requestId")) return &param.request_id;
  if (named("progressToken")) return &param.progress_token;
  if (named("progress")) return &param.progress;
  if (named("total")) return &param.total;
  if (named("message")) return &param.message;
  if (named("reason")) return &param.reason;
  return nullptr;
}

bool read_params(JsonScanner& scanner, Message& message) {
  message.param = {};
  return scanner.object(message.params, [&](JsonSpan key) {
    if (key.is("_meta")) return read_meta(scanner, message.param);
    JsonSpan* slot = param_slot(message.param, key);
    JsonSpan ignored;
    return scanner.value(slot != nullptr ? *slot : ignored);
  });
}

bool read_result(JsonScanner& scanner, Message& message) {
  message.result_is_error = {};
  message.result_next_cursor = {};
  return scanner.object(message.result, [&](JsonSpan key) {
    JsonSpan value;
    if (!scanner.value(value)) return false;
    if (key.is("isError")) {
      message.result_is_error = value;
    } else if (key.is("nextCursor")) {
      message.result_next_cursor = value;
    }
    return true;
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
  if (whole.is_array()) return refuse("batches are not part of this protocol; send one message a line");
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
  out += R"({"jsonrpc":"2.0",)";
  if (!id.empty() || unknown == UnknownId::null) {
    out += R"("id":)";
    out += id.empty() ? std::string_view("null") : id;
    out += ',';
  }
  out += R"("error":{"code":)";
  out += std::to_string(static_cast<int>(code));
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
