// SPDX-License-Identifier: MIT
#include "http/connection.hpp"

#include <algorithm>

namespace meantime::http {
namespace {

constexpr Milliseconds linger_for{2'000};
constexpr std::size_t linger_bytes = 8UL << 20U;
constexpr std::size_t kept_output = 4UL << 10U;
constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

Connection::Connection(Shared& shared, Peer peer) : shared_(shared), peer_(std::move(peer)), reader_(shared.limits) {
  reader_.request().peer = &peer_;
}

Connection::~Connection() {
  closed_ = true;
  if (wire_) wire_->close();
  if (conversation_) conversation_->on_gone();
}

void Connection::start(Socket socket, const std::shared_ptr<boost::asio::ssl::context>& tls) {
  wire_ = tls ? make_tls_wire(std::move(socket), tls, *this) : make_plain_wire(std::move(socket), *this);
  if (wire_->open()) {
    set_limit(Limit::handshake, shared_.options.handshake);
  } else {
    on_open(true);
  }
}

void Connection::start_refused(Socket socket) {
  refused_ = true;
  wire_ = make_plain_wire(std::move(socket), *this);
  refuse(503, "This server has as many connections as it takes: try again later.");
}

void Connection::on_open(bool open) {
  if (!open) return drop();
  set_limit(Limit::idle, shared_.options.idle);
  read_on();
}

void Connection::set_limit(Limit limit, Milliseconds after) {
  limit_ = limit;
  shared_.deadlines.arm(deadline_, after, shared_.deadlines.clock().coarse_now());
}

void Connection::clear_limit() {
  limit_ = Limit::none;
  deadline_.disarm();
}

void Connection::on_deadline() {
  switch (std::exchange(limit_, Limit::none)) {
    case Limit::none:
      return;
    case Limit::head:
      return refuse(408, "The head of the request took too long: send it at once.");
    case Limit::body: {
      const Milliseconds span = body_span();
      body_took_ += span;
      const std::size_t came = reader_.body_bytes() - body_seen_;
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span).count();
      if (came < shared_.options.min_body_rate * static_cast<std::size_t>(std::max<std::int64_t>(seconds, 1)))
        return refuse(408, "The body comes too slowly.");
      if (shared_.options.body.count() > 0 && body_took_ >= shared_.options.body)
        return refuse(408, "The body took too long: send less at once, or ask for a longer body_time.");
      body_seen_ = reader_.body_bytes();
      return set_limit(Limit::body, body_span());
    }
    case Limit::stall: {
      // The kernel asks for more only when much of what it holds has left: a slow client may take all along.
      const std::size_t before = std::exchange(in_kernel_, wire_->in_kernel());
      return in_kernel_ < before ? set_limit(Limit::stall, shared_.options.write_stall) : drop();
    }
    case Limit::handshake:
    case Limit::idle:
    case Limit::linger:
      return drop();
  }
}

// A read stays pending all the time, so that a client that goes is noticed: except while the buffer is full of requests
// sent ahead.
void Connection::read_on() {
  if (reading_ || closed_ || peer_ended_) return;
  const std::span<char> room = finishing_ ? std::span<char>(shared_.waste) : reader_.room();
  if (room.empty()) return;
  reading_ = true;
  wire_->read(room);
}

void Connection::on_read(std::size_t bytes) {
  reading_ = false;
  if (bytes == 0) {
    peer_ended_ = true;
    // Whoever has gone in the midst of an answer does not want it any more; one that is complete is still delivered.
    if (answer_ != Answer::none || lingering_ || queued() == 0) return drop();
    finishing_ = true;
    return;
  }
  if (finishing_) {
    discarded_ += bytes;
    if (discarded_ > linger_bytes) return drop();
  } else {
    reader_.add(bytes);
    process();
  }
  read_on();
}

void Connection::process() {
  processing_ = true;
  while (!closed_ && !finishing_ && answer_ == Answer::none && queued() == 0) {
    const auto state = reader_.parse();
    if (state == RequestReader::State::complete) {
      handle_request();
      continue;
    }
    if (state == RequestReader::State::refused) {
      refuse(reader_.fault().status, reader_.fault().text);
    } else if (state == RequestReader::State::empty) {
      if (limit_ != Limit::idle) set_limit(Limit::idle, shared_.options.idle);
    } else if (state == RequestReader::State::head) {
      if (limit_ != Limit::head) set_limit(Limit::head, shared_.options.head);
    } else {
      const bool first = !std::exchange(head_seen_, true);
      if (first) {
        body_seen_ = 0;
        body_took_ = Milliseconds(0);
      }
      if (limit_ != Limit::body) set_limit(Limit::body, body_span());
      if (first && head_is_welcome() && reader_.take_expectation()) send(go_on, {});
    }
    break;
  }
  processing_ = false;
  if (finishing_ && !lingering_ && !closed_ && answer_ == Answer::none && queued() == 0) finish();
}

// Until the body is looked at again.
Milliseconds Connection::body_span() const {
  const ServerOptions& options = shared_.options;
  if (options.body.count() == 0) return options.body_check;
  return std::min(options.body_check, options.body - body_took_);
}

bool Connection::head_is_welcome() {
  const Request& head = reader_.request();
  answer_ = Answer::awaited;
  to_head_ = head.method == "HEAD";
  to_1_0_ = head.version < 11;
  keep_open_ = false;
  if (shared_.handler.on_head(reader_.request(), *this) && answer_ == Answer::awaited) {
    answer_ = Answer::none;
    return true;
  }
  if (answer_ == Answer::awaited) refuse(500, "The server refused the request without a reason.");
  if (answer_ == Answer::streaming) end();
  return false;
}

void Connection::handle_request() {
  Request& request = reader_.request();
  clear_limit();
  head_seen_ = false;
  answer_ = Answer::awaited;
  to_head_ = request.method == "HEAD";
  to_1_0_ = request.version < 11;
  keep_open_ = reader_.keep_alive();
  shared_.handler.on_request(request, *this);
  reader_.drop_request();
  if (closed_ || conversation_) return;
  if (answer_ == Answer::awaited) refuse(500, "The server has no answer to this request.");
  if (answer_ == Answer::streaming) end();
}

AnswerHead Connection::head_of(int status, std::string_view content_type, std::string_view extra_headers) {
  keep_open_ = keep_open_ && !shared_.stopping;
  no_body_ = to_head_ || status == 204 || status == 304;
  return {.status = status,
          .content_type = content_type,
          .extra_headers = extra_headers,
          .has_length = status != 204 && status != 304,
          .close = !keep_open_,
          .says_keep_alive = to_1_0_};
}

void Connection::respond(int status, std::string_view content_type, std::string_view body,
                         std::string_view extra_headers) {
  if (closed_ || answer_ != Answer::awaited) return;
  AnswerHead head = head_of(status, content_type, extra_headers);
  head.length = body.size();
  std::string& text = shared_.scratch;
  text.clear();
  append_head(text, head, shared_.date.at(shared_.deadlines.clock().wall_now()));
  send(text, no_body_ ? std::string_view() : body);
  answered();
}

void Connection::start_stream(int status, std::string_view content_type, std::string_view extra_headers) {
  if (closed_ || answer_ != Answer::awaited) return;
  answer_ = Answer::streaming;
  if (to_1_0_) keep_open_ = false;  // the end of the connection is the end of the answer
  AnswerHead head = head_of(status, content_type, extra_headers);
  head.has_length = false;
  head.chunked = chunked_ = !to_1_0_ && status != 204 && status != 304;
  append_head(out_, head, shared_.date.at(shared_.deadlines.clock().wall_now()));
  shared_.loop.post(turn_);
}

void Connection::write(std::string_view bytes) {
  if (closed_ || answer_ != Answer::streaming || no_body_ || bytes.empty()) return;
  if (queued() > shared_.options.max_unread) {
    flush();
    if (queued() > shared_.options.max_unread) return drop();
  }
  if (chunked_) {
    append_chunk(out_, bytes);
  } else {
    out_ += bytes;
  }
  shared_.loop.post(turn_);
}

void Connection::end() {
  if (closed_ || answer_ != Answer::streaming) return;
  if (chunked_ && !no_body_) out_ += "0\r\n\r\n";
  flush();
  answered();
}

void Connection::keep(std::unique_ptr<Conversation> conversation) {
  if (conversation_) done_.push_back(std::move(conversation_));
  // After the end there is nothing left for it to do.
  (closed_ || answer_ != Answer::none ? conversation_ : done_.emplace_back()) = std::move(conversation);
  if (closed_ || !done_.empty()) shared_.loop.post(turn_);
}

// The present answer is complete, if perhaps not sent yet.
void Connection::answered() {
  if (closed_) return;
  answer_ = Answer::none;
  if (conversation_) {
    done_.push_back(std::move(conversation_));
    shared_.loop.post(turn_);
  }
  if (!keep_open_) finishing_ = true;
  if (queued() != 0) return;  // on_writable() goes on
  if (processing_) return;    // process() goes on
  if (finishing_) return finish();
  if (reader_.has_more()) {
    shared_.loop.post(turn_);
  } else {
    set_limit(Limit::idle, shared_.options.idle);
  }
}

void Connection::refuse(int status, std::string_view text) {
  answer_ = Answer::awaited;
  keep_open_ = false;
  std::string body = R"({"error":")";
  body += text;  // our own sentences: nothing in them needs escaping
  body += "\"}\n";
  respond(status, "application/json", body, {});
}

void Connection::send(std::string_view head, std::string_view body) {
  if (queued() == 0) {
    const auto sent = wire_->try_write(head, body);
    if (!sent) return drop();
    if (*sent == head.size() + body.size()) return;
    const std::size_t of_head = std::min(*sent, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(*sent - of_head);
  }
  out_ += head;
  out_ += body;
  flush();
}

void Connection::flush() {
  if (closed_ || awaiting_writable_ || queued() == 0) return;
  const auto sent = wire_->try_write(std::string_view(out_).substr(sent_), {});
  if (!sent) return drop();
  sent_ += *sent;
  if (queued() == 0) {
    sent_ = 0;
    out_.clear();
    if (out_.capacity() > kept_output) out_ = std::string();
    return;
  }
  if (sent_ > out_.size() / 2) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  awaiting_writable_ = true;
  in_kernel_ = wire_->in_kernel();
  set_limit(Limit::stall, shared_.options.write_stall);
  wire_->await_writable();
}

void Connection::on_writable() {
  awaiting_writable_ = false;
  flush();
  if (closed_ || queued() != 0) return;
  clear_limit();
  if (finishing_ && answer_ == Answer::none) return finish();
  if (answer_ != Answer::none) {
    if (conversation_) conversation_->on_drained();
    return;
  }
  process();
  read_on();
}

// All is sent. A client that may still be sending reads the answer only when its bytes are taken until it is done.
void Connection::finish() {
  finishing_ = true;
  if (peer_ended_) return drop();
  if (reader_.state() == RequestReader::State::empty && !reader_.has_more() && wire_->all_sent() && !refused_ &&
      !peer_.tls)
    return drop();
  lingering_ = true;
  wire_->end_sending();
  set_limit(Limit::linger, linger_for);
  read_on();
}

void Connection::wind_down() {
  if (closed_ || lingering_) return;
  if (limit_ == Limit::idle && answer_ == Answer::none && queued() == 0 && !reader_.has_more()) return drop();
}

void Connection::drop() {
  if (closed_) return;
  closed_ = true;
  clear_limit();
  wire_->close();
  shared_.loop.post(turn_);
}

void Connection::turn() {
  done_.clear();
  if (closed_) {
    if (conversation_) {
      conversation_->on_gone();
      conversation_.reset();
      done_.clear();
    }
    return shared_.remove(*this);
  }
  flush();
  if (closed_ || awaiting_writable_) return;
  if (answer_ == Answer::none && !finishing_) {
    process();
    read_on();
  }
}

}  // namespace meantime::http
