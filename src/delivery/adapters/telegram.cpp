// SPDX-License-Identifier: MIT
#include "delivery/adapters/telegram.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "core/json_writer.hpp"
#include "delivery/adapters/multipart.hpp"
#include "delivery/adapters/said.hpp"
#include "delivery/adapters/web_address.hpp"

namespace meantime::delivery {
namespace {

namespace json = boost::json;

constexpr std::size_t most_moved = 1'024;

bool is_number(std::string_view text) {
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

bool is_chat(std::string_view chat) {
  constexpr std::size_t shortest = 5;
  constexpr std::size_t longest = 33;
  if (is_number(chat)) return true;
  return chat.size() >= shortest && chat.size() <= longest && chat.front() == '@' &&
         std::ranges::all_of(chat.substr(1), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

void write_chat(JsonWriter& writer, std::string_view chat) {
  writer.key("chat_id");
  if (is_number(chat)) {
    writer.raw(chat);
  } else {
    writer.value(chat);
  }
}

void write_entities(JsonWriter& writer, const std::vector<render::Entity>& entities) {
  writer.begin_array();
  for (const render::Entity& each : entities) {
    using Kind = render::Entity::Kind;
    const std::string_view type = each.kind == Kind::bold ? "bold" : each.kind == Kind::code ? "code" : "pre";
    writer.begin_object().field("type", type).field("offset", each.offset).field("length", each.length);
    if (each.kind == Kind::pre && !each.language.empty()) writer.field("language", each.language);
    writer.end_object();
  }
  writer.end_array();
}

// What a refusal (400) means, by its description.
struct Description {
  std::string_view part;
  SendVerdict verdict;
};
constexpr Description descriptions[] = {
    {"chat not found", SendVerdict::target_gone},
    {"message thread not found", SendVerdict::target_gone},
    {"topic_closed", SendVerdict::target_gone},
    {"topic_deleted", SendVerdict::target_gone},
    {"chat_write_forbidden", SendVerdict::target_gone},
    {"not enough rights", SendVerdict::target_gone},
    {"have no rights", SendVerdict::target_gone},
    {"need administrator rights", SendVerdict::target_gone},
    {"group chat was upgraded", SendVerdict::target_gone},
    {"group chat was deactivated", SendVerdict::target_gone},
    {"peer_id_invalid", SendVerdict::target_gone},
    {"user not found", SendVerdict::target_gone},
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

std::string text_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  return value.is_number() ? json::serialize(value) : std::string{};
}

}  // namespace

TelegramAdapter::TelegramAdapter(TelegramSettings settings, http::Client& client, Clock& clock)
    : settings_(std::move(settings)), client_(client), clock_(clock) {}

Result<void> TelegramAdapter::check(const Redirect& redirect) const {
  const auto [chat, topic] = split_channel(redirect.channel_id);
  const bool has_topic = redirect.channel_id.contains('/');
  if (is_chat(chat) && (!has_topic || is_number(topic))) return check_address(settings_.place);
  return fail(errc::invalid_argument, "delivery.telegram",
              "The channel must be a chat's number, as 123456789 or -1001234567890, or the @name of a public channel; "
              "'/' and a number behind it name a topic. (Write to the bot, and open getUpdates to see the number.)");
}

Result<std::vector<std::string>> TelegramAdapter::plan(const Message& message) const {
  return plan_chunks(message, telegram_limits, link_to(settings_.link, message));
}

std::string TelegramAdapter::chat_now(std::string_view chat) const {
  const auto found = moved_.find(chat);
  return found == moved_.end() ? std::string(chat) : found->second;
}

TelegramAdapter::Said TelegramAdapter::judge(const http::Response& answer) const {
  Said out;
  const auto said = object_of(answer);
  const json::value* ok = said ? said->if_contains("ok") : nullptr;
  if (said) out.description = text_at(*said, "description");
  out.answer = by_status(answer, clock_.wall_now(), out.description);
  if (out.answer.verdict == SendVerdict::arrived) {
    const json::value* result = said ? said->if_contains("result") : nullptr;
    const json::value* id =
        result != nullptr && result->is_object() ? result->get_object().if_contains("message_id") : nullptr;
    if (ok == nullptr || *ok != true || id == nullptr) {
      out.answer = not_understood(answer);
    } else {
      out.answer.remote_id = text_of(*id);
    }
    return out;
  }
  if (answer.status == 403) out.answer.verdict = SendVerdict::target_gone;
  if (answer.status == 404) out.answer.verdict = SendVerdict::auth;  // no bot has that token
  if (answer.status == 400) {
    const std::string words = lower(out.description);
    for (const Description& each : descriptions) {
      if (words.contains(each.part)) out.answer.verdict = each.verdict;
    }
  }
  const json::value* parameters = said ? said->if_contains("parameters") : nullptr;
  if (parameters != nullptr && parameters->is_object()) {
    if (const auto after = seconds_at(parameters->get_object(), "retry_after"); after && answer.status == 429) {
      out.answer.verdict = SendVerdict::retry_after;
      out.answer.after = *after;
    }
    if (const json::value* moved = parameters->get_object().if_contains("migrate_to_chat_id")) {
      out.moved_to = text_of(*moved);
      if (!is_number(out.moved_to)) out.moved_to.clear();
    }
  }
  return out;
}

Task<TelegramAdapter::Said> TelegramAdapter::post(const std::string& token, const Outgoing& message,
                                                  const render::Chunk& chunk, const std::string& file) {
  const auto [named, topic] = split_channel(message.redirect.channel_id);
  const std::string chat = chat_now(named);
  std::string type = "application/json";
  std::string body;
  if (file.empty()) {
    JsonWriter writer(body);
    writer.begin_object();
    write_chat(writer, chat);
    if (!topic.empty()) writer.key("message_thread_id").raw(topic);
    writer.field("text", chunk.text);
    if (!chunk.entities.empty()) {
      writer.key("entities");
      write_entities(writer, chunk.entities);
    }
    writer.key("link_preview_options").begin_object().field("is_disabled", true).end_object().end_object();
  } else {
    Multipart parts;
    parts.field("chat_id", chat);
    if (!topic.empty()) parts.field("message_thread_id", std::string(topic));
    parts.field("caption", chunk.text);
    if (!chunk.entities.empty()) {
      std::string entities;
      JsonWriter writer(entities);
      write_entities(writer, chunk.entities);
      parts.field("caption_entities", std::move(entities));
    }
    parts.field("disable_content_type_detection", "true");
    parts.file("document", chunk.file_name, std::string(media_type_of(chunk.file_name)), file);
    body = parts.body(type);
  }
  Headers headers{{"User-Agent", "meantime"}, {"Content-Type", std::move(type)}};
  auto answer = co_await exchange(client_, settings_.place, "POST",
                                  "/bot" + token + (file.empty() ? "/sendMessage" : "/sendDocument"),
                                  std::move(headers), std::move(body));
  if (!answer) co_return Said{.answer = std::move(answer.error())};
  hide(answer->body, token);
  co_return judge(*answer);
}

Task<TelegramAdapter::Said> TelegramAdapter::post_mended(const std::string& token, const Outgoing& message,
                                                         render::Chunk chunk, std::string file) {
  Said said = co_await post(token, message, chunk, file);
  if (!said.moved_to.empty()) {
    if (moved_.size() >= most_moved) moved_.clear();
    moved_[std::string(split_channel(message.redirect.channel_id).channel)] = said.moved_to;
    said = co_await post(token, message, chunk, file);
  }
  const auto refused = [&said](std::string_view words) {
    return said.answer.verdict == SendVerdict::payload && lower(said.description).contains(words);
  };
  if (!chunk.entities.empty() && refused("can't parse entities")) {
    chunk.entities.clear();
    said = co_await post(token, message, chunk, file);
  }
  if (!file.empty() && said.answer.verdict == SendVerdict::payload) {
    file.clear();
    without_file(chunk, message);
    said = co_await post(token, message, chunk, file);
  }
  co_return said;
}

Task<SendAnswer> TelegramAdapter::send(Outgoing message) {
  auto chunk = render::unpack(message.chunk);
  if (!chunk) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = chunk.error().detail};
  const auto token = settings_.token.value();
  if (!token) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = token.error().detail};
  if (token->find_first_of("/?# %") != std::string::npos) {
    settings_.token.refused();
    co_return SendAnswer{.verdict = SendVerdict::auth,
                         .detail = "the token cannot be a bot's: it looks like 123456:ABC-DEF (ask @BotFather)"};
  }
  std::string file;
  if (!chunk->file_name.empty()) {
    auto bytes = co_await file_of(message, telegram_file_bytes);
    if (!bytes) co_return SendAnswer{.verdict = SendVerdict::retry_backoff, .detail = bytes.error().detail};
    file = std::move(*bytes);
  }
  if (message.maybe_repeated) add_note(*chunk, repeated_note);
  Said said = co_await post_mended(*token, message, std::move(*chunk), std::move(file));
  if (said.answer.verdict == SendVerdict::auth) settings_.token.refused();
  co_return std::move(said.answer);
}

}  // namespace meantime::delivery
