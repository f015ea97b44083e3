// SPDX-License-Identifier: MIT
#include "serve/http/http_session.hpp"

#include <algorithm>

#include "serve/http/http_door.hpp"

namespace meantime::serve {
namespace {

constexpr std::size_t most_open = 1'000;  // requests of one session
constexpr std::size_t most_streams = 16;  // GET streams of one session

std::string error_text(std::string_view id, mcp::RpcCode code, std::string_view why, mcp::UnknownId unknown) {
  std::string out;
  mcp::append_error(out, id, code, why, {}, unknown);
  out.pop_back();
  return out;
}

}  // namespace

// Answers of one body that was an array.
class HttpSession::Batch {
 public:
  Batch(HttpDoor& door, http::Exchange& exchange, std::string headers) : stream_(door, exchange, std::move(headers)) {}
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch() {
    if (!answers_.empty()) {
      stream_.respond(200, "[" + answers_ + "]");
    } else {
      stream_.respond(202, {});
    }
  }
  void add(std::string_view json) {
    if (!answers_.empty()) answers_ += ',';
    answers_ += json;
  }
  void gone() noexcept { stream_.gone(); }

 private:
  EventStream stream_;
  std::string answers_;
};

// One request. It outlives the connection that it came by: a break is no cancel.
class HttpSession::Request final : public Reply {
 public:
  Request(HttpSession& session, std::string key, std::unique_ptr<EventStream> stream, std::shared_ptr<Batch> batch)
      : key(std::move(key)),
        session_(session),
        stream_(std::move(stream)),
        batch_(std::move(batch)),
        hold_([](void* self) { static_cast<Request*>(self)->let_go(); }, this) {}

  void message(std::string_view json) override {
    if (batch_) return;  // answers alone stand in a batch's answer
    begin();
    send(json);
  }

  void end(std::string_view json, int http_status) override {
    if (batch_) {
      batch_->add(json);
    } else if (log_stream != 0) {
      send(json);
      session_.log_.end(log_stream);
      if (stream_) stream_->end();
    } else if (stream_) {
      stream_->respond(http_status, json);
    }
    session_.gone(std::string(key));  // and this with it
  }

  /// The client comes back for the rest, perhaps before its former connection is known to be broken: that one ends.
  /// Gives what names the new connection.
  std::uint64_t attach(std::unique_ptr<EventStream> stream) {
    if (stream_) stream_->end();
    stream_ = std::move(stream);
    hold();
    return ++connection_;
  }
  /// From now the connection is kept as long as the options say.
  void hold() {
    const Milliseconds longest = session_.door_.options.longest_hold;
    if (longest <= Milliseconds(0) || !mcp::has_priming_event(session_.client.state.revision())) return;
    session_.door_.server.deadlines.arm(hold_, longest);
  }
  /// That connection is gone; a later one stays. Where a stream was begun the client may come back for the rest; else
  /// it never will, and a call goes to the background.
  void detach(std::uint64_t connection) {
    if (connection != connection_) return;
    stream_.reset();
    if (log_stream == 0 && open) open->detach();
  }

  const std::string key;
  std::unique_ptr<OpenRequest> open;
  mcp::EventLog::Stream log_stream = 0;

 private:
  // The client comes back for the rest, which has an event to begin at.
  void let_go() {
    if (!stream_) return;
    begin();
    stream_->end();
    stream_.reset();
    ++connection_;
  }
  void begin() {
    if (log_stream != 0) return;
    log_stream = session_.log_.open();
    if (!mcp::has_priming_event(session_.client.state.revision())) return;
    const std::string event_id = session_.log_.add(log_stream, {});
    if (!stream_) return;
    stream_->event(event_id, {});
    stream_->retry(static_cast<std::uint64_t>(session_.door_.options.retry.count()));
  }
  void send(std::string_view json) {
    const std::string event_id = session_.log_.add(log_stream, json);
    if (stream_) stream_->event(event_id, json);
  }

  HttpSession& session_;
  std::unique_ptr<EventStream> stream_;  // null: nobody is connected
  std::uint64_t connection_ = 0;
  std::shared_ptr<Batch> batch_;
  Deadline hold_;
};

// A stream for what belongs to no request.
class HttpSession::GetStream {
 public:
  GetStream(HttpDoor& door, http::Exchange& exchange, std::string headers, mcp::EventLog::Stream its_log_stream)
      : log_stream(its_log_stream), stream(door, exchange, std::move(headers)) {}
  const mcp::EventLog::Stream log_stream;
  EventStream stream;
};

// Tells what an exchange answers that its client is gone.
class HttpSession::Watch final : public http::Conversation {
 public:
  explicit Watch(std::function<void()> tell) : tell_(std::move(tell)) {}
  void on_gone() override { tell_(); }

