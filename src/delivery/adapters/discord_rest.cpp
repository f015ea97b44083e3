// SPDX-License-Identifier: MIT
#include "delivery/adapters/discord_rest.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "core/json_writer.hpp"
#include "delivery/adapters/multipart.hpp"
#include "delivery/adapters/said.hpp"

namespace meantime::delivery {
namespace {

namespace json = boost::json;

constexpr int suppress_embeds = 4;
// Somebody between us and Discord has had enough of us: minutes, not seconds.
constexpr Milliseconds after_a_block{300'000};
constexpr Milliseconds after_slowmode{10'000};

// What a code means, where the status says too little.
struct CodeVerdict {
  std::int64_t code;
  SendVerdict verdict;
};
constexpr CodeVerdict codes[] = {
    {40001, SendVerdict::auth},           {40333, SendVerdict::auth},  // the User-Agent was blocked
    {50014, SendVerdict::auth},           {10003, SendVerdict::target_gone},    {10004, SendVerdict::target_gone},
    {10015, SendVerdict::target_gone},    {40058, SendVerdict::target_gone},    {50001, SendVerdict::target_gone},
    {50007, SendVerdict::target_gone},    {50008, SendVerdict::target_gone},    {50013, SendVerdict::target_gone},
    {50027, SendVerdict::target_gone},    {50278, SendVerdict::target_gone},    {160005, SendVerdict::target_gone},
    {40004, SendVerdict::retry_backoff},  {40006, SendVerdict::retry_backoff},  {40062, SendVerdict::retry_backoff},
    {110001, SendVerdict::retry_backoff}, {130000, SendVerdict::retry_backoff}, {20016, SendVerdict::retry_after},
    {20028, SendVerdict::retry_after},    {20029, SendVerdict::retry_after},    {40005, SendVerdict::payload},
    {50006, SendVerdict::payload},        {50035, SendVerdict::payload},        {50045, SendVerdict::payload},
    {50109, SendVerdict::payload},        {200000, SendVerdict::payload},       {240000, SendVerdict::payload},
    {400001, SendVerdict::payload},
};
constexpr std::int64_t file_codes[] = {40005, 50045, 400001};
constexpr std::int64_t gone_webhook[] = {10015, 50027};

std::int64_t code_of(const json::object& said) {
  const json::value* code = said.if_contains("code");
  return code != nullptr && code->is_int64() ? code->get_int64() : 0;
}

// The first message of the nested errors: "Must be 2000 or fewer in length."
std::string inner_message(const json::value& errors, int depth = 0) {
  constexpr int deepest = 8;
  if (!errors.is_object() || depth > deepest) return {};
  for (const auto& [name, inner] : errors.get_object()) {
    if (name == "_errors" && inner.is_array() && !inner.get_array().empty() && inner.get_array()[0].is_object()) {
      return text_at(inner.get_array()[0].get_object(), "message");
    }
    if (std::string found = inner_message(inner, depth + 1); !found.empty()) return found;
  }
  return {};
}

std::string words_of(const json::object& said, std::int64_t code) {
  std::string words = text_at(said, "message");
  if (code != 0) words += " (code " + std::to_string(code) + ")";
  if (const json::value* errors = said.if_contains("errors")) {
    if (const std::string inner = inner_message(*errors); !inner.empty()) words += ": " + inner;
  }
  return words;
}

void judge_limit(SendAnswer& out, const http::Response& answer, const json::object* said, WallTime now) {
  out.verdict = SendVerdict::retry_after;
  const auto by_header = retry_after(answer, now);
  if (said == nullptr) {  // not Discord's own words
    out.after = std::max(after_a_block, by_header.value_or(Milliseconds(0)));
    out.whole_destination = true;
    out.detail += " (blocked before Discord: too many refused requests from this address?)";
    return;
  }
  out.after = seconds_at(*said, "retry_after").value_or(by_header.value_or(Milliseconds(1'000)));
  const json::value* global = said->if_contains("global");
  out.whole_destination =
      (global != nullptr && global->is_bool() && global->get_bool()) || answer.header("x-ratelimit-global");
}

std::optional<double> number_in(const http::Response& answer, std::string_view header) {
  const auto text = answer.header(header);
  double number = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

DiscordRequest discord_request(const render::Chunk& chunk, std::string_view nonce, const std::string* file) {
  DiscordRequest out;
  std::string text;
  JsonWriter writer(text);
  writer.begin_object().field("content", chunk.text);
  if (!nonce.empty()) writer.field("nonce", nonce).field("enforce_nonce", true);
  writer.key("allowed_mentions").begin_object().key("parse").begin_array().end_array().end_object();
  writer.field("flags", suppress_embeds);
  if (file != nullptr) {
    writer.key("attachments").begin_array().begin_object();
    writer.field("id", 0).field("filename", chunk.file_name).end_object().end_array();
  }
  writer.end_object();
  if (file == nullptr) {
    out.content_type = "application/json";
    out.body = std::move(text);
    return out;
  }
  out.body = Multipart()
                 .field("payload_json", std::move(text), "application/json")
                 .file("files[0]", chunk.file_name, std::string(media_type_of(chunk.file_name)), *file)
                 .body(out.content_type);
  return out;
}

DiscordAnswer judge_discord(const http::Response& answer, WallTime now) {
  DiscordAnswer out;
  const auto said = object_of(answer);
  const std::int64_t code = said ? code_of(*said) : 0;
  out.answer = by_status(answer, now, said ? words_of(*said, code) : std::string{});
  if (out.answer.verdict == SendVerdict::arrived) {
    out.answer.remote_id = said ? text_at(*said, "id") : std::string{};
    if (out.answer.remote_id.empty()) out.answer = not_understood(answer);
    return out;
  }
  if (answer.status == 429) {
    judge_limit(out.answer, answer, said ? &*said : nullptr, now);
    return out;
  }
  if (const auto* known = std::ranges::find(codes, code, &CodeVerdict::code); known != std::end(codes)) {
    out.answer.verdict = known->verdict;
    if (known->verdict == SendVerdict::retry_after) {
      out.answer.after = seconds_at(*said, "retry_after").value_or(retry_after(answer, now).value_or(after_slowmode));
    }
  }
  out.file_refused = answer.status == 413 || std::ranges::find(file_codes, code) != std::end(file_codes);
  if (out.file_refused) out.answer.verdict = SendVerdict::payload;
  out.address_gone =
      std::ranges::find(gone_webhook, code) != std::end(gone_webhook) || (answer.status == 404 && code == 0);
  return out;
}

void DiscordBuckets::note(const std::string& channel, const http::Response& answer, SteadyTime now) {
  constexpr std::size_t most = 1'024;
  constexpr double longest = 3'600;
  constexpr double thousand = 1e3;
  const auto remaining = number_in(answer, "x-ratelimit-remaining");
  const auto reset = number_in(answer, "x-ratelimit-reset-after");
  if (full_until_.size() >= most) std::erase_if(full_until_, [now](const auto& each) { return each.second <= now; });
  if (remaining && *remaining <= 0 && reset && *reset > 0 && *reset <= longest && full_until_.size() < most) {
    full_until_[channel] = now + Milliseconds(static_cast<std::int64_t>(std::ceil(*reset * thousand)));
  } else {
    full_until_.erase(channel);
  }
}

Milliseconds DiscordBuckets::wait(const std::string& channel, SteadyTime now) const {
  const auto found = full_until_.find(channel);
  if (found == full_until_.end() || found->second <= now) return Milliseconds(0);
  return std::chrono::ceil<Milliseconds>(found->second - now);
}

bool is_snowflake(std::string_view text) noexcept {
  return text.size() >= 17 && text.size() <= 20 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string discord_user_agent(std::string_view url) {
  constexpr std::string_view version = "0.1.0";
  return "DiscordBot (" + std::string(url.empty() ? "meantime" : url) + ", " + std::string(version) + ")";
}

}  // namespace meantime::delivery
