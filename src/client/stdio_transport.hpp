// SPDX-License-Identifier: MIT
// stdio_transport.hpp: messages to and from a program that we start, a line each. Threads: the loop's.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/options.hpp"
#include "client/transport.hpp"
#include "engine/line_writer.hpp"
#include "engine/loop.hpp"
#include "engine/wake.hpp"
#include "mcp/line_framer.hpp"
#include "process/child.hpp"

namespace meantime::client {

class StdioTransport final : public Transport {
 public:
  /// All outlive the transport. `name` empty: the program's file name.
  StdioTransport(Loop& loop, Clock& clock, Receiver& receiver, StdioOptions options, std::string name,
                 std::function<void(std::string_view)> log);
  /// Kills what still runs.
  ~StdioTransport() override;

  [[nodiscard]] mcp::EraProbe::Transport kind() const noexcept override { return mcp::EraProbe::Transport::stdio; }
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<void> send(const Outgoing& message) override;
  [[nodiscard]] Task<Result<void>> deliver(Outgoing message) override;
  void abandon(RequestNumber /*number*/) override {}
  [[nodiscard]] Task<void> stop() override;
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }

 private:
  struct Link;

  Task<void> read(Link& link);
  Task<void> watch_exit(Link& link);
  Task<void> end(Link& link);
  void take(const mcp::Line& line);
  void refuse(const mcp::Line& line, std::string why);
  void log(std::string_view text);

  Loop& loop_;
  Clock& clock_;
  Receiver& receiver_;
  StdioOptions options_;
  std::string name_;
  std::function<void(std::string_view)> log_;
  std::uint32_t logged_ = 0;
  bool stopping_ = false;
  std::unique_ptr<Link> link_;
  Task<void> run_;  // the link's end: outlives what it ends
};

}  // namespace meantime::client