 private:
  std::function<void()> tell_;
};

HttpSession::HttpSession(HttpDoor& door, std::string its_id, std::shared_ptr<const auth::Principal> who)
    : id(std::move(its_id)),
      client(door.server, *this, std::move(who)),
      door_(door),
      log_(door.options.replay),
      idle_(
          [](void* self) {
            auto& session = *static_cast<HttpSession*>(self);
            if (session.idle()) return session.door_.forget(std::string(session.id));
            session.touch();
          },
          this) {
  touch();
}

HttpSession::~HttpSession() {
  close();
}

void HttpSession::touch() {
  if (door_.options.session_idle > Milliseconds(0)) door_.server.deadlines.arm(idle_, door_.options.session_idle);
}

void HttpSession::end_streams() {
  for (const auto& stream : streams_) stream->stream.end();
  streams_.clear();
}

void HttpSession::close() {
  end_streams();
  const auto open = std::exchange(open_, {});
  for (const auto& [key, request] : open) {
    request->open.reset();
    request->end(error_text(key, mcp::RpcCode::invalid_request, "the session was ended", mcp::UnknownId::absent), 404);
  }
}

bool HttpSession::open(const mcp::ServerRequest& read, const mcp::HttpHead& head, http::Exchange& exchange,
                       std::string headers) {
  std::string key = mcp::canonical_id(read.message->id);
  if (open_.contains(key) || open_.size() >= most_open) return false;
  auto request = std::make_shared<Request>(*this, key,
                                           std::make_unique<EventStream>(door_, exchange, std::move(headers)), nullptr);
  open_.emplace(std::move(key), request);
  auto open = door_.server.open(read, &head, client.who, &client, *request);
  if (!open) return true;
  request->open = std::move(open);
  request->hold();
  exchange.keep(std::make_unique<Watch>([weak = std::weak_ptr(request)] {
    if (const auto still = weak.lock()) still->detach(0);
  }));
  return true;
}

void HttpSession::open_batch(const std::vector<std::string_view>& messages, http::Exchange& exchange,
                             std::string headers) {
  const auto batch = std::make_shared<Batch>(door_, exchange, std::move(headers));
  bool waiting = false;
  for (const std::string_view text : messages) {
    const auto message = mcp::read_message(text);
    if (!message) {
      std::string out;
      mcp::append_refusal(out, mcp::refuse_unreadable(message.error(), client.state.unknown_id()));
      out.pop_back();
      batch->add(out);
      continue;
    }
    if (message->kind != mcp::Message::Kind::request) {
      one_way(*message);
      continue;
    }
    const auto read = mcp::read_request(*message, nullptr, &client.state);
    std::string key = mcp::canonical_id(message->id);
    if (!read || open_.contains(key)) {
      std::string out;
      mcp::append_refusal(out, read ? mcp::Refusal{.code = static_cast<int>(mcp::RpcCode::invalid_request),
                                                   .message = "Invalid request: a request with this id is open",
                                                   .id = std::string(message->id.raw())}
                                    : read.error());
      out.pop_back();
      batch->add(out);
      continue;
    }
    auto request = std::make_shared<Request>(*this, key, nullptr, batch);
    open_.emplace(std::move(key), request);
    auto open = door_.server.open(*read, nullptr, client.who, &client, *request);
    waiting = waiting || open != nullptr;
    request->open = std::move(open);
  }
  if (!waiting) return;
  exchange.keep(std::make_unique<Watch>([weak = std::weak_ptr(batch)] {
    if (const auto still = weak.lock()) still->gone();
  }));
}

void HttpSession::one_way(const mcp::Message& message) {
  if (message.is_response()) return client.on_response(message);
  if (message.method.is("notifications/initialized")) {
    client.state.set_ready();
  } else if (message.method.is("notifications/cancelled")) {
    const auto found = open_.find(mcp::canonical_id(message.param.request_id));
    if (found == open_.end()) return;
    const std::shared_ptr<Request> cancelled = found->second;
    cancelled->open.reset();
    // Nobody waits for an answer; the stream, or the request without one, ends.
    cancelled->end(error_text(message.param.request_id.raw(), mcp::RpcCode::internal_error, "the request was cancelled",
                              mcp::UnknownId::absent),
                   200);
  }
}

void HttpSession::gone(const std::string& key) {
  open_.erase(key);
}

void HttpSession::gone(GetStream& stream) {
  std::erase_if(streams_, [&](const auto& each) { return each.get() == &stream; });
}

void HttpSession::stream(http::Exchange& exchange, std::optional<std::string_view> last_event_id, std::string headers) {
  const auto replay = last_event_id ? log_.replay(*last_event_id) : std::nullopt;
  if (replay) {
    const auto asked =
        std::ranges::find_if(open_, [&](const auto& entry) { return entry.second->log_stream == replay->stream; });
    if (asked != open_.end() || replay->ended) {
      auto rest = std::make_unique<EventStream>(door_, exchange, std::move(headers));
      rest->begin();
      for (const auto& event : replay->events) rest->event(event.id, event.data);
      if (asked == open_.end()) return rest->end();
      const std::uint64_t connection = asked->second->attach(std::move(rest));
      exchange.keep(std::make_unique<Watch>([weak = std::weak_ptr(asked->second), connection] {
        if (const auto still = weak.lock()) still->detach(connection);
      }));
      return;
    }
  }
  if (streams_.size() >= most_streams) {
    streams_.front()->stream.end();
    streams_.pop_front();
  }
  streams_.push_back(
      std::make_unique<GetStream>(door_, exchange, std::move(headers), replay ? replay->stream : log_.open()));
  GetStream& here = *streams_.back();
  here.stream.begin();
  if (replay) {
    for (const auto& event : replay->events) here.stream.event(event.id, event.data);
  } else if (mcp::has_priming_event(client.state.revision())) {
    here.stream.event(log_.add(here.log_stream, {}), {});
  }
  exchange.keep(std::make_unique<Watch>([this, &here, session = std::weak_ptr(alive_)] {
    if (!session.expired()) gone(here);
  }));
}

// A message goes out on exactly one stream: the newest.
bool HttpSession::notice(std::string_view json) {
  if (streams_.empty()) return false;
  GetStream& newest = *streams_.back();
  newest.stream.event(log_.add(newest.log_stream, json), json);
  return true;
}

}  // namespace meantime::serve
