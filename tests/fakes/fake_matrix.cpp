// SPDX-License-Identifier: MIT
#include "fakes/fake_matrix.hpp"

#include <boost/json.hpp>

namespace meantime::test {
namespace {

namespace json = boost::json;

// 65,536 bytes with what the server adds: ids, a time, hashes and signatures.
constexpr std::size_t largest_content = 65'536 - 1'500;

FakeAnswer error(int status, std::string_view code, std::string_view what) {
  return {.status = status, .body = json::serialize(json::object{{"errcode", code}, {"error", what}})};
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(at + 1, 2)), nullptr, 16));
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

std::string text_at(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string{};
}

// What is wrong with a message's content; empty: nothing.
std::string fault_of(const json::object& content) {
  static const std::set<std::string, std::less<>> known{"msgtype",    "body",     "format", "formatted_body",
                                                        "m.mentions", "filename", "url",    "info"};
  for (const auto& field : content) {
    if (!known.contains(std::string(field.key()))) return "an unknown field: " + std::string(field.key());
  }
  const auto* mentions = content.if_contains("m.mentions");
  if (mentions == nullptr || !mentions->is_object() || !mentions->get_object().empty()) return "somebody is mentioned";
  if (text_at(content, "body").empty()) return "no body";
  const std::string type = text_at(content, "msgtype");
  if (type == "m.file") return text_at(content, "url").empty() ? "a file without an address" : "";
  if (type != "m.notice") return "not a notice";
  const std::string html = text_at(content, "formatted_body");
  if (html.empty() != text_at(content, "format").empty()) return "format and formatted_body go together";
  if (!html.empty() && text_at(content, "format") != "org.matrix.custom.html") return "an unknown format";
  for (const std::string_view bad : {"<script", "<img", "<b>", "<a "}) {
    if (html.contains(bad)) return "what a tool printed has become HTML";
  }
  return {};
}

}  // namespace

FakeMatrix::FakeMatrix(boost::asio::io_context& io, Clock& clock, FakeMatrixOptions options)
    : FakePlatform(io, clock), options_(std::move(options)) {}

FakeAnswer FakeMatrix::answer(const FakeRequest& request) {
  if (request.header("authorization") != "Bearer " + options_.token) {
    return error(401, "M_UNKNOWN_TOKEN", "Invalid access token");
  }
  if (request.path == "/_matrix/media/v3/upload" && request.method == "POST") return upload(request);
  constexpr std::string_view rooms = "/_matrix/client/v3/rooms/";
  if (!request.path.starts_with(rooms)) {
    return complain("no such path: " + request.path, error(404, "M_UNRECOGNIZED", "Unrecognized request"));
  }
  const std::string_view rest = std::string_view(request.path).substr(rooms.size());
  const auto slash = std::min(rest.find('/'), rest.size());
  if (rest.substr(0, slash).find_first_of("!:") != rest.npos) {
    return complain("the room's id is not escaped", error(400, "M_INVALID_PARAM", "room id"));
  }
  const std::string room = unescaped(rest.substr(0, slash));
  const std::string_view what = rest.substr(slash);
  if (!options_.rooms.contains(room)) return error(403, "M_FORBIDDEN", "User not in room");
  if (what == "/state/m.room.encryption" && request.method == "GET") {
    if (options_.encrypted.contains(room)) return {.body = R"({"algorithm":"m.megolm.v1.aes-sha2"})"};
    return error(404, "M_NOT_FOUND", "Event not found.");
  }
  constexpr std::string_view sending = "/send/m.room.message/";
  if (!what.starts_with(sending) || request.method != "PUT" || what.size() == sending.size()) {
    return complain("no such path: " + request.path, error(404, "M_UNRECOGNIZED", "Unrecognized request"));
  }
  return send(request, room, unescaped(what.substr(sending.size())));
}

FakeAnswer FakeMatrix::send(const FakeRequest& request, const std::string& room, const std::string& transaction) {
  if (options_.encrypted.contains(room))
    return complain("a plain message in an encrypted room", error(400, "M_UNKNOWN", ""));
  if (request.header("content-type") != "application/json") {
    return complain("no content type", error(400, "M_NOT_JSON", "Content not JSON."));
  }
  boost::system::error_code wrong;
  const json::value value = json::parse(request.body, wrong);
  if (wrong || !value.is_object()) return complain("not JSON", error(400, "M_NOT_JSON", "Content not JSON."));
  const json::object& content = value.get_object();
  if (request.body.size() > largest_content) return complain("too large", error(413, "M_TOO_LARGE", "event too large"));
  if (auto fault = fault_of(content); !fault.empty()) return complain(fault, error(400, "M_BAD_JSON", fault));

  FakeMessage message{.channel = room, .text = text_at(content, "body"), .key = room + '/' + transaction};
  if (text_at(content, "msgtype") == "m.file") {
    const auto file = uploads_.find(text_at(content, "url"));
    if (file == uploads_.end()) return complain("an unknown file", error(400, "M_BAD_JSON", "no such media"));
    message.file = file->second;
    message.file_name = text_at(content, "filename");
  }
  message.id = "$event" + new_id();
  const std::string id = take(std::move(message), options_.remembers);
  return {.body = json::serialize(json::object{{"event_id", id}})};
}

FakeAnswer FakeMatrix::upload(const FakeRequest& request) {
  if (request.header("content-type").empty()) return complain("a file without a type", error(400, "M_UNKNOWN", ""));
  if (request.body.size() > options_.max_upload) return error(413, "M_TOO_LARGE", "Upload request body is too large");
  std::string address = "mxc://example.org/" + new_id();
  uploads_[address] = request.body;
  return {.body = json::serialize(json::object{{"content_uri", address}})};
}

}  // namespace meantime::test
