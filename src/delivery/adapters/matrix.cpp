// SPDX-License-Identifier: MIT
#include "delivery/adapters/matrix.hpp"

#include <boost/json.hpp>

#include "core/json_writer.hpp"
#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/said.hpp"
#include "delivery/adapters/web_address.hpp"

namespace meantime::delivery {
namespace {

namespace json = boost::json;

constexpr std::size_t most_known_rooms = 4'096;
constexpr std::size_t longest_room_id = 255;

// What an error's own name means, which counts more than the status.
constexpr WordVerdict words[] = {
    {"M_UNKNOWN_TOKEN", SendVerdict::auth},
    {"M_MISSING_TOKEN", SendVerdict::auth},
    {"M_USER_DEACTIVATED", SendVerdict::auth},
    {"M_USER_LOCKED", SendVerdict::auth},
    {"M_USER_SUSPENDED", SendVerdict::auth},
    {"M_FORBIDDEN", SendVerdict::target_gone},
    {"M_NOT_FOUND", SendVerdict::target_gone},
    {"M_TOO_LARGE", SendVerdict::payload},
    {"M_BAD_JSON", SendVerdict::payload},
    {"M_NOT_JSON", SendVerdict::payload},
    {"M_INVALID_PARAM", SendVerdict::payload},
    {"M_RESOURCE_LIMIT_EXCEEDED", SendVerdict::retry_backoff},
    {"M_USER_LIMIT_EXCEEDED", SendVerdict::payload},
    {"M_LIMIT_EXCEEDED", SendVerdict::retry_after},
};

// What servers said before they had Retry-After.
std::optional<Milliseconds> retry_after_ms(const json::object& said) {
  constexpr std::int64_t most = 1'000'000'000;
  const json::value* after = said.if_contains("retry_after_ms");
  if (after == nullptr || !after->is_int64() || after->get_int64() < 0) return std::nullopt;
  return Milliseconds(std::min(after->get_int64(), most));
}

std::string event_of(const render::Chunk& chunk) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("msgtype", "m.notice").field("body", chunk.text);
  if (!chunk.html.empty()) writer.field("format", "org.matrix.custom.html").field("formatted_body", chunk.html);
  writer.key("m.mentions").begin_object().end_object().end_object();
  return out;
}

std::string file_event(const std::string& name, const std::string& uri, std::string_view type, std::size_t size) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("msgtype", "m.file").field("body", name).field("filename", name).field("url", uri);
  writer.key("info").begin_object().field("mimetype", type).field("size", size).end_object();
  writer.key("m.mentions").begin_object().end_object().end_object();
  return out;
}

std::string_view type_of(std::string_view file_name) {
  return file_name.ends_with(".json") ? "application/json" : "text/plain; charset=utf-8";
}

}  // namespace

MatrixAdapter::MatrixAdapter(MatrixSettings settings, http::Client& client, Clock& clock)
    : settings_(std::move(settings)), client_(client), clock_(clock) {}

Result<void> MatrixAdapter::check(const Redirect& redirect) const {
  const std::string& room = redirect.channel_id;
  if (room.size() > 1 && room.size() <= longest_room_id && room.front() == '!') return check_address(settings_.place);
  return fail(errc::invalid_argument, "delivery.matrix",
              "The channel must be a room's id, as '!abcdefgh:example.org' (in Element: room settings, Advanced); an "
              "alias ('#...') may be moved to another room.");
}

Result<std::vector<std::string>> MatrixAdapter::plan(const Message& message) const {
  return plan_chunks(message, matrix_limits, link_to(settings_.link, message));
}

