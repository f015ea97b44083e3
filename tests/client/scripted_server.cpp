// SPDX-License-Identifier: MIT
// scripted_server.cpp: an MCP server over stdio for the client's tests, of either family, good and bad.
// Flags: --stateless (2026-07-28 alone), --mute (no word about server/discover), --dies (at server/discover),
// --old (answers initialize with 2024-11-05), --odd (with a version of its own), --deaf (never reads), --offers V
// (a -32022 that lists V), --exit N (at once).
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "core/json_writer.hpp"
#include "mcp/json_rpc.hpp"

namespace {

using namespace meantime;       // NOLINT(google-build-using-namespace): one small program
using namespace meantime::mcp;  // NOLINT(google-build-using-namespace)

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string text_block(std::string_view text, std::string_view more = "") {
  return R"({"content":[{"type":"text","text":)" + in_quotes(text) + "}]" + std::string(more) + "}";
}

constexpr std::string_view form =
    R"({"method":"elicitation/create","params":{"message":"Who?","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}}})";

class Server {
 public:
  explicit Server(std::vector<std::string> flags) : flags_(std::move(flags)), stateless_(has("--stateless")) {}

  void run() {
    for (std::string line; std::getline(std::cin, line);) {
      seen_ += line + "\n";
      if (const auto message = read_message(line)) take(*message);
    }
  }

 private:
  [[nodiscard]] bool has(std::string_view flag) const { return std::ranges::find(flags_, flag) != flags_.end(); }
  [[nodiscard]] std::string after(std::string_view flag) const {
    const auto at = std::ranges::find(flags_, flag);
    return at == flags_.end() || at + 1 == flags_.end() ? std::string() : *(at + 1);
  }

  static void say(std::string_view line) { std::cout << line << '\n' << std::flush; }
  static void answer(std::string_view id, std::string_view result) {
    std::string out;
    append_result(out, id, result);
    std::cout << out << std::flush;
  }
  static void refuse(std::string_view id, int code, std::string_view message, std::string_view data = {}) {
    std::string out;
    append_error(out, id, code, message, data);
    std::cout << out << std::flush;
  }

