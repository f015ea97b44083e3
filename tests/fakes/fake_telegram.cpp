// SPDX-License-Identifier: MIT
#include "fakes/fake_telegram.hpp"

#include "core/json_writer.hpp"
#include "delivery/render/units.hpp"
#include "fakes/multipart.hpp"
#include "fakes/strict.hpp"

namespace meantime::test {

namespace json = boost::json;

FakeAnswer FakeTelegram::error(int code, std::string_view description, std::string_view parameters) {
  FakeAnswer out{.status = code};
  JsonWriter writer(out.body);
  writer.begin_object().field("ok", false).field("error_code", code).field("description", description);
  if (!parameters.empty()) writer.key("parameters").raw(parameters);
  writer.end_object();
  return out;
}

FakeAnswer FakeTelegram::answer(const FakeRequest& request) {
  const std::string start = "/bot" + settings_.token + "/";
  if (!request.path.starts_with("/bot")) return complain("path " + request.path, error(404, "Not Found"));
  if (!request.path.starts_with(start)) return error(401, "Unauthorized");
  if (!request.header("authorization").empty()) return complain("a token", error(400, "Bad Request"));
  const std::string_view method = std::string_view(request.path).substr(start.size());
  if (request.method == "POST" && method == "sendMessage") return send_message(request);
  if (request.method == "POST" && method == "sendDocument") return send_document(request);
  return complain("method " + std::string(method), error(404, "Not Found: method not found"));
}

FakeAnswer FakeTelegram::send_message(const FakeRequest& request) {
  const auto body = json_of(request);
  if (!body) return complain("no JSON", error(400, "Bad Request: can't parse JSON"));
  const std::string unknown =
      unknown_field(*body, {"chat_id", "message_thread_id", "text", "entities", "link_preview_options"});
  if (!unknown.empty()) return complain("field " + unknown, error(400, "Bad Request: unknown field"));
  const json::value* chat = body->if_contains("chat_id");
  if (chat == nullptr || !chat->is_int64()) return complain("chat_id", error(400, "Bad Request: chat_id is empty"));
  const json::value* preview = body->if_contains("link_preview_options");
  if (preview == nullptr || json::serialize(*preview) != R"({"is_disabled":true})") {
    return complain("it opens links", error(400, "Bad Request: previews"));
  }
  FakeMessage message{.channel = json::serialize(*chat), .text = text_of(*body, "text")};
  if (const json::value* topic = body->if_contains("message_thread_id")) {
    if (!topic->is_int64()) return complain("topic", error(400, "Bad Request: message thread not found"));
    message.channel += "/" + json::serialize(*topic);
  }
  constexpr std::size_t longest = 4'096;
  const json::value* entities = body->if_contains("entities");
  return keep(std::move(message), entities == nullptr ? nullptr : &entities->as_array(), longest);
}

FakeAnswer FakeTelegram::send_document(const FakeRequest& request) {
  const auto parts = read_multipart(request.header("content-type"), request.body);
  if (!parts) return complain(parts.error(), error(400, "Bad Request: there is no document in the request"));
  FakeMessage message;
  json::array entities;
  for (const Part& part : *parts) {
    if (part.name == "chat_id") {
      message.channel = part.bytes;
    } else if (part.name == "caption") {
      message.text = part.bytes;
    } else if (part.name == "caption_entities") {
      entities = json::parse(part.bytes).as_array();
    } else if (part.name == "document") {
      message.file_name = part.file_name;
      message.file = part.bytes;
    } else if (part.name != "disable_content_type_detection") {
      return complain("part " + part.name, error(400, "Bad Request: unknown field"));
    }
  }
  constexpr std::size_t longest_file = 50'000'000;
  if (message.file.empty() || message.file_name.empty()) return complain("no file", error(400, "Bad Request: no file"));
  if (message.file.size() > longest_file) return complain("big file", error(413, "Request Entity Too Large"));
  constexpr std::size_t longest_caption = 1'024;
  return keep(std::move(message), &entities, longest_caption);
}

FakeAnswer FakeTelegram::keep(FakeMessage message, const json::array* entities, std::size_t longest) {
  const std::string chat = message.channel.substr(0, message.channel.find('/'));
  if (chat == settings_.chat && !moved_to_.empty()) {
    return error(400, "Bad Request: group chat was upgraded to a supergroup chat",
                 R"({"migrate_to_chat_id":)" + moved_to_ + "}");
  }
  if (chat != (moved_to_.empty() ? settings_.chat : moved_to_)) return error(400, "Bad Request: chat not found");
  if (message.text.empty()) return complain("empty", error(400, "Bad Request: message text is empty"));
  const std::size_t units = render::length(message.text, render::Unit::utf16);
  if (units > longest) return complain("too long", error(400, "Bad Request: message is too long"));
  std::size_t last = 0;
  for (const json::value& value : entities == nullptr ? json::array{} : *entities) {
    const json::object& entity = value.as_object();
    const auto offset = entity.at("offset").to_number<std::size_t>();
    const auto length = entity.at("length").to_number<std::size_t>();
    const std::string type = text_of(entity, "type");
    const bool known = type == "bold" || type == "code" || type == "pre";
    if (!known || length == 0 || offset + length > units || offset < last) {
      return complain("entity", error(400, "Bad Request: can't parse entities"));
    }
    last = offset;
  }
  if (refuses_entities_ && entities != nullptr && !entities->empty()) {
    return error(400, "Bad Request: can't parse entities: unexpected end");
  }
  const std::string text = message.text;
  FakeAnswer out;
  JsonWriter writer(out.body);
  writer.begin_object().field("ok", true).key("result").begin_object();
  writer.key("message_id").raw(take(std::move(message))).field("date", 1'790'000'000).field("text", text);
  writer.end_object().end_object();
  return out;
}

}  // namespace meantime::test
