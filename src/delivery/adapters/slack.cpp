// SPDX-License-Identifier: MIT
#include "delivery/adapters/slack.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "core/json_writer.hpp"
#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/multipart.hpp"
#include "delivery/adapters/said.hpp"
#include "delivery/adapters/web_address.hpp"

namespace meantime::delivery {
namespace {

constexpr std::string_view json_type = "application/json; charset=utf-8";
constexpr std::string_view form_type = "application/x-www-form-urlencoded";

bool is_conversation(std::string_view id) noexcept {
  constexpr std::size_t shortest = 3;
  constexpr std::size_t longest = 32;
  return id.size() >= shortest && id.size() <= longest && std::string_view("CDGU").contains(id.front()) &&
         std::ranges::all_of(id, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

bool is_timestamp(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 32 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

std::string post_message(const render::Chunk& chunk, const Outgoing& message) {
  const auto [channel, thread] = split_channel(message.redirect.channel_id);
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("channel", channel).field("text", chunk.text);
  if (!thread.empty()) writer.field("thread_ts", thread);
  writer.field("unfurl_links", false).field("unfurl_media", false);
  // By which a person, or a program of theirs, can tell a repeated message.
  writer.key("metadata").begin_object().field("event_type", "meantime_delivery").key("event_payload").begin_object();
  writer.field("key", message.key).field("number", message.number).field("of", message.of);
  writer.end_object().end_object().end_object();
  return out;
}

// What stops a file, but not the message.
bool about_files(const SlackAnswer& said) {
  return said.answer.verdict == SendVerdict::payload || said.error == "missing_scope" ||
         said.error == "posting_to_channel_denied";
}

// Nobody has seen anything yet: that step may be done again.
SlackAnswer unseen(SlackAnswer said) {
  if (said.answer.verdict == SendVerdict::unknown) said.answer.verdict = SendVerdict::retry_backoff;
  return said;
}

}  // namespace

SlackAdapter::SlackAdapter(SlackSettings settings, http::Client& client, Clock& clock)
    : settings_(std::move(settings)), client_(client), clock_(clock) {}

Result<void> SlackAdapter::check(const Redirect& redirect) const {
  const auto [channel, thread] = split_channel(redirect.channel_id);
  const bool threaded = redirect.channel_id.contains('/');
  if (is_conversation(channel) && (!threaded || is_timestamp(thread))) return check_address(settings_.place);
  return fail(errc::invalid_argument, "delivery.slack",
              "The channel must be the id of a conversation, as C0123ABCD (in Slack: the channel's details, at the "
              "bottom), or C0123ABCD/1700000000.000100 for a thread in it.");
}

Result<std::vector<std::string>> SlackAdapter::plan(const Message& message) const {
  return plan_chunks(message, slack_limits, link_to(settings_.link, message));
}

Task<SlackAnswer> SlackAdapter::call(std::string method, std::string token, std::string type, std::string body) {
  Headers headers{{"Authorization", "Bearer " + token}, {"User-Agent", "meantime"}, {"Content-Type", std::move(type)}};
  auto answer = co_await exchange(client_, settings_.place, "POST", "/" + method, std::move(headers), std::move(body));
  if (!answer) co_return SlackAnswer{.answer = std::move(answer.error())};
  hide(answer->body, token);
  co_return judge_slack(*answer, clock_.wall_now());
}

Task<std::expected<std::string, SlackAnswer>> SlackAdapter::upload(std::string token, const std::string& file_name,
                                                                   std::string bytes) {
  SlackAnswer asked =
      co_await call("files.getUploadURLExternal", token, std::string(form_type),
                    "filename=" + percent_encoded(file_name) + "&length=" + std::to_string(bytes.size()));
  if (asked.answer.verdict != SendVerdict::arrived) co_return std::unexpected(unseen(std::move(asked)));
  std::string id = text_at(asked.said, "file_id");
  WebPlace place = settings_.place;
  place.base_url = text_at(asked.said, "upload_url");
  if (auto fine = check_address(place); !fine || id.empty()) {
    asked.answer = {.verdict = SendVerdict::payload, .detail = "it gave no address to upload a file to"};
    co_return std::unexpected(std::move(asked));
  }
  // The address itself says who may upload: the token stays here.
  Headers headers{{"User-Agent", "meantime"}, {"Content-Type", "application/octet-stream"}};
  const auto answer = co_await exchange(client_, place, "POST", "", std::move(headers), std::move(bytes));
  SlackAnswer sent;
  sent.answer = answer ? by_status(*answer, clock_.wall_now(), "the upload was refused") : answer.error();
  if (sent.answer.verdict == SendVerdict::arrived) co_return id;
  // It is a storage's answer about this one upload, not Slack's about the token or the channel.
  if (sent.answer.verdict == SendVerdict::auth || sent.answer.verdict == SendVerdict::target_gone) {
    sent.answer.verdict = SendVerdict::payload;
  }
  co_return std::unexpected(unseen(std::move(sent)));
}

Task<SlackAnswer> SlackAdapter::share(std::string token, const std::string& file_id, const render::Chunk& chunk,
                                      std::string_view channel_id) {
  const auto [channel, thread] = split_channel(channel_id);
  std::string body;
  JsonWriter writer(body);
  writer.begin_object().key("files").begin_array().begin_object();
  writer.field("id", file_id).field("title", chunk.file_name).end_object().end_array();
  writer.field("channel_id", channel).field("initial_comment", chunk.text);
  if (!thread.empty()) writer.field("thread_ts", thread);
  writer.end_object();
  SlackAnswer said =
      co_await call("files.completeUploadExternal", std::move(token), std::string(json_type), std::move(body));
  if (said.answer.verdict == SendVerdict::arrived) said.answer.remote_id = file_id;
  co_return said;
}

Task<SendAnswer> SlackAdapter::send(Outgoing message) {
  auto chunk = render::unpack(message.chunk);
  if (!chunk) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = chunk.error().detail};
  const auto token = settings_.token.value();
  if (!token) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = token.error().detail};
  if (message.maybe_repeated) add_note(*chunk, repeated_note);
  if (!chunk->file_name.empty()) {
    auto bytes = co_await file_of(message, slack_file_bytes);
    if (!bytes) co_return SendAnswer{.verdict = SendVerdict::retry_backoff, .detail = bytes.error().detail};
    SlackAnswer said;
    if (!bytes->empty()) {
      auto id = co_await upload(*token, chunk->file_name, std::move(*bytes));
      said = id ? co_await share(*token, *id, *chunk, message.redirect.channel_id) : std::move(id.error());
      if (said.answer.verdict == SendVerdict::arrived) co_return std::move(said.answer);
      if (!about_files(said)) {
        if (said.answer.verdict == SendVerdict::auth) settings_.token.refused();
        co_return std::move(said.answer);
      }
    }
    without_file(*chunk, message);
  }
  SlackAnswer said = co_await call("chat.postMessage", *token, std::string(json_type), post_message(*chunk, message));
  if (said.answer.verdict == SendVerdict::arrived) said.answer.remote_id = text_at(said.said, "ts");
  if (said.answer.verdict == SendVerdict::auth) settings_.token.refused();
  co_return std::move(said.answer);
}

}  // namespace meantime::delivery
