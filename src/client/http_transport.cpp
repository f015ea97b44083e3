// SPDX-License-Identifier: MIT
#include "client/http_transport.hpp"

#include <algorithm>
#include <utility>

#include "mcp/server_request.hpp"

namespace meantime::client {
namespace {

constexpr std::size_t refusal_bytes = 1U << 20;
constexpr std::size_t quoted_bytes = 300;
constexpr int most_refusals = 8;  // of one request, each of which made new credentials
constexpr Milliseconds farewell{2'000};
constexpr std::string_view events_type = "text/event-stream";
constexpr std::string_view json_type = "application/json";

std::string host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == url.npos ? 0 : scheme + 3;
  std::string_view host = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  if (const std::size_t at = host.rfind('@'); at != host.npos) host.remove_prefix(at + 1);
  return std::string(host);
}

bool is_type(const http::ResponseHead& head, std::string_view type) {
  std::string_view value = head.header("content-type").value_or("");
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ')) value.remove_suffix(1);
  return auth::same_ignoring_case(value, type);
}

bool is_success(int status) noexcept {
  return status >= 200 && status < 300;
}

}  // namespace

// One POST and what comes of it.
struct HttpTransport::Post {
  std::uint64_t key = 0;
  RequestNumber number = 0;
  bool is_initialize = false;
  mcp::Family family = mcp::Family::handshake;
  std::vector<mcp::HeaderField> headers;
  std::string body;
  bool with_session = false;
  bool dropped = false;  // nobody waits for it
  bool answered = false;
  bool heard = false;    // something came on its stream since it was opened
  Result<void> arrived;  // of a notification
  std::string last_event_id;
  std::optional<std::uint64_t> retry_ms;
  Task<void> task;

