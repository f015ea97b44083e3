// SPDX-License-Identifier: MIT
// stdio.hpp: a session on two descriptors: reads lines, writes answers, and ends in order when the client goes or a
// signal comes.
// Threads: the loop's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "engine/line_writer.hpp"
#include "meantime/manager.hpp"
#include "serve/session.hpp"
#include "serve/session_options.hpp"

namespace meantime::serve {

/// The client's two descriptors: copies of them, so that the caller's stay open. While it lives they do not block.
class StdioClient final : public ByteSink {
 public:
  StdioClient(boost::asio::io_context& loop, int in_fd, int out_fd);
  StdioClient(const StdioClient&) = delete;
  StdioClient& operator=(const StdioClient&) = delete;
  ~StdioClient() override;

  /// Some bytes into `room`; 0 at the end. Errors count as the end.
  [[nodiscard]] Task<std::size_t> read(std::span<char> room);
  [[nodiscard]] Task<Result<void>> write(std::string_view bytes) override;

 private:
  struct Descriptor {
    Descriptor(boost::asio::io_context& loop, int fd);
    boost::asio::posix::stream_descriptor fd;
    int flags = 0;
  };
  Descriptor in_;
  Descriptor out_;
  bool emptied_ = false;
};

/// Runs `session` until its client is gone or a signal comes, drains the manager, closes the session; gives the exit
/// code of run_wrap(). `framer` may hold what was read before.
[[nodiscard]] Task<int> run_stdio(boost::asio::io_context& loop, TaskManager& manager, Clock& clock,
                                  const SessionOptions& options, Session& session, StdioClient& client, LineWriter& out,
                                  mcp::LineFramer framer);

/// One line on our standard error, as "meantime: ...".
void log_to_stderr(std::string_view text);

}  // namespace meantime::serve
