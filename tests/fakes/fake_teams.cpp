// SPDX-License-Identifier: MIT
#include "fakes/fake_teams.hpp"

#include <boost/json.hpp>
#include <set>

namespace meantime::test {
namespace {

namespace json = boost::json;

constexpr std::size_t largest = 21'000;  // documented are 28 KB, but less has been seen to be refused

FakeAnswer error(int status, std::string_view code) {
  return {.status = status, .body = json::serialize(json::object{{"error", json::object{{"code", code}}}})};
}

std::string text_at(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string{};
}

// What the card says; throws boost::system::system_error, or a text, when it is none.
std::string read_card(const json::object& body) {
  if (text_at(body, "type") != "message") throw std::string("not a message");
  const auto& attachments = body.at("attachments").as_array();
  if (attachments.size() != 1) throw std::string("not one attachment");
  const auto& attachment = attachments[0].as_object();
  if (text_at(attachment, "contentType") != "application/vnd.microsoft.card.adaptive") throw std::string("not a card");
  if (!attachment.at("contentUrl").is_null()) throw std::string("contentUrl");
  const auto& card = attachment.at("content").as_object();
  if (text_at(card, "type") != "AdaptiveCard" || text_at(card, "version") != "1.4") throw std::string("not a card");
  std::string text;
  static const std::set<std::string, std::less<>> known{"type", "text", "weight", "fontType"};
  for (const auto& block : card.at("body").as_array()) {
    if (text_at(block.as_object(), "type") != "RichTextBlock") throw std::string("text that knows Markdown");
    for (const auto& run : block.as_object().at("inlines").as_array()) {
      for (const auto& field : run.as_object()) {
        if (!known.contains(std::string(field.key()))) throw "an unknown field " + std::string(field.key());
      }
      if (text_at(run.as_object(), "type") != "TextRun") throw std::string("not a text run");
      text += text_at(run.as_object(), "text");
    }
  }
  if (text.empty()) throw std::string("an empty card");
  return text;
}

}  // namespace

FakeTeams::FakeTeams(boost::asio::io_context& io, Clock& clock, std::string secret_path, std::string channel)
    : FakePlatform(io, clock), secret_path_(std::move(secret_path)), channel_(std::move(channel)) {}

FakeAnswer FakeTeams::answer(const FakeRequest& request) {
  const std::string address = request.path + (request.query.empty() ? "" : '?' + request.query);
  if (address != secret_path_) return error(401, "DirectApiAuthorizationRequired");
  if (request.method != "POST" || request.header("content-type") != "application/json") {
    return complain("not a POST of JSON", error(400, "TriggerInputSchemaMismatch"));
  }
  if (request.body.size() > largest) return complain("too large", error(413, "RequestEntityTooLarge"));
  try {
    FakeMessage message{.channel = channel_, .text = read_card(json::parse(request.body).as_object())};
    take(std::move(message));
  } catch (const std::string& what) {
    return complain(what, error(400, "TriggerInputSchemaMismatch"));
  } catch (const std::exception& wrong) {
    return complain(wrong.what(), error(400, "TriggerInputSchemaMismatch"));
  }
  return {.status = 202, .body = {}};
}

}  // namespace meantime::test