  [[nodiscard]] bool over() const noexcept { return dropped || answered; }
};

HttpTransport::HttpTransport(Loop& loop, Clock& clock, http::Client& http, Receiver& receiver, HttpOptions options,
                             std::string name, std::function<void(std::string_view)> log)
    : loop_(loop),
      clock_(clock),
      http_(http),
      receiver_(receiver),
      options_(std::move(options)),
      name_(name.empty() ? host_of(options_.url) : std::move(name)),
      log_(std::move(log)),
      reap_([](void* self) { static_cast<HttpTransport*>(self)->retired_.clear(); }, this),
      idle_(loop.io()) {}

HttpTransport::~HttpTransport() = default;

void HttpTransport::log(std::string_view text) const {
  if (log_) log_("upstream '" + name_ + "': " + std::string(text));
}

Result<void> HttpTransport::start() {
  if (!options_.url.starts_with("http://") && !options_.url.starts_with("https://")) {
    return fail(errc::invalid_argument, "upstream.start",
                "upstream '" + name_ + "': its URL must begin with http:// or https://");
  }
  return {};
}

Task<void> HttpTransport::pause(Milliseconds duration) {
  Wake over(loop_.io());
  const auto alarm = clock_.make_alarm([&over] { over.notify(); });
  alarm->set(clock_.now() + duration);
  co_await over.wait();
}

http::ClientRequest HttpTransport::make_request(std::string_view method) const {
  http::ClientRequest request;
  request.method = method;
  request.url = options_.url;
  request.connect_timeout = options_.connect_timeout;
  request.verify = options_.verify;
  request.ca_file = options_.ca_file;
  request.certificate_file = options_.certificate_file;
  request.key_file = options_.key_file;
  request.unix_socket = options_.unix_socket;
  request.addresses = options_.addresses;
  request.headers = options_.headers;
  if (!session_.empty()) request.headers.emplace_back("Mcp-Session-Id", session_);
  return request;
}

std::unique_ptr<HttpTransport::Post> HttpTransport::make_post(const Outgoing& message) {
  auto post = std::make_unique<Post>();
  post->key = ++last_key_;
  post->number = message.number;
  post->is_initialize = message.method == "initialize";
  post->family = mcp::family_of(message.revision);
  post->body = message.line;
  static const std::vector<mcp::ParamHeader> none;
  if (!post->is_initialize) {
    post->headers = mcp::request_headers(message.revision, message.method, mcp::JsonSpan(message.params),
                                         message.param_headers != nullptr ? *message.param_headers : none);
  }
  return post;
}

Result<void> HttpTransport::send(const Outgoing& message) {
  auto made = make_post(message);
  Post& post = *made;
  if (post.number != 0) keys_.emplace(post.number, post.key);
  posts_.emplace(post.key, std::move(made));
  post.task = run(post);
  return {};
}

Task<void> HttpTransport::run(Post& post) {
  co_await exchange(post);
  if (!post.arrived && !post.dropped) log(post.arrived.error().detail);
  retire(post.key);
}

// The post may be on the stack: what is left of it goes on the loop's next turn.
void HttpTransport::retire(std::uint64_t key) {
  const auto found = posts_.find(key);
  if (found == posts_.end()) return;
  found->second->dropped = true;
  keys_.erase(found->second->number);
  retired_.push_back(std::move(found->second));
  posts_.erase(found);
  loop_.post(reap_);
  if (posts_.empty()) idle_.notify();
}

void HttpTransport::abandon(RequestNumber number) {
  const auto found = keys_.find(number);
  if (found != keys_.end()) retire(found->second);
}

Task<Result<void>> HttpTransport::deliver(Outgoing message) {
  const auto post = make_post(message);
  co_await exchange(*post);
  co_return post->arrived;
}

// Adds credentials, and gets new ones where they are refused.
Task<Result<HttpTransport::Stream>> HttpTransport::open(http::ClientRequest request) {
  const std::string method = request.method;
  for (int attempt = 0;; ++attempt) {
    if (options_.auth == nullptr) co_return co_await http_.open(std::move(request));
    http::ClientRequest copy = request;
    auto credentials = co_await options_.auth->credentials(method, options_.url);
    if (!credentials) co_return std::unexpected(std::move(credentials.error()));
    for (const auth::WebHeader& each : *credentials) copy.headers.emplace_back(each.name, each.value);
    auto opened = co_await http_.open(std::move(copy));
    if (!opened) co_return opened;
    const http::ResponseHead& head = (*opened)->head();
    if ((head.status != 401 && head.status != 403) || attempt >= most_refusals) co_return opened;
    auth::Refusal refusal{.status = head.status, .sent = std::move(*credentials), .attempt = attempt};
    for (const auto& [name, value] : head.headers) {
      if (name == "www-authenticate") refusal.www_authenticate.push_back(value);
    }
    refusal.dpop_nonce = head.header("dpop-nonce").value_or("");
    const auto again = co_await options_.auth->refused(method, options_.url, std::move(refusal));
    if (!again) co_return std::unexpected(again.error());
    if (!*again) co_return opened;
  }
}

void HttpTransport::fault(Post& post, Error why, int http_status, bool session_lost) {
  if (post.over()) return;
  post.answered = true;
  if (post.number == 0) {
    post.arrived = std::unexpected(std::move(why));
    return;
  }
  receiver_.on_fault(post.number, {.error = std::move(why), .http_status = http_status, .session_lost = session_lost});
}

Task<void> HttpTransport::exchange(Post& post) {
  http::ClientRequest request = make_request("POST");
  post.with_session = !session_.empty();
  request.headers.emplace_back("Content-Type", json_type);
  request.headers.emplace_back("Accept", "application/json, text/event-stream");
  for (const mcp::HeaderField& each : post.headers) request.headers.push_back(each);
  request.body = std::move(post.body);
  auto opened = co_await open(std::move(request));
  if (post.dropped) co_return;
  if (!opened) {
    Error why = std::move(opened.error());
    why.detail = "upstream '" + name_ + "': " + why.detail;
    fault(post, std::move(why));
    co_return;
  }
  http::ResponseStream& stream = **opened;
  const int status = stream.head().status;
  if (post.is_initialize && is_success(status)) {
    const std::string_view session = stream.head().header("mcp-session-id").value_or("");
    if (session.empty() || mcp::is_session_id(session)) {
      session_ = session;
    } else {
      log("gave a session id that cannot stand in a header; it is left out");
    }
  }
  if (!is_success(status)) {
    co_await take_refusal(post, stream);
  } else if (post.number == 0) {
    // What it says does not matter; read, so that the connection serves again.
    [[maybe_unused]] const auto rest = co_await read_all(stream, refusal_bytes);
  } else if (is_type(stream.head(), events_type)) {
    const auto ended = co_await take_events(post, stream);
    if (post.over()) co_return;
    opened->reset();
    if (post.family == mcp::Family::handshake && !post.last_event_id.empty()) {
      co_await resume(post);
    } else {
      fault(post, {errc::unavailable, "upstream.read",
                   "upstream '" + name_ + "' ended the stream before its answer" +
                       (ended ? std::string() : " (" + ended.error().detail + ")")});
    }
  } else {
    co_await take_json(post, stream);
  }
}

Task<Result<std::string>> HttpTransport::read_all(http::ResponseStream& stream, std::size_t limit) {
  std::string body;
  for (;;) {
    auto bytes = co_await stream.read();
    if (!bytes) co_return std::unexpected(std::move(bytes.error()));
    if (!*bytes) co_return body;
    if (body.empty()) {
      body = std::move(**bytes);
    } else {
      body += **bytes;
    }
    if (body.size() > limit) {
      co_return fail(errc::overloaded, "upstream.read",
                     "the answer has more than the " + std::to_string(limit) + " bytes that one may have");
    }
  }
}

Task<void> HttpTransport::take_json(Post& post, http::ResponseStream& stream) {
  const int status = stream.head().status;
  const auto body = co_await read_all(stream, options_.max_message_bytes);
  if (post.over()) co_return;
  if (!body) {
    Error why = body.error();
    why.detail = "upstream '" + name_ + "': " + why.detail;
    fault(post, std::move(why));
    co_return;
  }
  const bool readable = take_text(post, *body, status);
  if (post.over()) co_return;
  fault(post, {errc::corrupt, "upstream.read",
               "upstream '" + name_ + "' answered with HTTP status " + std::to_string(status) +
                   (readable ? " but not the request" : " and a body that is no answer: is the URL right?")});
}

Task<void> HttpTransport::take_refusal(Post& post, http::ResponseStream& stream) {
  const int status = stream.head().status;
  const auto body = co_await read_all(stream, refusal_bytes);
  if (post.over()) co_return;
  const bool lost = status == 404 && post.with_session;
  if (body && post.number != 0) {
    // A message says more than a status, where there is one.
    const auto message = mcp::read_message(*body);
    if (message && message->kind == mcp::Message::Kind::error) {
      take_message(post, *message, status);
      if (post.over()) co_return;
    }
  }
  std::string text = body ? body->substr(0, quoted_bytes) : std::string();
  for (char& each : text) {
    if (static_cast<unsigned char>(each) < 0x20 || static_cast<unsigned char>(each) > 0x7e) each = ' ';
  }
  fault(post,
        {errc::unavailable, "upstream.read",
         "upstream '" + name_ + "' answered with HTTP status " + std::to_string(status) +
             (text.empty() ? std::string() : ": " + text)},
        status, lost);
}

void HttpTransport::take_message(Post& post, const mcp::Message& message, int http_status) {
  if (message.is_response()) {
    const auto id = message.id.integer();
    const bool own =
        message.id ? id && *id == static_cast<std::int64_t>(post.number) : message.kind == mcp::Message::Kind::error;
    if (!own || post.number == 0) return;
    post.answered = true;
  }
  receiver_.on_message(message, post.number, http_status);
}

bool HttpTransport::take_text(Post& post, std::string_view text, int http_status) {
  if (const auto message = mcp::read_message(text)) {
    take_message(post, *message, http_status);
    return true;
  }
  const auto batch = mcp::read_batch(text);
  if (!batch || !*batch) {
    log("sent something that is no message; it is left out");
    return false;
  }
  for (const std::string_view each : **batch) {
    if (post.dropped) break;
    if (const auto message = mcp::read_message(each)) take_message(post, *message, http_status);
  }
  return true;
}

// To the stream's end. An answer leaves the rest to be read, so that the connection serves again; not for long.
Task<Result<void>> HttpTransport::take_events(Post& post, http::ResponseStream& stream) {
  mcp::SseParser events(options_.max_message_bytes);
  std::unique_ptr<Alarm> leave;
  for (;;) {
    auto bytes = co_await stream.read();
    if (!bytes) co_return std::unexpected(std::move(bytes.error()));
    if (!*bytes) co_return Result<void>{};
    if (post.dropped) co_return Result<void>{};
    if (post.answered) continue;
    const bool fits = events.feed(**bytes);
    while (auto event = events.next()) {
      if (event->id) post.last_event_id = *event->id;
      post.heard = true;
      if (event->data.empty() || !(event->event.empty() || event->event == "message")) continue;
      take_text(post, event->data, stream.head().status);
      if (post.dropped) co_return Result<void>{};
      if (post.answered) break;
    }
    post.retry_ms = events.retry_ms() ? events.retry_ms() : post.retry_ms;
    if (!fits && !post.answered) {
      fault(post, {errc::corrupt, "upstream.read",
                   "upstream '" + name_ + "' sent an event of more than " + std::to_string(options_.max_message_bytes) +
                       " bytes"});
      co_return Result<void>{};
    }
    if (post.answered) {
      leave = clock_.make_alarm([this, key = post.key] { retire(key); });
      leave->set(clock_.now() + options_.linger);
    }
  }
}

// Handshake family: the server keeps what belongs to this stream.
Task<void> HttpTransport::resume(Post& post) {
  Milliseconds wait = options_.retry_first;
  std::string why = "the stream broke";
  for (unsigned tries = 0; tries < options_.max_resumes; ++tries) {
    co_await pause(post.retry_ms ? std::min(Milliseconds(*post.retry_ms), options_.retry_most) : wait);
    wait = std::min(wait * 2, options_.retry_most);
    http::ClientRequest request = make_request("GET");
    request.headers.emplace_back("Accept", events_type);
    for (const mcp::HeaderField& each : post.headers) request.headers.push_back(each);
    request.headers.emplace_back("Last-Event-ID", post.last_event_id);
    auto opened = co_await open(std::move(request));
    if (post.over()) co_return;
    if (!opened) {
      why = opened.error().detail;
      continue;
    }
    const int status = (*opened)->head().status;
    if (status != 200 || !is_type((*opened)->head(), events_type)) {
      why = "the stream cannot be resumed: HTTP status " + std::to_string(status);
      if (status >= 500 || status == 429) continue;
      fault(post, {errc::unavailable, "upstream.read", "upstream '" + name_ + "': " + why}, 0,
            status == 404 && post.with_session);
      co_return;
    }
    post.heard = false;
    const auto ended = co_await take_events(post, **opened);
    if (post.over()) co_return;
    if (!ended) why = ended.error().detail;
    if (post.heard) {
      tries = 0;
      wait = options_.retry_first;
    }
  }
  fault(post,
        {errc::unavailable, "upstream.read", "upstream '" + name_ + "' ended the stream before its answer: " + why});
}

void HttpTransport::established(mcp::Revision revision) {
  revision_ = revision;
  if (mcp::family_of(revision) == mcp::Family::handshake) hearing_ = hear();
}

// The stream for what belongs to no request; servers without one answer 405.
Task<void> HttpTransport::hear() {
  Post post;  // never has an answer
  post.headers = mcp::request_headers(*revision_, {}, {});
  Milliseconds wait = options_.retry_first;
  for (;;) {
    http::ClientRequest request = make_request("GET");
    request.headers.emplace_back("Accept", events_type);
    for (const mcp::HeaderField& each : post.headers) request.headers.push_back(each);
    if (!post.last_event_id.empty()) request.headers.emplace_back("Last-Event-ID", post.last_event_id);
    auto opened = co_await open(std::move(request));
    if (opened) {
      const http::ResponseHead& head = (*opened)->head();
      const bool passing = head.status >= 500 || head.status == 429;
      if (!passing && (head.status != 200 || !is_type(head, events_type))) co_return;
      if (!passing) {
        post.heard = false;
        [[maybe_unused]] const auto ended = co_await take_events(post, **opened);
        if (post.answered) co_return;  // an event over the limit: the stream is of no use
        if (post.heard) wait = options_.retry_first;
      }
    }
    opened = fail(errc::unavailable, "upstream.hear");
    co_await pause(post.retry_ms ? std::min(Milliseconds(*post.retry_ms), options_.retry_most) : wait);
    wait = std::min(wait * 2, options_.retry_most);
  }
}

void HttpTransport::forget_session() {
  session_.clear();
  revision_.reset();
  hearing_.reset();
}

Task<void> HttpTransport::end_session() {
  http::ClientRequest request = make_request("DELETE");
  request.total_timeout = farewell;
  if (revision_) {
    for (mcp::HeaderField& each : mcp::request_headers(*revision_, {}, {})) request.headers.push_back(std::move(each));
  }
  // 405 and the like: then the session ends by itself.
  [[maybe_unused]] const auto ended = co_await open(std::move(request));
}

Task<void> HttpTransport::stop() {
  hearing_.reset();
  std::vector<std::uint64_t> waiting;
  for (const auto& [key, post] : posts_) {
    if (post->number != 0) waiting.push_back(key);
  }
  for (const std::uint64_t key : waiting) retire(key);
  // Notices on their way, as cancels, still arrive.
  bool over = false;
  const auto alarm = clock_.make_alarm([this, &over] {
    over = true;
    idle_.notify();
  });
  alarm->set(clock_.now() + farewell);
  while (!posts_.empty() && !over) co_await idle_.wait();
  waiting.clear();
  for (const auto& [key, post] : posts_) waiting.push_back(key);
  for (const std::uint64_t key : waiting) retire(key);
  if (!session_.empty()) co_await end_session();
  forget_session();
}

}  // namespace meantime::client
