// SPDX-License-Identifier: MIT
// line_writer.hpp: gathers the lines of one turn of the loop and writes them at once; says when too much is queued.
// Threads: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/wake.hpp"
#include "meantime/clock.hpp"
#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"

namespace meantime {

/// Where the bytes of a LineWriter go.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  /// Writes all of `bytes`, which stay alive meanwhile. One write at a time.
  [[nodiscard]] virtual Task<Result<void>> write(std::string_view bytes) = 0;
};

/// Lines on their way to one reader. After a write failed everything is dropped: the reader is gone.
class LineWriter {
 public:
  /// Both outlive the writer.
  LineWriter(boost::asio::io_context& loop, ByteSink& sink);
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  ~LineWriter() = default;

  /// Append whole lines, newline included, to the string given; they leave at the end of this turn of the loop, or when
  /// the last hold is let go.
  [[nodiscard]] std::string& open();
  /// Around a batch of lines: what it writes leaves together at release(), without a turn of the loop.
  void hold() noexcept { ++holds_; }
  void release();
  /// Bytes that the reader has not taken yet.
  [[nodiscard]] std::size_t queued() const noexcept { return pending_.size() + sending_.size(); }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  /// Called once, on the loop's next turn, after a write failed.
  void on_failure(std::function<void()> tell) { on_failure_ = std::move(tell); }
  /// Suspends until no more than `bytes` are queued, or the reader is gone.
  [[nodiscard]] Task<void> wait_below(std::size_t bytes);
  /// Suspends until all is written, the reader is gone, or `limit` is over.
  [[nodiscard]] Task<void> drain(Clock& clock, Milliseconds limit);

 private:
  void flush();
  void wake_all();
  Task<void> write_out();

  boost::asio::io_context& loop_;
  ByteSink& sink_;
  std::string pending_;
  std::string sending_;
  std::shared_ptr<LineWriter*> self_ = std::make_shared<LineWriter*>(this);
  std::uint32_t holds_ = 0;
  bool scheduled_ = false;
  bool writing_ = false;
  bool failed_ = false;
  std::function<void()> on_failure_;
  std::vector<Wake*> waiters_;
  Task<void> write_;
};

}  // namespace meantime
