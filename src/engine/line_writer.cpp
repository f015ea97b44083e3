// SPDX-License-Identifier: MIT
#include "engine/line_writer.hpp"

#include <utility>

namespace meantime {
namespace {
constexpr std::size_t keep_capacity = std::size_t{1} << 20;  // a burst's room is given back
}  // namespace

LineWriter::LineWriter(boost::asio::io_context& loop, ByteSink& sink) : loop_(loop), sink_(sink) {}

std::string& LineWriter::open() {
  if (failed_) pending_.clear();
  if (!scheduled_ && !writing_ && holds_ == 0) {
    scheduled_ = true;
    boost::asio::post(loop_, [self = std::weak_ptr(self_)] {
      const auto box = self.lock();
      if (!box) return;
      (*box)->scheduled_ = false;
      (*box)->flush();
    });
  }
  return pending_;
}

void LineWriter::release() {
  if (--holds_ == 0) flush();
}

void LineWriter::flush() {
  if (!writing_ && !failed_ && !pending_.empty()) write_ = write_out();
}

Task<void> LineWriter::write_out() {
  writing_ = true;
  while (!pending_.empty() && !failed_) {
    std::swap(pending_, sending_);
    const Result<void> written = co_await sink_.write(sending_);
    failed_ = !written.has_value();
    sending_.clear();
    if (sending_.capacity() > keep_capacity) sending_.shrink_to_fit();
    wake_all();
  }
  writing_ = false;
  if (!failed_) co_return;
  pending_.clear();
  boost::asio::post(loop_, [self = std::weak_ptr(self_)] {
    const auto box = self.lock();
    if (box && (*box)->on_failure_) (*box)->on_failure_();
  });
}

void LineWriter::wake_all() {
  for (Wake* waiter : waiters_) waiter->notify();
}

namespace {
// In the list for as long as a coroutine waits.
struct Listed {
  std::vector<Wake*>& list;
  Wake& wake;
  Listed(std::vector<Wake*>& in, Wake& what) : list(in), wake(what) { list.push_back(&wake); }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;
  ~Listed() { std::erase(list, &wake); }
};
}  // namespace

Task<void> LineWriter::wait_below(std::size_t bytes) {
  if (failed_ || queued() <= bytes) co_return;
  Wake taken(loop_);
  const Listed listed(waiters_, taken);
  while (!failed_ && queued() > bytes) co_await taken.wait();
}

Task<void> LineWriter::drain(Clock& clock, Milliseconds limit) {
  Wake taken(loop_);
  const Listed listed(waiters_, taken);
  bool over = false;
  const auto alarm = clock.make_alarm([&taken, &over] {
    over = true;
    taken.notify();
  });
  alarm->set(clock.now() + limit);
  while (!failed_ && !over && queued() > 0) co_await taken.wait();
}

}  // namespace meantime
