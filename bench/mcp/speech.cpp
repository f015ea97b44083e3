// SPDX-License-Identifier: MIT
#include "mcp/speech.hpp"

#include <stdexcept>

namespace meantime::bench {

void Speech::initialize(std::string& out) {
  session_.clear();
  post(out, "initialize", {},
       R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}})");
}

void Speech::greeted(const Reply& reply) {
  for (const std::string_view name : {"Mcp-Session-Id: ", "mcp-session-id: "}) {
    const std::size_t at = reply.head.find(name);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = reply.head.substr(at + name.size());
    session_ = rest.substr(0, rest.find('\r'));
  }
  if (reply.status != 200)
    throw std::runtime_error("not greeted: " + std::string(reply.head) + std::string(reply.body));
}

void Speech::initialized(std::string& out) {
  post(out, "notifications/initialized", {}, "{}", true);
}

void Speech::call(std::string& out, std::string_view tool, std::string_view arguments) {
  std::string params = R"({"name":")";
  params += tool;
  params += R"(","arguments":)";
  params += arguments;
  if (tasks_ && family_ == Family::y2025) params += R"(,"task":{})";
  params += '}';
  post(out, "tools/call", tool, params);
}

void Speech::of_task(std::string& out, std::string_view method, std::string_view task) {
  post(out, method, task, R"({"taskId":")" + std::string(task) + "\"}");
}

void Speech::listen(std::string& out, std::string_view task) {
  post(out, "subscriptions/listen", {}, R"({"notifications":{"taskIds":[")" + std::string(task) + "\"]}}");
}

void Speech::post(std::string& out, std::string_view method, std::string_view name, std::string_view params,
                  bool notification) {
  body_ = R"({"jsonrpc":"2.0",)";
  if (!notification) body_ += "\"id\":" + std::to_string(++id_) + ",";
  body_ += R"("method":")";
  body_ += method;
  body_ += R"(","params":)";
  body_ += params;
  if (family_ == Family::y2026) {
    body_.pop_back();
    body_ +=
        R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{)";
    if (tasks_) body_ += R"("extensions":{"io.modelcontextprotocol/tasks":{}})";
    body_ += "}}}";
  }
  body_ += '}';
  out =
      "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nContent-Type: application/json\r\n"
      "Accept: application/json, text/event-stream\r\n";
  if (family_ == Family::y2026) {
    out += "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: ";
    out += method;
    if (!name.empty()) {
      out += "\r\nMcp-Name: ";
      out += name;
    }
    out += "\r\n";
  } else if (method != "initialize") {
    out += "MCP-Protocol-Version: 2025-11-25\r\n";
    if (!session_.empty()) {
      out += "Mcp-Session-Id: ";
      out += session_;
      out += "\r\n";
    }
  }
  out += "Content-Length: ";
  out += std::to_string(body_.size());
  out += "\r\n\r\n";
  out += body_;
}

std::string_view text_member(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  const std::size_t at = json.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = json.substr(at + key.size());
  return rest.substr(0, rest.find('"'));
}

}  // namespace meantime::bench
