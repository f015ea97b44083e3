// SPDX-License-Identifier: MIT
#include "engine/loop.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace meantime {

void Ready::unlink() noexcept {
  if (next_ == nullptr) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  next_ = previous_ = nullptr;
}

Loop::Loop(boost::asio::io_context& io) : io_(io), self_(std::make_shared<Loop*>(this)) {
  head_.next_ = head_.previous_ = &head_;
}

Loop::~Loop() {
  *self_ = nullptr;
  while (head_.next_ != &head_) head_.next_->unlink();
}

void Loop::post(Ready& ready) {
  if (ready.queued()) return;
  ready.previous_ = head_.previous_;
  ready.next_ = &head_;
  head_.previous_->next_ = &ready;
  head_.previous_ = &ready;
  if (posted_) return;
  posted_ = true;
  boost::asio::post(io_, [self = self_] {
    if (*self != nullptr) (*self)->drain();
  });
}

void Loop::drain() {
  posted_ = false;
  // What is queued from here on belongs to the next turn, so that sockets and timers get theirs in between.
  Ready turn{nullptr, nullptr};
  if (head_.next_ == &head_) return;
  turn.next_ = head_.next_;
  turn.previous_ = head_.previous_;
  turn.next_->previous_ = &turn;
  turn.previous_->next_ = &turn;
  head_.next_ = head_.previous_ = &head_;
  const std::shared_ptr<Loop*> self = self_;
  while (turn.next_ != &turn) {
    Ready& ready = *turn.next_;
    ready.unlink();
    ready.run_(ready.owner_);
    if (*self == nullptr) {  // what ran destroyed the loop: forget the rest of the turn
      while (turn.next_ != &turn) turn.next_->unlink();
      break;
    }
  }
  turn.next_ = turn.previous_ = nullptr;
}

void Loop::post_from_anywhere(std::function<void()> work) {
  boost::asio::post(io_, std::move(work));
}

}  // namespace meantime
