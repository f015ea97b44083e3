// SPDX-License-Identifier: MIT
#include "fakes/fake_discord.hpp"

#include <regex>

#include "core/json_writer.hpp"
#include "delivery/render/units.hpp"
#include "fakes/multipart.hpp"
#include "fakes/strict.hpp"

namespace meantime::test {

namespace json = boost::json;

FakeAnswer FakeDiscord::error(int status, int code, std::string_view message) {
  FakeAnswer out{.status = status};
  JsonWriter(out.body).begin_object().field("code", code).field("message", message).end_object();
  return out;
}

FakeAnswer FakeDiscord::limit(std::string_view retry_after, bool global) {
  FakeAnswer out{.status = 429};
  JsonWriter writer(out.body);
  writer.begin_object().field("message", "You are being rate limited.").key("retry_after").raw(retry_after);
  writer.field("global", global).end_object();
  out.headers = {{"Via", "1.1 google"}, {"Retry-After", "7"}, {"X-RateLimit-Scope", global ? "global" : "user"}};
  if (global) out.headers.emplace_back("X-RateLimit-Global", "true");
  return out;
}

FakeAnswer FakeDiscord::answer(const FakeRequest& request) {
  if (request.method != "POST") return complain("method " + request.method, error(405, 0, "405: Method Not Allowed"));
  static const std::regex agent(R"(DiscordBot \([^ ,]+, [0-9.]+\))");
  if (!std::regex_match(request.header("user-agent"), agent)) {
    return complain("its User-Agent", error(403, 40333, "internal network error"));
  }
  if (!settings_.webhook_path.empty() && request.path == settings_.webhook_path) {
    if (request.parameter("wait") != "true") return complain("it does not wait", {.status = 204});
    const std::string thread = request.parameter("thread_id").value_or(settings_.channel);
    return message(request, thread, true);
  }
  if (request.path.starts_with("/api/webhooks/")) return error(404, 10015, "Unknown Webhook");
  if (request.header("authorization") != "Bot " + settings_.token) return error(401, 0, "401: Unauthorized");
  if (request.path != "/api/v10/channels/" + settings_.channel + "/messages") {
    return error(404, 10003, "Unknown Channel");
  }
  return message(request, settings_.channel, false);
}

FakeAnswer FakeDiscord::message(const FakeRequest& request, const std::string& channel, bool webhook) {
  const auto invalid = [this](std::string what) {
    return complain(what, error(400, 50035, "Invalid Form Body: " + what));
  };
  FakeRequest document = request;
  FakeMessage kept{.channel = channel};
  if (request.header("content-type").starts_with("multipart/")) {
    const auto parts = read_multipart(request.header("content-type"), request.body);
    if (!parts) return invalid(parts.error());
    const Part* payload = find_part(*parts, "payload_json");
    const Part* file = find_part(*parts, "files[0]");
    if (payload == nullptr || file == nullptr || parts->size() != 2) return invalid("its parts");
    constexpr std::size_t longest_file = 10UL << 20U;
    if (file->file_name.empty() || file->bytes.empty()) return invalid("its file");
    if (file->bytes.size() > longest_file) return complain("file size", error(400, 50045, "File uploaded exceeds"));
    document.headers = {{"content-type", payload->type}};
    document.body = payload->bytes;
    kept.file_name = file->file_name;
    kept.file = file->bytes;
  }
  const auto body = json_of(document);
  if (!body) return complain("no JSON", error(400, 50109, "The request body contains invalid JSON."));
  const std::string unknown =
      webhook ? unknown_field(*body, {"content", "allowed_mentions", "flags", "attachments"})
              : unknown_field(*body, {"content", "allowed_mentions", "flags", "attachments", "nonce", "enforce_nonce"});
  if (!unknown.empty()) return invalid("unknown field " + unknown);
  kept.text = text_of(*body, "content");
  if (kept.text.empty()) return complain("empty", error(400, 50006, "Cannot send an empty message"));
  constexpr std::size_t longest = 2'000;
  if (render::length(kept.text, render::Unit::code_points) > longest)
    return invalid("Must be 2000 or fewer in length.");
  const json::value* mentions = body->if_contains("allowed_mentions");
  if (mentions == nullptr || json::serialize(*mentions) != R"({"parse":[]})") return invalid("it may call people");
  constexpr int suppress_embeds = 4;
  const json::value* flags = body->if_contains("flags");
  if (flags == nullptr || *flags != suppress_embeds) return invalid("it opens links");
  const json::value* attachments = body->if_contains("attachments");
  if ((attachments != nullptr) == kept.file.empty()) return invalid("attachments without files, or the reverse");
  if (attachments != nullptr && attachments->at(0).at("filename").as_string() != std::string_view(kept.file_name)) {
    return invalid("two names of one file");
  }
  constexpr std::size_t longest_nonce = 25;
  if (!webhook) {
    kept.key = text_of(*body, "nonce");
    if (kept.key.empty() || kept.key.size() > longest_nonce || !is_true(*body, "enforce_nonce")) {
      return invalid("its nonce");
    }
  }
  constexpr Milliseconds a_few_minutes{180'000};
  const std::string nonce = kept.key;
  const std::string text = kept.text;
  FakeAnswer out;
  JsonWriter writer(out.body);
  writer.begin_object().field("id", take(std::move(kept), a_few_minutes)).field("channel_id", channel);
  writer.field("content", text).field("nonce", nonce).end_object();
  out.headers = {{"Via", "1.1 google"}, {"X-RateLimit-Limit", "5"}, {"X-RateLimit-Bucket", "abcd"}};
  out.headers.emplace_back("X-RateLimit-Remaining", empty_for_.empty() ? "4" : "0");
  out.headers.emplace_back("X-RateLimit-Reset-After", empty_for_.empty() ? "1.000" : empty_for_);
  return out;
}

}  // namespace meantime::test
