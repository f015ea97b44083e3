// SPDX-License-Identifier: MIT
#include "serve/http/http_door.hpp"

#include <algorithm>

#include "auth/digest.hpp"
#include "core/json_writer.hpp"
#include "serve/http/event_stream.hpp"
#include "serve/http/http_session.hpp"

namespace meantime::serve {
namespace {

constexpr std::size_t session_id_bytes = 24;
constexpr int many_requests = 429;
constexpr std::string_view json_type = "application/json";

class Head final : public mcp::HttpHead {
 public:
  explicit Head(const http::Request& request) : request_(request) {}
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const override {
    return request_.header(name);
  }
  [[nodiscard]] bool repeated(std::string_view name) const override { return request_.count(name) > 1; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> fields_under(std::string_view prefix) const override {
    std::vector<std::pair<std::string, std::string>> found;
    for (const http::Header& each : request_.headers) {
      if (!http::equal_names(each.name.substr(0, prefix.size()), prefix)) continue;
      std::string name(each.name);
      std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
      found.emplace_back(std::move(name), each.value);
    }
    return found;
  }

 private:
  const http::Request& request_;
};

std::string rpc_error(int code, std::string_view message) {
  std::string out;
  mcp::append_error(out, {}, code, message, {}, mcp::UnknownId::absent);
  out.pop_back();
  return out;
}

// A request of the stateless family: its connection is its life. Closing the stream is the cancel.
class StatelessReply final : public Reply, public http::Conversation {
 public:
  StatelessReply(HttpDoor& door, http::Exchange& exchange, std::string headers)
      : stream_(door, exchange, std::move(headers)) {}
  void message(std::string_view json) override { stream_.event({}, json); }
  void end(std::string_view json, int http_status) override {
    if (stream_.begun()) {
      stream_.event({}, json);
      stream_.end();
    } else {
      stream_.respond(http_status, json);
    }
  }
  void on_gone() override {
    stream_.gone();
    open.reset();
  }

  std::unique_ptr<OpenRequest> open;

 private:
  EventStream stream_;
};

}  // namespace

// A request whose caller is not known yet: kept whole until that is said.
class HttpDoor::Admission final : public http::Conversation {
 public:
  Admission(HttpDoor& door, http::Request& request, http::Exchange& exchange)
      : door_(door), exchange_(exchange), method_(request.method), path_(request.path), body_(request.take_body()) {
    texts_.reserve(request.headers.size());
    for (const http::Header& header : request.headers) texts_.emplace_back(header.name, header.value);
    for (const auto& [name, value] : texts_) headers_.push_back({name, value});
    version_ = request.version;
    peer_ = request.peer;
  }
  void wait_for(Task<auth::Verdict> verdict) { waiting_ = go_on(std::move(verdict)); }
  void on_gone() override { waiting_.reset(); }

 private:
  Task<void> go_on(Task<auth::Verdict> verdict) {
    auth::Verdict said = co_await std::move(verdict);
    http::Request request;
    request.method = method_;
    request.path = path_;
    request.body = body_;
    request.headers = headers_;
    request.version = version_;
    request.peer = peer_;
    door_.serve(request, exchange_, std::move(said));
  }

