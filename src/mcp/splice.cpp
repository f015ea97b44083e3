// SPDX-License-Identifier: MIT
#include "mcp/splice.hpp"

#include "core/json_writer.hpp"

namespace meantime::mcp {
namespace {

// An object or array with text put after its opening bracket, and a comma where something follows.
void append_with_first(std::string& out, JsonSpan container, std::string_view text) {
  const std::string_view rest = container.raw().substr(1);
  const std::size_t next = rest.find_first_not_of(" \t\r\n");
  out += container.raw().front();
  out += text;
  if (rest[next] != '}' && rest[next] != ']') out += ',';
  out += rest;
}

std::string named(std::string_view name, std::string_view value) {
  std::string out;
  append_json_string(out, name);
  out += ':';
  out += value;
  return out;
}

}  // namespace

void append_replaced(std::string& out, std::string_view whole, JsonSpan part, std::string_view with) {
  const auto at = static_cast<std::size_t>(part.raw().data() - whole.data());
  out += whole.substr(0, at);
  out += with;
  out += whole.substr(at + part.raw().size());
}

std::string with_member(JsonSpan object, std::string_view name, std::string_view value) {
  std::string out;
  out.reserve(object.raw().size() + name.size() + value.size() + 8);
  if (const JsonSpan old = member(object, name)) {
    append_replaced(out, object.raw(), old, value);
  } else {
    append_with_first(out, object, named(name, value));
  }
  return out;
}

std::string without_member(JsonSpan object, std::string_view name) {
  std::string out = "{";
  for_each_member(object, [&](JsonSpan key, JsonSpan value) {
    if (key.is(name)) return;
    if (out.size() > 1) out += ',';
    out += key.raw();
    out += ':';
    out += value.raw();
  });
  out += '}';
  return out;
}

std::string with_elements(JsonSpan array, const std::vector<std::string>& elements) {
  std::string out(array.raw().substr(0, array.raw().size() - 1));
  bool empty = array.raw().find_first_not_of(" \t\r\n", 1) == array.raw().size() - 1;
  for (const std::string& element : elements) {
    if (!empty) out += ',';
    empty = false;
    out += element;
  }
  out += ']';
  return out;
}

void append_with_id(std::string& out, const Message& message, std::string_view id) {
  append_replaced(out, message.line, message.id, id);
  out += '\n';
}

void append_params_with_progress_token(std::string& out, const Message& request, std::string_view token) {
  const ParamSpans& param = request.param;
  if (param.meta_progress_token) {
    append_replaced(out, request.params.raw(), param.meta_progress_token, token);
    return;
  }
  const std::string own = named("progressToken", token);
  if (!request.params) {
    out += R"({"_meta":{)" + own + "}}";
  } else if (param.meta.is_object()) {
    std::string meta;
    append_with_first(meta, param.meta, own);
    append_replaced(out, request.params.raw(), param.meta, meta);
  } else if (param.meta) {
    append_replaced(out, request.params.raw(), param.meta, "{" + own + "}");
  } else {
    append_with_first(out, request.params, R"("_meta":{)" + own + "}");
  }
}

}  // namespace meantime::mcp
