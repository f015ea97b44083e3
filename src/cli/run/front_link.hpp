// SPDX-License-Identifier: MIT
// front_link.hpp: the supervisor's end of the line to the process at the terminal. Heavy: for .cpp files only.
// Threads: the loop's.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cli/event.hpp"
#include "cli/run/frames.hpp"

namespace meantime::cli {

/// Sends frames and hears of signals until the other end goes away, which may be at any time and is no error.
class FrontLink {
 public:
  /// Takes `fd` over. `changed` is notified when a signal came and when the other end went; both outlive the link.
  FrontLink(boost::asio::io_context& loop, int fd, Event& changed);

  /// Sends one frame; suspends while the other end is far behind. After finish(), and when it is gone, does nothing.
  [[nodiscard]] Task<void> send(Frame kind, std::string_view bytes);
  /// Sends the last frame, behind all others, and lets everybody in send() go.
  void finish(Frame kind, std::string_view bytes);
  /// Suspends until all is sent, or the other end is gone.
  [[nodiscard]] Task<void> flushed();

  [[nodiscard]] bool gone() const noexcept { return gone_; }
  /// The oldest signal that was not yet taken.
  [[nodiscard]] std::optional<int> take_signal();

 private:
  [[nodiscard]] Task<void> read_all();
  [[nodiscard]] Task<void> write_all();
  void append(Frame kind, std::string_view bytes);
  void lose();

  boost::asio::local::stream_protocol::socket socket_;
  Event& changed_;
  Event moved_;
  std::string unsent_;
  std::string sending_;
  std::string signals_;
  bool finished_ = false;
  bool gone_ = false;
  Task<void> writer_;
  Task<void> reader_;
};

}  // namespace meantime::cli
