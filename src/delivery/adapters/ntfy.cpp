// SPDX-License-Identifier: MIT
#include "delivery/adapters/ntfy.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "core/json_writer.hpp"
#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/header_words.hpp"
#include "delivery/adapters/said.hpp"
#include "delivery/adapters/titled.hpp"
#include "delivery/adapters/web_address.hpp"

namespace meantime::delivery {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_topic = 64;

// Codes of the server, each an HTTP status and two digits.
enum Code : std::int64_t {
  topic_invalid = 40009,
  topic_disallowed = 40010,
  attachments_disallowed = 40014,
  unauthorized = 40101,
  forbidden = 40301,
  attachment_too_large = 41301,
  too_many_requests = 42901,
  too_much_attached = 42905,
  daily_quota = 42908,
};

std::int64_t code_of(const json::object& said) {
  const json::value* code = said.if_contains("code");
  return code != nullptr && code->is_int64() ? code->get_int64() : 0;
}

Milliseconds until_midnight(WallTime now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  return std::chrono::duration_cast<Milliseconds>(day + std::chrono::days(1) - now);
}

std::string document(const std::string& topic, const Titled& push) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("topic", topic).field("title", push.title).field("message", push.chunk.text);
  writer.key("tags").begin_array().value(push.failed ? "x" : "white_check_mark").end_array();
  if (!push.link.empty()) writer.field("click", push.link);
  writer.end_object();
  return out;
}

// In a header, where the server takes `\n` for a line end.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("\\n") : std::string(1, c);
  return out;
}

void add_headers(Headers& headers, const Titled& push) {
  headers.emplace_back("Title", header_words(push.title));
  headers.emplace_back("Message", header_words(one_line(push.chunk.text)));
  headers.emplace_back("Filename", push.chunk.file_name);
  headers.emplace_back("Tags", push.failed ? "x" : "white_check_mark");
  if (!push.link.empty()) headers.emplace_back("Click", push.link);
}

}  // namespace

NtfyAdapter::NtfyAdapter(NtfySettings settings, http::Client& client, Clock& clock)
    : settings_(std::move(settings)), client_(client), clock_(clock) {}

Result<void> NtfyAdapter::check(const Redirect& redirect) const {
  const std::string& topic = redirect.channel_id;
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
  };
  if (!topic.empty() && topic.size() <= longest_topic && std::ranges::all_of(topic, allowed)) {
    return check_address(settings_.place);
  }
  return fail(errc::invalid_argument, "delivery.ntfy",
              "The channel must be a topic: 1 to 64 letters, digits, '_' and '-', as 'builds-8f3k2'.");
}

Result<std::vector<std::string>> NtfyAdapter::plan(const Message& message) const {
  return plan_titled(message, ntfy_limits, link_to(settings_.link, message));
}

SendAnswer NtfyAdapter::judge(const http::Response& answer) {
  const json::object said = object_of(answer).value_or(json::object{});
  const std::int64_t code = code_of(said);
  SendAnswer out = by_status(answer, clock_.wall_now(), text_at(said, "error"));
  switch (code) {
    case topic_invalid:
    case topic_disallowed:
      out.verdict = SendVerdict::target_gone;
      break;
    case unauthorized:
    case forbidden:
      out.verdict = SendVerdict::auth;
      break;
    case daily_quota:
      out.verdict = SendVerdict::retry_after;
      out.after = until_midnight(clock_.wall_now());
      break;
    default:
      break;
  }
  if (answer.status == 429 && code != daily_quota) {
    constexpr Milliseconds until_next{5'000};
    out.verdict = SendVerdict::retry_after;
    out.after = retry_after(answer, clock_.wall_now()).value_or(until_next);
  }
  out.whole_destination = out.verdict == SendVerdict::retry_after;
  if (out.verdict == SendVerdict::auth && settings_.token) settings_.token->refused();
  if (out.verdict != SendVerdict::arrived) return out;
  out.remote_id = text_at(said, "id");
  return out.remote_id.empty() ? not_understood(answer) : out;
}

Task<SendAnswer> NtfyAdapter::send(Outgoing message) {
  auto push = unpack_titled(message.chunk);
  if (!push) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = push.error().detail};
  Headers headers{{"User-Agent", "meantime"}};
  std::string secret;
  if (settings_.token) {
    auto token = settings_.token->value();
    if (!token) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = token.error().detail};
    secret = std::move(*token);
    headers.emplace_back("Authorization", "Bearer " + secret);
  }
  if (message.maybe_repeated) add_note(push->chunk, repeated_note);
  const std::string& topic = message.redirect.channel_id;
  if (!push->chunk.file_name.empty()) {
    auto bytes = co_await file_of(message, ntfy_file_bytes);
    if (!bytes) co_return SendAnswer{.verdict = SendVerdict::retry_backoff, .detail = bytes.error().detail};
    Headers with_file = headers;
    add_headers(with_file, *push);
    auto answer =
        co_await exchange(client_, settings_.place, "PUT", "/" + topic, std::move(with_file), std::move(*bytes));
    if (!answer) co_return answer.error();
    hide(answer->body, secret);
    const auto code = code_of(object_of(*answer).value_or(json::object{}));
    const bool no_files = code == attachments_disallowed || code == attachment_too_large || code == too_much_attached;
    if (!no_files && answer->status != 413) co_return judge(*answer);
    without_file(push->chunk, message);  // better without than not at all
  }
  headers.emplace_back("Content-Type", "application/json");
  auto answer = co_await exchange(client_, settings_.place, "POST", "/", std::move(headers), document(topic, *push));
  if (!answer) co_return answer.error();
  hide(answer->body, secret);
  co_return judge(*answer);
}

}  // namespace meantime::delivery
