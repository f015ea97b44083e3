// SPDX-License-Identifier: MIT
#include "serve/http/event_stream.hpp"

#include "serve/http/http_door.hpp"

namespace meantime::serve {
namespace {
constexpr std::string_view stream_headers = "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
}  // namespace

EventStream::~EventStream() {
  gone();
}

void EventStream::begin() {
  if (begun_ || exchange_ == nullptr) return;
  begun_ = true;
  door_.add(*this);
  exchange_->start_stream(200, "text/event-stream", headers_ + std::string(stream_headers));
}

void EventStream::event(std::string_view id, std::string_view data) {
  if (exchange_ == nullptr) return;
  begin();
  silent_ = false;
  std::string out;
  out.reserve(data.size() + id.size() + 16);
  mcp::append_event(out, id, {}, data);
  exchange_->write(out);
}

void EventStream::retry(std::uint64_t milliseconds) {
  if (exchange_ == nullptr) return;
  begin();
  std::string out;
  mcp::append_retry(out, milliseconds);
  exchange_->write(out);
}

void EventStream::comment() {
  if (exchange_ == nullptr) return;
  std::string out;
  mcp::append_comment(out, "");
  exchange_->write(out);
}

void EventStream::respond(int status, std::string_view json) {
  if (exchange_ == nullptr) return;
  http::Exchange& exchange = *exchange_;
  gone();
  exchange.respond(status, "application/json", json, headers_);
}

void EventStream::end() {
  if (exchange_ == nullptr) return;
  begin();
  http::Exchange& exchange = *exchange_;
  gone();
  exchange.end();
}

void EventStream::gone() noexcept {
  if (listed_) door_.remove(*this);
  exchange_ = nullptr;
}

}  // namespace meantime::serve
