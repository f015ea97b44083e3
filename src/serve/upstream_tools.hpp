// SPDX-License-Identifier: MIT
// upstream_tools.hpp: the MCP servers of a configuration: started, asked for their tools, and these offered by a
// manager. Threads: the loop's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "meantime/manager.hpp"
#include "tools/upstream.hpp"

namespace meantime::serve {

/// One server. Its tools stay registered while it is down: calls then fail with the reason, and it is started again.
class UpstreamTools final : tools::UpstreamListener {
 public:
  /// All outlive the object. `log` hears one sentence each.
  UpstreamTools(boost::asio::io_context& loop, Clock& clock, TaskManager& manager, config::UpstreamSettings settings,
                std::function<void(std::string_view)> log);

  /// Starts the server, greets it, and registers its tools under the prefix and with the rules of the configuration.
  /// Errors: not_found, invalid_argument (its program), unavailable (it did not answer within `limit`, or ended),
  ///         corrupt (it answered something else).
  [[nodiscard]] Task<Result<void>> connect(Milliseconds limit);
  /// Ends it. No call may follow but the destructor.
  [[nodiscard]] Task<void> stop() { return upstream_.stop(); }

 private:
  void on_message(const mcp::Message& message) override;
  void on_call_progress(std::uint64_t call, const mcp::Message& notification) override;
  void on_unreadable_answer(mcp::JsonSpan id, std::string_view why) override;
  void on_down(const Error& why) override;
  [[nodiscard]] Task<void> room() override { co_return; }

  [[nodiscard]] Task<void> greet();
  [[nodiscard]] Task<Result<void>> greet_and_list();
  Result<void> take_tools(const std::string& page, std::string& cursor);
  void offer(mcp::JsonSpan tool);

  Clock& clock_;
  TaskManager& manager_;
  config::UpstreamSettings settings_;
  std::function<void(std::string_view)> log_;
  Wake wake_;
  std::optional<Result<void>> greeted_;
  tools::Upstream upstream_;
  Task<void> greeting_;
};

/// Connects all servers of a configuration at once. A server that cannot be used is logged and left out.
[[nodiscard]] Task<std::vector<std::unique_ptr<UpstreamTools>>> connect_upstreams(
    boost::asio::io_context& loop, Clock& clock, TaskManager& manager, std::vector<config::UpstreamSettings> settings,
    Milliseconds limit, std::function<void(std::string_view)> log);

}  // namespace meantime::serve