SendAnswer MatrixAdapter::judge(const http::Response& answer) {
  if (answer.status >= 200 && answer.status < 300) return {};
  const json::object said = object_of(answer).value_or(json::object{});
  const std::string errcode = text_at(said, "errcode");
  SendAnswer out = by_status(answer, clock_.wall_now(), errcode.empty() ? "" : errcode + ' ' + text_at(said, "error"));
  if (const auto verdict = verdict_of(words, errcode)) out.verdict = *verdict;
  const auto after = retry_after_ms(said);
  if (out.verdict == SendVerdict::retry_after || (answer.status == 429 && after)) {
    constexpr Milliseconds usual{5'000};
    out.verdict = SendVerdict::retry_after;
    out.after = retry_after(answer, clock_.wall_now()).value_or(after.value_or(usual));
    out.whole_destination = true;
  }
  if (out.verdict == SendVerdict::auth) settings_.token.refused();
  return out;
}

Task<WebAnswer> MatrixAdapter::ask(const std::string& token, std::string method, std::string path,
                                   std::string_view type, std::string body) {
  Headers headers{{"Authorization", "Bearer " + token}, {"User-Agent", "meantime"}};
  if (!type.empty()) headers.emplace_back("Content-Type", type);
  auto answer = co_await exchange(client_, settings_.place, std::move(method), std::move(path), std::move(headers),
                                  std::move(body));
  if (answer) hide(answer->body, token);
  co_return answer;
}

Task<std::optional<SendAnswer>> MatrixAdapter::refuse_encrypted(const std::string& token, const std::string& room) {
  if (plain_rooms_.contains(room)) co_return std::nullopt;
  const auto answer =
      co_await ask(token, "GET", "/_matrix/client/v3/rooms/" + percent_encoded(room) + "/state/m.room.encryption");
  if (!answer) {
    SendAnswer out = answer.error();
    if (out.verdict == SendVerdict::unknown) out.verdict = SendVerdict::retry_backoff;  // nothing was told yet
    co_return out;
  }
  if (answer->status == 200) {
    co_return SendAnswer{.verdict = SendVerdict::target_gone,
                         .detail = "the room is encrypted, and meantime cannot encrypt: choose a room that is not"};
  }
  if (answer->status != 404) co_return judge(*answer);
  if (plain_rooms_.size() >= most_known_rooms) plain_rooms_.clear();
  plain_rooms_.insert(room);
  co_return std::nullopt;
}

Task<std::expected<std::string, SendAnswer>> MatrixAdapter::upload(const std::string& token,
                                                                   const std::string& file_name, std::string bytes) {
  const auto answer = co_await ask(token, "POST", "/_matrix/media/v3/upload?filename=" + percent_encoded(file_name),
                                   type_of(file_name), std::move(bytes));
  if (!answer) {
    SendAnswer out = answer.error();
    if (out.verdict == SendVerdict::unknown) out.verdict = SendVerdict::retry_backoff;  // nobody has seen it
    co_return std::unexpected(std::move(out));
  }
  SendAnswer said = judge(*answer);
  if (said.verdict != SendVerdict::arrived) co_return std::unexpected(std::move(said));
  std::string uri = text_at(object_of(*answer).value_or(json::object{}), "content_uri");
  if (!uri.starts_with("mxc://")) {
    co_return std::unexpected(
        SendAnswer{.verdict = SendVerdict::payload, .detail = "it took the file and gave no address for it"});
  }
  co_return uri;
}

Task<SendAnswer> MatrixAdapter::put_event(const std::string& token, const std::string& room, const std::string& key,
                                          std::string event) {
  const auto answer =
      co_await ask(token, "PUT",
                   "/_matrix/client/v3/rooms/" + percent_encoded(room) + "/send/m.room.message/" + percent_encoded(key),
                   "application/json", std::move(event));
  if (!answer) co_return answer.error();
  SendAnswer said = judge(*answer);
  if (said.verdict != SendVerdict::arrived) co_return said;
  said.remote_id = text_at(object_of(*answer).value_or(json::object{}), "event_id");
  if (said.remote_id.empty()) co_return not_understood(*answer);
  co_return said;
}

Task<SendAnswer> MatrixAdapter::send(Outgoing message) {
  auto chunk = render::unpack(message.chunk);
  if (!chunk) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = chunk.error().detail};
  const auto token = settings_.token.value();
  if (!token) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = token.error().detail};
  const std::string& room = message.redirect.channel_id;
  if (auto refused = co_await refuse_encrypted(*token, room)) co_return std::move(*refused);

  // The file goes first, so that the text can say when there is none. Each step may be done again.
  std::string file;
  if (!chunk->file_name.empty()) {
    auto bytes = co_await file_of(message, matrix_file_bytes);
    if (!bytes) co_return SendAnswer{.verdict = SendVerdict::retry_backoff, .detail = bytes.error().detail};
    const std::size_t size = bytes->size();
    auto uri = co_await upload(*token, chunk->file_name, std::move(*bytes));
    if (uri) {
      file = file_event(chunk->file_name, *uri, type_of(chunk->file_name), size);
    } else if (uri.error().verdict == SendVerdict::payload || uri.error().verdict == SendVerdict::target_gone) {
      without_file(*chunk, message);
    } else {
      co_return std::move(uri.error());
    }
  }
  if (message.maybe_repeated) add_note(*chunk, repeated_note);
  SendAnswer said = co_await put_event(*token, room, message.key, event_of(*chunk));
  if (said.verdict != SendVerdict::arrived || file.empty()) co_return said;
  SendAnswer of_file = co_await put_event(*token, room, message.key + "f", std::move(file));
  if (of_file.verdict != SendVerdict::arrived) co_return of_file;
  co_return said;
}

}  // namespace meantime::delivery
