// SPDX-License-Identifier: MIT
#include "fakes/fake_slack.hpp"

#include <charconv>

#include "core/json_writer.hpp"
#include "delivery/render/units.hpp"
#include "fakes/strict.hpp"

namespace meantime::test {

namespace json = boost::json;

namespace {

/// What is wrong with a text; empty: nothing.
std::string wrong_with(const std::string& text) {
  constexpr std::size_t longest = 40'000;
  if (text.empty()) return "no_text";
  if (render::length(text, render::Unit::utf16) > longest) return "msg_too_long";
  if (text.find_first_of("<>") != std::string::npos) return "it may call people";
  for (std::size_t at = text.find('&'); at != std::string::npos; at = text.find('&', at + 1)) {
    const std::string_view rest = std::string_view(text).substr(at);
    if (!rest.starts_with("&amp;") && !rest.starts_with("&lt;") && !rest.starts_with("&gt;")) return "a bare &";
  }
  return {};
}

}  // namespace

FakeAnswer FakeSlack::error(std::string_view word) {
  FakeAnswer out;
  JsonWriter(out.body).begin_object().field("ok", false).field("error", word).end_object();
  return out;
}

FakeAnswer FakeSlack::answer(const FakeRequest& request) {
  if (request.method != "POST") return complain("method " + request.method, error("invalid_post_type"));
  if (request.path.starts_with("/services/")) return webhook(request);
  if (request.path.starts_with("/upload/")) return receive_upload(request);
  if (!request.path.starts_with("/api/")) return complain("path " + request.path, {.status = 404});
  if (request.header("authorization").empty()) return complain("no token", error("not_authed"));
  if (request.header("authorization") != "Bearer " + settings_.token) return error("invalid_auth");
  return web_api(request, std::string_view(request.path).substr(sizeof("/api/") - 1));
}

FakeAnswer FakeSlack::web_api(const FakeRequest& request, std::string_view method) {
  if (method == "chat.postMessage") return post_message(request);
  if (method == "files.getUploadURLExternal") return begin_upload(request);
  if (method == "files.completeUploadExternal") return complete_upload(request);
  return complain("method " + std::string(method), error("unknown_method"));
}

FakeAnswer FakeSlack::post_message(const FakeRequest& request) {
  const auto body = json_of(request);
  if (!body) return complain("no JSON", error("invalid_json"));
  const std::string unknown =
      unknown_field(*body, {"channel", "text", "thread_ts", "unfurl_links", "unfurl_media", "metadata"});
  if (!unknown.empty()) return complain("field " + unknown, error("invalid_arguments"));
  if (!is_false(*body, "unfurl_links") || !is_false(*body, "unfurl_media")) {
    return complain("it opens links", error("invalid_arguments"));
  }
  FakeMessage kept{.channel = text_of(*body, "channel"), .text = text_of(*body, "text")};
  if (kept.channel != settings_.channel) return error("channel_not_found");
  if (const std::string wrong = wrong_with(kept.text); !wrong.empty()) return complain(wrong, error(wrong));
  if (const std::string thread = text_of(*body, "thread_ts"); !thread.empty()) kept.channel += "/" + thread;
  kept.id = "1700000000.00" + new_id();
  FakeAnswer out;
  JsonWriter writer(out.body);
  writer.begin_object().field("ok", true).field("channel", settings_.channel).field("ts", take(std::move(kept)));
  writer.end_object();
  return out;
}

FakeAnswer FakeSlack::begin_upload(const FakeRequest& request) {
  Upload upload{.name = request.parameter("filename").value_or("")};
  const std::string length = request.parameter("length").value_or("");
  std::from_chars(length.data(), length.data() + length.size(), upload.length);
  if (upload.name.empty() || upload.length == 0) return complain("no file", error("missing_argument"));
  const std::string id = "F" + new_id();
  uploads_[id] = std::move(upload);
  FakeAnswer out;
  JsonWriter writer(out.body);
  writer.begin_object().field("ok", true).field("file_id", id).field("upload_url", url() + "/upload/" + id);
  writer.end_object();
  return out;
}

FakeAnswer FakeSlack::receive_upload(const FakeRequest& request) {
  const auto found = uploads_.find(request.path.substr(sizeof("/upload/") - 1));
  if (found == uploads_.end()) return complain("upload nowhere", {.status = 404, .body = "not found"});
  if (!request.header("authorization").empty()) return complain("the token goes elsewhere", {.status = 400});
  if (request.body.size() != found->second.length) return complain("another length", {.status = 400});
  found->second.bytes = request.body;
  return {.body = "OK - " + std::to_string(request.body.size()), .type = "text/plain"};
}

FakeAnswer FakeSlack::complete_upload(const FakeRequest& request) {
  const auto body = json_of(request);
  if (!body) return complain("no JSON", error("invalid_json"));
  const std::string unknown = unknown_field(*body, {"files", "channel_id", "initial_comment", "thread_ts"});
  if (!unknown.empty()) return complain("field " + unknown, error("invalid_arguments"));
  const json::value* files = body->if_contains("files");
  if (files == nullptr || !files->is_array() || files->get_array().size() != 1) {
    return complain("its files", error("invalid_arguments"));
  }
  const std::string id = text_of(files->get_array()[0].as_object(), "id");
  const auto found = uploads_.find(id);
  if (found == uploads_.end() || found->second.bytes.empty()) return complain("no such file", error("file_not_found"));
  FakeMessage kept{.id = id,
                   .channel = text_of(*body, "channel_id"),
                   .text = text_of(*body, "initial_comment"),
                   .file_name = found->second.name,
                   .file = found->second.bytes};
  if (kept.channel != settings_.channel) return error("channel_not_found");
  if (const std::string wrong = wrong_with(kept.text); !wrong.empty()) return complain(wrong, error(wrong));
  uploads_.erase(found);
  take(std::move(kept));
  FakeAnswer out;
  JsonWriter(out.body)
      .begin_object()
      .field("ok", true)
      .key("files")
      .begin_array()
      .begin_object()
      .field("id", id)
      .end_object()
      .end_array()
      .end_object();
  return out;
}

FakeAnswer FakeSlack::webhook(const FakeRequest& request) {
  const auto word = [](int status, std::string_view text) {
    return FakeAnswer{.status = status, .body = std::string(text), .type = "text/html"};
  };
  if (settings_.webhook_path.empty() || request.path != settings_.webhook_path) return word(404, "no_service");
  if (!request.header("authorization").empty()) return complain("a token", word(400, "invalid_payload"));
  const auto body = json_of(request);
  if (!body) return complain("no JSON", word(400, "invalid_payload"));
  const std::string unknown = unknown_field(*body, {"text", "unfurl_links", "unfurl_media"});
  if (!unknown.empty()) return complain("field " + unknown, word(400, "invalid_payload"));
  if (!is_false(*body, "unfurl_links") || !is_false(*body, "unfurl_media")) {
    return complain("it opens links", word(400, "invalid_payload"));
  }
  FakeMessage kept{.channel = settings_.channel, .text = text_of(*body, "text")};
  if (const std::string wrong = wrong_with(kept.text); !wrong.empty()) return complain(wrong, word(400, wrong));
  take(std::move(kept));
  return word(200, "ok");
}

}  // namespace meantime::test
