// SPDX-License-Identifier: MIT
// store_peer.hpp: another meantime process on the test's Redis (peer/store_peer.cpp says what it understands).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "meantime/store.hpp"
#include "support/child.hpp"

namespace meantime::test {

struct PeerOptions {
  std::uint16_t port = 0;
  Milliseconds lease{12'000};
  Milliseconds heartbeat{100};
};

class StorePeer {
 public:
  StorePeer(boost::asio::io_context& loop, const PeerOptions& options);
  StorePeer(const StorePeer&) = delete;
  StorePeer& operator=(const StorePeer&) = delete;
  /// Kills it, if nobody told it to go.
  ~StorePeer();

  void say(const std::string& line) const;
  /// The words after `beginning` of the first line, not heard yet, that begins so. Waits for it on the test's loop.
  std::string hear(const std::string& beginning);
  /// How many lines that nobody has heard begin so.
  [[nodiscard]] std::size_t unheard(const std::string& beginning) const;
  /// Starts a task there that waits at the gate `name`; answers when it runs.
  TaskId call(const std::string& tool, const std::string& name);

  void kill();
  void pause() { child_.pause(); }
  void resume() { child_.resume(); }
  /// Ends its input and waits for its end; its exit code.
  int leave();

 private:
  void listen();

  boost::asio::io_context& loop_;
  Child child_;
  Descriptor input_;
  boost::asio::posix::stream_descriptor output_;
  std::string buffer_;
  std::deque<std::string> lines_;
};

}  // namespace meantime::test
