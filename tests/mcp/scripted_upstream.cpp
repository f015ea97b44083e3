// SPDX-License-Identifier: MIT
// scripted_upstream.cpp: an MCP server over stdio for tests, good and bad: each of its tools misbehaves in one way.
// Arguments: --exit N (at once), --no-tools, --clash (has a check_task of its own), --deaf (never reads).
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "core/json_writer.hpp"
#include "mcp/json_rpc.hpp"

namespace {

using namespace meantime;       // NOLINT(google-build-using-namespace): one small program
using namespace meantime::mcp;  // NOLINT(google-build-using-namespace)

std::string text_block(std::string_view text, std::string_view more = "") {
  std::string out = R"({"content":[{"type":"text","text":)";
  append_json_string(out, text);
  return out + "}]" + std::string(more) + "}";
}

class Upstream {
 public:
  explicit Upstream(std::vector<std::string> flags) : flags_(std::move(flags)) {}

  void run() {
    for (std::string line; std::getline(std::cin, line);) {
      seen_ += line + "\n";
      if (const auto message = read_message(line)) take(*message);
    }
  }

 private:
  [[nodiscard]] bool has(std::string_view flag) const { return std::ranges::find(flags_, flag) != flags_.end(); }

  static void say(std::string_view line) { std::cout << line << '\n' << std::flush; }
  static void answer(std::string_view id, std::string_view result) {
    std::string out;
    append_result(out, id, result);
    std::cout << out << std::flush;
  }

  void take(const Message& message) {
    const std::string id(message.id.raw());
    if (message.is_response()) {
      answer(asking_, text_block(message.line));
    } else if (message.method.is("notifications/release")) {
      answer(holding_, text_block("released"));
    } else if (message.method.is("notifications/die")) {
      std::_Exit(3);
    } else if (message.method.is("initialize")) {
      answer(
          id,
          has("--no-tools")
              ? R"({"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"scripted","version":"1"}})"
              : R"({ "protocolVersion" : "2025-11-25", "capabilities": {"tools":{"listChanged":true},"logging":{}}, "serverInfo":{"name":"scripted","version":"1"},"instructions":"Be kind." })");
    } else if (message.method.is("tools/list")) {
      list(message);
    } else if (message.method.is("tools/call")) {
      call(id, message);
    } else if (message.kind == Message::Kind::request) {
      answer(id, R"({ "what" : "you", "asked":1.50 })");
    }
  }

  void list(const Message& message) {
    const std::string id(message.id.raw());
    if (has("--no-tools")) {
      std::string out;
      append_error(out, id, RpcCode::method_not_found, "Method not found");
      std::cout << out << std::flush;
    } else if (!member(message.params, "cursor")) {
      answer(id,
             R"({"tools":[ {"name":"echo", "inputSchema":{"type":"object","x-odd":[1.0, 2]}} ], "nextCursor":"2"})");
    } else {
      answer(
          id,
          std::string(R"({"tools":[{"name":"hold","inputSchema":{"type":"object"}},)") +
              (has("--clash") ? R"({"name":"check_task","inputSchema":{"type":"object"}},)" : "") +
              R"({"name":"structured","inputSchema":{"type":"object"},"outputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"n":{"$ref":"#/$defs/n"}},"required":["n"],"$defs":{"n":{"type":"integer"}}}},)"
              R"({"name":"rooted","inputSchema":{"type":"object"},"outputSchema":{"type":"object","properties":{"next":{"$ref":"#"}}}}]})");
    }
  }

  void call(const std::string& id, const Message& message) {
    const std::string name = message.param.name.text();
    if (name == "echo" || name == "check_task") {
      answer(id, text_block(member(message.param.arguments, "text").text()));
    } else if (name == "params") {
      answer(id, text_block(message.params.raw()));
    } else if (name == "seen") {
      answer(id, text_block(seen_));
    } else if (name == "exact") {
      answer(id, R"({ "content" : [ {"type":"text", "text":"\u0061\/b"} ] , "odd": 1.50 , "isError" : false })");
    } else if (name == "hold" || name == "structured") {
      holding_ = id;
    } else if (name == "garbage") {
      say("Listening on port 3000\n\xff\xfe not text\n{\"jsonrpc\":\"2.0\"}\n[1,2");
      answer(id, text_block("after the garbage"));
    } else if (name == "twice") {
      answer(id, text_block("once"));
      answer(id, text_block("twice"));
    } else if (name == "stranger") {
      answer("\"nobody\"", "{}");
      answer("\"mt-1-1\"", "{}");
      answer("4711", "{}");
      answer(id, text_block("mine"));
    } else if (name == "big" || name == "big_id_last") {
      big(id, name == "big");
    } else if (name == "die") {
      std::_Exit(3);
    } else if (name == "deep") {
      say(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + std::string(1 << 20, '[') + std::string(1 << 20, ']') +
          "}");
    } else if (name == "latin1") {
      say(R"({"jsonrpc": "2.0", "id": )" + id + ", \"result\": {\"content\": \"\xfc\"}}");
    } else if (name == "hollow") {
      say(R"({"jsonrpc":"2.0","id":)" + id + "}");
    } else if (name == "both") {
      say(R"({"result":{},"error":{"code":1,"message":"no"},"jsonrpc":"2.0","id":)" + id + "}");
    } else if (name == "wrong") {
      say(R"({"jsonrpc":"2.0","id":)" + id + R"(,"error":{"code":-32042,"message":"no \u00fc","data":{"k":[1, 2]}}})");
    } else if (name == "fails") {
      answer(id, text_block("it broke", R"(,"isError":true)"));
    } else if (name == "progress") {
      for (const char* progress : {"1", "2.50", "3"}) {
        say(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
            std::string(message.param.meta_progress_token.raw()) + R"(, "progress":)" + progress +
            R"(,"total":3,"message":"step","odd":true}})");
      }
      holding_ = id;
    } else if (name == "ask") {
      asking_ = id;
      say(R"({"jsonrpc":"2.0","id":0,"method":"roots/list"})");
    } else if (name == "long") {
      const auto chars = static_cast<std::size_t>(member(message.param.arguments, "chars").integer().value_or(0));
      std::string text;
      while (text.size() < chars) text += "0123456789";
      text.resize(chars);
      answer(id, R"({"content":[{"type":"text","text":")" + text +
                     R"("},{"type":"image","data":"AAAA","mimeType":"image/png"}]})");
    } else {
      std::string out;
      append_error(out, id, RpcCode::invalid_params, "Unknown tool: " + name);
      std::cout << out << std::flush;
    }
  }

  static void big(const std::string& id, bool id_first) {
    std::cout << (id_first ? R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{"content":[{"type":"text","text":")"
                           : R"({"result":{"content":[{"type":"text","text":")");
    const std::string megabyte(1 << 20, 'x');
    for (int i = 0; i < 100; ++i) std::cout << megabyte;
    std::cout << (id_first ? R"("}]}})" : R"("}]},"jsonrpc":"2.0","id":)" + id + "}") << '\n' << std::flush;
  }

  std::vector<std::string> flags_;
  std::string seen_;
  std::string holding_ = "0";
  std::string asking_ = "0";
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> flags(argv + 1, argv + argc);
  if (flags.size() == 2 && flags[0] == "--exit") return std::atoi(flags[1].c_str());
  if (!flags.empty() && flags[0] == "--deaf") {
    for (;;) ::pause();
  }
  std::ios::sync_with_stdio(false);
  Upstream(flags).run();
}
