// SPDX-License-Identifier: MIT
// event.hpp: "something changed, look again", for coroutines of one loop. Heavy: for .cpp files only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "meantime/asio.hpp"

namespace meantime::cli {

/// Wakes all who wait. Use it as `while (!condition) co_await event.wait();`: on one thread nothing is missed between.
class Event {
 public:
  explicit Event(boost::asio::io_context& loop) : timer_(loop, boost::asio::steady_timer::time_point::max()) {}

  [[nodiscard]] Task<void> wait() { co_await timer_.async_wait(await); }
  /// Those who wait go on at the loop's next turn, never inside this call.
  void notify() { timer_.cancel(); }

 private:
  boost::asio::steady_timer timer_;
};

}  // namespace meantime::cli
