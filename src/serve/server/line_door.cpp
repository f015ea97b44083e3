// SPDX-License-Identifier: MIT
#include "serve/server/line_door.hpp"

namespace meantime::serve {
namespace {

constexpr std::size_t most_open = 10'000;

}  // namespace

// Answers of one JSON-RPC batch (2025-03-26) leave together.
class LineDoor::Batch {
 public:
  explicit Batch(LineDoor& door) : door_(door) {}
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch() {
    if (!answers_.empty()) door_.send("[" + answers_ + "]");
  }
  void add(std::string_view json) {
    if (!answers_.empty()) answers_ += ',';
    answers_ += json;
  }

 private:
  LineDoor& door_;
  std::string answers_;
};

class LineDoor::Request final : public Reply {
 public:
  Request(LineDoor& door, std::string key, bool counted, std::shared_ptr<Batch> batch)
      : key(std::move(key)), counted(counted), door_(door), batch_(std::move(batch)) {}
  void message(std::string_view json) override { door_.send(json); }
  void end(std::string_view json, int /*http_status*/) override {
    if (batch_) {
      batch_->add(json);
    } else {
      door_.send(json);
    }
    door_.gone(std::string(key), counted);  // and this with it
  }

  const std::string key;
  const bool counted;
  std::unique_ptr<OpenRequest> open;

 private:
  LineDoor& door_;
  std::shared_ptr<Batch> batch_;
};

LineDoor::LineDoor(McpServer& server, std::shared_ptr<const auth::Principal> who, LineWriter& out)
    : server_(server), out_(out), client_(server, *this, std::move(who)) {}

LineDoor::~LineDoor() = default;

Task<void> LineDoor::close() {
  open_.clear();
  co_return;
}

void LineDoor::send(std::string_view json) {
  std::string& out = out_.open();
  out += json;
  out += '\n';
}

bool LineDoor::notice(std::string_view json) {
  send(json);
  return true;
}

void LineDoor::gone(const std::string& key, bool counted) {
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  const std::unique_ptr<Request> request = std::move(found->second);
  open_.erase(found);
  if (counted && --waiting_ == 0 && on_idle_) on_idle_();
}

void LineDoor::on_line(const mcp::Line& line) {
  if (line.too_long) {
    std::string out;
    mcp::append_error(out, {}, mcp::RpcCode::invalid_request,
                      "Invalid request: the message has " + std::to_string(line.bytes) + " bytes; at most " +
                          std::to_string(server_.options.session.max_line_bytes) + " are taken",
                      {}, client_.state.unknown_id());
    out.pop_back();
    return send(out);
  }
  const bool batches = client_.state.initialized() && mcp::takes_batches(client_.state.revision());
  if (!batches || !take_batch(line.text)) take(line.text, nullptr);
}

// False: it is no array.
bool LineDoor::take_batch(std::string_view line) {
  const auto elements = mcp::read_batch(line);
  if (elements && !*elements) return false;
  if (!elements) {
    refuse(mcp::refuse_unreadable(elements.error(), client_.state.unknown_id()), nullptr);
    return true;
  }
  const auto batch = std::make_shared<Batch>(*this);
  for (const std::string_view element : **elements) take(element, batch);
  return true;
}

void LineDoor::refuse(const mcp::Refusal& refusal, const std::shared_ptr<Batch>& batch) {
  std::string out;
  mcp::append_refusal(out, refusal);
  out.pop_back();
  return batch ? batch->add(out) : send(out);
}

void LineDoor::take(std::string_view text, std::shared_ptr<Batch> batch) {
  const auto message = mcp::read_message(text);
  if (!message) return refuse(mcp::refuse_unreadable(message.error(), client_.state.unknown_id()), batch);
  switch (message->kind) {
    case mcp::Message::Kind::request:
      return request(*message, std::move(batch));
    case mcp::Message::Kind::notification:
      return notification(*message);
    default:
      client_.on_response(*message);
  }
}

void LineDoor::request(const mcp::Message& message, std::shared_ptr<Batch> batch) {
  const auto read = mcp::read_request(message, nullptr, &client_.state);
  if (!read) return refuse(read.error(), batch);
  std::string key = mcp::canonical_id(message.id);
  if (open_.contains(key) || open_.size() >= most_open) {
    return refuse({.code = static_cast<int>(mcp::RpcCode::invalid_request),
                   .message = open_.size() >= most_open ? "Invalid request: 10000 requests are open: wait for answers"
                                                        : "Invalid request: a request with this id is open",
                   .id = std::string(message.id.raw())},
                  batch);
  }
  const bool counted = !message.method.is("subscriptions/listen");
  auto owned = std::make_unique<Request>(*this, key, counted, std::move(batch));
  Request& here = *owned;
  open_.emplace(key, std::move(owned));
  if (counted) ++waiting_;
  auto open = server_.open(*read, nullptr, client_.who, &client_, here);
  // Answered inside the call, or put aside: `here` is gone then.
  if (open) here.open = std::move(open);
}

void LineDoor::notification(const mcp::Message& message) {
  if (message.method.is("notifications/initialized")) {
    client_.state.set_ready();
  } else if (message.method.is("notifications/cancelled")) {
    const auto found = open_.find(mcp::canonical_id(message.param.request_id));
    if (found != open_.end()) gone(std::string(found->first), found->second->counted);
  }
}

}  // namespace meantime::serve
