// SPDX-License-Identifier: MIT
// stdio_client.hpp: a client in front of scripted_server, and what it heard.
#pragma once

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "client/mcp_client.hpp"
#include "engine/loop.hpp"
#include "meantime/system_clock.hpp"
#include "support/co_test.hpp"

namespace meantime::test {

struct HeardEvents final : client::ClientEvents {
  void on_connected(const client::ServerDescription& server) override {
    ++connects;
    revision = server.revision;
  }
  void on_down(const Error& why) override { down = why.detail; }
  void on_list_changed(client::ListKind list) override { lists.push_back(list); }
  void on_resource_updated(std::string_view uri) override { resources.emplace_back(uri); }
  void on_log(LogLine line) override { logs.push_back(std::move(line)); }
  void on_notification(std::string_view method, std::string_view params) override {
    others.push_back(std::string(method) + std::string(params));
  }

  int connects = 0;
  mcp::Revision revision{};
  std::string down;
  std::vector<client::ListKind> lists;
  std::vector<std::string> resources;
  std::vector<LogLine> logs;
  std::vector<std::string> others;
};

struct HeardHooks final : client::RequestHooks {
  void on_progress(const Progress& progress) override { steps.push_back(progress); }
  void on_log(LogLine line) override { logs.push_back(std::move(line)); }
  Task<Result<std::vector<InputResponse>>> on_input(std::vector<InputRequest> requests) override {
    std::vector<InputResponse> out;
    for (InputRequest& each : requests) {
      out.push_back({each.key, answer});
      asked.push_back(std::move(each));
    }
    if (refuses) co_return fail(*refuses, "test", "not here");
    co_return out;
  }

  [[nodiscard]] std::string_view owner() const noexcept override { return whose; }

  std::string whose;
  std::string answer = R"({"action":"accept","content":{"name":"Ada"}})";
  std::optional<errc> refuses;
  std::vector<Progress> steps;
  std::vector<LogLine> logs;
  std::vector<InputRequest> asked;
};

class StdioClient : public testing::Test {
 protected:
  ~StdioClient() override {
    if (client) run(io, client->close());
    client.reset();
    run_ready(io);
  }

  void open(std::vector<std::string> flags, client::ClientOptions options = {}) {
    client::StdioOptions server;
    server.command = {SCRIPTED_SERVER};
    server.command.insert(server.command.end(), flags.begin(), flags.end());
    server.max_message_bytes = 1U << 20;
    options.name = "scripted";
    options.log = [this](std::string_view line) { logged.emplace_back(line); };
    options.capabilities.elicitation_form = true;
    client = std::make_unique<client::McpClient>(loop, clock, std::move(server), std::move(options), &events);
  }
  client::Answer call(std::string_view tool, std::string_view arguments = "{}", client::RequestHooks* hooks = nullptr) {
    return run(io, client->call_tool(tool, arguments, hooks));
  }
  /// The text of a result's first block, or the failure as text.
  static std::string text_of(const client::Answer& answer) {
    if (!answer) return "failed: " + client::text_of(answer.error());
    std::string out;
    mcp::for_each_element(mcp::member(mcp::JsonSpan(answer->result), "content"),
                          [&](mcp::JsonSpan each) { out += mcp::member(each, "text").text(); });
    return out;
  }
  static errc code_of(const client::Answer& answer) {
    return answer || !std::holds_alternative<Error>(answer.error()) ? errc::internal
                                                                    : std::get<Error>(answer.error()).code;
  }

  boost::asio::io_context io;
  Loop loop{io};
  SystemClock clock{io};
  HeardEvents events;
  std::vector<std::string> logged;
  std::unique_ptr<client::McpClient> client;
};

}  // namespace meantime::test
