// SPDX-License-Identifier: MIT
#include "cli/run/front_link.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

namespace meantime::cli {
namespace {
constexpr std::size_t far_behind = 256UL << 10U;
}

FrontLink::FrontLink(boost::asio::io_context& loop, int fd, Event& changed)
    : socket_(loop, boost::asio::local::stream_protocol(), fd), changed_(changed), moved_(loop), reader_(read_all()) {}

Task<void> FrontLink::send(Frame kind, std::string_view bytes) {
  if (finished_ || gone_) co_return;
  append(kind, bytes);
  while (!finished_ && !gone_ && unsent_.size() > far_behind) co_await moved_.wait();
}

void FrontLink::finish(Frame kind, std::string_view bytes) {
  if (finished_ || gone_) return;
  append(kind, bytes);
  finished_ = true;
  moved_.notify();
}

Task<void> FrontLink::flushed() {
  while (!gone_ && (!unsent_.empty() || !sending_.empty())) co_await moved_.wait();
}

std::optional<int> FrontLink::take_signal() {
  if (signals_.empty()) return std::nullopt;
  const int signal = static_cast<unsigned char>(signals_.front());
  signals_.erase(0, 1);
  return signal;
}

void FrontLink::append(Frame kind, std::string_view bytes) {
  append_frame(unsent_, kind, bytes);
  if (!writer_ || writer_.done()) writer_ = write_all();
}

void FrontLink::lose() {
  gone_ = true;
  unsent_.clear();
  moved_.notify();
  changed_.notify();
}

Task<void> FrontLink::write_all() {
  while (!unsent_.empty()) {
    sending_.swap(unsent_);
    const auto [problem, written] = co_await boost::asio::async_write(socket_, boost::asio::buffer(sending_), await);
    sending_.clear();
    if (problem) {
      lose();
      co_return;
    }
    moved_.notify();
  }
}

Task<void> FrontLink::read_all() {
  std::array<char, 16> bytes{};
  for (;;) {
    const auto [problem, count] = co_await socket_.async_read_some(boost::asio::buffer(bytes), await);
    if (problem) break;
    signals_.append(bytes.data(), count);
    changed_.notify();
  }
  lose();
}

}  // namespace meantime::cli
