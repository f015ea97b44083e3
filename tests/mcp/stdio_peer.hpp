// SPDX-License-Identifier: MIT
// stdio_peer.hpp: a client on the far ends of two pipes, a session on the near ones, all on one loop.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/loop.hpp"
#include "meantime/manager.hpp"
#include "meantime/memory_store.hpp"
#include "meantime/random.hpp"
#include "meantime/system_clock.hpp"
#include "serve/serve.hpp"
#include "serve/wrap.hpp"
#include "support/co_test.hpp"

namespace meantime::test {

/// A manager over a memory store, and one MCP session on it.
class StdioPeer {
 public:
  StdioPeer();
  StdioPeer(const StdioPeer&) = delete;
  StdioPeer& operator=(const StdioPeer&) = delete;
  /// Ends the session in order, and checks that nothing is left.
  ~StdioPeer();

  void wrap(serve::WrapOptions options);
  void serve(serve::ServeOptions options, bool handle_signals = false);

  /// One line to the session; the newline is added.
  void send(std::string_view line);
  /// The next line that the session says.
  std::string next();
  /// Sends a request line and gives the next line.
  std::string ask(std::string_view line) {
    send(line);
    return next();
  }
  /// The next line with this raw id; what comes before it is kept for next().
  std::string next_with_id(std::string_view id);
  /// initialize and initialized, answered.
  std::string shake_hands(std::string_view revision = "2025-11-25", std::string_view client = "test");

  /// Closes the session's input and waits for its exit code.
  int end();
  /// Waits for the exit code.
  int exit_code();
  [[nodiscard]] bool ended() const { return session_.done(); }

  boost::asio::io_context loop{1};
  Loop turns{loop};
  SystemClock clock{loop};
  SystemRandom random;
  std::unique_ptr<Store> store;
  std::unique_ptr<TaskManager> manager;

 private:
  struct Pipes;
  Task<void> read();

  std::unique_ptr<Pipes> pipes_;
  std::deque<std::string> lines_;
  Task<void> reader_;
  Task<int> session_;
};

/// The text of the first content block of a tools/call answer, or its error's message.
std::string text_in(std::string_view answer);
/// A member of a JSON object text, as text or raw; empty when it is not there.
std::string field(std::string_view object, std::string_view name);

}  // namespace meantime::test
