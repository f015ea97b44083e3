// SPDX-License-Identifier: MIT
#include "tools/outbox.hpp"

#include <utility>

namespace meantime::tools {
namespace {
constexpr std::size_t keep_capacity = std::size_t{1} << 20;  // a burst's room is given back
}  // namespace

Outbox::Outbox(boost::asio::io_context& loop, ByteSink& sink) : loop_(loop), sink_(sink), taken_(loop) {}

std::string& Outbox::open() {
  if (failed_) pending_.clear();
  if (!scheduled_ && !writing_) {
    scheduled_ = true;
    boost::asio::post(loop_, [self = std::weak_ptr(self_)] {
      if (const auto box = self.lock()) (*box)->flush();
    });
  }
  return pending_;
}

void Outbox::flush() {
  scheduled_ = false;
  if (!writing_ && !failed_ && !pending_.empty()) writer_ = write_out();
}

Task<void> Outbox::write_out() {
  writing_ = true;
  while (!pending_.empty() && !failed_) {
    std::swap(pending_, sending_);
    const Result<void> written = co_await sink_.write(sending_);
    failed_ = !written.has_value();
    sending_.clear();
    if (sending_.capacity() > keep_capacity) sending_.shrink_to_fit();
    taken_.notify();
  }
  if (failed_) pending_.clear();
  writing_ = false;
}

Task<void> Outbox::wait_below(std::size_t bytes) {
  while (!failed_ && queued() > bytes) co_await taken_.wait();
}

Task<void> Outbox::drain(Clock& clock, Milliseconds limit) {
  bool over = false;
  const auto alarm = clock.make_alarm([this, &over] {
    over = true;
    taken_.notify();
  });
  alarm->set(clock.now() + limit);
  while (!failed_ && !over && queued() > 0) co_await taken_.wait();
}

}  // namespace meantime::tools
