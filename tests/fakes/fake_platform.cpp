// SPDX-License-Identifier: MIT
#include "fakes/fake_platform.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>
#include <stdexcept>

namespace meantime::test {
namespace {

void write(http::Exchange& exchange, const FakeAnswer& answer) {
  std::string headers;
  for (const auto& [name, value] : answer.headers) headers.append(name).append(": ").append(value).append("\r\n");
  exchange.respond(answer.status, answer.type, answer.body, headers);
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned byte = 0;
    const bool escaped = text[at] == '%' && at + 2 < text.size();
    if (escaped && std::from_chars(text.data() + at + 1, text.data() + at + 3, byte, 16).ec == std::errc()) {
      out += static_cast<char>(byte);
      at += 2;
    } else {
      out += text[at] == '+' ? ' ' : text[at];
    }
  }
  return out;
}

std::optional<std::string> named(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::size_t end = std::min(form.find('&'), form.size());
    const std::string_view pair = form.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (decoded(pair.substr(0, equals)) == name) {
      return decoded(equals < pair.size() ? pair.substr(equals + 1) : std::string_view{});
    }
    form.remove_prefix(std::min(end + 1, form.size()));
  }
  return std::nullopt;
}

}  // namespace

std::string FakeRequest::header(std::string_view lower_case_name) const {
  const auto found = std::ranges::find(headers, lower_case_name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string{} : found->second;
}

std::optional<std::string> FakeRequest::parameter(std::string_view name) const {
  if (auto value = named(query, name)) return value;
  if (header("content-type").starts_with("application/x-www-form-urlencoded")) return named(body, name);
  return std::nullopt;
}

/// Keeps an exchange open: until release(), or for ever.
class FakePlatform::Held final : public http::Conversation {
 public:
  Held(FakePlatform& platform, http::Exchange& exchange, FakeAnswer answer)
      : platform_(&platform), exchange_(&exchange), answer_(std::move(answer)) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() override { forget(); }
  void on_gone() override {
    forget();
    exchange_ = nullptr;
  }
  void forget() {
    if (platform_ != nullptr) std::erase(platform_->held_, this);
    platform_ = nullptr;
  }
  void give() {
    forget();
    if (http::Exchange* exchange = std::exchange(exchange_, nullptr)) write(*exchange, answer_);
  }

 private:
  FakePlatform* platform_;
  http::Exchange* exchange_;
  FakeAnswer answer_;
};

namespace {

/// Keeps an exchange open until its connection is cut.
class Unanswered final : public http::Conversation {
 public:
  void on_gone() override {}
};

}  // namespace

FakePlatform::FakePlatform(boost::asio::io_context& io, Clock& clock)
    : io_(io), clock_(clock), loop_(io), deadlines_(clock) {
  listen();
}

FakePlatform::~FakePlatform() {
  for (Held* each : std::deque(held_)) each->forget();
  server_.reset();
}

void FakePlatform::listen() {
  // Clocks are turned by hours here: no connection is to be closed for that.
  constexpr Milliseconds never{std::chrono::hours(10'000)};
  server_ = std::make_unique<http::Server>(
      loop_, deadlines_, static_cast<http::Handler&>(*this),
      http::ServerOptions{
          .max_connections = 10'240, .idle = never, .head = never, .body_check = never, .write_stall = never});
  const auto port = server_->listen("127.0.0.1", port_);
  if (!port) throw std::runtime_error("the fake cannot listen: " + port.error().detail);
  port_ = *port;
}

std::string FakePlatform::url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

void FakePlatform::next(Fault fault, std::string path_part) {
  scripted_.push_back({.fault = fault, .path_part = std::move(path_part)});
}

void FakePlatform::next(FakeAnswer answer, std::string path_part) {
  scripted_.push_back({.answer = std::move(answer), .path_part = std::move(path_part)});
}

void FakePlatform::release() {
  while (!held_.empty()) held_.front()->give();
}

void FakePlatform::refuse() {
  refusing_ = true;
  server_.reset();
}

void FakePlatform::accept() {
  refusing_ = false;
  if (!server_) listen();
}

std::vector<std::string> FakePlatform::texts() const {
  std::vector<std::string> out;
  for (const FakeMessage& message : messages_) out.push_back(message.text);
  return out;
}

std::string FakePlatform::new_id() {
  return std::to_string(next_id_++);
}

std::string FakePlatform::take(FakeMessage message, Milliseconds remembered) {
  if (!message.key.empty()) {
    const auto seen = seen_.find(message.key);
    if (seen != seen_.end() && clock_.now() - seen->second.second <= remembered) {
      ++noticed_;
      return seen->second.first;
    }
  }
  if (message.id.empty()) message.id = new_id();
  if (!message.key.empty()) seen_[message.key] = {message.id, clock_.now()};
  if (!requests_.empty()) message.request = requests_.size() - 1;
  messages_.push_back(std::move(message));
  return messages_.back().id;
}

FakeAnswer FakePlatform::complain(std::string what, FakeAnswer answer) {
  complaints_.push_back(std::move(what));
  return answer;
}

std::optional<FakePlatform::Scripted> FakePlatform::scripted_for(const FakeRequest& request) {
  const auto found =
      std::ranges::find_if(scripted_, [&](const Scripted& each) { return request.path.contains(each.path_part); });
  if (found == scripted_.end()) return std::nullopt;
  Scripted scripted = std::move(*found);
  scripted_.erase(found);
  return scripted;
}

void FakePlatform::on_request(http::Request& request, http::Exchange& exchange) {
  FakeRequest& came = requests_.emplace_back();
  came.method = request.method;
  came.path = request.path;
  came.query = request.query;
  for (const http::Header& header : request.headers) {
    std::string name(header.name);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    came.headers.emplace_back(std::move(name), header.value);
  }
  came.body = request.take_body();

  const auto scripted = scripted_for(came);
  if (!scripted) return write(exchange, answer(came));
  switch (scripted->fault) {
    case Fault::answer:
      return write(exchange, scripted->answer);
    case Fault::cut_before:
      exchange.keep(std::make_unique<Unanswered>());
      return cut_soon();
    case Fault::cut_after:
      (void)answer(came);
      exchange.keep(std::make_unique<Unanswered>());
      return cut_soon();
    case Fault::cut_in_answer: {
      const FakeAnswer whole = answer(came);
      exchange.start_stream(whole.status, whole.type);
      exchange.write(whole.body.substr(0, (whole.body.size() + 1) / 2));
      exchange.keep(std::make_unique<Unanswered>());
      return cut_soon();
    }
    case Fault::hold: {
      auto held = std::make_unique<Held>(*this, exchange, answer(came));
      held_.push_back(held.get());
      exchange.keep(std::move(held));
      return;
    }
  }
}

// The server knows no way to break a connection: it is replaced by another on the same port. What it wrote in this turn
// leaves in the next.
void FakePlatform::cut_soon() {
  const auto later = [](auto self, boost::asio::io_context& io, std::weak_ptr<int> alive, FakePlatform* platform,
                        int turns) -> void {
    boost::asio::post(io, [self, &io, alive = std::move(alive), platform, turns] {
      if (alive.expired()) return;
      if (turns > 0) return self(self, io, alive, platform, turns - 1);
      if (platform->refusing_) return;
      platform->server_.reset();
      platform->listen();
    });
  };
  constexpr int turns_until_written = 3;
  later(later, io_, alive_, this, turns_until_written);
}

}  // namespace meantime::test
