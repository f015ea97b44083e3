// SPDX-License-Identifier: MIT
#include "fakes/fake_ntfy.hpp"

#include <openssl/evp.h>

#include <boost/json.hpp>
#include <set>

namespace meantime::test {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_message = 4'096;
constexpr std::size_t largest_file = 2'000'000;

FakeAnswer error(int code, std::string_view what) {
  return {.status = code / 100,
          .body = json::serialize(json::object{{"code", code}, {"http", code / 100}, {"error", what}})};
}

// The words of RFC 2047 in a header, which Go's decoder joins.
std::string decoded_words(std::string_view value) {
  constexpr std::string_view begin = "=?UTF-8?B?";
  if (!value.starts_with(begin)) return std::string(value);
  std::string out;
  while (!value.empty()) {
    const auto end = value.find("?=");
    if (!value.starts_with(begin) || end == value.npos || end + 2 > 75) return "(no encoded word)";
    const std::string_view word = value.substr(begin.size(), end - begin.size());
    std::string bytes(word.size(), '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(word.data()), static_cast<int>(word.size()));
    if (size < 0) return "(no base64)";
    const auto padding = static_cast<std::size_t>(std::ranges::count(word, '='));
    out += bytes.substr(0, static_cast<std::size_t>(size) - padding);
    value.remove_prefix(std::min(end + 3, value.size()));
  }
  return out;
}

std::string with_line_ends(std::string text) {
  for (auto at = text.find("\\n"); at != text.npos; at = text.find("\\n", at + 1)) text.replace(at, 2, "\n");
  return text;
}

}  // namespace

FakeNtfy::FakeNtfy(boost::asio::io_context& io, Clock& clock, FakeNtfyOptions options)
    : FakePlatform(io, clock), options_(std::move(options)) {}

FakeAnswer FakeNtfy::answer(const FakeRequest& request) {
  if (request.header("authorization") != "Bearer " + options_.token) return error(40101, "unauthorized");
  if (request.method == "POST" && request.path == "/") return document(request);
  if (request.method == "PUT") return file(request);
  return complain("no such path", error(40401, "page not found"));
}

FakeAnswer FakeNtfy::document(const FakeRequest& request) {
  static const std::set<std::string, std::less<>> known{"topic", "title", "message", "tags", "click"};
  boost::system::error_code wrong;
  const json::value value = json::parse(request.body, wrong);
  if (wrong || !value.is_object()) return complain("not JSON", error(40024, "invalid request: body must be JSON"));
  const json::object& push = value.get_object();
  for (const auto& field : push) {
    if (!known.contains(std::string(field.key()))) return complain("an unknown field", error(40024, "invalid"));
  }
  const auto text = [&](std::string_view name) {
    const auto* found = push.if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string{};
  };
  if (text("topic") != options_.topic) return error(40301, "forbidden");
  if (text("message").size() > longest_message)
    return complain("too long: it becomes a file", error(40024, "too long"));
  return taken({.channel = text("topic"), .text = text("title") + '\n' + text("message")});
}

FakeAnswer FakeNtfy::file(const FakeRequest& request) {
  if (request.path != "/" + options_.topic) return error(40301, "forbidden");
  if (!options_.takes_files) return error(40014, "attachments not allowed");
  if (request.body.size() > largest_file) return error(41301, "attachment too large");
  const std::string message = with_line_ends(decoded_words(request.header("message")));
  if (message.size() > longest_message) return complain("too long a message", error(40024, "too long"));
  return taken({.channel = options_.topic,
                .text = decoded_words(request.header("title")) + '\n' + message,
                .file_name = request.header("filename"),
                .file = request.body});
}

FakeAnswer FakeNtfy::taken(FakeMessage message) {
  const std::string topic = message.channel;
  const std::string id = take(std::move(message));
  return {.body = json::serialize(json::object{{"id", id}, {"event", "message"}, {"topic", topic}})};
}

}  // namespace meantime::test