  HttpDoor& door_;
  http::Exchange& exchange_;
  std::string method_;
  std::string path_;
  std::string body_;
  std::vector<std::pair<std::string, std::string>> texts_;
  std::vector<http::Header> headers_;
  int version_ = 11;
  const http::Peer* peer_ = nullptr;
  Task<void> waiting_;
};

HttpDoor::HttpDoor(McpServer& its_server, auth::Authenticator& authenticator, HttpDoorOptions its_options)
    : server(its_server),
      options(std::move(its_options)),
      authenticator_(authenticator),
      alive_([](void* self) { static_cast<HttpDoor*>(self)->say_alive(); }, this) {}

HttpDoor::~HttpDoor() {
  sessions_.clear();
}

void HttpDoor::add(EventStream& stream) {
  stream.place_ = streams_.insert(streams_.end(), &stream);
  stream.listed_ = true;
  if (!alive_.armed() && options.sign_of_life > Milliseconds(0)) server.deadlines.arm(alive_, options.sign_of_life);
}

void HttpDoor::remove(EventStream& stream) {
  streams_.erase(stream.place_);
  stream.listed_ = false;
}

void HttpDoor::say_alive() {
  for (EventStream* stream : streams_) {
    if (std::exchange(stream->silent_, true)) stream->comment();
  }
  if (!streams_.empty()) server.deadlines.arm(alive_, options.sign_of_life);
}

void HttpDoor::forget(const std::string& id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const std::unique_ptr<HttpSession> gone = std::move(found->second);
  sessions_.erase(found);
  const auto of = sessions_of_.find(gone->client.who->owner);
  if (--of->second == 0) sessions_of_.erase(of);
}

void HttpDoor::close_streams() {
  server.end_listening();
  for (const auto& [id, session] : sessions_) session->end_streams();
}

// Browsers ask before they call, and read nothing of an answer that does not name their page.
std::string HttpDoor::cross_origin(const http::Request& request) const {
  const auto origin = request.header("origin");
  if (!origin) return {};
  return "Access-Control-Allow-Origin: " + std::string(*origin) +
         "\r\nVary: Origin\r\nAccess-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate\r\n";
}

void HttpDoor::refuse(http::Request& request, http::Exchange& exchange, const mcp::Refusal& refusal) {
  std::string out;
  mcp::append_refusal(out, refusal);
  out.pop_back();
  exchange.respond(refusal.http_status, json_type, out, cross_origin(request));
}

bool HttpDoor::guarded(http::Request& request, http::Exchange& exchange) {
  // A second field of these would be a way around whoever checks only one.
  const bool twice = request.count("host") > 1 || request.count("origin") > 1;
  const auto why = twice ? std::optional<std::string>("Host and Origin stand in a request once")
                         : options.hosts.refuse(request.header("host"), request.header("origin"));
  if (!why) return true;
  exchange.respond(403, json_type, rpc_error(static_cast<int>(mcp::RpcCode::invalid_request), "Forbidden: " + *why));
  return false;
}

bool HttpDoor::on_head(http::Request& head, http::Exchange& exchange) {
  if (!guarded(head, exchange)) return false;
  if (head.path == options.path) return welcome(head, exchange);
  exchange.respond(
      404, json_type,
      rpc_error(static_cast<int>(mcp::RpcCode::invalid_request), "Not found: the endpoint is " + options.path));
  return false;
}

// Whoever is known not to come in need not send a large body first.
bool HttpDoor::welcome(http::Request& head, http::Exchange& exchange) {
  auto verdict = authenticator_.authenticate(
      {.authorization = head.header("authorization"), .several = head.count("authorization") > 1});
  if (!verdict.done()) return true;
  const auth::Verdict said = verdict.take();
  if (said) return true;
  turn_away(head, exchange, said.error());
  return false;
}

void HttpDoor::on_request(http::Request& request, http::Exchange& exchange) {
  if (!guarded(request, exchange)) return;
  const auth::ResourceSettings& settings = authenticator_.settings();
  if (request.path == options.path) {
    if (request.method == "OPTIONS") {
      return exchange.respond(204, {}, {},
                              cross_origin(request) +
                                  "Allow: GET, POST, DELETE, OPTIONS\r\n"
                                  "Access-Control-Allow-Methods: GET, POST, DELETE\r\n"
                                  "Access-Control-Allow-Headers: Authorization, Content-Type, Accept, Last-Event-ID, "
                                  "MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, *\r\n"
                                  "Access-Control-Max-Age: 600\r\n");
    }
    return admit(request, exchange);
  }
  const bool metadata =
      request.path == auth::metadata_path(settings.resource) || request.path == "/.well-known/oauth-protected-resource";
  if (metadata && !settings.issuers.empty()) {
    if (request.method != "GET" && request.method != "HEAD") {
      return exchange.respond(405, json_type, "{}", "Allow: GET, HEAD\r\n");
    }
    return exchange.respond(200, json_type, auth::metadata_document(settings),
                            cross_origin(request) + "Cache-Control: max-age=300\r\n");
  }
  exchange.respond(
      404, json_type,
      rpc_error(static_cast<int>(mcp::RpcCode::invalid_request), "Not found: the endpoint is " + options.path),
      cross_origin(request));
}

void HttpDoor::admit(http::Request& request, http::Exchange& exchange) {
  auto verdict = authenticator_.authenticate(
      {.authorization = request.header("authorization"), .several = request.count("authorization") > 1});
  if (verdict.done()) return serve(request, exchange, verdict.take());
  auto admission = std::make_unique<Admission>(*this, request, exchange);
  Admission& here = *admission;
  exchange.keep(std::move(admission));
  here.wait_for(std::move(verdict));
}

void HttpDoor::turn_away(http::Request& request, http::Exchange& exchange, const auth::AuthFault& fault) {
  std::string headers = cross_origin(request);
  if (!fault.www_authenticate.empty()) headers += "WWW-Authenticate: " + fault.www_authenticate + "\r\n";
  if (fault.retry_after.count() > 0) headers += "Retry-After: " + std::to_string(fault.retry_after.count()) + "\r\n";
  exchange.respond(fault.status, json_type, fault.body(), headers);
}

// Some tools ask for more than the door does.
std::optional<auth::AuthFault> HttpDoor::lacks_scopes(const mcp::ServerRequest& read, const auth::Principal& who) {
  if (read.method != mcp::Method::tools_call || !read.message->param.name.is_string()) return std::nullopt;
  if (!server.options.scopes_of) return std::nullopt;
  const std::vector<std::string> needed = server.options.scopes_of(read.message->param.name.text());
  return needed.empty() ? std::nullopt : authenticator_.refuse_without(who, needed);
}

void HttpDoor::serve(http::Request& request, http::Exchange& exchange, auth::Verdict verdict) {
  if (!verdict) return turn_away(request, exchange, verdict.error());
  Who who = std::move(*verdict);
  if (request.method == "POST") return post(request, exchange, std::move(who));
  HttpSession* session = session_of(request, *who);
  const bool get_or_delete = request.method == "GET" || request.method == "DELETE";
  if (!get_or_delete || !request.header("mcp-session-id") ||
      request.header("mcp-protocol-version") == mcp::name_of(mcp::newest_stateless)) {
    return exchange.respond(
        405, json_type,
        rpc_error(static_cast<int>(mcp::RpcCode::invalid_request),
                  "Method not allowed: POST a message; GET and DELETE need the Mcp-Session-Id of a session"),
        cross_origin(request) + "Allow: POST, OPTIONS\r\n");
  }
  if (session == nullptr) {
    return exchange.respond(
        404, json_type,
        rpc_error(static_cast<int>(mcp::RpcCode::invalid_request), "Unknown session: initialize afresh"),
        cross_origin(request));
  }
  if (const auto version = request.header("mcp-protocol-version"); version && !mcp::parse_revision(*version)) {
    return exchange.respond(
        400, json_type,
        rpc_error(static_cast<int>(mcp::RpcCode::invalid_request), "Bad request: unsupported MCP-Protocol-Version"),
        cross_origin(request));
  }
  if (request.method == "GET") return get(request, exchange, session);
  forget(std::string(session->id));
  exchange.respond(204, {}, {}, cross_origin(request));
}

HttpSession* HttpDoor::session_of(const http::Request& request, const auth::Principal& who) {
  const auto id = request.header("mcp-session-id");
  if (!id || request.count("mcp-session-id") > 1) return nullptr;
  const auto found = sessions_.find(std::string(*id));
  // Another caller's session is answered as one that does not exist.
  if (found == sessions_.end() || found->second->client.who->owner != who.owner) return nullptr;
  found->second->touch();
  return found->second.get();
}

void HttpDoor::get(http::Request& request, http::Exchange& exchange, HttpSession* session) {
  if (!mcp::accepts(request.header("accept"), "text/event-stream")) {
    return exchange.respond(406, json_type,
                            rpc_error(static_cast<int>(mcp::RpcCode::invalid_request),
                                      "Not acceptable: a GET is answered with text/event-stream"),
                            cross_origin(request));
  }
  session->stream(exchange, request.header("last-event-id"), cross_origin(request));
}

void HttpDoor::post(http::Request& request, http::Exchange& exchange, Who who) {
  if (!mcp::is_json_content(request.header("content-type"))) {
    return exchange.respond(415, json_type,
                            rpc_error(static_cast<int>(mcp::RpcCode::invalid_request),
                                      "Unsupported media type: send Content-Type: application/json"),
                            cross_origin(request));
  }
  const auto accept = request.header("accept");
  if (!mcp::accepts(accept, json_type) || !mcp::accepts(accept, "text/event-stream")) {
    return exchange.respond(406, json_type,
                            rpc_error(static_cast<int>(mcp::RpcCode::invalid_request),
                                      "Not acceptable: send Accept: application/json, text/event-stream"),
                            cross_origin(request));
  }
  HttpSession* session = session_of(request, *who);
  if (session != nullptr && mcp::takes_batches(session->client.state.revision())) {
    const auto batch = mcp::read_batch(request.body);
    if (!batch) return refuse(request, exchange, mcp::refuse_unreadable(batch.error(), mcp::UnknownId::null));
    if (*batch) return session->open_batch(**batch, exchange, cross_origin(request));
  }
  const auto message = mcp::read_message(request.body);
  if (!message) return refuse(request, exchange, mcp::refuse_unreadable(message.error()));
  const Head head(request);
  const mcp::Family family = mcp::choose_family(*message, &head, session != nullptr);
  if (family == mcp::Family::handshake && session == nullptr && request.header("mcp-session-id")) {
    return exchange.respond(
        404, json_type,
        rpc_error(static_cast<int>(mcp::RpcCode::invalid_request), "Unknown session: initialize afresh"),
        cross_origin(request));
  }
  if (family == mcp::Family::stateless) session = nullptr;
  if (message->kind != mcp::Message::Kind::request) return take_one_way(*message, request, exchange, session);
  take_request(*message, request, exchange, std::move(who), session);
}

void HttpDoor::take_one_way(const mcp::Message& message, http::Request& request, http::Exchange& exchange,
                            HttpSession* session) {
  if (auto why = mcp::check_one_way(message, Head(request), session != nullptr ? &session->client.state : nullptr)) {
    return refuse(request, exchange, *why);
  }
  if (session != nullptr) session->one_way(message);
  exchange.respond(202, {}, {}, cross_origin(request));
}

void HttpDoor::take_request(const mcp::Message& message, http::Request& request, http::Exchange& exchange, Who who,
                            HttpSession* session) {
  const Head head(request);
  const auto read = mcp::read_request(message, &head, session != nullptr ? &session->client.state : nullptr);
  if (!read) return refuse(request, exchange, read.error());
  if (auto fault = lacks_scopes(*read, *who)) return turn_away(request, exchange, *fault);
  if (read->family == mcp::Family::handshake) {
    if (session == nullptr) return initialize(*read, request, exchange, std::move(who));
    if (session->open(*read, head, exchange, cross_origin(request))) return;
    return refuse(request, exchange,
                  {.http_status = 400,
                   .code = static_cast<int>(mcp::RpcCode::invalid_request),
                   .message = "Invalid request: a request with this id is open, or too many are",
                   .id = std::string(message.id.raw())});
  }
  auto reply = std::make_unique<StatelessReply>(*this, exchange, cross_origin(request));
  auto open = server.open(*read, &head, std::move(who), nullptr, *reply);
  if (!open) return;  // answered
  reply->open = std::move(open);
  exchange.keep(std::move(reply));
}

void HttpDoor::initialize(const mcp::ServerRequest& read, http::Request& request, http::Exchange& exchange, Who who) {
  // One that cannot be greeted shall not be told of a session.
  mcp::HandshakeSession trial;
  if (auto greeted = trial.initialize(*read.message); !greeted) {
    greeted.error().http_status = mcp::http_status_of(mcp::Family::handshake, greeted.error().code);
    return refuse(request, exchange, greeted.error());
  }
  std::size_t& of_caller = sessions_of_[who->owner];
  if (sessions_.size() >= options.most_sessions || of_caller >= options.most_sessions_per_caller) {
    if (of_caller == 0) sessions_of_.erase(who->owner);
    return exchange.respond(many_requests, json_type,
                            rpc_error(many_requests, "Too many sessions: end some with DELETE, or come again later"),
                            cross_origin(request) + "Retry-After: 10\r\n");
  }
  ++of_caller;
  const std::string id = auth::random_text(server.random, session_id_bytes);
  auto session = std::make_unique<HttpSession>(*this, id, std::move(who));
  HttpSession& here = *session;
  sessions_.emplace(id, std::move(session));
  const bool opened =
      here.open(read, Head(http::Request()), exchange, cross_origin(request) + "Mcp-Session-Id: " + id + "\r\n");
  if (!opened || !here.client.state.initialized()) forget(id);
}

}  // namespace meantime::serve
