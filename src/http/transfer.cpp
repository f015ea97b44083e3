// SPDX-License-Identifier: MIT
#include "http/transfer.hpp"

#include <boost/asio/post.hpp>

namespace meantime::http {

// With mutex_ held.
void Transfer::post() {
  if (std::exchange(between_.posted, true)) return;
  boost::asio::post(io_, [self = shared_from_this()] { self->deliver(); });
}

void Transfer::put_head(ResponseHead head) {
  const std::lock_guard lock(mutex_);
  between_.head = std::move(head);
  if (streams) post();
}

bool Transfer::put_body(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (streams && between_.unread > most_unread) {
    between_.held_back = true;
    return false;
  }
  between_.unread += bytes.size();
  between_.body += bytes;
  if (streams) post();
  return true;
}

void Transfer::put_end(Result<void> end) {
  const std::lock_guard lock(mutex_);
  if (between_.end) return;
  between_.end = std::move(end);
  post();
}

void Transfer::deliver() {
  {
    const std::lock_guard lock(mutex_);
    between_.posted = false;
    if (abandoned_) return;
    if (between_.head) head_ = std::exchange(between_.head, std::nullopt);
    if (body_.empty()) {
      body_.swap(between_.body);
    } else {
      body_ += between_.body;
      between_.body.clear();
    }
    if (between_.end && !end_) end_ = between_.end;
  }
  if (end_) work_.reset();
  if (waiter_) std::exchange(waiter_, {}).resume();
}

Transfer::Taken Transfer::take_body() {
  const std::lock_guard lock(mutex_);
  between_.unread -= body_.size();
  return {.bytes = std::exchange(body_, {}), .resume_wanted = std::exchange(between_.held_back, false)};
}

void Transfer::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  work_.reset();
}

}  // namespace meantime::http