  void take(const Message& message) {
    const std::string id(message.id.raw());
    if (message.is_response()) {
      answer(asking_, text_block(message.line));
    } else if (message.method.is("server/discover")) {
      discover(id, message);
    } else if (message.method.is("initialize")) {
      initialize(id);
    } else if (message.method.is("tools/list")) {
      list(message);
    } else if (message.method.is("tools/call")) {
      call(id, message);
    } else if (message.method.is("subscriptions/listen")) {
      listening_ = id;
      say(R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":)" +
          std::string(message.param.notifications.raw()) + R"(,"_meta":{"io.modelcontextprotocol/subscriptionId":)" +
          id + "}}}");
    } else if (message.method.is("resources/subscribe")) {
      answer(id, "{}");
    } else if (message.method.is("tasks/get")) {
      get_task(id);
    } else if (message.method.is("tasks/update")) {
      name_ = member(member(member(message.param.input_responses, "who"), "content"), "name").text();
      answer(id, R"({"resultType":"complete"})");
    } else if (message.method.is("tasks/result")) {
      if (task_ends_) {
        answer(id, text_block("after a while"));
      } else {
        result_wanted_ = id;
        say(R"({"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"old-1","status":"working","statusMessage":"half way"}})");
      }
    } else if (message.method.is("tasks/cancel")) {
      cancelled_ = message.param.task_id.text();
      answer(id, R"({"resultType":"complete"})");
    } else if (message.kind == Message::Kind::request) {
      refuse(id, -32601, "Method not found");
    }
  }

  void discover(const std::string& id, const Message& message) {
    if (has("--dies")) std::_Exit(3);
    if (has("--mute")) return;
    if (const std::string only = after("--offers"); !only.empty() && !message.param.meta_protocol_version.is(only)) {
      refuse(id, -32022, "Unsupported protocol version", R"({"supported":[")" + only + R"("]})");
      return;
    }
    if (!stateless_) {
      refuse(id, -32601, "Method not found");
      return;
    }
    answer(
        id,
        R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"extensions":{"io.modelcontextprotocol/tasks":{}}},"instructions":"Be kind.","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"scripted","version":"2"}}})");
  }

  void initialize(const std::string& id) {
    if (stateless_) {
      refuse(id, -32601, "Method not found");
      return;
    }
    const std::string version = has("--old") ? "2024-11-05" : has("--odd") ? "2031-01-01" : "2025-11-25";
    answer(
        id,
        R"({"protocolVersion":")" + version +
            R"(","capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{},"tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}},"serverInfo":{"name":"scripted","version":"1"},"instructions":"Be kind."})");
  }

  void list(const Message& message) {
    const std::string id(message.id.raw());
    if (!message.param.cursor) {
      answer(
          id,
          R"({"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"echo","inputSchema":{"type":"object","x-odd":[1.0, 2]}}],"nextCursor":"2"})");
    } else {
      answer(
          id,
          R"({"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"old_task","inputSchema":{"type":"object"},"execution":{"taskSupport":"required"}},)"
          R"({"name":"bad","inputSchema":{"type":"object","properties":{"a":{"type":"object","x-mcp-header":"A"}}}}]})");
    }
  }

  void get_task(const std::string& id) {
    const std::string head =
        R"({"resultType":"complete","taskId":"new-1","createdAt":"2026-11-22T10:00:00Z","lastUpdatedAt":"2026-11-22T10:00:00Z","ttlMs":null,"pollIntervalMs":1,)";
    ++looks_;
    if (looks_ <= 1) {
      answer(id, head + R"("status":"working","statusMessage":"1 of 2"})");
    } else if (name_.empty()) {
      answer(id, head + R"("status":"input_required","inputRequests":{"who":)" + std::string(form) + "}}");
    } else {
      answer(id, head + R"("status":"completed","result":)" + text_block("Hello, " + name_) + "}");
    }
  }

  void call(const std::string& id, const Message& message) {
    const std::string name = message.param.name.text();
    if (name == "echo") {
      answer(id, text_block(member(message.param.arguments, "text").text()));
    } else if (name == "params") {
      answer(id, text_block(message.params.raw()));
    } else if (name == "seen") {
      answer(id, text_block(seen_));
    } else if (name == "exact") {
      answer(id, R"({ "content" : [ {"type":"text", "text":"\u0061\/b"} ] , "odd": 1.50 , "isError" : false })");
    } else if (name == "fails") {
      answer(id, text_block("it broke", R"(,"isError":true)"));
    } else if (name == "wrong") {
      refuse(id, -32042, "no", R"({"k":[1, 2]})");
    } else if (name == "hold") {
      holding_.push_back(id);
    } else if (name == "release") {
      for (const std::string& each : holding_) answer(each, text_block("released"));
      holding_.clear();
      answer(id, text_block("done"));
    } else if (name == "die") {
      std::_Exit(3);
    } else if (name == "garbage") {
      say("Listening on port 3000\n\xff\xfe not text\n{\"jsonrpc\":\"2.0\"}\n[1,2\n[]\n{}");
      say(R"({"jsonrpc":"2.0","id":)" + id + ",\"result\":" + text_block("after the garbage") + "}");
    } else if (name == "say") {
      // A line as it was given, then an answer as it should be.
      std::string line = member(message.param.arguments, "line").text();
      for (auto at = line.find("$ID"); at != line.npos; at = line.find("$ID")) line.replace(at, 3, id);
      say(line);
      answer(id, text_block("the answer after it"));
    } else if (name == "stranger") {
      answer("\"nobody\"", "{}");
      answer("-5", "{}");
      answer("4711", "{}");
      answer(id, text_block("mine"));
      answer(id, text_block("twice"));
    } else if (name == "latin1") {
      say(R"({"jsonrpc": "2.0", "id": )" + id + ", \"result\": {\"content\": \"\xfc\"}}");
    } else if (name == "big") {
      say(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{"t":")" + std::string(5 << 20, 'x') + "\"}}");
    } else if (name == "flood") {
      for (int i = 0; i < 20'000; ++i) {
        say(R"({"jsonrpc":"2.0","id":"f)" + std::to_string(i) + R"(","method":"sampling/createMessage","params":{}})");
      }
      answer(id, text_block("flooded"));
    } else if (name == "odd_type") {
      answer(id, R"({"resultType":"riddle"})");
    } else if (name == "progress") {
      for (const char* progress : {"1", "2.50"}) {
        say(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
            std::string(message.param.meta_progress_token.raw()) + R"(, "progress":)" + progress +
            R"(,"total":3,"message":"step"}})");
      }
      say(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"warning","logger":"l","data":{"a": 1}}})");
      answer(id, text_block("done"));
    } else if (name == "changes") {
      say(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
      say(R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://a"}})");
      say(R"({"jsonrpc":"2.0","method":"notifications/odd","params":{"n":1}})");
      answer(id, text_block("done"));
    } else if (name == "stop_listening") {
      answer(listening_, R"({"resultType":"complete"})");
      answer(id, text_block("done"));
    } else if (name == "ask") {
      ask(id, message);
    } else if (name == "log_now") {
      say(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"warning","data":"whose?"}})");
      answer(id, text_block("done"));
    } else if (name == "ask_odd") {
      asking_ = id;
      say(R"({"jsonrpc":"2.0","id":"odd","method":"odd/question"})");
    } else if (name == "ping") {
      asking_ = id;
      say(R"({"jsonrpc":"2.0","id":"p","method":"ping"})");
    } else if (name == "for_ever") {
      answer(id, R"({"resultType":"input_required","requestState":"s"})");
    } else if (name == "task" || name == "held_task") {
      if (name == "held_task") looks_ = -1'000'000;
      answer(
          id,
          R"({"resultType":"task","taskId":"new-1","status":"working","createdAt":"2026-11-22T10:00:00Z","lastUpdatedAt":"2026-11-22T10:00:00Z","ttlMs":null,"pollIntervalMs":1})");
    } else if (name == "slow_task") {
      answer(
          id,
          R"({"resultType":"task","taskId":"slow-1","status":"working","createdAt":"2026-11-22T10:00:00Z","lastUpdatedAt":"2026-11-22T10:00:00Z","ttlMs":null,"pollIntervalMs":3600000})");
    } else if (name == "tell_of_task") {
      name_ = "Bob";
      looks_ = 1;
      say(R"({"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"slow-1","status":"completed"}})");
      answer(id, text_block("done"));
    } else if (name == "old_task") {
      if (!message.param.task) {
        refuse(id, -32601, "Task augmentation required");
      } else {
        answer(
            id,
            R"({"task":{"taskId":"old-1","status":"working","createdAt":"2026-11-22T10:00:00Z","lastUpdatedAt":"2026-11-22T10:00:00Z","ttl":null}})");
      }
    } else if (name == "end_task") {
      task_ends_ = true;
      if (!result_wanted_.empty()) answer(result_wanted_, text_block("after a while"));
      answer(id, text_block("done"));
    } else if (name == "cancelled") {
      answer(id, text_block(cancelled_));
    } else {
      refuse(id, -32602, "Unknown tool: " + name);
    }
  }

  void ask(const std::string& id, const Message& message) {
    if (!stateless_) {
      asking_ = id;
      say(R"({"jsonrpc":"2.0","id":"ask","method":"elicitation/create","params":{"message":"Who?"}})");
    } else if (!message.param.input_responses) {
      answer(id, R"({"resultType":"input_required","inputRequests":{"who":)" + std::string(form) +
                     R"(},"requestState":"a\u002fb"})");
    } else {
      answer(id, text_block(std::string(message.param.request_state.raw()) +
                            std::string(member(message.param.input_responses, "who").raw())));
    }
  }

  std::vector<std::string> flags_;
  bool stateless_;
  std::string seen_;
  std::string asking_;
  std::string listening_;
  std::string name_;
  std::string cancelled_;
  std::string result_wanted_;
  std::vector<std::string> holding_;
  int looks_ = 0;
  bool task_ends_ = false;
};

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::string> flags(arguments + 1, arguments + count);  // NOLINT: argv
  if (const auto at = std::ranges::find(flags, "--exit"); at != flags.end()) return std::atoi((at + 1)->c_str());
  if (std::ranges::find(flags, "--deaf") != flags.end()) {
    for (;;) ::pause();
  }
  Server(std::move(flags)).run();
  return 0;
}
